"""From results to what is foreseen: which image belongs to which path, and for how long."""

import cv2
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.foresight import Foresight
from lg_tracker_ros.runtime.results import Result, Target
from lg_tracker_ros.types import Box, Mode, Track
import numpy as np
import pytest

STEP = 50 * 10**6  # ns
WALL = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (240, 400, 3), np.uint8),
                        (0, 0), 2)
TARGETS = {'t': Target('t', ''), 'u': Target('u', ''), 't again': Target('t', '')}
WALL = cv2.normalize(WALL, None, 0, 255, cv2.NORM_MINMAX)


def result(n, box, camera='/a', target='t', pan=0, stamp=None):
    """Return the result of frame n; the camera sees the wall from ``pan`` on."""
    stamp = n * STEP if stamp is None else stamp
    track = Track(camera, stamp, Mode.LOCAL, box, 0.9, 0)
    return Result(track, Item(camera, stamp, None, 0), WALL[:, pan:pan + 320].copy(),
                  TARGETS[target], 0.0, 0.0, 0.0)


def seen(foresight, frames=10, target='t', camera='/a', pan=0):
    """Show a target that goes 4 px a frame to the right."""
    for n in range(1, frames + 1):
        assert foresight.watch(result(n, Box(40 + 4 * n, 100, 20, 30), camera, target, pan)
                               ) is None


def test_it_goes_on_for_as_long_as_asked_for():
    foresight = Foresight(0.25)
    seen(foresight)
    found = [foresight.watch(result(n, None)) for n in range(11, 18)]
    assert [f is not None for f in found] == [True] * 5 + [False] * 2
    for n, one in enumerate(found[:5], 11):
        assert one.guess.center == pytest.approx((50 + 4 * n, 115), abs=1)
        assert one.seconds == pytest.approx((n - 10) * 0.05)
        assert one.camera_motion_known and one.depth is None


def test_the_camera_may_turn_meanwhile():
    foresight = Foresight(1.0)
    seen(foresight)
    found = foresight.watch(result(11, None, pan=12))
    assert found.guess.center == pytest.approx((94 - 12, 115), abs=1)
    assert found.guess.velocity == pytest.approx((80, 0), abs=10)


def test_distance_is_foreseen_where_it_was_measured():
    foresight = Foresight(1.0)
    seen(foresight)
    foresight.measured(TARGETS['t'], '/a', 9 * STEP, 2.0, 1e-4)
    foresight.measured(TARGETS['t'], '/a', 10 * STEP, 2.05, 1e-4)
    foresight.measured(TARGETS['u'], '/a', 10 * STEP, 9.0, 1e-4)
    foresight.measured(TARGETS['t'], '/b', 10 * STEP, 9.0, 1e-4)
    z, speed, variance = foresight.watch(result(11, None)).depth
    assert 2.05 < z < 2.12 and 0 < speed < 1.1
    assert foresight.watch(result(12, None)).depth[2] > variance
    # towards the camera: what would lie behind it is no distance
    foresight.measured(TARGETS['t'], '/a', 13 * STEP, 0.001, 1e-9)
    assert foresight.watch(result(13, None)) is not None


def test_another_camera_that_does_not_see_it_changes_nothing():
    foresight = Foresight(1.0)
    seen(foresight)
    assert foresight.watch(result(11, None, '/b')) is None
    assert foresight.watch(result(11, None)) is not None
    # one that sees it has it from then on
    assert foresight.watch(result(12, Box(9, 9, 20, 30), '/b')) is None
    assert foresight.watch(result(13, None, '/a')) is None
    found = foresight.watch(result(13, None, '/b'))
    assert found.guess.center == pytest.approx((19, 24), abs=3)


@pytest.mark.parametrize('later', [
    result(11, None, target='u'),            # another target
    result(11, None, target='t again'),      # another one that is called the same
    result(0, None, stamp=99 * 10**9),       # long after
    result(0, None, stamp=STEP)])            # a bag that begins again
def test_it_begins_anew(later):
    foresight = Foresight(9.0)
    seen(foresight)
    assert foresight.watch(later) is None
    assert foresight.watch(result(11, None)) is None


def test_a_target_far_outside_of_the_image_ends_nothing():
    foresight = Foresight(60.0)
    for n in range(1, 10):
        foresight.watch(result(n, Box(-1e6 * n, 100, 20, 30)))
    for n in range(10, 25):
        assert np.isfinite(foresight.watch(result(n, None)).guess.center).all()
