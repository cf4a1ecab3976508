"""
The values that flow through the tracker; every part speaks these and nothing else.

``Frame, Region -> LocalTracker -> TrackerOutput -> SearchPolicy -> Track``; one way, frozen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import enum
import math
import operator
from typing import Callable, Mapping, Protocol, runtime_checkable, Sequence

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

SMALLEST, LARGEST = 0.01, 1e7
"""Pixels: a side below the first is written as 0.00; a box beyond the second is no box."""


@dataclass(frozen=True)
class Box:
    """
    An axis-aligned box in pixels of the image, 0-based, floats.

    ``x, y`` is the top-left corner; the box covers ``[x, x + w) x [y, y + h)`` and may overlap
    the border of the image. Raises ValueError when a number is not finite or beyond LARGEST, or
    a side below SMALLEST: areas and quotients of boxes are then finite, too.
    """

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        """Refuse what is not a box, so that nothing downstream has to ask."""
        values = (self.x, self.y, self.w, self.h)
        for name, value in zip(('x', 'y', 'w', 'h'), values):
            object.__setattr__(self, name, float(value))  # NumPy's numbers round differently
        if not all(math.isfinite(v) for v in values):
            raise ValueError(f'box x,y,w,h must be finite numbers, got {values}')
        if self.w < SMALLEST or self.h < SMALLEST:
            raise ValueError(f'box sides must be positive, at least {SMALLEST} px, '
                             f'got w={self.w:g} h={self.h:g}')
        if max(map(abs, values)) > LARGEST:
            raise ValueError(f'box x,y,w,h must be at most {LARGEST:g} px, got {values}')

    @property
    def cx(self) -> float:
        """Horizontal centre in pixels."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """Vertical centre in pixels."""
        return self.y + self.h / 2

    @classmethod
    def from_center(cls, cx: float, cy: float, w: float, h: float) -> Box:
        """Make a box from its centre and sides."""
        return cls(cx - w / 2, cy - h / 2, w, h)


@dataclass(frozen=True, eq=False)
class Frame:
    """
    One image of one camera.

    ``image`` is uint8, height x width x 3, BGR, kept and not copied: a camera's buffer that is
    filled again must be copied first. ``stamp`` is in nanoseconds; ``camera`` names the
    stream (a ROS topic or a path). ``span`` is the number of frames that it counts for, more than
    one from a slow camera: the tracker sets it. Raises ValueError for another image or stamp.
    """

    image: Image
    stamp: int = 0
    camera: str = ''
    span: int = 1

    def __post_init__(self) -> None:
        """Refuse an image that the trackers can't read."""
        a = self.image
        if not isinstance(a, np.ndarray):  # cv2.imread returns None for what it can't read
            raise ValueError('image must be a NumPy array, uint8 height x width x 3, got '
                             f'{type(a).__name__}')
        if a.dtype != np.uint8 or a.ndim != 3 or a.shape[2] != 3 or 0 in a.shape:
            raise ValueError(f'image must be uint8 height x width x 3, got {a.dtype} {a.shape}')
        try:
            object.__setattr__(self, 'stamp', operator.index(self.stamp))
        except TypeError as e:  # seconds, as time.time() gives them, say
            raise ValueError('stamp must be whole nanoseconds, as time.time_ns() gives them, got '
                             f'{self.stamp!r}') from e

    @property
    def width(self) -> int:
        """Image width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Image height in pixels."""
        return int(self.image.shape[0])


@dataclass(frozen=True, eq=False)
class Mask:
    """Which part of the area ``box`` is the target: float32 h x w in [0, 1], at its own scale."""

    box: Box
    values: npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrackerOutput:
    """
    What a local tracker says about one search region.

    ``confidence`` is in [0, 1] and means the same for every tracker: about the probability that
    the box overlaps the target with IoU > 0.5. ``score`` is the tracker's own number in [0, 1],
    ``cues`` are the numbers that the confidence was made of, by name (recognition/cues.py).
    ``mask`` is there where a tracker has one that fits its box.
    """

    box: Box
    confidence: float
    score: float
    cues: Mapping[str, float] = field(default_factory=dict, hash=False)
    mask: Mask | None = None


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
    wherever it was sent. ``ms`` holds the time of each stage in milliseconds:
    ``local``, ``redetect`` (what a search of the whole image takes longer than the local one, if
    both run at the same time), and ``learn`` for a tracker that learns online.
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


@runtime_checkable
class LocalTracker(Protocol):
    """
    A tracker that looks where it is told: the place is an argument, not state.

    So the same tracker serves the local search and every candidate of the global search.
    """

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Search each region, as one batch; the outputs are in the same order.

        The order of the regions means nothing; at most one is of kind LOCAL.
        """


@runtime_checkable
class OnlineTracker(LocalTracker, Protocol):
    """
    A local tracker that learns while it tracks.

    One of both is called for every moment, however many cameras were searched in it.
    """

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """
        Learn from a frame in which the search policy accepted a result as reliable.

        ``rejected`` is what else was found in the same frame and isn't the target.
        """

    def miss(self, frame: Frame) -> None:
        """Take note of a moment in which nothing was accepted; ``frame`` is one of it."""


@runtime_checkable
class RivalLearner(OnlineTracker, Protocol):
    """A tracker that learns who else is in the picture, while the target is in view."""

    @property
    def wants_rivals(self) -> bool:
        """Whether it is time to search the whole image for rivals, if the frame is accepted."""

    def meet(self, frame: Frame, target: Box, found: Sequence[TrackerOutput]) -> None:
        """
        Take what its last ``track`` found where rivals may be; the target is at ``target``.

        It is called when the whole image was searched, with nothing yet, and in the next accepted
        frames, few places at a time.
        """

    def glimpse(self, frame: Frame) -> None:
        """Take note, instead of ``miss``, of one in which the target is in view all the same."""


@runtime_checkable
class Advised(Protocol):
    """A tracker that takes an operator's word for what it follows."""

    def disown(self) -> None:
        """Forget what was learned of what was followed last: it is not the target."""

    def own(self) -> None:
        """Learn from what was followed last: it is the target."""


@runtime_checkable
class Exclusive(Protocol):
    """A tracker that leaves to other targets what is theirs."""

    def yield_to(self, frame: Frame, others: Others) -> None:
        """Take what tells of ``others``, before ``track`` is called for this very frame."""


@runtime_checkable
class Redetector(Protocol):
    """A global search: says where in the whole image the target may be."""

    history: int
    """How many frames of a camera ``propose`` wants, the newest included."""

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """
        Propose at most ``k`` boxes in the newest frame of a causal clip.

        ``clip`` holds 1..history frames of one camera, oldest first; ``size`` is the width and
        height in pixels that the target last had.
        """
