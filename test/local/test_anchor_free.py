"""The bias of a network's boxes, with a network that sees a white target larger than it is."""

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.local.anchor_free import AnchorFreeConfig, AnchorFreeTracker, Grid, unbiased
from lg_tracker_ros.types import Box, Frame, Region
import numpy as np
import pytest

GRID = Grid(128, 256, 16, 16)
X, Y = np.meshgrid(GRID.points, GRID.points)


def image(box):
    out = np.zeros((240, 320, 3), np.uint8)
    out[round(box.y):round(box.y + box.h), round(box.x):round(box.x + box.w)] = 255
    return out


def network(wide, tall, lower=0.0):
    """Give a search network whose boxes are so many times the target's, and by a share lower."""
    def search(images, *_):
        scores, sides = [], []
        for crop in np.asarray(images):
            ys, xs = np.nonzero(crop[..., 0] > 127)
            w, h = np.ptp(xs) + 1, np.ptp(ys) + 1
            cx, cy = xs.mean() + .5, ys.mean() + .5 + lower * h
            near = np.exp(-((X - cx) ** 2 + (Y - cy) ** 2) / 2 / 40 ** 2)
            scores.append([near, np.ones_like(near)])
            w, h = w * wide / 2, h * tall / 2
            sides.append([X - cx + w, Y - cy + h, cx + w - X, cy + h - Y])
        return [np.array(scores, np.float32), np.array(sides, np.float32)]
    return search


def follow(bias, *habits, frames=40):
    """Follow a target that walks; the overlap with it in the last frame."""
    tracker = AnchorFreeTracker(lambda crop, box: [np.zeros(1, np.float32)], network(*habits),
                                GRID, AnchorFreeConfig(0.06, 0.25, 0.35, bias=bias))
    truth = box = Box(100, 90, 30, 40)
    tracker.init(Frame(image(truth), 0, 'camera'), box)
    for n in range(1, frames):
        truth = Box(100 + n, 90, 30, 40)
        box = tracker.track(Frame(image(truth), n, 'camera'), [Region(box)])[0].box
    return iou(box, truth)


def test_what_the_first_frame_shows_of_the_bias_is_taken_out_of_every_box():
    assert follow(0.0, 1.2, 1.5, 0.2) < 0.6
    assert follow(0.12, 1.2, 1.5, 0.2) > 0.8
    assert follow(0.12, 0.7, 1.0) > follow(0.0, 0.7, 1.0) + 0.1


@pytest.mark.parametrize('side', [1.0, 1700.0])
def test_a_box_that_shrinks_or_grows_without_end_stays_one_that_can_be_searched(side):
    """With ``policy: paper`` nothing else bounds it: every result is followed."""
    def search(images, *_):
        return [np.ones((len(images), 2, 16, 16), np.float32),
                np.full((len(images), 4, 16, 16), side / 2, np.float32)]
    tracker = AnchorFreeTracker(lambda crop, box: [np.zeros(1, np.float32)], search, GRID,
                                AnchorFreeConfig(0.0, 0.25, 0.35))
    box = Box(100, 90, 30, 40)
    frame = Frame(image(box), 0, 'camera')
    tracker.init(frame, box)
    for _ in range(60):
        box = tracker.track(frame, [Region(box)])[0].box
    assert (box.w, box.h) == ((0.5, 0.5) if side < 64 else (3200.0, 3200.0))


def test_a_small_difference_is_left_to_the_hand_that_drew():
    tracker = AnchorFreeTracker(lambda crop, box: [np.zeros(1, np.float32)], network(1.04, 1.04),
                                GRID, AnchorFreeConfig(0.06, 0.25, 0.35, bias=0.12))
    drawn = Box(100, 90, 30, 40)
    tracker.init(Frame(image(drawn), 0, 'camera'), drawn)
    assert np.abs(tracker._bias).max() < 0.02


def test_no_bias_changes_no_box():
    sides = np.random.default_rng(0).uniform(1, 50, (2, 4, 9)).astype(np.float32)
    assert unbiased(sides, np.zeros(4, np.float32)) is sides
    # half a side to the right, twice as wide
    left, top, right, bottom = unbiased(
        np.float32([[[10], [10], [10], [10]]]), np.float32([.5, 0, np.log(2), 0]))[0, :, 0]
    assert (left, right) == pytest.approx((10, 30)) and (top, bottom) == pytest.approx((10, 10))
