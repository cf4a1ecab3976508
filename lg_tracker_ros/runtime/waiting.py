"""Requests that wait: for a frame that has yet to come, and for their answer's turn. No ROS."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from operator import is_
import threading
from typing import Callable, Collection

from lg_tracker_ros.runtime.buffers import Item

MOST = 32
"""Requests that may wait at a time."""

Answer = Item | str | None
"""The frame; or why there is none, None when it did not come in time."""


@dataclass(eq=False)
class _Waiter:
    cameras: Collection[str]
    stamp: int
    deadline: float
    answer: Callable[[Answer], None]
    unwanted: Callable[[], str]


class Waiting:
    """Each request that was taken in is answered exactly once; for any number of threads."""

    def __init__(self) -> None:
        """Start with none."""
        self._waiters: list[_Waiter] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Count those that wait."""
        return len(self._waiters)

    def add(self, cameras: Collection[str], stamp: int, deadline: float,
            answer: Callable[[Answer], None], unwanted: Callable[[], str] = str) -> None:
        """
        Wait until ``deadline`` for the next frame of ``cameras``, of this stamp unless it is 0.

        ``unwanted`` says why it is waited for no longer, empty while it is. Raises ValueError
        when too many wait already.
        """
        with self._lock:
            if len(self._waiters) >= MOST:
                raise ValueError(f'{MOST} requests wait for an image already; call again later')
            self._waiters.append(_Waiter(cameras, stamp, deadline, answer, unwanted))

    def arrived(self, item: Item) -> None:
        """Answer those that wait for this frame."""
        if self._waiters:
            self._settle(lambda w: item.camera in w.cameras and w.stamp in (0, item.stamp), item)

    def expire(self, now: float) -> None:
        """Answer who isn't wanted or whose deadline has passed; ``now`` is of their clock."""
        for waiter in list(self._waiters):
            why = waiter.unwanted()
            if why or now >= waiter.deadline:
                self._settle(partial(is_, waiter), why or None)

    def refuse(self, why: str) -> None:
        """Answer all that wait."""
        self._settle(lambda w: True, why)

    def _settle(self, due: Callable[[_Waiter], bool], answer: Answer) -> None:
        with self._lock:
            answered = [w for w in self._waiters if due(w)]
            self._waiters = [w for w in self._waiters if w not in answered]
        for waiter in answered:
            waiter.answer(answer)


class Turns:
    """
    Lets a few answers out at a time; for any number of threads.

    A client keeps ten answers as ROS makes it; more at once, after a frame that many waited for
    say, and it would lose the others.
    """

    def __init__(self, batch: int = 4) -> None:
        """Let ``batch`` answers out from one ``tick`` to the next."""
        self._batch, self._given = batch, 0
        self._queue: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()

    @property
    def idle(self) -> bool:
        """Whether a tick would change nothing."""
        return not (self._given or self._queue)

    def ask(self, go: Callable[[], None]) -> None:
        """Call ``go`` now, or when its turn comes."""
        with self._lock:
            self._queue.append(go)
        self._give()

    def tick(self) -> None:
        """Let the next ones out; to be called every few hundredths of a second until idle."""
        with self._lock:
            self._given = 0
        self._give()

    def _give(self) -> None:
        while True:
            with self._lock:
                if not self._queue or self._given >= self._batch:
                    return
                self._given += 1
                go = self._queue.popleft()
            go()
