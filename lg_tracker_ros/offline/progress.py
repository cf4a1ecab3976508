"""How far a run came, and the moments that it goes through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Iterator, Sequence

from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Frame


@dataclass
class Progress:
    """Frames so far, and those in which each target (by its place, from 0) was visible."""

    frames: int = 0
    seen: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Say in how many frames each target was visible."""
        return ', '.join(str(self.seen[place]) for place in sorted(self.seen)) or '0'


def moments(sources: Sequence[Source]) -> Iterator[list[Frame]]:
    """Go through several synchronous sources together, until the shortest ends."""
    yield from (list(frames) for frames in zip(*sources))
