"""How far a run came, and the moments that it goes through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Iterator, Sequence

from lg_tracker_ros.media.video import Source, Undecodable
from lg_tracker_ros.media.writer import STILL_S
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.tracker import choose
from lg_tracker_ros.types import Frame, Track

APART_S = 1.0
"""Seconds by which frames taken together may differ in age: more is no camera's jitter."""


@dataclass
class Progress:
    """
    Frames so far, and those in which each target (by its place, from 0) was visible.

    ``followed`` says whether there was a target at all.
    """

    frames: int = 0
    seen: Counter[int] = field(default_factory=Counter)
    followed: bool = False

    def __str__(self) -> str:
        """Say in how many frames each target was visible."""
        return ', '.join(str(self.seen[place]) for place in sorted(self.seen)) or '0'


class Stream:
    """A source's frames, None for one that can't be decoded, and how many these were."""

    def __init__(self, source: Source) -> None:
        """Begin."""
        self._name, self._frames = source.name, iter(source)
        self._read = self._lost = 0
        self._first = ''

    def __iter__(self) -> Iterator[Frame | None]:
        """Give them; raises ValueError at the end, as ``check`` does, and where a reader does."""
        while True:
            try:
                frame = next(self._frames)
            except StopIteration:
                return self.check()
            except Undecodable as e:
                frame = None
                self._lost += 1
                self._first = self._first or f'frame {e.number}: {e.reason}'
            except ValueError as e:
                if not self._lost:
                    raise
                raise ValueError(f"{e}; {self._lost} of the images before that can't be "
                                 'decoded') from e
            self._read += 1
            yield frame

    def check(self) -> None:
        """Raise ValueError where images could not be decoded so far: how many, and the first."""
        if self._lost:
            raise ValueError(f"{self._name}: {self._lost} of {self._read} images can't be "
                             f'decoded; the first is {self._first}')


class End:
    """Stands for a frame of a source that has no more."""


END = End()


class Clocks:
    """The time since the first frame of each source that has stamps of its own."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Begin."""
        self._sources = sources
        self._seconds = {i: 0.0 for i, source in enumerate(sources) if source.timed}
        self._before: dict[int, int] = {}

    def check(self, number: int, frames: Sequence[Frame | None]) -> None:
        """Raise ValueError where the frames of this moment are more than APART_S apart."""
        for i in self._seconds:
            frame = frames[i]
            if frame is None:
                continue
            gap = (frame.stamp - self._before.get(i, frame.stamp)) / 1e9
            # other steps are of a clock that was set
            self._seconds[i] += gap if 0 < gap <= STILL_S else 0.0
            self._before[i] = frame.stamp
        if None in frames or len(self._seconds) < 2:
            return
        slow, fast = (pick(self._seconds, key=self._seconds.__getitem__) for pick in (min, max))
        apart = self._seconds[fast] - self._seconds[slow]
        if apart > APART_S:
            raise ValueError(
                f'{self._sources[fast].name} is {apart:.1f} s ahead of '
                f'{self._sources[slow].name} at frame {number}: sources must show '
                'the same moments; give them one rate (ffmpeg -i IN -r 30 OUT)')


def moments(sources: Sequence[Source]) -> Iterator[tuple[int, Sequence[Frame | None]]]:
    """
    Go through several synchronous sources together, until the shortest ends.

    Gives the number of each moment that has an image, and the sources' frames in their order,
    None for one that can't be decoded. Raises ValueError at the end of a source that is not whole,
    and where they no longer show the same moments, by their stamps.
    """
    clocks = Clocks(sources)
    streams = [Stream(source) for source in sources]
    going = [iter(stream) for stream in streams]
    for number in count(sources[0].start):
        # all are asked: one that is as long as the shortest tells what it lacks
        frames = [next(frames_left, END) for frames_left in going]
        here = [frame for frame in frames if not isinstance(frame, End)]
        if len(here) < len(frames):
            break
        clocks.check(number, here)
        if any(frame is not None for frame in here):
            yield number, here
    for stream in streams:
        stream.check()
    if here:
        short, long = (next(s.name for s, frame in zip(sources, frames)
                            if isinstance(frame, End) is ended) for ended in (True, False))
        tell_once(f'{short} ends before frame {number}, and {long} goes on: what is left of it '
                  'was not looked at')


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
        return choose(tracks)
    return Track(frames[0].camera, frames[0].stamp, last.mode, None, 0.0, last.failures)
