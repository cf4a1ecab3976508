"""From results to what is foreseen of a target that isn't seen; no ROS."""

from __future__ import annotations

from dataclasses import dataclass
import threading

from lg_tracker_ros.geometry.background import Background
from lg_tracker_ros.geometry.prediction import DepthPath, Guess, ImagePath
from lg_tracker_ros.runtime.results import NOBODY, Result, Target
from lg_tracker_ros.types import Box, LARGEST, SMALLEST

GAP_S = 1.0
"""Seconds between two images after which nothing is foreseen from before."""


@dataclass(frozen=True, eq=False)
class Foreseen:
    """
    A guess for one image in which the target isn't seen, ``seconds`` after it was.

    ``camera_motion_known``: whether the background could be followed. ``depth``: distance along
    the axis, its velocity and variance (m, m/s, m^2), None where none was measured.
    """

    guess: Guess
    seconds: float
    camera_motion_known: bool
    depth: tuple[float, float, float] | None


class Foresight:
    """
    Watches the camera that saw the target last.

    ``watch`` belongs to one thread, ``measured`` may be called by another. ``seconds``: for how
    long something is foreseen.
    """

    def __init__(self, seconds: float) -> None:
        """Start without a target."""
        self.seconds = seconds
        self._background = Background()
        self._lock = threading.RLock()
        self.forget()

    def forget(self) -> None:
        """Start anew with the next image in which a target is seen."""
        with self._lock:
            self._path: ImagePath | None = None
            self._depth: DepthPath | None = None
            self._key = (NOBODY, '')
            self._stamp = self._seen = 0
            self._background.forget()

    def watch(self, result: Result) -> Foreseen | None:
        """Take a result in; what is foreseen where the target isn't seen, None otherwise."""
        track, key = result.track, (result.target, result.track.camera)
        gap = (track.stamp - self._stamp) / 1e9
        if self._path is None or key != self._key or not 0 < gap <= GAP_S:
            if track.box is None:
                if key[0] != self._key[0] or key[1] == self._key[1]:
                    self.forget()
                return None  # or another camera's, while the last one's next is awaited
            with self._lock:
                self.forget()
                self._key = key
            self._path = ImagePath(track.box, track.confidence)
            self._background(result.image, track.box)
            self._stamp = self._seen = track.stamp
            return None
        self._stamp = track.stamp
        seconds = (track.stamp - self._seen) / 1e9
        if track.box is None and seconds > self.seconds:
            self.forget()
            return None
        motion = self._background(result.image, track.box or _box(self._path.guess()))
        self._path.step(gap, motion, result.image.shape[1])
        if track.box is not None:
            self._path.see(track.box, track.confidence)
            self._seen = track.stamp
            return None
        with self._lock:
            depth = None if self._depth is None else self._depth.guess(track.stamp)
        return Foreseen(self._path.guess(), seconds, motion is not None,
                        depth if depth is not None and depth[0] > 0 else None)

    def measured(self, target: Target, camera: str, stamp: int, z: float, variance: float
                 ) -> None:
        """Take in how far away the target was in an image that ``watch`` was given."""
        with self._lock:
            if (target, camera) != self._key:
                return
            if self._depth is None:
                self._depth = DepthPath(stamp, z, variance)
            else:
                self._depth.see(stamp, z, variance)


def _box(guess: Guess) -> Box:
    """Return where a target may be hidden; far outside of the image it is nowhere."""
    x, y = (float(c) if abs(c) < LARGEST / 4 else -LARGEST / 4 for c in guess.center)
    w, h = (min(max(side, SMALLEST), LARGEST / 4) for side in guess.size)
    return Box.from_center(x, y, w, h)
