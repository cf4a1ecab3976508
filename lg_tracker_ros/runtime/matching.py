"""
Results and depth images that belong together, by their stamps. Plain Python.

Nothing here locks: who uses it does. message_filters pairs messages as they come; here one side
is what became of an image, some time later, and a result that finds no depth has to be told of.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

A = TypeVar('A')
B = TypeVar('B')

KEPT_NS = 10**9
"""Nanoseconds, of the stamps, for which either side waits for the other."""
LATEST_NS = 10**10
"""The same for depth images whose results come one after the other, but late."""
KEPT_BYTES = 100 * 2**20
"""What depth images may take; the newest is always kept."""
MOST = 300


class Matcher(Generic[A, B]):
    """
    Finds for each result the depth image nearest to it in time.

    Both take a stamp in ns and return what is settled now, (result, depth image) each, None for a
    result that none was near enough to. Each result is returned once.
    """

    def __init__(self, tolerance: float) -> None:
        """``tolerance``: seconds that the two stamps may differ."""
        self.tolerance = tolerance
        self._results: deque[tuple[int, A]] = deque()
        self._depths: deque[tuple[int, B, int]] = deque()
        self._bytes = 0
        self._last: int | None = None  # stamp of the last result

    def result(self, stamp: int, result: A) -> list[tuple[A, B | None]]:
        """Take a result."""
        self._last = stamp
        self._results.append((stamp, result))
        return self._settle(stamp)

    def depth(self, stamp: int, depth: B, size: int) -> list[tuple[A, B | None]]:
        """Take a depth image of ``size`` bytes."""
        if self._depths and stamp < self._depths[-1][0] - KEPT_NS:
            self._depths.clear()  # a bag begins again, or a clock was set
            self._bytes = 0
        self._depths.append((stamp, depth, size))
        self._bytes += size
        kept = KEPT_NS
        if self._last is not None and 0 < stamp - self._last <= LATEST_NS:
            kept += stamp - self._last  # a slow tracker: its next result is of an image since
        while len(self._depths) > 1 and (
                abs(stamp - self._depths[0][0]) > kept or self._bytes > KEPT_BYTES
                or len(self._depths) > MOST):
            self._bytes -= self._depths.popleft()[2]
        return self._settle(stamp)

    def _settle(self, now: int) -> list[tuple[A, B | None]]:
        """Return what needs to wait no longer; ``now`` is the newest stamp of either side."""
        settled: list[tuple[A, B | None]] = []
        waiting: deque[tuple[int, A]] = deque()
        newest = max((s for s, _, _ in self._depths), default=None)
        for stamp, result in self._results:
            # of equally near ones the newest: stamps stand still where a simulated clock does
            best = min(reversed(self._depths), key=lambda d: abs(d[0] - stamp), default=None)
            off = abs(best[0] - stamp) if best is not None else KEPT_NS
            late = newest is not None and newest >= stamp
            if best is not None and off <= self.tolerance * 1e9 and (late or not off):
                settled.append((result, best[1]))
            elif late or abs(now - stamp) > KEPT_NS:
                settled.append((result, None))
            else:
                waiting.append((stamp, result))
        while len(waiting) > MOST:  # stamps that stand still
            settled.append((waiting.popleft()[1], None))
        self._results = waiting
        return settled
