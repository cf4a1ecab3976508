"""What speaks for a found box being the target; each cue a class with a name and a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol, Sequence

from lg_tracker_ros.recognition.confidence import logit
from lg_tracker_ros.recognition.memory import Memory
from lg_tracker_ros.recognition.paths import RivalPaths
from lg_tracker_ros.types import Frame, Kind, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array
import numpy as np


@dataclass(frozen=True, eq=False)
class Found:
    """
    What a local tracker found in a frame: N ``outputs`` and how their boxes look.

    ``regions`` (N) are where it was sent in ``frame``, and why.
    ``alike`` (N) is the mean cosine, cell by cell, with the first look; ``looks`` (N x D) are
    unit-length descriptions as ``memory.rows`` makes them.
    """

    frame: Frame
    regions: Sequence[Region]
    outputs: Sequence[TrackerOutput]
    alike: Array
    looks: Array


class Cue(Protocol):
    """A number for each box that was found; its weight in the confidence is under its name."""

    name: str

    def __call__(self, found: Found) -> Array:
        """Say it of each: N numbers."""


class ScoreCue:
    """Log odds of the tracker's own score."""

    name = 'score'

    def __call__(self, found: Found) -> Array:
        """Compute N log odds."""
        return np.array([logit(o.score) for o in found.outputs])


class LookCue:
    """Likeness to the first frame, cell by cell."""

    name = 'look'

    def __call__(self, found: Found) -> Array:
        """Return N similarities in [-1, 1]."""
        return found.alike


@dataclass(frozen=True, eq=False)
class ElsewhereCue:
    """
    Not where the target was just now, and rivals are like it: then it is more often one of them.

    ``doubt`` says, in [0, 1], how little it means that a box of this camera was found where the
    target was followed: after a cut or a long absence nothing is left of that.
    """

    doubt: Callable[[str], float]
    memory: Callable[[], Memory]
    name = 'elsewhere'

    def __call__(self, found: Found) -> Array:
        """Return N numbers in [0, 1], 1 for what was found elsewhere, among twins."""
        here = self.doubt(found.frame.camera)
        doubt = [here if r.kind is Kind.LOCAL else 1.0 for r in found.regions]
        crowd = self.memory().crowd if any(doubt) else 0.0
        return np.array([d * crowd for d in doubt], np.float32)


@dataclass(frozen=True, eq=False)
class RivalCue:
    """It continues the path of a rival."""

    paths: Callable[[str], RivalPaths]
    name = 'rival'

    def __call__(self, found: Found) -> Array:
        """Return N numbers, 1 for a rival."""
        paths = self.paths(found.frame.camera)
        return np.array([float(paths.continues(o.box)) for o in found.outputs])


@dataclass(frozen=True, eq=False)
class GalleryCue:
    """Likeness to the looks that were accepted since."""

    memory: Callable[[], Memory]
    name = 'gallery'

    def __call__(self, found: Found) -> Array:
        """Return N mean similarities in [-1, 1]."""
        return self.memory().gallery(found.looks)


@dataclass(frozen=True, eq=False)
class RidgeCue:
    """The target against its rivals."""

    memory: Callable[[], Memory]
    name = 'ridge'

    def __call__(self, found: Found) -> Array:
        """Return N numbers, about +1 for the target and -1 for a rival."""
        return self.memory().ridge(found.looks)


@dataclass(frozen=True, eq=False)
class VetoCue:
    """More like what an operator rejected than like the target."""

    memory: Callable[[], Memory]
    name = 'veto'

    def __call__(self, found: Found) -> Array:
        """Return N differences of similarity, 0 or more."""
        return self.memory().likeness_to_vetoed(found.looks)
