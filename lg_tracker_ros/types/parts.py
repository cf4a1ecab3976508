"""What the parts of a tracker promise each other: a local tracker, a re-detector."""

from __future__ import annotations

from typing import Protocol, runtime_checkable, Sequence

from lg_tracker_ros.types.images import Box, Frame
from lg_tracker_ros.types.results import Others, Proposals, Region, TrackerOutput


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

    def meet(self, frame: Frame, target: Box, places: Sequence[Region]) -> None:
        """
        Look at places where rivals may be; the target is at ``target``.

        It is called when the whole image was searched, with nothing yet, and in the next accepted
        frames, few places at a time.
        """

    def glimpse(self, frame: Frame) -> None:
        """Take note, instead of ``miss``, of one in which the target is in view all the same."""


@runtime_checkable
class Correctable(Protocol):
    """A tracker that takes an operator's word that it followed something else."""

    def disown(self) -> None:
        """Forget what was learned of what was followed last: it is not the target."""


@runtime_checkable
class Advised(Correctable, Protocol):
    """A tracker that takes an operator's word for what it follows, right or wrong."""

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
