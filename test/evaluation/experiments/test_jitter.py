"""First boxes that are moved: by how much, how alike, and that runs of two are kept apart."""

import json
from pathlib import Path

import cv2
from helpers.clip import CLIP, frames
from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments import cameras
from lg_tracker_ros.evaluation.experiments.jitter import first_box
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.types import Box
import numpy as np
import pytest


def sequence(name='a', box=(50, 40, 100, 20)):
    """Make a sequence of three frames, the first without a box."""
    truth = np.array([[np.nan] * 4, box, box], float)
    return LabelledSequence(name, truth, np.isnan(truth[:, 0]), (Path('x.png'),) * 3)


def test_0_is_as_labelled():
    assert first_box(sequence()) == Box(50, 40, 100, 20)


def test_it_is_moved_and_scaled_within_bounds_and_uniformly():
    found = [first_box(sequence(), seed) for seed in range(1, 1001)]
    dx, dy, w, h = (np.array(v) for v in zip(*(
        (b.cx - 100, b.cy - 50, b.w / 100, b.h / 20) for b in found)))
    for values, low, high in ((dx, -4, 4), (dy, -2, 2), (w, .9, 1.1), (h, .9, 1.1)):
        share = (values - low) / (high - low)
        assert share.min() >= 0 and share.max() <= 1
        counts, _ = np.histogram(share, 4, (0, 1))
        assert counts.min() > 200, 'of 250 in each quarter'
    assert np.abs(np.corrcoef([dx, dy, w, h]) - np.eye(4)).max() < .1, 'each drawn by itself'


def test_seed_and_name_alone_decide():
    assert first_box(sequence(), 3) == first_box(sequence(), 3)
    assert len({first_box(s, seed) for s in (sequence(), sequence('b')) for seed in (1, 2)}) == 4


@pytest.fixture
def data(tmp_path):
    """Make a data set of the clip's first five frames."""
    images = tmp_path / 'data/short/images'
    images.mkdir(parents=True)
    for i, frame in enumerate(frames(5)):
        cv2.imwrite(str(images / f'{i:04}.png'), frame.image)
    lines = (CLIP / 'groundtruth.txt').read_text().splitlines()[:5]
    (images.parent / 'groundtruth.txt').write_text('\n'.join(lines) + '\n')
    return tmp_path / 'data'


def test_runs_of_two_are_kept_apart(data, tmp_path, capsys):
    words = ['eval', 'run', '--data', str(data), '--trackers', 'opencv_kcf', '--out',
             str(tmp_path / 'out')]
    assert main([*words, '--jitter', '2']) == 0
    record = read_records(tmp_path / 'out')['opencv_kcf']['short']
    assert record.made['jitter'] == 2
    labels = record.labels
    moved = first_box(LabelledSequence('short', labels.truth, labels.absent, (Path('x'),) * 5), 2)
    assert record.boxes[0] == pytest.approx([moved.x, moved.y, moved.w, moved.h], abs=.01)
    assert not np.allclose(record.boxes[0], labels.truth[0], atol=.1)
    for other in ([], ['--jitter', '3']):
        assert main([*words, *other]) == 1
        assert 'short.csv was made with other jitter; use another --out' in capsys.readouterr().err
    sidecar = tmp_path / 'out/opencv_kcf/short.json'
    made = json.loads(sidecar.read_text())
    del made['jitter']  # as one of before there were any
    sidecar.write_text(json.dumps(made))
    assert main(words) == 0 and '1 of 1 are done already' in capsys.readouterr().err


def test_cameras_begin_with_it_too():
    class Stop(Exception):
        """What ends the group at its first box."""

    class Started:

        def init(self, frame, box):
            raise Stop(box)

    class Filmed(LabelledSequence):

        def frames(self, start=0):
            yield from ['a picture'] * 2
    members = [Filmed(f'a_cam{i}', sequence().truth, sequence().absent, (Path('x.png'),) * 3)
               for i in (1, 2)]
    with pytest.raises(Stop) as caught:
        cameras.run_group(Started(), members, 5)
    assert caught.value.args == (first_box(members[0], 5),)
