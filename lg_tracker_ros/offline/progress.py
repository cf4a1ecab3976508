"""How far a run came, and the moments that it goes through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Iterator, Sequence

from lg_tracker_ros.media.video import Source
from lg_tracker_ros.tracker import choose
from lg_tracker_ros.types import Frame, Track


@dataclass
class Progress:
    """Frames so far, and those in which each target (by its place, from 0) was visible."""

    frames: int = 0
    seen: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Say in how many frames each target was visible."""
        return ', '.join(str(self.seen[place]) for place in sorted(self.seen)) or '0'


def moments(sources: Sequence[Source]) -> Iterator[tuple[int, Sequence[Frame | None]]]:
    """
    Go through several synchronous sources together, until the shortest ends.

    Gives the number of each moment that has an image, and the sources' frames in their order,
    None for one that can't be decoded. Raises ValueError at the end of a source that is not whole.
    """
    streams = [source.aligned() for source in sources]
    for number, frames in enumerate(zip(*streams), sources[0].start):
        if any(frame is not None for frame in frames):
            yield number, frames
    for source, stream in zip(sources, streams):
        next(stream, None)  # one that is as long as the shortest tells at its end what it lacks
        source.check()


def drawn_on(frames: Sequence[Frame | None], number: int, source: Source) -> Frame:
    """Return the frame on which boxes are drawn; ValueError where it can't be decoded."""
    if number != source.start or frames[0] is None:
        raise ValueError(f"{source.name}: frame {source.start} can't be decoded, and the box is "
                         'for it; begin with a later one, --start')
    return frames[0]


def outcome(tracks: Sequence[Track], last: Track, frames: Sequence[Frame]) -> Track:
    """
    Pick the one result of a moment, after ``last``.

    Where the target's camera gave no image, and no other is searched, nothing is claimed.
    """
    if tracks:
        return choose(tracks, last)
    return Track(frames[0].camera, frames[0].stamp, last.mode, None, 0.0, last.failures)
