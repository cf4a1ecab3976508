"""What is known of a target besides its place: its name, when it was seen. Plain Python."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.results import NOBODY, Target
from lg_tracker_ros.types import Track
from lg_tracker_ros.words.lines import one_line

CLOCKS_NS = 10**9
"""Two cameras whose stamps lie further apart in one moment have each a clock of its own."""

SET_NS, SET_TIMES = 60 * 10**9, 100
"""A gap of stamps beyond both, the second in the time that passed: the clock was set forward."""


def place_for(booked: Sequence[str], name: str, place: int | None = None) -> int:
    """
    Return the place for a target that is to be called ``name`` ('': it has no name yet).

    ``booked`` has the id in each place, '' where nobody is followed. It is the place with this
    name, else the first free one; a given ``place`` is taken over whoever has it. Raises
    ValueError where all are taken (a single one is taken over by every new target), and for a
    name that another place has.
    """
    if place is not None:
        if name and name in [*booked[:place], *booked[place + 1:]]:
            raise ValueError(one_line(
                f'target {booked.index(name) + 1} is called {name} already; give another '
                'target_id, or reset that one first'))
        return place
    if len(booked) == 1:
        return 0
    if name in booked:  # '' is booked where nobody is followed
        return booked.index(name)
    if '' not in booked:
        raise ValueError(f'all {len(booked)} targets are taken; reset one, or give as '
                         f'target_id the one to replace: {one_line(", ".join(booked))}')
    return booked.index('')


class Followed:
    """
    One of the worker's targets.

    ``target`` is the one that is followed, ``booked`` the id of the one that was asked for last.
    ``forgotten``: what is under way for it is not to be published.
    """

    def __init__(self) -> None:
        """Start without a target."""
        self.booked = ''
        self.forgotten = False
        self.end()

    def begin(self, target: Target, item: Item) -> None:
        """Begin with a frame in which the target is seen."""
        self.target = target
        self._last: Item | None = item
        self._unseen = 0
        self._zero = {item.camera: time_of(item)}
        self._times = dict(self._zero)
        self._begun, self._done = item.serial, dict[str, int]()

    def end(self) -> None:
        """Follow nobody."""
        self.target = NOBODY
        self._last, self._unseen = None, 0
        self._zero, self._times = {}, {}
        self._begun, self._done = 0, {}

    def awaits(self, item: Item) -> bool:
        """Whether a frame is newer than all of its camera that ``did`` was told of."""
        return item.serial > self._done.get(item.camera, self._begun)

    @property
    def latest(self) -> int:
        """The serial number of the newest frame that is done."""
        return max([self._begun, *self._done.values()])

    def did(self, item: Item) -> None:
        """Take note of a frame that is done."""
        self._done[item.camera] = item.serial

    def unseen_s(self, track: Track, item: Item) -> float:
        """Take note of a frame's track; seconds since the target was seen, -1 for never."""
        last, camera, now = self._last, item.camera, time_of(item)
        if last is None:
            return -1.0
        if track.visible:
            unseen, self._zero = 0, {}
        elif camera in self._zero:
            gap, passed = now - self._times[camera], item.arrived - last.arrived
            if gap < 0:  # the clock was set back, or a bag begins again: time goes on
                self._zero[camera] += gap
            elif gap > max(SET_NS, SET_TIMES * passed):
                self._zero[camera] += gap - passed
            unseen = now - self._zero[camera]
        else:
            gap = now - time_of(last)
            if abs(gap) > CLOCKS_NS:
                gap = item.arrived - last.arrived
            unseen = self._unseen + max(0, gap)
        self._last, self._unseen = item, unseen
        self._times[camera], self._zero[camera] = now, now - unseen
        return unseen / 1e9


def time_of(item: Item) -> int:
    """Return the ns of a frame: its stamp, or when it came where its camera stamps none."""
    return item.stamp or item.arrived
