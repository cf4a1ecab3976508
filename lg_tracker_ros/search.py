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

USUAL_RATE = 0.05
"""How fast the usual confidence follows: about the last twenty reliable frames."""

FADING_RATE = 0.02
"""The same for frames in which the target is only visible: looks may change for good."""

CLARITY = 0.7
"""How much of the usual confidence above beta1 is asked for besides the thresholds."""

SIZE_RATE = 0.02
"""How fast the usual size follows: about the last fifty reliable frames."""

SCALES = (1.0, 1.6, 1 / 1.6)
"""The usual size times these are tried in turn while the target is lost."""

DOUBT = (1, 3)
"""From how many times beta2 frames unseen a target must be seen more clearly, and until when."""

HOLD = 2
"""For how many times beta2 failing frames a visible target keeps candidates elsewhere away."""

ODDS = 3.0
"""How much likelier to be the target than what is visible a candidate elsewhere must be."""


def _toward(usual: float, now: float) -> float:
    """Let a usual length follow, by ratios."""
    return usual * (now / usual) ** SIZE_RATE


@dataclass(frozen=True)
class SearchConfig:
    """
    The search policy's parameters.

    ``beta1``: confidence in [0, 1] at which a result is reliable. ``beta2``: consecutive failing
    frames (below beta1) after which the whole image is searched. ``visible``: confidence from
    which a followed target is reported. ``confirm``: frames in a row in which a candidate must
    clear beta1 (the paper: 1). ``retry``: local frames between two global searches while the
    target stays lost (the paper: beta2). ``k``: candidates of a global search.
    ``max_size_ratio``: how many times larger or smaller than in the first frame each side may
    become. ``max_size_step``: the same from one reliable frame to the next.
    """

    beta1: float = 0.65
    beta2: int = 5
    visible: float = 0.4
    confirm: int = 2
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
            (self.confirm >= 1, f'confirm must be at least 1, got {self.confirm}'),
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
    ``source`` is the index of the believed output among those given, None when nothing is;
    ``trial`` that of a candidate which the next frames must confirm.
    """

    box: Box | None
    confidence: float
    reliable: bool
    source: int | None
    trial: int | None = None


class SearchPolicy:
    """
    The state of the joint search for one target.

    Where the paper is silent: (1) The local tracker's output around the last place competes with
    the candidates, and a fruitless global search doesn't drop a target that is merely hard to
    see. But the longer it was unseen, the clearer it must be to be believed there: ``visible``
    is enough for beta2 frames, beta1 is asked for after three times beta2, when it is lost.
    (2) A look-alike elsewhere is no reason to leave a target that is visible or was within beta2
    frames, unless it has been failing for twice beta2; and then only one that is likelier by far,
    by the odds that the other is not it: what is followed may be the look-alike. (3) A look-alike
    clears beta1 for a frame, rarely for two: a candidate must be confirmed. (4) A target that was
    always seen clearly must be seen clearly: the thresholds rise by most of what its usual
    confidence exceeds beta1, also where it is followed. (5) While lost, ``retry`` instead of
    beta2 frames pass between global searches, which try several sizes in turn.
    """

    def __init__(self, config: SearchConfig, first: Box) -> None:
        """Start with a target just seen at ``first``."""
        self.config = config
        self.first = first
        self.place = first
        self.size = (first.w, first.h)
        self.failures = 0
        self.lost = False
        self.usual = config.beta1
        self.trial: Box | None = None
        self._confirmed = 0
        self._since_search = 0
        self._unseen = 0
        self._usual_size = self.size
        self._searches = 0

    @property
    def mode(self) -> Mode:
        """The mode in which to search the next frame."""
        if self.trial is not None:
            return Mode.LOCAL
        wait = self.config.retry if self.lost else self.config.beta2
        return Mode.GLOBAL if self._since_search >= wait else Mode.LOCAL

    @property
    def clarity(self) -> float:
        """By how much the thresholds rise for a target that is usually seen clearly."""
        return CLARITY * max(self.usual - self.config.beta1, 0.0)

    @property
    def sought(self) -> tuple[float, float]:
        """
        Width and height in pixels with which to search the whole image.

        The last reliable size; while the target stays lost, in turn with the usual one and what
        is larger and smaller, for nobody saw what became of it.
        """
        i = self._searches % (1 + len(SCALES)) if self.lost else 0
        w, h = self._usual_size
        return (w * SCALES[i - 1], h * SCALES[i - 1]) if i else self.size

    @property
    def doubt(self) -> float:
        """How much clearer than before a target must be after so long unseen, in [0, 1]."""
        if self.lost:
            return 1.0
        begin, end = (times * self.config.beta2 for times in DOUBT)
        return min(max((self._unseen - begin) / (end - begin), 0.0), 1.0)

    def decide(self, mode: Mode, local: int | None, outputs: Sequence[TrackerOutput]) -> Decision:
        """
        Believe or don't, and update the state.

        ``outputs`` are those of every place looked at; ``local`` is the index of the one around
        ``place`` (None when its camera gave no image). The others are candidates, or the trial
        when there is one.
        """
        c = self.config
        own = outputs[local] if local is not None else None
        needed = c.visible + (c.beta1 - c.visible) * self.doubt + self.clarity
        seen = own is not None and own.confidence >= needed
        held = (own is not None and not self.lost and self.failures < HOLD * c.beta2
                and (seen or self._unseen < c.beta2))
        # what is seen less clearly than usual is doubted here, too, or a look-alike is followed
        again = here = c.beta1 + self.clarity
        if own is not None and seen:
            again = max(again, 1 - (1 - own.confidence) / ODDS)
        good = [i for i, o in enumerate(outputs)
                if (o.confidence >= here if i == local else o.confidence >= again and not held)]
        best = max(good, key=lambda i: outputs[i].confidence, default=None)
        self._since_search = 0 if mode is Mode.GLOBAL else self._since_search + 1
        self._searches += mode is Mode.GLOBAL
        if best is None:
            self.trial, self._confirmed = None, 0
        elif best == local and not self.lost:
            return self._accept(outputs[best], best, moved=False)
        else:
            self._confirmed += 1
            if self._confirmed >= c.confirm:
                return self._accept(outputs[best], best, moved=best != local)
            self.trial = None if best == local else self._guard(outputs[best].box, True, True)
        self.failures += 1
        self._unseen = 0 if seen else self._unseen + 1
        if mode is Mode.GLOBAL and self.doubt == 1:
            self.lost = True
        if own is not None:
            self.place = self._guard(own.box, seen, moved=False)
        if own is not None and seen and not self.lost:
            self.usual += FADING_RATE * (own.confidence - self.usual)
            return Decision(self.place, own.confidence, False, local, best)
        confidence = max((o.confidence for o in outputs), default=0.0)
        return Decision(None, confidence, False, None, best)

    def _accept(self, output: TrackerOutput, source: int, moved: bool) -> Decision:
        box = self._guard(output.box, True, moved)
        self.place, self.size = box, (box.w, box.h)
        w, h = self._usual_size
        self._usual_size = (_toward(w, box.w), _toward(h, box.h))
        self.failures = self._since_search = self._confirmed = self._unseen = self._searches = 0
        self.lost, self.trial = False, None
        self.usual += USUAL_RATE * (output.confidence - self.usual)
        return Decision(box, output.confidence, True, source)

    def _guard(self, box: Box, sure: bool, moved: bool) -> Box:
        """Keep the size from running away: frozen when unsure, bounded when sure."""
        if not sure:
            return Box.from_center(box.cx, box.cy, *self.size)
        if not moved:
            box = limit_size(box, Box(0, 0, *self.size), self.config.max_size_step)
        return limit_size(box, self.first, self.config.max_size_ratio)
