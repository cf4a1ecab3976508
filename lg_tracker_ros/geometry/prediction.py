"""Where a target that isn't seen may be: constant velocity against the background."""

from __future__ import annotations

from dataclasses import dataclass

from lg_tracker_ros.geometry.place import CENTRE_NOISE, LEAST_CONFIDENCE
from lg_tracker_ros.types import Box
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SPEED = 2.0
"""Standard deviation of a target's velocity before it is known: sides of its box a second."""
CHANGE = 3.0
"""How fast it may change: sides of its box a second, each second (standard deviation)."""
SHAKE = 0.1
"""Shares of the image's width that a camera may move from image to image, unknown how."""
DEPTH_SPEED, DEPTH_CHANGE = 1.0, 1.0
"""The same along the camera's axis: m/s, and m/s each second."""


@dataclass(frozen=True, eq=False)
class Guess:
    """
    A place in pixels of the newest image, as a Box counts them.

    ``covariance`` is 2 x 2 (px^2), ``velocity`` in px/s against the background, ``size`` width and
    height.
    """

    center: Array
    covariance: Array
    velocity: Array
    size: tuple[float, float]


class ImagePath:
    """
    A Kalman filter of a box's centre and its velocity, in pixels of the newest image.

    What the camera does moves both: the state is carried along by the background's similarity.
    """

    def __init__(self, box: Box, confidence: float) -> None:
        """Start where a target is seen, with any velocity."""
        self._state = np.array([box.cx, box.cy, 0.0, 0.0])
        self._known = np.zeros((4, 4))
        self._size = np.array([box.w, box.h])
        self._known[:2, :2] = self._noise(box, confidence)
        self._known[2, 2] = self._known[3, 3] = (SPEED * self._side)**2

    @property
    def _side(self) -> float:
        return float(np.sqrt(self._size.prod()))

    def step(self, seconds: float, motion: Array | None, width: int) -> None:
        """Go on to the next image; ``motion`` is None where nothing is known of the camera's."""
        turn = np.eye(2) if motion is None else motion[:, :2]
        way = np.zeros((4, 4))
        way[:2, :2] = way[2:, 2:] = turn
        way[:2, 2:] = turn * seconds
        self._state = way @ self._state
        self._known = way @ self._known @ way.T
        if motion is None:
            self._known[0, 0] += (SHAKE * width)**2
            self._known[1, 1] += (SHAKE * width)**2
        else:
            self._state[:2] += motion[:, 2]
            self._size = self._size * np.sqrt(abs(np.linalg.det(turn)))
        # white noise of the acceleration, Bar-Shalom et al. 2001, 6.2.2
        t = seconds
        block = (CHANGE * self._side)**2 * np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
        for i in (0, 1):
            self._known[np.ix_((i, i + 2), (i, i + 2))] += block

    def see(self, box: Box, confidence: float) -> None:
        """Take in where the target is seen in the newest image."""
        self._size = np.array([box.w, box.h])
        innovation = self._known[:2, :2] + self._noise(box, confidence)
        gain = self._known[:, :2] @ np.linalg.inv(innovation)
        self._state = self._state + gain @ (np.array([box.cx, box.cy]) - self._state[:2])
        self._known = self._known - gain @ self._known[:2]

    def guess(self) -> Guess:
        """Return what is known for the newest image."""
        return Guess(self._state[:2].copy(), self._known[:2, :2].copy(), self._state[2:].copy(),
                     (float(self._size[0]), float(self._size[1])))

    @staticmethod
    def _noise(box: Box, confidence: float) -> Array:
        share = CENTRE_NOISE**2 / max(confidence, LEAST_CONFIDENCE)
        return np.asarray(np.diag([share * box.w**2, share * box.h**2]))


class DepthPath:
    """The same for the distance along the camera's axis, in m, by the stamps of the images."""

    def __init__(self, stamp: int, z: float, variance: float) -> None:
        """Start at a distance that was measured in the image with this stamp (ns)."""
        self._stamp = stamp
        self._state = np.array([z, 0.0])
        self._known = np.diag([variance, DEPTH_SPEED**2])

    def see(self, stamp: int, z: float, variance: float) -> None:
        """Take in a distance; one of an older image is passed over."""
        if stamp <= self._stamp:
            return
        self._state, self._known = self._ahead(stamp)
        self._stamp = stamp
        gain = self._known[:, 0] / (self._known[0, 0] + variance)
        self._state = self._state + gain * (z - self._state[0])
        self._known = self._known - np.outer(gain, self._known[0])

    def guess(self, stamp: int) -> tuple[float, float, float]:
        """Return distance, its velocity (m/s) and its variance (m^2) at a stamp."""
        state, known = self._ahead(stamp)
        return float(state[0]), float(state[1]), float(known[0, 0])

    def _ahead(self, stamp: int) -> tuple[Array, Array]:
        t = max((stamp - self._stamp) / 1e9, 0.0)
        way = np.array([[1.0, t], [0.0, 1.0]])
        noise = DEPTH_CHANGE**2 * np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
        return way @ self._state, way @ self._known @ way.T + noise
