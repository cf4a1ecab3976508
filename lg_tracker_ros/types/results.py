"""What is searched, what was found there, and what is reported of a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
import enum
from typing import Callable, Mapping, Sequence

from lg_tracker_ros.types.images import Box, Mask
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class TrackerOutput:
    """
    What a local tracker says about one search region.

    ``confidence`` is in [0, 1] and means the same for every tracker: about the probability that
    the box overlaps the target with IoU > 0.5. ``score`` is the tracker's own number in [0, 1],
    ``cues`` are the numbers that the confidence was made of, by name (recognition/cues.py).
    ``mask`` is there where a tracker has one that fits its box. ``again`` says that the target was
    out of view, or elsewhere, since somebody last told which it is: so it may be another.
    """

    box: Box
    confidence: float
    score: float
    cues: Mapping[str, float] = field(default_factory=dict, hash=False)
    mask: Mask | None = None
    again: bool = False


class Kind(enum.Enum):
    """Why a region is searched."""

    LOCAL = 'local'
    """The target is followed there."""
    TRIAL = 'trial'
    """The frame before found it there, elsewhere than expected; this frame must confirm it."""
    PROPOSAL = 'proposal'
    """The global search says that it may be there."""


@dataclass(frozen=True)
class Region:
    """A box to search around (its centre and its size count), and why."""

    box: Box
    kind: Kind = Kind.LOCAL


class Mode(enum.Enum):
    """The search mode of a frame; the values are those of TrackerStatus.msg."""

    IDLE = 0
    LOCAL = 1
    GLOBAL = 2


class Sight(enum.Enum):
    """What is known of the target in a frame; the values are those of TrackerStatus.msg."""

    UNSEEN = 0
    SEEN = 1
    UNSURE = 2
    """A box fits, but is too unlike, or a rival is as like: nothing to act on."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """
    Where the target may be in a frame, best first, and the map that says so.

    ``attention`` is float32 in [0, 1] at the network's own resolution and covers the whole
    image; None for a re-detector that has no map. ``scores`` are one in [0, 1] for each box, of a
    re-detector that has them.
    """

    boxes: Sequence[Box]
    attention: npt.NDArray[np.float32] | None = None
    scores: Sequence[float] | None = None


@dataclass(frozen=True)
class Track:
    """
    The result for one processed frame of one camera.

    ``box`` is None when the target is not visible in this frame. ``place`` is where the tracker
    believes it to be all the same and looks next, None in a camera that it isn't sought in.
    ``proposals`` are those of a global search, None in other frames.
    ``unsure`` is a box that may show the target where none is claimed: it fits, but not well
    enough, or a rival is as like. ``found`` is all that the local tracker found in this frame,
    wherever it was sent. ``judged`` is the confidence that the search decided by, where it isn't
    ``confidence``, which says less of what was found again. ``ms`` holds the time of each stage
    in milliseconds: ``local``, ``redetect`` (what a search of the whole image takes longer than
    the local one, if both run at the same time), and ``learn`` for a tracker that learns online.
    """

    camera: str
    stamp: int
    mode: Mode
    box: Box | None
    confidence: float
    failures: int
    ms: Mapping[str, float] = field(default_factory=dict)
    place: Box | None = None
    proposals: Proposals | None = None
    unsure: Box | None = None
    found: Sequence[TrackerOutput] = ()
    judged: float | None = None

    @property
    def visible(self) -> bool:
        """Whether the target is seen in this frame."""
        return self.box is not None

    @property
    def sight(self) -> Sight:
        """Whether the target is seen in this frame, or may be."""
        if self.box is not None:
            return Sight.SEEN
        return Sight.UNSEEN if self.unsure is None else Sight.UNSURE


@dataclass(frozen=True)
class Claim:
    """Where another target is seen for sure, in pixels of a camera's image."""

    camera: str
    box: Box
    confidence: float


Others = Callable[[], Sequence[Claim]]
"""Where other targets are seen. Asking may wait until those before this one are done with a
moment: so it is asked once a box is to be judged, not before the networks have run."""
