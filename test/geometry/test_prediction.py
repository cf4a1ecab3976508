"""Constant velocity against the background, and what is known of it less and less."""

from lg_tracker_ros.geometry.prediction import DepthPath, ImagePath
from lg_tracker_ros.types import Box
import numpy as np
import pytest

DT = 1 / 30
STILL = np.array([[1.0, 0, 0], [0, 1, 0]])


def followed(frames=30, speed=(90.0, -30.0), motion=STILL):
    """Return the path after ``frames`` of a target at constant speed, and its last place."""
    at = np.array([300.0, 200.0])
    path = ImagePath(Box.from_center(*at, 40, 60), 0.9)
    for _ in range(frames):
        at = motion[:, :2] @ (at + np.array(speed) * DT) + motion[:, 2]
        path.step(DT, motion, 640)
        path.see(Box.from_center(*at, 40, 60), 0.9)
    return path, at


def test_the_target_goes_on_as_it_went():
    path, at = followed()
    for _ in range(30):
        path.step(DT, STILL, 640)
    guess = path.guess()
    assert guess.center == pytest.approx(at - (-90, 30), abs=3)
    assert guess.velocity == pytest.approx((90, -30), abs=2)
    assert guess.size == (40, 60)


def test_what_the_camera_does_is_not_the_targets():
    pan = np.array([[1.0, 0, -12], [0, 1, 0]])  # 360 px/s, the target stands still
    path, at = followed(speed=(0, 0), motion=pan)
    assert path.guess().velocity == pytest.approx((0, 0), abs=1)
    for _ in range(15):  # the camera stops, and the guess with it
        path.step(DT, STILL, 640)
    assert path.guess().center == pytest.approx(at, abs=2)
    for _ in range(10):
        path.step(DT, pan, 640)
    assert path.guess().center == pytest.approx(at - (120, 0), abs=2)


def test_velocity_and_size_turn_and_grow_with_the_image():
    path, _ = followed()
    roll = np.array([[0.0, -1.1, 640], [1.1, 0, 0]])  # 90 degrees and a zoom
    before = path.guess()
    path.step(1e-6, roll, 640)
    after = path.guess()
    x, y = before.velocity
    assert after.velocity == pytest.approx((-1.1 * y, 1.1 * x))
    assert after.size == pytest.approx((44, 66))


def test_covariance_grows_with_every_image_and_more_without_a_background():
    path, _ = followed()
    known, spreads = path.guess().covariance, []
    for _ in range(20):
        path.step(DT, STILL, 640)
        spreads.append(np.sqrt(np.linalg.det(path.guess().covariance)))
    assert (np.diff(spreads) > 0).all() and spreads[0] > np.sqrt(np.linalg.det(known))
    blind, _ = followed()
    blind.step(DT, None, 640)
    assert blind.guess().covariance[0, 0] > 64**2 > path.guess().covariance[0, 0]


def test_a_doubtful_box_moves_it_less():
    sure, _ = followed()
    unsure, at = followed()
    there = Box.from_center(*(at + 20), 40, 60)
    for path, confidence in ((sure, 1.0), (unsure, 0.1)):
        path.step(DT, STILL, 640)
        path.see(there, confidence)
    assert (sure.guess().center > unsure.guess().center).all()


def test_the_distance_goes_on_and_gets_uncertain():
    path = DepthPath(0, 3.0, 1e-4)
    for n in range(1, 31):
        path.see(n * 33_000_000, 3.0 + 0.5 * n * 0.033, 1e-4)
    last = 30 * 33_000_000
    z, speed, variance = path.guess(last + 10**9)
    assert z == pytest.approx(3.0 + 0.5 * (0.99 + 1), abs=0.05)
    assert speed == pytest.approx(0.5, abs=0.05)
    assert variance > 10 * path.guess(last)[2]
    path.see(last - 1, 99.0, 1e-4)  # of an older image
    assert path.guess(last + 10**9)[0] == z
