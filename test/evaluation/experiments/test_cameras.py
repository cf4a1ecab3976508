"""One target in several synchronous cameras: groups, a real run, and hand-worked scores."""

import argparse
import json
from pathlib import Path

import cv2
from helpers.clip import first_box, frames, truth
from helpers.runs import labels
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments import cameras
import numpy as np
import pytest

pytestmark = pytest.mark.rounding

BOX = [10., 10., 20., 20.]
NONE = [np.nan] * 4
MOVED = 18  # the frame at which the target changes from the one camera to the other
COUNT = 44


def test_groups_are_names_that_differ_in_the_cameras_number():
    names = ['hall_cam2_first', 'hall_cam1_first', 'hall_cam1_second', 'yard_cam1', 'yard_cam12',
             'webcam1', 'webcam2', 'x_cam1a']
    found = cameras.groups([labels(n, [BOX]) for n in names])
    assert {g: [m.name for m in members] for g, members in found.items()} == {
        'hall_cams_first': ['hall_cam1_first', 'hall_cam2_first'],
        'yard_cams': ['yard_cam1', 'yard_cam12']}


def test_cameras_of_different_lengths():
    with pytest.raises(ValueError, match=r'the cameras of a_cams must have the same number of '
                                         r'frames, got a_cam1 1, a_cam2 2'):
        cameras.groups([labels('a_cam1', [BOX]), labels('a_cam2', [BOX, BOX])])


@pytest.fixture(scope='module')
def hall(tmp_path_factory):
    """Two cameras: the target is in the first until MOVED, then in the second."""
    folder = tmp_path_factory.mktemp('hall')
    rng = np.random.default_rng(0)
    for camera, here in ((1, range(MOVED)), (2, range(MOVED, COUNT))):
        place = folder / f'woman_cam{camera}'
        (place / 'images').mkdir(parents=True)
        lines = []
        for i, frame in enumerate(frames(COUNT)):
            blur = cv2.GaussianBlur(rng.integers(0, 256, frame.image.shape, np.uint8), (0, 0), 3)
            cv2.imwrite(str(place / 'images' / f'{i:03d}.jpg'),
                        frame.image if i in here else blur)
            lines.append(','.join(f'{v:g}' for v in truth()[i]) if i in here
                         else 'nan,nan,nan,nan')
        (place / 'groundtruth.txt').write_text('\n'.join(lines) + '\n')
    return folder


def run(*words):
    parser = argparse.ArgumentParser()
    cameras.add_arguments(parser)
    return cameras.run(parser.parse_args(words))


def test_the_default_follows_from_one_camera_to_the_other(hall, tmp_path, capsys):
    words = ['--data', str(hall), '--out', str(tmp_path)]
    assert run(*words) == 0
    path = tmp_path / '_cameras' / 'default' / 'woman_cams.csv'
    lines = path.read_text().splitlines()
    assert lines[0] == 'frame,stamp,x,y,w,h,confidence,visible,mode,ms,camera'
    assert len(lines) == 1 + COUNT
    rows = [line.split(',') for line in lines[1:]]
    assert [float(v) for v in rows[0][2:6]] == pytest.approx(
        [getattr(first_box(), side) for side in 'xywh'], abs=0.01)
    assert {row[-1] for row in rows[:MOVED]} == {'woman_cam1'}
    assert rows[-1][-1] == 'woman_cam2'
    got = cameras.results(tmp_path)['default']['woman_cams']
    assert (got['frames'], got['visible'], got['absent']) == (COUNT, COUNT, 0)
    assert got['right'] + got['wrong'] + got['silent'] == COUNT
    assert got['right'] >= COUNT - 12, 'found in the other camera within a dozen frames'
    assert got['wrong'] <= 2
    assert json.loads(path.with_suffix('.json').read_text())['settings']['tracker'] == 'pixelwise'
    text = '\n'.join(cameras.section(tmp_path))
    assert text.startswith('## Several cameras\n')
    assert f'woman_cams: 2 cameras, {COUNT} moments' in text
    assert f' {got["right"]} ({got["right"] / COUNT:.1%}) ' in text
    assert text in capsys.readouterr().out

    before = path.stat()
    assert run(*words) == 0
    assert path.stat() == before, 'what is there is not done again'
    path.write_text(path.read_text().replace('woman_cam2\n', 'woman_cam9\n'))
    with pytest.raises(ValueError, match=r'woman_cams.csv:\d+: camera must be one of woman_cam1, '
                                         r'woman_cam2, got .woman_cam9.'):
        cameras.results(tmp_path)


def test_errors_in_one_line(hall, tmp_path):
    with pytest.raises(ValueError, match='opencv_csrt follows a target in one camera only'):
        run('--out', str(tmp_path), '--data', str(hall), '--trackers', 'opencv_csrt')
    with pytest.raises(ValueError, match='no group of cameras; expected sequences whose names '
                                         'differ in _cam<digits>'):
        run('--out', str(tmp_path), '--data', str(hall / 'woman_cam1'))
    assert not (tmp_path / '_cameras').exists()


def test_nothing_there(tmp_path):
    assert cameras.results(tmp_path) == {}
    assert cameras.section(tmp_path) == []


def test_a_group_begins_in_the_camera_that_sees_the_target_first():
    images = tuple(Path(f'{i}.png') for i in range(3))
    members = [LabelledSequence(f'a_cam{i}', np.array(rows, np.float64),
                                np.isnan(np.array(rows)[:, 0]), images)
               for i, rows in ((1, [NONE, NONE, BOX]), (2, [NONE, BOX, BOX]))]
    with pytest.raises(ValueError, match=r'1\.png cannot be read'):
        cameras.run_group(None, members)
