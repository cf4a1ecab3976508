"""A global search that looks where a detector saw something, besides its own places."""

from __future__ import annotations

from itertools import zip_longest
from typing import Callable, Sequence

from lg_tracker_ros.detections.recent import Recent
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Proposals, Redetector


class Besides:
    """
    A Redetector that adds a detector's boxes to the proposals of another.

    So they are judged like any other candidate, and are rivals while the target is in view: a
    tracker that learns rivals asks the re-detector for them.
    """

    def __init__(self, own: Redetector | None, recent: Recent, age: Callable[[], float]) -> None:
        """Search as ``own`` does (None: the detector's boxes alone); ``age`` as Selection's."""
        self.own, self._recent, self._age = own, recent, age
        self.history = own.history if own is not None else 1

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target."""
        if self.own is not None:
            self.own.init(frame, box)

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """
        Propose at most ``k`` places of each of both, in turn, an own one first.

        A detector doesn't know the target: of its boxes those whose size is nearest to ``size``
        are taken, in that order.
        """
        frame = clip[-1]
        seen = nearest_in_size(
            self._recent.boxes(frame.camera, frame.stamp, self._age()), size)[:k]
        if self.own is None:
            return Proposals(seen)
        own = self.own.propose(clip, size, k)
        return Proposals(in_turn(own.boxes, seen), own.attention)


def in_turn(own: Sequence[Box], seen: Sequence[Box]) -> list[Box]:
    """
    Take one of ``own``, then one of ``seen``, and so on, each place once.

    An own place with its centre within half its size of a seen box's gives its rank to that box:
    where to look first is known from the attention, how large it is from the detector.
    """
    ranked: list[Box] = []
    for box in own:
        there = next((s for s in seen if abs(box.cx - s.cx) <= box.w / 2
                      and abs(box.cy - s.cy) <= box.h / 2), box)
        if there not in ranked:
            ranked.append(there)
    others = [s for s in seen if s not in ranked]
    return [b for pair in zip_longest(ranked, others) for b in pair if b is not None]


def nearest_in_size(boxes: Sequence[Box], size: tuple[float, float]) -> list[Box]:
    """Order boxes by how near their area is, as a ratio, to that of ``size``."""
    area = size[0] * size[1]
    return sorted(boxes, key=lambda b: max(b.w * b.h / area, area / (b.w * b.h)))


def end_help(tracker: LongTermTracker) -> None:
    """Let a tracker's global search look at no detector's boxes any more."""
    if isinstance(tracker.redetector, Besides):
        tracker.redetector = tracker.redetector.own


def help_search(tracker: LongTermTracker, recent: Recent, age: Callable[[], float]) -> None:
    """Let a tracker's global search look at what is recent, and at no other detector's boxes."""
    end_help(tracker)
    tracker.redetector = Besides(tracker.redetector, recent, age)
