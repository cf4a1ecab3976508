"""Where each of several targets was seen lately: is a detection one of them? No ROS."""

from __future__ import annotations

from collections import deque
import threading
from typing import Sequence

from lg_tracker_ros.boxes import APART, iou
from lg_tracker_ros.runtime.results import Result, Target
from lg_tracker_ros.types import Box

NEAR_NS = 500_000_000
"""Nanoseconds of the stamps between an image and the results that tell who is where in it."""
KEPT = 60
"""Results of a target in a camera that are kept: two seconds at 30 Hz."""


class Sightings:
    """Takes results in, in one thread, and is asked in another."""

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        self._kept: dict[tuple[int, str], tuple[Target, deque[tuple[int, Box | None]]]] = {}

    def put(self, result: Result) -> None:
        """Take a result in."""
        target, track = result.target, result.track
        with self._lock:
            whose, kept = self._kept.get((target.place, track.camera), (None, deque()))
            # another one, or a bag that begins again: what was before says nothing
            if whose is not target or kept[-1][0] >= track.stamp:
                kept = deque(maxlen=KEPT)
                self._kept[target.place, track.camera] = target, kept
            kept.append((track.stamp, track.box))

    def around(self, targets: Sequence[Target], camera: str, stamp: int) -> list[Box] | None:
        """
        Return for each of ``targets`` the area in which it is in an image of a camera.

        It reaches from where it was seen in that image or the last one before to where it was in
        that image or the next. None where one was not seen in both: it may be anywhere, or that
        isn't known yet.
        """
        areas = []
        for target in targets:
            with self._lock:
                whose, kept = self._kept.get((target.place, camera), (None, deque()))
                seen = list(kept) if whose is target else []
            before = max((s for s in seen if 0 <= stamp - s[0] <= NEAR_NS), default=None,
                         key=lambda s: s[0])
            after = min((s for s in seen if 0 <= s[0] - stamp <= NEAR_NS), default=None,
                        key=lambda s: s[0])
            if before is None or after is None or before[1] is None or after[1] is None:
                return None
            areas.append(_around(before[1], after[1]))
        return areas


def _around(a: Box, b: Box) -> Box:
    """Return the smallest box with both in it."""
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Box(x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y)


def apart(box: Box, areas: Sequence[Box]) -> bool:
    """Whether a box shows none of those who are in ``areas``, nor a part of one."""
    return all(iou(box, a) < APART and not _holds(a, box) and not _holds(box, a) for a in areas)


def _holds(area: Box, box: Box) -> bool:
    return area.x <= box.cx <= area.x + area.w and area.y <= box.cy <= area.y + area.h
