"""How many messages were lost between publisher and subscription. Plain Python."""

from __future__ import annotations

from collections import deque
from typing import Any, Mapping

UNNUMBERED = 2**64 - 1
"""What rmw says where the middleware gives messages no number."""


class LossMeter:
    """
    Counts frames lost on the way by the gaps in the publisher's own numbers.

    Where the middleware gives none (CycloneDDS), by what it reports itself; where it does not even
    that, the loss can't be measured.
    """

    def __init__(self) -> None:
        """Start before the first message; ``reports``: the middleware tells of losses itself."""
        self.lost = 0
        self.seen = 0
        self.reports = False
        self._numbered = False
        self._last: int | None = None
        self._recent: deque[tuple[int, int]] = deque([(0, 0)], maxlen=10)

    def restart(self) -> None:
        """Begin a new series: the publishers have changed."""
        self._last = None

    def take(self, info: Any) -> None:
        """Look at the MessageInfo of a message; a dict until Kilted, and Humble has no number."""
        name = 'publication_sequence_number'
        number = info.get(name) if isinstance(info, Mapping) else getattr(info, name, None)
        self.seen += 1
        self._numbered = number is not None and number != UNNUMBERED
        if number is None or not self._numbered:
            return
        if self._last is not None and number > self._last + 1:
            self.lost += number - self._last - 1
        self._last = number

    def reported(self, count: int) -> None:
        """Take in that the middleware lost messages; the numbers, where there are any, tell it."""
        if not self._numbered:
            self.lost += count

    @property
    def measurable(self) -> bool:
        """Whether ``lost`` means anything."""
        return self._numbered or self.reports or not self.seen

    def recent(self) -> tuple[int, int]:
        """Return lost and sent since ten calls of this ago; to be called regularly."""
        old = self._recent[0]
        self._recent.append((self.lost, self.seen))
        lost = self.lost - old[0]
        return lost, lost + self.seen - old[1]
