"""
Joint local and global search: Algorithm 2 of the TANet paper as a policy of plain Python.

The policy decides in which mode the next frame is searched, what of a search is believed, and
where to look next. It knows no image, no network and no ROS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from lg_tracker_ros.boxes import limit_size
from lg_tracker_ros.types import Box, Mode, TrackerOutput


@dataclass(frozen=True)
class SearchConfig:
    """
    The search policy's parameters.

    ``beta1``: confidence in [0, 1] at which a result is reliable. ``beta2``: consecutive failing
    frames (below beta1) after which the whole image is searched. ``visible``: confidence from
    which a box is reported while the target is followed; a lost target is believed again only
    from beta1 on. ``retry``: local frames between two global searches while the target stays
    lost (the paper: beta2). ``k``: candidates of a global search. ``max_size_ratio``: how many
    times larger or smaller than in the first frame each side may become. ``max_size_step``: the
    same from one reliable frame to the next.
    """

    beta1: float = 0.8
    beta2: int = 5
    visible: float = 0.5
    retry: int = 1
    k: int = 5
    max_size_ratio: float = 6.0
    max_size_step: float = 1.3

    def __post_init__(self) -> None:
        """Refuse values out of range, all named at once."""
        wrong = [text for good, text in (
            (0 < self.beta1 <= 1, f'beta1 must be in (0, 1], got {self.beta1:g}'),
            (self.beta2 >= 1, f'beta2 must be at least 1, got {self.beta2}'),
            (0 < self.visible <= self.beta1,
             f'visible must be in (0, beta1], got {self.visible:g} with beta1 {self.beta1:g}'),
            (self.retry >= 0, f'retry must be at least 0, got {self.retry}'),
            (1 <= self.k <= 64, f'k must be in 1..64, got {self.k}'),
            (self.max_size_ratio >= 1,
             f'max_size_ratio must be at least 1, got {self.max_size_ratio:g}'),
            (self.max_size_step >= 1,
             f'max_size_step must be at least 1, got {self.max_size_step:g}')) if not good]
        if wrong:
            raise ValueError('; '.join(wrong))


@dataclass(frozen=True)
class Decision:
    """
    What is believed after a search.

    ``box`` is None when the target is not visible. ``reliable`` says that beta1 was cleared.
    ``source`` is the index of the believed output among those given, None when nothing is.
    """

    box: Box | None
    confidence: float
    reliable: bool
    source: int | None


class SearchPolicy:
    """
    The state of the joint search for one target.

    Two readings where the paper is silent. (1) Output 0 of a global search is the local
    tracker's around the last place: it competes with the candidates, and as long as it is
    ``visible`` a fruitless global search doesn't drop a target that is merely hard to see.
    (2) While lost, ``retry`` instead of beta2 frames pass between global searches.
    """

    def __init__(self, config: SearchConfig, first: Box) -> None:
        """Start with a target just seen at ``first``."""
        self.config = config
        self.first = first
        self.place = first
        self.size = (first.w, first.h)
        self.failures = 0
        self.lost = False
        self._since_search = 0

    @property
    def mode(self) -> Mode:
        """The mode in which to search the next frame."""
        wait = self.config.retry if self.lost else self.config.beta2
        return Mode.GLOBAL if self._since_search >= wait else Mode.LOCAL

    def decide(self, mode: Mode, outputs: Sequence[TrackerOutput], has_local: bool = True
               ) -> Decision:
        """
        Believe or don't, and update the state.

        ``outputs``: in LOCAL mode the local tracker's one; in GLOBAL mode the local one first
        (unless ``has_local`` is False) and then a candidate's each. May be empty.
        """
        best = max(range(len(outputs)), key=lambda i: outputs[i].confidence, default=None)
        c = self.config
        if best is not None and outputs[best].confidence >= c.beta1:
            moved = mode is Mode.GLOBAL and not (has_local and best == 0)
            box = self._guard(outputs[best].box, reliable=True, moved=moved)
            self.failures = self._since_search = 0
            self.lost = False
            self.place, self.size = box, (box.w, box.h)
            return Decision(box, outputs[best].confidence, True, best)
        self.failures += 1
        self._since_search = 0 if mode is Mode.GLOBAL else self._since_search + 1
        local = outputs[0] if outputs and has_local else None
        if local is not None and not self.lost and local.confidence >= c.visible:
            self.place = self._guard(local.box, reliable=False, moved=False)
            return Decision(self.place, local.confidence, False, 0)
        if mode is Mode.GLOBAL:
            self.lost = True
        confidence = outputs[best].confidence if best is not None else 0.0
        return Decision(None, confidence, False, None)

    def _guard(self, box: Box, reliable: bool, moved: bool) -> Box:
        """Keep the size from running away: frozen when unsure, bounded when sure."""
        if not reliable:
            return Box.from_center(box.cx, box.cy, *self.size)
        if not moved:
            box = limit_size(box, Box(0, 0, *self.size), self.config.max_size_step)
        return limit_size(box, self.first, self.config.max_size_ratio)
