"""Every frame in its order instead of the newest: a replay gives the same result each time."""

from __future__ import annotations

from collections import deque
from typing import Callable

from lg_tracker_ros.runtime.buffers import Arrivals, Counts, Item, JUMP_NS, MOST

APART_NS = 5_000_000_000
"""Images that come together with stamps further apart are of two clocks, or played so."""
TOGETHER_NS = 15_000_000
"""Frames of several cameras whose stamps are no further apart show one moment (half of 30 Hz)."""


class Queue:
    """
    A Mailbox that drops nothing: frames wait until the tracker has time.

    Those of several cameras are taken by their stamps, those of one moment together; none goes
    ahead of a camera from which an earlier one may still come, unless that has been silent for
    ``timeout`` seconds, a slow one for LATE of its periods. Only when memory runs out is the
    oldest dropped, and counted.
    """

    def __init__(self, counts: Counts, timeout: float, megabytes: float) -> None:
        """Report to ``counts``; ``megabytes`` may wait for each camera, and MOST frames."""
        self.counts = counts
        self.limit(timeout, megabytes)
        self._clock = ''
        self._wants: Callable[[str], bool] = bool
        self._waiting: dict[str, deque[Item]] = {}
        self._past: deque[Item] = deque()  # of all cameras, before the stamps stepped back
        self._arrivals = Arrivals()
        self._since = 0  # ns since the last frame came, as far as is known
        self._stamps: dict[str, int] = {}  # of the newest frame of each camera

    def limit(self, timeout: float, megabytes: float) -> None:
        """Change the limits, for what comes from now on."""
        self.timeout, self._most = timeout, int(megabytes * 2**20)

    def follow(self, clock: str, wants: Callable[[str], bool] = bool) -> None:
        """Set which camera has the target (empty: no target) and which others are wanted."""
        self._clock, self._wants = clock, wants
        if not clock:
            self.clear()

    def pass_time(self, seconds: float) -> None:
        """Take note that nothing came for so long: at the end of a recording nothing does."""
        self._since += int(1e9 * seconds)

    def clear(self) -> None:
        """Drop what waits."""
        for waiting in (*self._waiting.values(), self._past):
            for item in waiting:
                self.counts.settle(item, 'not_wanted')
            waiting.clear()

    def push(self, item: Item) -> None:
        """Put a frame at the end of its camera's queue."""
        self._arrivals.note(item)
        self._since = 0
        if item.stamp < self._stamps.get(item.camera, 0) - JUMP_NS:
            self._begin_again()
        self._stamps[item.camera] = item.stamp
        if not self._clock:
            self.counts.settle(item, 'not_wanted')
            return
        self._arrivals.last.setdefault(self._clock, item.arrived)
        waiting = self._waiting.setdefault(item.camera, deque())
        waiting.append(item)
        self._bound(waiting)

    def _begin_again(self) -> None:
        """Let all that waits go ahead: a bag begins again, or a clock was set back."""
        self._past += sorted((i for w in self._waiting.values() for i in w), key=lambda i: i.stamp)
        for waiting in self._waiting.values():
            waiting.clear()
        self._bound(self._past)
        self._stamps.clear()  # the other cameras' are to step back, too

    def _bound(self, waiting: deque[Item]) -> None:
        while len(waiting) > MOST or (len(waiting) > 1
                                      and sum(i.size for i in waiting) > self._most):
            self.counts.settle(waiting.popleft(), 'overwritten')

    @property
    def ready(self) -> bool:
        """Whether the next moment is complete, or as complete as it will be."""
        return bool(self._past) or (any(self._waiting.values()) and all(
            self._waiting.get(camera) or self.silent(camera) for camera in self._arrivals.last))

    def silent(self, camera: str) -> bool:
        """Whether a camera has sent nothing for longer than it may."""
        return self._arrivals.overdue(camera, self.timeout, self._since)

    @property
    def apart(self) -> str:
        """Say so where frames of one camera wait long for another's; empty where none do."""
        stamps = {c: s for c, s in self._stamps.items() if not self.silent(c)}
        if not self._clock or not stamps:
            return ''
        first, last = min(stamps, key=stamps.__getitem__), max(stamps, key=stamps.__getitem__)
        ahead = stamps[last] - stamps[first]
        return '' if ahead <= APART_NS else (
            f'images of {last} are stamped {ahead / 1e9:.1f} s later than those of {first} that '
            'come with them, and wait for these: give cameras of two clocks one, or turn lockstep '
            'off')

    def take(self) -> list[Item]:
        """
        Take the frames of the next moment that are wanted, the target's camera first.

        Where that has fallen silent all are wanted: the target is sought in the others.
        """
        while self._past or any(self._waiting.values()):
            gone = not self._waiting.get(self._clock) and self.silent(self._clock)
            moment = self._moment()
            wanted = [i for i in moment
                      if gone or i.camera == self._clock or self._wants(i.camera)]
            for item in moment:
                if item not in wanted:
                    self.counts.settle(item, 'not_wanted')
            if wanted:
                return sorted(wanted, key=lambda i: i.camera != self._clock)
            if not self.ready:
                break
        return []

    def _moment(self) -> list[Item]:
        """Take out the earliest frames that show one moment, at most one of each camera."""
        if not self._past:
            first = min(w[0].stamp for w in self._waiting.values() if w)
            return [w.popleft() for w in self._waiting.values()
                    if w and w[0].stamp - first <= TOGETHER_NS]
        moment = [self._past.popleft()]
        while (self._past and self._past[0].camera not in [i.camera for i in moment]
               and self._past[0].stamp - moment[0].stamp <= TOGETHER_NS):
            moment.append(self._past.popleft())
        return moment
