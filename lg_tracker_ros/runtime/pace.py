"""
How often something comes, and for how long it has not. Plain Python.

Seconds are those of a steady clock (``time.perf_counter``), so that a simulated clock that stands
still, or steps, hides no silence.
"""

from __future__ import annotations

from collections import deque
import statistics

LATE = 2.5
"""How many of its own periods a slow camera may be late before it counts as silent."""
PASSED_OVER = 0.2
"""Share of a camera's frames that the tracker may pass over and still keep up."""


class Pace:
    """The rhythm of one camera."""

    def __init__(self) -> None:
        """Start before the first image."""
        self.last: float | None = None
        self._gaps: deque[float] = deque(maxlen=9)

    def tick(self, now: float) -> None:
        """Take note of an image."""
        if self.last is not None:
            self._gaps.append(now - self.last)
        self.last = now

    @property
    def period(self) -> float:
        """Seconds from one image to the next, the median of the last ten; 0 before the second."""
        return statistics.median(self._gaps) if self._gaps else 0.0

    def silent(self, now: float, timeout: float) -> float:
        """
        Return for how many seconds no image has come, 0 while that is no silence.

        Silence begins after ``timeout`` seconds, for a slow camera after LATE periods, and never
        before the first image.
        """
        age = 0.0 if self.last is None else now - self.last
        return age if age > max(timeout, LATE * self.period) else 0.0


class Standstill:
    """For how long a value, the time of a clock say, has not changed."""

    def __init__(self) -> None:
        """Start without a value."""
        self._value: object = None
        self._since = 0.0

    def seconds(self, value: object, now: float) -> float:
        """Return for how many seconds ``value`` has been the same; to be called regularly."""
        if value != self._value:
            self._value, self._since = value, now
        return now - self._since


class Load:
    """Whether the tracker keeps up with its cameras, over the last few calls."""

    def __init__(self) -> None:
        """Start with nothing received."""
        self._before: deque[tuple[float, int, int]] = deque(maxlen=6)

    def rates(self, now: float, received: int, passed_over: int) -> tuple[float, float] | None:
        """
        Return frames a second that come and that are used; None while the tracker keeps up.

        Takes the totals so far; to be called about once a second.
        """
        self._before.append((now, received, passed_over))
        then, came_before, passed_before = self._before[0]
        came, passed = received - came_before, passed_over - passed_before
        if came < 10 or passed <= PASSED_OVER * came:
            return None
        return came / (now - then), (came - passed) / (now - then)
