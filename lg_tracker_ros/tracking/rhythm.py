"""How many frames at the usual rate one frame of a slow camera stands for. Plain Python."""

from __future__ import annotations

from collections import deque
import statistics

USUAL = 1e8
"""Nanoseconds from one frame to the next, at the least that frames are counted for: at 10 Hz and
faster a frame is a frame. The rules' constants were chosen on recordings of 10 to 30 Hz."""
MOST = 10
"""Frames that one can stand for: those of a second."""


class Rhythm:
    """
    The rate at which a tracker gets its frames, by their stamps.

    What the search and the recogniser count in frames is meant as time: a doubt of five frames is
    half a second at 10 Hz, but would be five seconds at 1 Hz.
    """

    def __init__(self) -> None:
        """Start before the first frame."""
        self._last: int | None = None
        self._gaps: deque[int] = deque(maxlen=9)

    def span(self, stamp: int) -> int:
        """
        Take a frame's stamp in nanoseconds; return for how many frames it counts, in 1..MOST.

        It follows the median of the last gaps: one frame that comes late changes nothing. Stamps
        that stand still or step back, as those of a clock that was set, are passed over.
        """
        if self._last is not None and stamp > self._last:
            self._gaps.append(stamp - self._last)
        self._last = stamp
        if not self._gaps:
            return 1
        return min(max(round(statistics.median(self._gaps) / USUAL), 1), MOST)
