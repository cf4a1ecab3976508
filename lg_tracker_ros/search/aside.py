"""A search of the whole image that runs in a thread of its own while new frames come."""

from __future__ import annotations

from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
import time
from typing import Callable, Mapping

from lg_tracker_ros.types import Proposals

MOST_AGE_S = 2.0
"""Seconds by the images' stamps after which a place where something was says nothing any more."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was proposed in each camera's image of ``stamp`` or near it, and the time it took."""

    stamp: int
    proposals: Mapping[str, Proposals]
    ms: float


class Aside:
    """
    At most one search at a time, begun and taken by one thread at a time.

    What was dropped is never given out, and nothing new begins before it has ended: a
    re-detector is used by one thread at a time.
    """

    def __init__(self, executor: Executor, failed: Callable[[BaseException], None]) -> None:
        """Run in ``executor``, of one thread; ``failed`` gets what a search raised."""
        self._executor, self._failed = executor, failed
        self._future: Future[Found] | None = None
        self._dropped = False

    @property
    def busy(self) -> bool:
        """Whether a search is under way, though it may have been dropped."""
        return self._future is not None and not self._future.done()

    def begin(self, stamp: int, search: Callable[[], Mapping[str, Proposals]]) -> None:
        """Search in images of about ``stamp`` (ns), unless a search is under way."""
        if self.busy:
            return

        def run() -> Found:
            start = time.perf_counter()
            proposals = search()
            return Found(stamp, proposals, 1e3 * (time.perf_counter() - start))
        self._dropped = False
        self._future = self._executor.submit(run)

    def take(self, stamp: int) -> Found | None:
        """
        Return, once, what was found; None where nothing is there that helps at ``stamp`` (ns).

        A search that raised an error found nothing, and that is told. What is older than
        MOST_AGE_S, or of another time (a clock was set back), is dropped.
        """
        future = self._future
        if future is None or not future.done():
            return None
        self._future = None
        if self._dropped:
            return None
        error = future.exception()
        if error is not None:
            self._failed(error)
            return Found(stamp, {}, 0.0)
        found = future.result()
        if found.ms > 1e3 * MOST_AGE_S:
            self._failed(ValueError(
                f'took {found.ms / 1e3:.1f} s, and places older than {MOST_AGE_S:g} s are not '
                'looked at; set asynchronous_search to false or take a faster redetector'))
        return found if 0 <= stamp - found.stamp <= MOST_AGE_S * 1e9 else None

    def drop(self) -> None:
        """Let what was begun come to nothing; doesn't wait."""
        self._dropped = True
        if self._future is not None and self._future.cancel():
            self._future = None

    def wait(self) -> None:
        """Drop what was begun, and wait until it has ended."""
        self.drop()
        if self._future is not None:
            wait([self._future])
            self._future = None


class Asides:
    """The searches for a lost target and for a visible one's rivals, in one thread."""

    def __init__(self, executor: Executor, failed: Callable[[BaseException], None]) -> None:
        """Arguments as those of Aside."""
        self.target, self.rivals = Aside(executor, failed), Aside(executor, failed)

    def drop(self) -> None:
        """Let what was begun come to nothing; doesn't wait."""
        self.target.drop()
        self.rivals.drop()

    def wait(self) -> None:
        """Drop what was begun, and wait until nobody uses the re-detector."""
        self.target.wait()
        self.rivals.wait()
