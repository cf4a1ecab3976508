"""``eval predictions``: attention and confidence of MDNet's kin, frame by frame."""

import argparse

import cv2
from helpers.clip import first_box, shorter
from lg_tracker_ros.crops import square_crop
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.evaluation.experiments.trackers import make_runner
from lg_tracker_ros.evaluation.figures import predictions
from lg_tracker_ros.types import Box
import numpy as np
import pytest

pytestmark = pytest.mark.rounding


@pytest.mark.exact
def test_places_lie_in_the_middle_of_a_maps_cells():
    crop = square_crop(np.zeros((100, 100, 3), np.uint8), 50.0, 40.0, 34.0, 17, (0.0, 0.0, 0.0))
    boxes = predictions.places(crop, Box(0, 0, 10, 6))
    assert boxes.shape == (predictions.GRID ** 2, 4) and predictions.GRID == 17
    # cells of 2 px from (33, 23) on: the middle of the first is (34, 24), of the second (36, 24)
    assert boxes[0].tolist() == [29, 21, 10, 6] and boxes[1, 0] == 31 and boxes[17, 1] == 23
    middle = predictions.in_crop(crop, Box(*boxes[17 * 8 + 8]))
    assert middle.tolist() == [6, 7, 5, 3]


def test_the_target_is_believed_where_it_is_and_nothing_is_learned_by_asking(tmp_path):
    sequence, = read_dataset(shorter(tmp_path, 4))
    seen, = predictions.watch('mdnet_lite+none@policy=paper', sequence, [2])
    assert seen.frame == 2 and seen.confidence.shape == (17, 17) and seen.attention.max() == 1
    assert seen.attention.shape == (3, 3), 'of the pooled cells'
    row, column = np.unravel_index(seen.confidence.argmax(), (17, 17))
    assert abs(row - 8) <= 2 and abs(column - 8) <= 2, 'in the middle of where it is sought'
    assert seen.confidence.max() > 0.8 and np.median(seen.confidence) < 0.5
    runner = make_runner('mdnet_lite+none@policy=paper')
    frames = list(sequence.frames())
    runner.init(frames[0], first_box())
    box = [runner.step(frame) for frame in frames[1:3]][-1].box
    assert seen.box == box is not None


def test_command_line(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    predictions.add_arguments(parser)
    words = ['--data', str(shorter(tmp_path / 'data', 4)), '--out', str(tmp_path)]
    assert predictions.run(parser.parse_args(
        [*words, '--trackers', 'mdnet_lite+none', '--at', '1,3'])) == 0
    path = tmp_path / '_predictions' / 'short.jpg'
    assert capsys.readouterr().out.split() == [str(path)]
    height, width, _ = cv2.imread(str(path)).shape
    assert width == 2 * 202 and height == 20 + 20 + 2 * 220 + 202, 'three rows of two frames'
    with pytest.raises(ValueError, match=r'ncc\+none learns no classifier whose attention'):
        predictions.run(parser.parse_args([*words, '--trackers', 'ncc+none']))
