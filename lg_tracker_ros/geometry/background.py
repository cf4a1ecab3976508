"""What the camera did between two images, from what the background did."""

from __future__ import annotations

import cv2
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SIDE = 320
"""Pixels of the larger side that images are made smaller to."""
CORNERS = 120
FEWEST, LEAST_SHARE = 12, 0.5
"""Corners that must have moved together, and their share of those that were found again."""
_NEAR = 1.5  # pixels of the smaller image within which corners moved together
_MARGIN = 0.25  # sides of the target's box that are left out around it


class Background:
    """Follows the corners outside of the target from one image of a camera to the next."""

    def __init__(self) -> None:
        """Start without an image."""
        self._before: npt.NDArray[np.uint8] | None = None
        self._corners: npt.NDArray[np.float32] | None = None

    def forget(self) -> None:
        """Start anew with the next image."""
        self._before = self._corners = None

    def __call__(self, image: Image, target: Box) -> Array | None:
        """
        Return the similarity, 2 x 3, that brings places of the last image into this one.

        Places are in pixels as a Box counts them. ``target`` is where the target is, or may be,
        in this image. None for the first image, for one of another size, and where too little of
        the background is found again.
        """
        height, width = image.shape[:2]
        scale = min(1.0, SIDE / max(width, height))
        small = (max(round(width * scale), 1), max(round(height * scale), 1))
        grey = cv2.cvtColor(cv2.resize(image, small, interpolation=cv2.INTER_LINEAR),
                            cv2.COLOR_BGR2GRAY)
        found = None
        if (self._before is not None and self._corners is not None
                and self._before.shape == grey.shape):
            found = _similarity(self._before, grey, self._corners)
        mask = np.full(grey.shape, 255, np.uint8)
        x, y = small[0] / width, small[1] / height
        left, right = ((target.cx + s * (0.5 + _MARGIN) * target.w) * x for s in (-1, 1))
        top, bottom = ((target.cy + s * (0.5 + _MARGIN) * target.h) * y for s in (-1, 1))
        mask[max(int(top), 0):max(int(bottom) + 1, 0),
             max(int(left), 0):max(int(right) + 1, 0)] = 0
        self._before = grey
        self._corners = cv2.goodFeaturesToTrack(grey, CORNERS, 0.01, 5, mask=mask)
        if found is None:
            return None
        # OpenCV counts from the centre of the first pixel, a Box from its corner
        grow = np.array([1 / x, 1 / y])
        matrix = found[:, :2] * grow[:, None] / grow[None]
        half = np.array([0.5, 0.5])
        shift = (found[:, 2] + half - found[:, :2] @ half) * grow
        return np.column_stack([matrix, shift])


def _similarity(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8],
                corners: npt.NDArray[np.float32]) -> Array | None:
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.empty_like(corners))
    there = there.ravel() == 1
    if there.sum() < FEWEST:
        return None
    found, inside = cv2.estimateAffinePartial2D(corners[there], moved[there],
                                                ransacReprojThreshold=_NEAR)
    if found is None or inside.sum() < max(FEWEST, LEAST_SHARE * there.sum()):
        return None
    return np.asarray(found, np.float64)
