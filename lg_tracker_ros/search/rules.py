"""
What the joint policy adds to Algorithm 2, one rule a class.

Each has its constants as fields with their defaults, and its state. ``JointPolicy`` asks them in
turn and tells them what happened; none knows another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Sequence

from lg_tracker_ros.boxes import iou, limit_size
from lg_tracker_ros.search.candidate import Place
from lg_tracker_ros.types import Box, Mode, Region


@dataclass
class AbsencePenalty:
    """
    The longer a target was unseen, the more clearly it must be seen where it was last.

    What stands there after a while is more often something else. The threshold is
    ``visible_threshold`` until ``begin`` times beta2 unseen frames and rises to beta1 until
    ``end`` times.
    """

    begin: float = 1.0
    end: float = 3.0

    def doubt(self, unseen: int, beta2: int) -> float:
        """How far the threshold has risen after ``unseen`` frames, in [0, 1]."""
        done = (unseen - self.begin * beta2) / ((self.end - self.begin) * max(beta2, 1))
        return min(max(done, 0.0), 1.0)


def likelier(confidence: float, odds: float) -> float:
    """Return the confidence whose probability of being wrong is ``odds`` times smaller."""
    return 1 - (1 - confidence) / odds


@dataclass
class LockOn:
    """
    A look-alike elsewhere is no reason to leave a target that is in view or just was.

    Candidates elsewhere are passed over until the target has been failing for ``hold`` times
    beta2 frames, unless it was unseen for beta2. After that one must be likelier by ``odds``:
    the probability that it is not the target must be that many times smaller than that of what is
    followed, which may be the look-alike itself.
    """

    hold: float = 2.0
    odds: float = 3.0

    def holds(self, failures: int, unseen: int, beta2: int) -> bool:
        """Whether candidates elsewhere are passed over; ``unseen`` counts frames up to now."""
        return failures < self.hold * beta2 and unseen < max(beta2, 1)

    def bar(self, followed: float) -> float:
        """Confidence that a candidate needs beside a visible target of confidence ``followed``."""
        return likelier(followed, self.odds)


@dataclass
class Confirmation:
    """
    A look-alike clears beta1 for a frame, rarely for several: a candidate must do it again.

    It must do so at the same place: in the same camera, with an IoU of at least ``overlap`` with
    the box of the frame before. Something else that clears beta1 is a new candidate. One that is
    likelier by ``odds`` than beta1 asks needs no second look.
    """

    overlap: float = 0.3
    odds: float = 3.0
    count: int = field(default=0, init=False)
    place: Place | None = field(default=None, init=False)

    def at_once(self, confidence: float, beta1: float) -> bool:
        """Whether a candidate is so clear that once is enough."""
        return confidence >= likelier(beta1, self.odds)

    def confirms(self, place: Place, frames: int) -> bool:
        """Take a candidate that cleared beta1; whether that makes ``frames`` in a row."""
        self.count = self.count + 1 if self._same(place) else 1
        self.place = place
        return self.count >= frames

    def _same(self, place: Place) -> bool:
        return (self.place is not None and self.place.camera == place.camera
                and iou(self.place.box, place.box) >= self.overlap)

    def clear(self) -> None:
        """Forget what was on trial."""
        self.count, self.place = 0, None


@dataclass
class Hold:
    """
    A target in view stays in view through a doubt; one that is out of it must be reliable.

    Confidence wavers, and with one threshold for both claims would come and go. What was reported
    in the frame before is reported until its confidence falls below ``share`` of
    ``visible_threshold``; what was not is reported from beta1 on.
    """

    share: float = 0.5
    shown: bool = field(default=True, init=False)

    def holds(self, confidence: float, visible_threshold: float) -> bool:
        """Whether a target at its place, not reliable now, is reported still."""
        self.shown = self.shown and confidence >= self.share * visible_threshold
        return self.shown


@dataclass
class SizesInTurn:
    """
    While the target is lost it is sought in several sizes, for nobody saw what became of it.

    The last reliable size comes first; then, in turn with it, the usual size times each of
    ``scales``. The usual size follows reliable frames by ratios at ``rate`` (about the last
    fifty).
    """

    usual: tuple[float, float]
    scales: tuple[float, ...] = (1.0, 1.6, 1 / 1.6)
    rate: float = 0.02
    searches: int = field(default=0, init=False)

    def size(self, last: tuple[float, float], lost: bool) -> tuple[float, float]:
        """Width and height in pixels for the next global search."""
        turn = self.searches % (1 + len(self.scales)) if lost else 0
        if not turn:
            return last
        w, h = self.usual
        return w * self.scales[turn - 1], h * self.scales[turn - 1]

    def searched(self) -> None:
        """Count a global search."""
        self.searches += 1

    def accepted(self, box: Box) -> None:
        """Follow a reliable size; the next search begins with the last size again."""
        w, h = self.usual
        self.usual = (w * (box.w / w) ** self.rate, h * (box.h / h) ** self.rate)
        self.searches = 0


@dataclass
class SizeGuard:
    """
    Keeps the size from running away.

    Where the target isn't seen the size is frozen; where it is, each side stays within a step of
    the last reliable one and within a ratio of ``first``, the box of the first frame.
    """

    first: Box

    def frozen(self, box: Box, last: tuple[float, float]) -> Box:
        """Give the box the last reliable size, about the same centre."""
        return Box.from_center(box.cx, box.cy, *last)

    def followed(self, box: Box, last: tuple[float, float], step: float, ratio: float) -> Box:
        """Bound a box that continues the last reliable one."""
        return self.elsewhere(limit_size(box, Box(0, 0, *last), step), ratio)

    def elsewhere(self, box: Box, ratio: float) -> Box:
        """Bound a box that was found elsewhere: only the first frame's counts."""
        return limit_size(box, self.first, ratio)


@dataclass
class FewAtOnce:
    """
    What a global search proposes is looked at in the frames after it, few in each.

    The search costs as much as a look at one place or two. With a look at each proposal in the
    same frame it took five times as long as a frame of the local search, and a camera doesn't
    wait. So no frame looks at more than ``places``. A frame that searches looks at ``searching``
    meanwhile: at the last place if the target was just seen there, else at the best that is left
    of the search before. What is left after that is passed over: the first proposals are nearly
    always the right ones.
    """

    places: int = 3
    searching: int = 1

    def chosen(self, mode: Mode, seen: bool, known: Sequence[Region],
               proposed: Sequence[Region]) -> list[Region]:
        """
        Choose where to look: ``known`` places first, then what is ``proposed``, best first.

        ``seen``: whether the target was seen, or held, at its place in the frame before.
        """
        if mode is not Mode.GLOBAL:
            return [*known, *proposed[:max(self.places - len(known), 0)]]
        return [*(known if seen or not proposed else ()), *proposed][:self.searching]
