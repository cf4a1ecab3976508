"""The default policy: Algorithm 2 of the TANet paper, and rules that each can be left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from lg_tracker_ros.search.candidate import Candidate, Decision, Place, Proposed
from lg_tracker_ros.search.config import SearchConfig
from lg_tracker_ros.search.rules import (
    AbsencePenalty,
    Confirmation,
    FewAtOnce,
    Hold,
    LockOn,
    SizeGuard,
    SizesInTurn,
)
from lg_tracker_ros.types import Box, Kind, Mode, Region

LOST_AFTER = 3
"""Times beta2 frames unseen after which a fruitless global search means that it is lost."""

UNSURE = 0.5
"""Share of ``visible_threshold`` from which a box that isn't believed may be the target."""


@dataclass
class Rules:
    """The additions to Algorithm 2 with their state; None leaves one out."""

    absence: AbsencePenalty | None = None
    lock_on: LockOn | None = None
    confirmation: Confirmation | None = None
    sizes: SizesInTurn | None = None
    size_guard: SizeGuard | None = None
    hold: Hold | None = None
    few_at_once: FewAtOnce | None = None

    @classmethod
    def of(cls, config: SearchConfig, first: Box) -> Rules:
        """Make those that ``config`` names, for a target just seen at ``first``."""
        on = config.rules
        return cls(
            AbsencePenalty() if 'absence' in on else None,
            LockOn() if 'lock_on' in on else None,
            Confirmation() if 'confirmation' in on else None,
            SizesInTurn((first.w, first.h)) if 'sizes' in on else None,
            SizeGuard(first) if 'size_guard' in on else None,
            Hold() if 'hold' in on else None,
            FewAtOnce() if 'few_at_once' in on else None)


class JointPolicy:
    """
    Joint local and global search that says when the target isn't seen.

    Without any rule it is Algorithm 2 but for three things. (1) A result below
    ``visible_threshold`` is not reported. (2) In a global search the local tracker's result
    around the last place competes with the candidates, and the place isn't left for less than
    beta1: a fruitless search doesn't drop a target that is merely hard to see. (3) A target that
    was unseen for LOST_AFTER times beta2 frames and not found by a global search is lost: then
    ``retry_frames`` instead of beta2 pass between searches, and it must reach beta1 to be seen
    again, wherever it is.

    Frames are counted as if they came at 10 Hz where a camera is slower: what is counted is meant
    as time. Only ``confirm_frames`` are looks, at any rate.
    """

    def __init__(self, config: SearchConfig, place: Place, rules: Rules | None = None) -> None:
        """Start with a target just seen at ``place``; ``rules`` go before those of ``config``."""
        self.config = config
        self.place = place
        self.rules = rules or Rules.of(config, place.box)
        self.size = (place.box.w, place.box.h)
        self.failures = 0
        self.unseen = 0
        self.lost = False
        self.trial: Place | None = None
        self._since_search = 0
        self._span = 1
        self._rejected = False
        self._proposed = Proposed()

    @property
    def mode(self) -> Mode:
        """The mode in which to search the next frame: a trial is judged before anything else."""
        if self.config.beta2 == 0:
            return Mode.GLOBAL
        if self.trial is not None:
            return Mode.LOCAL
        return Mode.GLOBAL if self._since_search >= self._wait else Mode.LOCAL

    @property
    def _wait(self) -> int:
        """Failing frames between two global searches."""
        return self.config.retry_frames if self.lost else self.config.beta2

    @property
    def sought(self) -> tuple[float, float]:
        """Width and height in pixels with which the whole image is searched."""
        sizes = self.rules.sizes
        return self.size if sizes is None else sizes.size(self.size, self.lost)

    def regions(self, mode: Mode, camera: str) -> list[Region]:
        """Return the last place, in a global search too, what is on trial and what is proposed."""
        places = ((self.place, Kind.LOCAL), (self.trial, Kind.TRIAL))
        known = [Region(place.box, kind) for place, kind in places
                 if place is not None and place.camera == camera]
        proposed, few = self._proposed.regions(camera), self._few
        if few is None:
            return known + proposed
        held = self.rules.hold is not None and self.rules.hold.shown
        return few.chosen(mode, held or self.unseen == 0, known, proposed)

    @property
    def _few(self) -> FewAtOnce | None:
        """The rule where it counts."""
        # where every frame searches no frame follows, and where frames are rare there is time
        rare = not min(self._wait, self.config.beta2) or self._span > 1
        return None if rare else self.rules.few_at_once

    @property
    def looks_meanwhile(self) -> bool:
        """Whether a frame looks at few places: then those of its own search can wait."""
        return self._few is not None

    def propose(self, camera: str, boxes: Sequence[Box]) -> None:
        """Take what a global search proposes; it goes before what was proposed earlier."""
        self._proposed.boxes[camera] = boxes

    def decide(self, mode: Mode, candidates: Sequence[Candidate], span: int = 1) -> Decision:
        """Believe one of the candidates or none, and update the state."""
        self._span = span
        self._proposed.looked_at(candidates)
        own = next((c for c in candidates if c.kind is Kind.LOCAL), None)
        seen = own is not None and own.confidence >= self._visible_from()
        good = self._good(own, seen, candidates)
        best = max(good, key=lambda c: c.confidence, default=None)
        self._count(mode, span)
        if best is not None and ((best is own and not self.lost) or self._confirmed(best)):
            return self._accept(best, moved=best is not own)
        self.trial = None
        if best is None:
            self._drop_trial()
        elif best is not own:
            self.trial = Place(best.camera, self._guarded(best.output.box, moved=True))
        return self._doubt(mode, own, seen, candidates, span)

    def _visible_from(self) -> float:
        """Confidence from which the target is seen at its place."""
        c, rules = self.config, self.rules
        doubt = float(self.lost)
        if rules.absence is not None and not self.lost:
            doubt = rules.absence.doubt(self.unseen, c.beta2)
        return c.visible_threshold + (c.beta1 - c.visible_threshold) * doubt

    def _good(self, own: Candidate | None, seen: bool,
              candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that are clear enough to be the target."""
        here = elsewhere = self.config.beta1
        lock_on = self.rules.lock_on
        if lock_on is not None and own is not None:
            unseen = 0 if seen else self.unseen
            if not self.lost and lock_on.holds(self.failures, unseen, self.config.beta2):
                return [own] if own.confidence >= here else []
            if seen:
                elsewhere = max(here, lock_on.bar(own.confidence))
        return [c for c in candidates if c.confidence >= (here if c is own else elsewhere)]

    def _count(self, mode: Mode, span: int) -> None:
        searched = mode is Mode.GLOBAL
        self._since_search = 0 if searched else self._since_search + span
        if searched and self.rules.sizes is not None:
            self.rules.sizes.searched()

    def _confirmed(self, best: Candidate) -> bool:
        """Whether a candidate elsewhere, or anything while lost, was seen often enough."""
        rule, c = self.rules.confirmation, self.config
        if rule is None:
            return True
        # what somebody rejected may look as clear as ever
        at_once = not self._rejected and rule.at_once(best.confidence, c.beta1)
        return at_once or rule.confirms(best.place, c.confirm_frames)

    def _drop_trial(self) -> None:
        if self.rules.confirmation is not None:
            self.rules.confirmation.clear()

    def _accept(self, best: Candidate, moved: bool) -> Decision:
        """Believe that it is there: everything that counts failures starts anew."""
        box = self._guarded(best.output.box, moved)
        self.place, self.size = Place(best.camera, box), (box.w, box.h)
        self.assure()
        if self.rules.sizes is not None:
            self.rules.sizes.accepted(box)
        return Decision(box, best.confidence, True, best)

    def _doubt(self, mode: Mode, own: Candidate | None, seen: bool,
               candidates: Sequence[Candidate], span: int) -> Decision:
        """Nothing is reliable; what is seen at the place is still reported."""
        self.failures += span
        self.unseen = 0 if seen else self.unseen + span
        if mode is Mode.GLOBAL and self.unseen >= LOST_AFTER * max(self.config.beta2, 1):
            self.lost = True
        if own is not None:
            box = own.output.box
            if seen:
                box = self._guarded(box, moved=False)
            elif self.rules.size_guard is not None:
                box = self.rules.size_guard.frozen(box, self.size)
            self.place = Place(own.camera, box)
            if self._reported(own, seen):
                return Decision(box, own.confidence, False, own)
        else:
            self._show(False)
        best = max(candidates, key=lambda c: c.confidence, default=None)
        if best is None:
            return Decision(None, 0.0, False, None)
        unsure = best.confidence >= UNSURE * self.config.visible_threshold
        return Decision(None, best.confidence, False, None, best if unsure else None)

    def _reported(self, own: Candidate, seen: bool) -> bool:
        """Whether what is at the target's place is told of, though it isn't reliable."""
        hold = self.rules.hold
        if self.lost:
            self._show(False)
        if hold is None:
            return seen and not self.lost
        return hold.holds(own.confidence, self.config.visible_threshold)

    def _show(self, shown: bool) -> None:
        if self.rules.hold is not None:
            self.rules.hold.shown = shown

    def lose(self) -> None:
        """Take somebody's word that it is not the target, and search the whole image next."""
        self.failures = self.unseen = LOST_AFTER * max(self.config.beta2, 1)
        self._since_search = max(self.failures, self.config.retry_frames)
        self.lost, self.trial, self._rejected = True, None, True
        self._proposed.boxes.clear()
        self._drop_trial()
        self._show(False)

    def assure(self) -> None:
        """Take it for in view, and count failures anew."""
        self.failures = self.unseen = self._since_search = 0
        self.lost, self.trial, self._rejected = False, None, False
        self._proposed.boxes.clear()
        self._drop_trial()
        self._show(True)

    def _guarded(self, box: Box, moved: bool) -> Box:
        c, guard = self.config, self.rules.size_guard
        if guard is None:
            return box
        if moved:
            return guard.elsewhere(box, c.max_size_ratio)
        return guard.followed(box, self.size, c.max_size_step, c.max_size_ratio)
