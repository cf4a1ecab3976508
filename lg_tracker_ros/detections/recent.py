"""The last detections of each camera, for threads that write and read at once."""

from __future__ import annotations

from collections import deque
import threading
from typing import Sequence

from lg_tracker_ros.types import Box

KEPT = 120
"""Images of one camera whose detections are kept: more than any ``age`` asks for."""
MOST = 100
"""Boxes of one image that are kept: the first, which are the best ones."""


class Recent:
    """What a detector saw lately, by camera and by the stamp of the image that it looked at."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._by_camera: dict[str, deque[tuple[int, tuple[Box, ...]]]] = {}

    def put(self, camera: str, stamp: int, boxes: Sequence[Box]) -> None:
        """Keep what was seen in an image; ``stamp`` is in nanoseconds. No box is news, too."""
        with self._lock:
            kept = self._by_camera.setdefault(camera, deque(maxlen=KEPT))
            kept.append((stamp, tuple(boxes[:MOST])))

    def boxes(self, camera: str, stamp: int, age: float) -> Sequence[Box]:
        """
        Return the boxes seen in the image with this stamp, or in the last one before it.

        A detector is often some images behind. What is more than ``age`` seconds older doesn't
        count, nor what is newer: a replay must not know the future.
        """
        with self._lock:
            kept = list(self._by_camera.get(camera, ()))
        known = [(s, boxes) for s, boxes in kept if 0 <= stamp - s <= age * 1e9]
        # of equal stamps the one that came last: a bag may begin again
        return max(reversed(known), key=lambda k: k[0])[1] if known else ()

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._by_camera.clear()
