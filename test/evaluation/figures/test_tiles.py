"""Tiles, boards and where frames come from."""

from pathlib import Path

import cv2
from lg_tracker_ros.evaluation.figures.tiles import (
    board,
    BOXES,
    colours,
    frames_at,
    legend,
    tile,
    TRUTH,
)
import numpy as np
import pytest


def where(image, color):
    """Return x0, y0, x1, y1 of all pixels of a colour."""
    y, x = np.nonzero((image == color).all(axis=2))
    return x.min(), y.min(), x.max(), y.max()


def test_boxes_lie_where_the_fitted_image_is():
    image = np.zeros((60, 80, 3), np.uint8)
    boxes = [(np.array([20., 10, 40, 30]), TRUTH), (np.full(4, np.nan), BOXES[0])]
    got = tile(image, boxes, 160, 200)
    assert got.shape == (202, 162, 3)
    assert (got[:40] == 255).all() and (got[160:] == 255).all(), 'white above and below'
    x0, y0, x1, y1 = where(got, TRUTH)  # twice as large, 40 px lower, a line of 2 or 3 px
    np.testing.assert_allclose([x0, y0, x1, y1], [40, 60, 120, 120], atol=1.5)
    assert not (got == BOXES[0]).all(axis=2).any()
    above = tile(image, boxes, 160, 120, 'frame 7')
    assert above.shape == (140, 162, 3)
    assert (above[:18] < 100).any(), 'the caption'


def test_boards_are_filled_with_white():
    small, large = np.zeros((10, 20, 3), np.uint8), np.zeros((30, 20, 3), np.uint8)
    got = board([[small], [large, small]])
    assert got.shape == (40, 40, 3)
    assert (got[:10, 20:] == 255).all() and (got[20:, 20:] == 255).all()
    assert board([[small]] * 3, columns=2).shape == (20, 40, 3)


def test_every_tracker_has_a_colour_of_its_own():
    names = [f't{i}' for i in range(len(BOXES))]
    assert len(set(colours(names).values())) == len(names) and TRUTH not in colours(names).values()
    with pytest.raises(ValueError, match='at most 6 trackers can be told apart'):
        colours([*names, 'more'])
    line, lines = legend(colours(names), 900), legend(colours(names), 100)
    assert line.shape == (20, 900, 3) and lines.shape[0] > 20
    for color in BOXES:
        assert (line == color).all(axis=2).sum() > 100


@pytest.fixture
def folder(tmp_path):
    """Return a folder of nine images, image i as bright as i."""
    for i in range(9):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.full((8, 8, 3), i, np.uint8))
    return str(tmp_path)


def test_frames_are_those_asked_for(folder):
    def seen(*args):
        return [int(image[0, 0, 0]) for image in frames_at(folder, *args)]
    assert seen(9, [5, 2, 5]) == [5, 2, 5]
    assert seen(8, [3]) == [], 'a part of its folder: which one is not known'
    assert seen(3, [0, 2], 3) == [0, 6], 'one frame of three was played'
    assert seen(5, [4], 2) == [8]
    assert frames_at(f'{folder}/gone', 9, [1]) == []
    Path(folder, '1.png').write_bytes(b'no image')
    assert seen(9, [0, 2]) == [], 'a report is written without its pictures'
