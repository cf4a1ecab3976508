"""Bearings, places and their covariance."""

from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.place import bearing, image_error, place
from lg_tracker_ros.geometry.surface import Surface
from lg_tracker_ros.types import Box
import numpy as np
import pytest

K = np.array([[400.0, 0, 319.5], [0, 400, 239.5], [0, 0, 1]])
CAMERA = Camera(K, np.zeros(0))
NEAR = Surface(2.0, 0.02, 0.9)


def box_at(point, side=0.3):
    """Return the box of a flat square at a point."""
    x, y = CAMERA.pixels([point])[0] + 0.5
    return Box.from_center(x, y, side * 400 / point[2], side * 400 / point[2])


def test_the_middle_of_the_image_is_straight_ahead():
    assert bearing(CAMERA, Box(300, 220, 40, 40)) == pytest.approx((0, 0, 0))
    assert image_error(Box(300, 220, 40, 40), 640, 480) == (0, 0)


def test_bearing_turns_a_gimbal_to_the_target():
    point = np.array([1.0, -0.7, 2.0])
    pan, tilt, off = bearing(CAMERA, box_at(point))
    assert pan > 0 > tilt  # to the right and up
    # pan about y, then tilt about the new x: the axis then goes through the point
    turn_pan = np.array([[np.cos(pan), 0, np.sin(pan)], [0, 1, 0], [-np.sin(pan), 0, np.cos(pan)]])
    turn_tilt = np.array([[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)],
                          [0, -np.sin(tilt), np.cos(tilt)]])
    axis = turn_pan @ turn_tilt @ (0, 0, 1)
    assert axis == pytest.approx(point / np.linalg.norm(point))
    assert np.cos(off) == pytest.approx(point[2] / np.linalg.norm(point))


def test_image_error_is_one_at_the_border():
    assert image_error(Box(630, -10, 20, 20), 640, 480) == (1, -1)
    assert image_error(Box(470, 500, 20, 20), 640, 480) == (0.5, 1)


def test_a_known_point_is_found_again():
    point = (0.5, -0.25, 2.0)
    found = place(CAMERA, box_at(point), NEAR, 0.9)
    assert found.position == pytest.approx(point)
    assert found.size == pytest.approx((0.3, 0.3, 0.08))
    values = np.linalg.eigvalsh(found.covariance)
    assert (values > 0).all() and found.covariance == pytest.approx(found.covariance.T)


def test_covariance_grows_with_distance_and_doubt():
    def spread(z, confidence, depths=0.0):
        found = place(CAMERA, box_at((0, 0, z)), Surface(z, depths, 1.0), confidence)
        return np.sqrt(np.diag(found.covariance))
    near, far = spread(1, 0.9), spread(4, 0.9)
    assert far[2] == pytest.approx(16 * near[2])  # as stereo
    assert (spread(1, 0.45) ** 2) == pytest.approx(2 * near**2)
    assert spread(1, 0.9, 0.1)[2] > near[2]
    # across: a share of the target's own size, whatever the distance
    assert near[:2] == pytest.approx(far[:2]) and near[0] == pytest.approx(
        0.05 * 0.3 / np.sqrt(0.9))


def test_what_the_camera_cannot_tell_is_told():
    folded = Camera(K, np.array([-0.9, 0.0, 0.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match='no ray for pixel 5, 5'):
        bearing(folded, Box(0, 0, 10, 10))
    wide = Camera(np.array([[100.0, 0, 320], [0, 100, 240], [0, 0, 1]]), np.zeros(4), True)
    with pytest.raises(ValueError, match='looks to the side'):
        place(wide, Box(470, 220, 30, 40), NEAR, 0.9)
    assert bearing(wide, Box(470, 220, 30, 40))[0] == pytest.approx(1.65, abs=0.01)
