"""The values that a search policy takes and gives. It knows no image, no network and no ROS."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol, Sequence

from lg_tracker_ros.search.config import SearchConfig
from lg_tracker_ros.types import Box, Kind, Mode, Region, TrackerOutput


@dataclass(frozen=True)
class Place:
    """A box in pixels of the image of one camera."""

    camera: str
    box: Box


@dataclass(frozen=True)
class Candidate:
    """What the local tracker found in a region of a camera's image, and why it looked there."""

    camera: str
    output: TrackerOutput
    kind: Kind

    @property
    def confidence(self) -> float:
        """About the probability that this is the target, in [0, 1]."""
        return self.output.confidence

    @property
    def place(self) -> Place:
        """Where it was found."""
        return Place(self.camera, self.output.box)


@dataclass(frozen=True)
class Decision:
    """
    What is believed after a search.

    ``box`` is None when the target is not visible. ``reliable`` says that the result was
    accepted. ``chosen`` is the candidate that is believed, None when none is; its own box may be
    larger or smaller than ``box``. ``unsure`` is one that may be the target when none is believed.
    """

    box: Box | None
    confidence: float
    reliable: bool
    chosen: Candidate | None
    unsure: Candidate | None = None


@dataclass
class Proposed:
    """What a global search proposes in each camera's image and nobody has looked at yet."""

    boxes: dict[str, Sequence[Box]] = field(default_factory=dict)

    def regions(self, camera: str) -> list[Region]:
        """Return the places of a camera, best first."""
        return [Region(box, Kind.PROPOSAL) for box in self.boxes.get(camera, ())]

    def looked_at(self, candidates: Sequence[Candidate]) -> None:
        """Drop those that ``candidates`` come from: the first of each camera."""
        done = Counter(c.camera for c in candidates if c.kind is Kind.PROPOSAL)
        self.boxes = {camera: boxes[done[camera]:] for camera, boxes in self.boxes.items()}


class SearchPolicy(Protocol):
    """The state of a search for one target."""

    config: SearchConfig
    """May be replaced between two frames by one of the same policy and rules."""

    @property
    def mode(self) -> Mode:
        """The mode in which to search the next frame, LOCAL or GLOBAL."""

    @property
    def place(self) -> Place:
        """Where the target is believed to be; the local search looks there."""

    @property
    def sought(self) -> tuple[float, float]:
        """Width and height in pixels with which the whole image is searched."""

    @property
    def failures(self) -> int:
        """Frames in a row without a reliable result, as the policy counts them."""

    @property
    def looks_meanwhile(self) -> bool:
        """
        Whether a frame that searches looks elsewhere meanwhile.

        What its own search proposes is told after ``decide`` then, for the frames that follow.
        """

    def regions(self, mode: Mode, camera: str) -> list[Region]:
        """
        Return where to look in a camera's next image: places, and what ``propose`` was told.

        At most one region of all cameras is LOCAL and at most one is a TRIAL.
        """

    def propose(self, camera: str, boxes: Sequence[Box]) -> None:
        """Take what a global search of a camera's image proposes, best first."""

    def decide(self, mode: Mode, candidates: Sequence[Candidate], span: int = 1) -> Decision:
        """
        Believe one of the candidates or none, and update the state.

        Of equally good ones the first is taken. ``span``: the frames that this one counts for.
        """

    def lose(self) -> None:
        """Search the whole image next: somebody says that what is followed is not the target."""

    def assure(self) -> None:
        """Count failures anew: somebody says that what is followed is the target."""
