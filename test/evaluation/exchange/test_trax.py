"""Our tracker under vot-toolkit, by TraX: the boxes are those of a run without either."""

import json
import math
import os
from pathlib import Path
import subprocess
import sys

import cv2
from helpers.clip import frames, truth
from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.evaluation.exchange import trax as server
from lg_tracker_ros.evaluation.experiments.trackers import make_runner
from lg_tracker_ros.types import Box, Frame, Mode, Track
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
# whatever it learns, the answers of both kinds that are asked for below stay
SETTINGS = ['tracker=opencv_kcf', 'redetector=none', 'device=cpu', 'recognition=first_look',
            'rules=none']
# results as text; and no request leaves the machine: at every start the toolkit asks for its
# newest version
VOT = {'VOT_RESULTS_BINARY': '0', 'http_proxy': 'http://127.0.0.1:9',
       'https_proxy': 'http://127.0.0.1:9'}
STACK = """
title: Two short sequences
experiments:
  longterm:
    type: unsupervised
    repetitions: 1
    analyses:
      - type: pr_curve
        name: pr
"""


def corners(box):
    """Write a box as a polygon's corners, rectangle of the same bounds, as VOT's older sets do."""
    x, y, w, h = box
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def vot(*arguments):
    """Run the toolkit's command line."""
    done = subprocess.run([sys.executable, '-m', 'vot', *arguments], capture_output=True,
                          text=True, timeout=120, env={**os.environ, **VOT})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module')
def workspace(tmp_path_factory):
    """Make a workspace in VOT's layout, the second sequence labelled in polygons, and run us."""
    pytest.importorskip('vot', reason='vot-toolkit (an extra) is not installed')
    pytest.importorskip('trax', reason='vot-trax (an extra) is not installed')
    path = tmp_path_factory.mktemp('vot')
    images, boxes = frames(120), truth()
    for name, first, write in (('begin', 0, list), ('later', 100, corners)):
        color = path / 'sequences' / name / 'color'
        color.mkdir(parents=True)
        for i in range(20):
            cv2.imwrite(str(color / f'{i + 1:08d}.jpg'), images[first + i].image)
        rows = [','.join(f'{v:.4f}' for v in write(b)) for b in boxes[first:first + 20]]
        (color.parent / 'groundtruth.txt').write_text('\n'.join(rows) + '\n')
        (color.parent / 'sequence').write_text(
            f'name={name}\nfps=30\nformat=default\nlength=20\nchannels.color=color/%08d.jpg\n')
    (path / 'sequences' / 'list.txt').write_text('begin\nlater\n')
    (path / 'stack.yaml').write_text(STACK)
    (path / 'config.yaml').write_text('registry: [.]\nstack: stack.yaml\n')
    words = ' '.join(f'--param {p}' for p in SETTINGS)
    (path / 'trackers.ini').write_text(
        f'[ours]\nprotocol = trax\nenv_PYTHONPATH = {ROOT}\n'
        f'command = {sys.executable} -m lg_tracker_ros eval trax {words}\n')
    vot('evaluate', '--workspace', str(path), 'ours')
    return path


def direct(folder, first):
    """
    Run the same tracker over the same files: boxes N x 4 and confidences N.

    Where nothing is claimed: the box before, and 0.
    """
    runner = make_runner('@'.join(['default', *SETTINGS]))
    boxes, sure = [first], [1.0]
    for i, path in enumerate(sorted((folder / 'color').iterdir())):
        frame = Frame(cv2.imread(str(path)), 0, 'direct')
        if i == 0:
            runner.init(frame, Box(*first))
            continue
        t = runner.step(frame)
        boxes.append([t.box.x, t.box.y, t.box.w, t.box.h] if t.box else boxes[-1])
        sure.append(t.confidence if t.box else 0.0)
    return np.array(boxes), np.array(sure)


def test_the_toolkit_gets_the_boxes_of_a_direct_run(workspace):
    lost = moved = 0
    for name, first in (('begin', 0), ('later', 100)):
        results = workspace / 'results' / 'ours' / 'longterm' / name
        lines = (results / f'{name}_001.txt').read_text().splitlines()
        assert lines[0] == '1'  # the toolkit's mark of an initialisation
        told = np.array([[float(v) for v in line.split(',')] for line in lines[1:]])
        confidence = np.array((results / f'{name}_001_confidence.value').read_text().split(),
                              float)
        boxes, sure = direct(workspace / 'sequences' / name, truth()[first])
        # the protocol carries four digits behind the point, in single precision
        np.testing.assert_allclose(told, boxes[1:], atol=2e-4)
        np.testing.assert_allclose(confidence, sure, atol=1e-6)
        moved += np.ptp(boxes[:, 0])
        lost += (sure == 0).sum()
    assert moved > 5
    assert 0 < lost < 30  # both kinds of answer were given


def test_the_toolkit_measures_recall_from_it(workspace):
    """At the lowest threshold every frame counts: recall is the mean overlap."""
    vot('analysis', '--workspace', str(workspace), '--name', 'found', 'ours')
    found = json.loads((workspace / 'analysis' / 'found.json').read_text())
    curve, thresholds = found['results']['longterm']['results'][0][0]
    assert thresholds[-1] == -math.inf
    precision, recall = curve[-1]
    overlaps = []
    for name, first in (('begin', 0), ('later', 100)):
        boxes, _ = direct(workspace / 'sequences' / name, truth()[first])
        boxes[0] = np.nan  # the toolkit gives the first box nothing
        overlaps.append(np.nan_to_num(iou_pairs(boxes, truth()[first:first + 20])))
    # its regions are drawn in whole pixels, ours aren't
    assert recall == pytest.approx(np.mean(overlaps), abs=0.02)
    assert precision == pytest.approx(recall, abs=1e-6)  # the target is in every frame


def test_where_nothing_is_claimed_the_last_box_has_no_confidence():
    last, box = Box(1, 2, 30, 40), Box(5, 6, 30, 40)
    assert server.answer(Track('', 0, Mode.LOCAL, box, 0.7, 0), last) == (box, 0.7)
    # a candidate that waits to be confirmed: confidence without a box
    assert server.answer(Track('', 0, Mode.GLOBAL, None, 0.9, 3), last) == (last, 0.0)


def test_every_form_of_image_gives_the_same_bgr(tmp_path):
    trax = pytest.importorskip('trax', reason='vot-trax (an extra) is not installed')
    image = frames(1)[0].image
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), image)
    forms = [trax.FileImage.create(str(path)), trax.BufferImage.create(path.read_bytes()),
             trax.MemoryImage.create(np.ascontiguousarray(image[:, :, ::-1]))]
    for form in forms:
        np.testing.assert_array_equal(server.decode(form), image)
    gray = trax.MemoryImage.create(np.ascontiguousarray(image[:, :, 1]))
    np.testing.assert_array_equal(server.decode(gray), np.repeat(image[:, :, 1:2], 3, axis=2))
    with pytest.raises(ValueError, match='cannot be read'):
        server.decode(trax.FileImage.create(str(tmp_path / 'none.png')))


def test_only_the_protocol_reaches_the_standard_output(tmp_path):
    pytest.importorskip('trax', reason='vot-trax (an extra) is not installed')
    code = ('import os\n'
            'from lg_tracker_ros.evaluation.exchange.trax import protocol_output\n'
            'with protocol_output():\n'
            '    print("from Python"); os.write(1, b"from C\\n")\n'
            '    os.write(int(os.environ["TRAX_OUT"]), b"protocol\\n")\n'
            'print("after", "TRAX_OUT" in os.environ)\n')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT,
                          timeout=60)
    assert done.stdout.splitlines() == ['protocol', 'after False']
    assert sorted(done.stderr.splitlines()) == ['from C', 'from Python']


def test_a_client_that_leaves_ends_the_server(tmp_path):
    """A closed input is a client that went away without a word."""
    pytest.importorskip('trax', reason='vot-trax (an extra) is not installed')
    done = subprocess.run(
        [sys.executable, '-m', 'lg_tracker_ros', 'eval', 'trax', '--param',
         'tracker=opencv_kcf', '--param', 'redetector=none'],
        input='', capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.startswith('@@TRAX:hello')
    assert len(done.stdout.splitlines()) == 1
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        'lg_tracker_ros: the TraX client left without saying quit')
