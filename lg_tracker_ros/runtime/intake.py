"""
Frames on their way to the tracker: the history, what is caught up with, and the newest ones.

Nothing here locks: the worker does.
"""

from __future__ import annotations

from collections import Counter, deque
import time
from typing import Callable, Sequence

from lg_tracker_ros.runtime.buffers import Counts, Item, Mailbox, MOST, Ring
from lg_tracker_ros.runtime.lockstep import Queue


class Intake:
    """Takes frames in and gives moments out: the newest frames, or in ``lockstep`` every one."""

    def __init__(self, camera_timeout: float, history: tuple[float, float], lockstep: bool
                 ) -> None:
        """Start empty; ``history`` is seconds and megabytes for each camera."""
        self._counts = Counts()
        self._lockstep = lockstep
        self._mailbox: Mailbox | Queue = (
            Queue(self._counts, camera_timeout, history[1]) if lockstep
            else Mailbox(self._counts, camera_timeout))
        self._history = history
        self._rings: dict[str, Ring] = {}
        self._backlog: deque[Item] = deque()
        self._received = 0
        self._deadline = 0.0

    # -- in ----------------------------------------------------------------------

    def offer(self, item: Item, held: bool) -> None:
        """Take in a frame; ``held``: into the history only, from where a replay fetches it."""
        self._received += 1
        item.serial = self._received
        self._counts.receive(item)
        ring = self._rings.get(item.camera)
        if ring is None:
            ring = self._rings[item.camera] = Ring(*self._history)
        ring.push(item)
        if held:
            self._counts.settle(item, 'not_wanted')
        elif self._backlog:
            self._backlog.append(item)
            if self._too_far_behind():
                self._catch_up()
        else:
            self._mailbox.push(item)

    def refuse(self, item: Item) -> None:
        """Account for a message from which no image came."""
        self._counts.receive(item)
        self._counts.settle(item, 'undecodable')

    def replay(self, serial: int) -> None:
        """Give out next what came after this serial number, and of an earlier replay no more."""
        self.end_replay()
        self._backlog = deque(self.later(serial))
        self._deadline = time.perf_counter() + self._history[0]

    def drop_newest(self) -> None:
        """Let the newest frames go that wait."""
        self._mailbox.clear()

    def clear(self) -> None:
        """Let all go that waits."""
        self.end_replay()
        self.drop_newest()

    def end_replay(self) -> None:
        """Give a replay up."""
        for item in self._backlog:
            self._counts.settle(item, 'not_wanted')
        self._backlog.clear()

    def forget(self) -> None:
        """Drop the history and what waits; no camera is followed."""
        self._rings.clear()
        self.end_replay()
        self._mailbox.follow('')

    def follow(self, clock: str, wants: Callable[[str], bool] = bool) -> None:
        """Set which camera has the target (empty: no target) and which others are wanted."""
        self._mailbox.follow(clock, wants)

    def limit(self, camera_timeout: float, history: tuple[float, float]) -> None:
        """Change the limits of mailbox and history."""
        self._mailbox.limit(camera_timeout, history[1])
        self._history = history
        for ring in self._rings.values():
            ring.limit(*history)

    # -- out ---------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether there is something to process now."""
        return bool(self._backlog) or self._mailbox.ready

    def take(self) -> Sequence[Item]:
        """Take the next moment; empty where there is none yet."""
        if self._backlog and not self._lockstep and time.perf_counter() > self._deadline:
            # the tracker is slower than the cameras: it would stay behind for ever
            self._catch_up()
        while self._backlog:
            self._mailbox.push(self._backlog.popleft())
            if self._mailbox.ready:
                return self._mailbox.take()
        return self._mailbox.take() if self._mailbox.ready else []

    def pass_time(self, seconds: float) -> None:
        """Take note that so many seconds passed, in which nothing may have come."""
        self._mailbox.pass_time(seconds)

    def settle(self, item: Item, fate: str) -> None:
        """Count what became of a frame, one of buffers.FATES."""
        self._counts.settle(item, fate)

    def counts(self, camera: str) -> Counter[str]:
        """Return a copy of a camera's counters."""
        return Counter(self._counts.of(camera))

    @property
    def cameras(self) -> list[str]:
        """The cameras from which a frame came."""
        return list(self._rings)

    @property
    def apart(self) -> str:
        """Say so where, in lockstep, frames of one camera wait long for another's."""
        return self._mailbox.apart

    def silent(self, camera: str) -> bool:
        """Whether a camera has sent nothing for longer than the others and its timeout."""
        return self._mailbox.silent(camera)

    def later(self, serial: int) -> list[Item]:
        """Return the frames of all cameras that came after the one with this serial number."""
        rings = self._rings.values()
        return sorted((i for r in rings for i in r.after(serial)), key=lambda i: i.serial)

    def find(self, stamp: int, cameras: Sequence[str]) -> Item | None:
        """Return the frame with exactly this stamp from the first of ``cameras`` that has it."""
        rings = [self._rings[c] for c in cameras if c in self._rings]
        return next((i for i in (r.find(stamp) for r in rings) if i is not None), None)

    def spans(self) -> dict[str, tuple[int, int]]:
        """Return the oldest and newest stamp kept of each camera."""
        spans = {c: r.span() for c, r in self._rings.items()}
        return {c: s for c, s in spans.items() if s is not None}

    def _too_far_behind(self) -> bool:
        """Whether more waits to be replayed than memory was given for."""
        cameras = len(self._rings)
        return (len(self._backlog) > cameras * MOST or sum(i.size for i in self._backlog)
                > 2 * cameras * self._history[1] * 2**20)

    def _catch_up(self) -> None:
        """
        Give a replay up.

        Only the newest frame of each camera counts then, but in lockstep.
        """
        for item in self._backlog:
            self._mailbox.push(item)
        self._backlog.clear()
