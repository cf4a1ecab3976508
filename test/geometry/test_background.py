"""The camera's motion from the background, with a target that moves otherwise."""

import cv2
from lg_tracker_ros.geometry.background import Background
from lg_tracker_ros.types import Box
import numpy as np
import pytest

W, H = 640, 480
WIDE = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 256, (700, 900, 3), np.uint8),
                        (0, 0), 3)
WIDE = cv2.normalize(WIDE, None, 0, 255, cv2.NORM_MINMAX)
PATCH = np.random.default_rng(4).integers(0, 256, (120, 120, 3), np.uint8)


def view(way, x, y):
    """Return what a camera sees that ``way`` (2 x 3, places of WIDE to its image) describes."""
    shift = way.copy()
    half = np.array([0.5, 0.5])  # warpAffine counts from the first pixel's centre
    shift[:, 2] += way[:, :2] @ half - half
    image = cv2.warpAffine(WIDE, shift, (W, H))
    image[y:y + 120, x:x + 120] = PATCH
    return image


def similarity(angle, zoom, dx, dy):
    c, s = zoom * np.cos(np.radians(angle)), zoom * np.sin(np.radians(angle))
    return np.array([[c, -s, dx - 100], [s, c, dy - 100]])


@pytest.mark.parametrize('angle, zoom, dx, dy', [
    (0, 1, 0, 0), (0, 1, 13.0, -6.0), (3, 1, 4, 4), (-2, 1.04, -8, 3)])
def test_the_camera_counts_and_not_the_target(angle, zoom, dx, dy):
    before, after = similarity(0, 1, 0, 0), similarity(angle, zoom, dx, dy)
    background = Background()
    assert background(view(before, 200, 200), Box(200, 200, 120, 120)) is None
    found = background(view(after, 240, 160), Box(240, 160, 120, 120))
    corners = np.array([[0, 0, 1], [W, 0, 1], [0, H, 1], [W, H, 1.0]])

    def full(way):
        return np.vstack([way, (0, 0, 1)])
    truth = full(after) @ np.linalg.inv(full(before))
    assert np.abs(corners @ found.T - corners @ truth.T[:, :2]).max() < 1.5


def test_without_a_background_nothing_is_known():
    background, box = Background(), Box(10, 10, 50, 50)
    flat = np.full((H, W, 3), 90, np.uint8)
    assert background(flat, box) is None and background(flat, box) is None
    seen = view(similarity(0, 1, 0, 0), 200, 200)
    assert background(seen, box) is None and background(seen, box) is not None
    # another scene, another size, and anew
    other = view(similarity(180, 1, 700, 600), 200, 200)
    assert background(other, box) is None
    assert background(other[:240], box) is None
    background.forget()
    assert background(other[:240], box) is None


def test_a_target_that_fills_the_image_leaves_nothing_to_follow():
    background = Background()
    seen = view(similarity(0, 1, 0, 0), 200, 200)
    assert background(seen, Box(-50, -50, 800, 800)) is None
    assert background(seen, Box(-50, -50, 800, 800)) is None
