"""``eval pictures``: which frames, whose boxes, in which colours."""

import argparse

import cv2
from helpers.runs import sequence, three_trackers, write_run
from lg_tracker_ros.evaluation.experiments.records import write_labels
from lg_tracker_ros.evaluation.figures import strips
from lg_tracker_ros.evaluation.figures.tiles import BOXES, TRUTH
import numpy as np
import pytest

TILE = 320 * 48 // 64 + 20


def run(*words):
    parser = argparse.ArgumentParser()
    strips.add_arguments(parser)
    return strips.run(parser.parse_args(list(map(str, words))))


def count(image, color):
    """Count the pixels of a colour, as JPEG leaves it."""
    return int((np.abs(image.astype(int) - color) < 40).all(axis=2).sum())


def test_all_boxes_in_one_frame(tmp_path, capsys):
    out = three_trackers(tmp_path)
    assert run(out, '--trackers', 'opencv_csrt,other', '--frames', '2') == 0
    assert capsys.readouterr().out.split() == [str(out / 'pictures' / name)
                                               for name in strips.PICTURES]
    image = cv2.imread(str(out / 'pictures' / 'strips.jpg'))
    assert image.shape == (20 + 2 * TILE, 2 * 322, 3), 'a line of names, walk, car'
    first, second = image[20:20 + TILE, :322], image[20:20 + TILE, 322:]
    assert count(image[:20], BOXES[0]) > 100 and count(image[:20], BOXES[1]) > 100
    for color in (TRUTH, BOXES[0], BOXES[1]):
        assert count(second, color) > 60
    # 10 of walk: the target is absent, only opencv_csrt claims a box
    assert count(first, BOXES[0]) > 200 > 20 > count(first, BOXES[1]) + count(first, TRUTH)


def test_sure_but_wrong(tmp_path):
    out = three_trackers(tmp_path)
    run(out, '--frames', '2')
    image = cv2.imread(str(out / 'pictures' / 'sure_but_wrong.jpg'))
    assert image.shape == (20 + TILE, 2 * 322, 3), 'only opencv_csrt is ever wrong'
    walk, car = image[20:, :322], image[20:, 322:]
    color = BOXES[2]  # of default, opencv_csrt, other in their order on disk
    assert count(walk, BOXES[1]) > 200 > 20 > count(walk, TRUTH), 'the target is absent'
    assert count(car, BOXES[1]) > 200 and count(car, TRUTH) > 200
    assert count(image, color) < 20
    run(out, '--only', 'car', '--trackers', 'opencv_csrt')
    assert cv2.imread(str(out / 'pictures' / 'strips.jpg')).shape[0] == 20 + TILE
    run(out, '--trackers', 'default')
    assert not (out / 'pictures' / 'sure_but_wrong.jpg').exists(), 'an old picture is no answer'


def test_a_slower_camera_shows_its_own_frames(tmp_path):
    s = sequence(tmp_path / 'data', 'walk', 30).thinned(3)
    out = tmp_path / 'out'
    write_labels(out, [s], {})
    write_run(out, 'default', s, 6, True, 20)
    run(out, '--frames', '1')
    image = cv2.imread(str(out / 'pictures' / 'strips.jpg'))[38:]
    body = np.nonzero((np.abs(image.astype(int) - (200, 60, 20)) < 50).all(axis=2).any(axis=0))[0]
    assert 5 * (5 + 3) - 3 < body.min() < 5 * (5 + 3) + 5, 'frame 1 of it is frame 3'


def test_errors_in_one_line(tmp_path):
    out = three_trackers(tmp_path)
    for words, said in ((('--trackers', 'mine'), "no results of tracker 'mine'; expected one of"),
                        (('--only', 'run'), "no results of sequence 'run'; expected one of car"),
                        (('--frames', '0'), '--frames must be at least 1, at most 204, got 0'),
                        (('--frames', '205'), 'at least 1, at most 204, got 205')):
        with pytest.raises(ValueError, match=said):
            run(out, *words)
    (tmp_path / 'data').rename(tmp_path / 'moved')
    with pytest.raises(ValueError, match='no picture of these sequences is where'):
        run(out)
