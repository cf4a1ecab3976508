"""Whether what a local tracker finds is the target, asked of what was learned while tracking."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Sequence

from lg_tracker_ros.boxes import APART, iou
from lg_tracker_ros.crops import covered
from lg_tracker_ros.recognition.calibrated import CalibratedTracker
from lg_tracker_ros.recognition.confidence import Confidence, logistic
from lg_tracker_ros.recognition.cues import (
    ElsewhereCue,
    Found,
    GalleryCue,
    RidgeCue,
    RivalCue,
    VetoCue,
)
from lg_tracker_ros.recognition.look import Look
from lg_tracker_ros.recognition.memory import Memory, MemoryConfig
from lg_tracker_ros.recognition.paths import RivalPaths, within_reach
from lg_tracker_ros.types import (
    Box,
    Frame,
    Kind,
    LocalTracker,
    OnlineTracker,
    Region,
    TrackerOutput,
)
from lg_tracker_ros.vision.cells import Array

LOOKS = {'gallery': 11.8, 'ridge': 2.5, 'elsewhere': -1.7}
"""Weights of what is learned, the same for every tracker, for the looks are the same."""


def learned(first: Confidence) -> Confidence:
    """
    Make of a confidence that asks the first look one that asks what was learned.

    The weights are for ``pixelwise``: in the ratios of logistic fits to closed loops on the
    development sequences, which give the score next to nothing: what is found apart from the
    target is found for being like it, so all of it scores well. For the others they are carried
    over, not fitted: a score counts for less than half of what it does beside the first look, and
    a usual one (log odds 1.5) as much as that of ``pixelwise``.
    """
    score = 0.46 * first.weights.get('score', 0.0)
    return Confidence({'score': score, **LOOKS}, -5.5 - 1.5 * score)


COVER = 1.1
"""Sides of what covers the target while its rivals are looked for, by its own: as far as a drawn
box may be too small."""
KNOWN = Confidence({'rival': -4.0, 'veto': -20.0}, 0.0)
"""What counts from the first frame on: who is a rival by its path, what somebody rejected."""


@dataclass(frozen=True)
class Schedule:
    """
    When the recogniser learns, in frames; those of a camera slower than 10 Hz count for more.

    ``delay``: reliable frames that must follow before a look is learned: the last before a loss,
    half hidden or half out of the picture, never are. ``settle``: frames after a jump in which
    nothing is learned. ``loss``: failing frames after which a return counts as a jump.
    ``nearby``: failing frames in which the target can't have got far. ``look_around``: reliable
    frames between two searches for rivals. ``trust``: accepted frames until what was learned
    counts in full.
    """

    delay: int = 5
    settle: int = 40
    loss: int = 5
    look_around: int = 30
    trust: int = 40
    nearby: int = 10


class OnlineRecogniser(CalibratedTracker):
    """
    A CalibratedTracker that learns the target's looks, and its rivals', from accepted frames.

    Nothing is learned while the target is lost, before a return has proven itself, or of the
    frames just before a loss. What was learned since a jump that turned out wrong is undone.
    """

    def __init__(self, tracker: LocalTracker, look: Look, confidence: Confidence,
                 online: Confidence | None = None, config: MemoryConfig | None = None,
                 schedule: Schedule | None = None) -> None:
        """
        Wrap ``tracker``; nobody else may use ``look``.

        ``confidence`` asks the first look; the more was learned the more counts what ``online``
        says instead (None: ``learned``).
        """
        super().__init__(tracker, look, confidence)
        self.online = online or learned(confidence)
        self.config, self.schedule = config or MemoryConfig(), schedule or Schedule()

        def memory() -> Memory:
            return self.memory
        self.cues += (ElsewhereCue(self._doubt, memory), RivalCue(self._path), GalleryCue(memory),
                      RidgeCue(memory), VetoCue(memory))
        self._begin('', Box(0, 0, 1, 1))

    def init(self, frame: Frame, box: Box) -> None:
        """Start the tracker on ``box``; all that was learned before is forgotten."""
        super().init(frame, box)
        self._begin(frame.camera, box)

    def _begin(self, camera: str, box: Box) -> None:
        """Start anew with the first look alone."""
        self.memory = Memory(self._look.first, self.config)
        self._before_jump: Memory | None = None
        self._seen: dict[str, list[tuple[TrackerOutput, Array]]] = {}
        self._latest = camera, box, self._look.first
        self._pending: deque[Array] = deque()
        self._paths: dict[str, RivalPaths] = {}
        self._now: dict[str, Frame] = {}
        self._cut = self._again = False
        self._last = camera, box
        self._misses = self._unseen = self._settling = 0
        self._until_look_around = 0

    @property
    def trust(self) -> float:
        """How much what was learned counts, in [0, 1]."""
        return min(self.memory.accepted / self.schedule.trust, 1.0)

    def _path(self, camera: str) -> RivalPaths:
        return self._paths.setdefault(camera, RivalPaths())

    def _away(self, camera: str) -> bool:
        """Whether what is found in ``camera`` now is found after a cut or an absence."""
        return (self._cut or camera != self._last[0]
                or self._unseen >= self.schedule.loss)

    def _doubt(self, camera: str) -> float:
        """How little it means, in [0, 1], to be where the target was followed in ``camera``."""
        if camera != self._last[0] or self._unseen > self.schedule.nearby:
            return 1.0
        return self._settling / max(self.schedule.settle, 1)

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Let the tracker search each region; what it finds is compared as one batch."""
        if self._now.get(frame.camera) is not frame:
            self._now[frame.camera] = frame
            cut = self._path(frame.camera).advance(frame)
            self._cut |= cut and frame.camera == self._last[0]
        outputs = super().track(frame, regions)
        self._path(frame.camera).see([o.box for o in outputs])
        return outputs

    def _judged(self, found: Found, outputs: Sequence[TrackerOutput]) -> list[TrackerOutput]:
        """
        Ask what was learned instead of the first look, the more the more there is of it.

        What is where the target was followed just now is asked so only as far as somebody is like
        the target: else nothing but the target can be there, and the first look forgives a turn.
        """
        here = 1.0 if self._cut else self._doubt(found.frame.camera)
        judged = []
        for output, region in zip(outputs, found.regions):
            doubt = here if region.kind is Kind.LOCAL else 1.0
            weight = self.trust * max(doubt, self.memory.confusable)
            judged.append(replace(output, confidence=self._own(found.frame, output.box, logistic(
                (1 - weight) * self.confidence.log_odds(output.cues)
                + weight * self.online.log_odds(output.cues) + KNOWN.log_odds(output.cues))),
                again=self._again or self._away(found.frame.camera)
                or region.kind is not Kind.LOCAL))
        self._seen[found.frame.camera] = list(zip(judged, found.looks))
        for output, look, region in zip(judged, found.looks, found.regions):
            if region.kind is Kind.LOCAL:
                self._latest = found.frame.camera, output.box, look
        return judged

    def _looks(self, frame: Frame, outputs: Sequence[TrackerOutput]) -> list[Array]:
        """Return the looks of outputs of the last call of ``track`` for this camera."""
        seen = self._seen.get(frame.camera, [])
        return [look for o in outputs for known, look in seen if known is o]

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Learn from what the search policy believes."""
        if isinstance(self.tracker, OnlineTracker):
            self.tracker.update(frame, accepted, rejected)
        camera, box = self._last
        lost = self._misses >= self.schedule.loss
        jumped = camera != frame.camera or not within_reach(box, accepted.box, frame.span)
        self._again |= jumped or self._away(frame.camera)
        self._last, self._cut = (frame.camera, accepted.box), False
        self._misses = self._unseen = 0
        self._path(frame.camera).cross(accepted.box)
        look = next(iter(self._looks(frame, [accepted])), None)
        if look is not None:
            self._latest = frame.camera, accepted.box, look
        if jumped and not lost and self._before_jump is not None:
            self.memory = self._before_jump  # it was wrong to go where it comes from now
        if jumped or lost:
            self._before_jump = self.memory.copy()
            self._settling = self.schedule.settle
            self._pending.clear()
        if self._settling:
            self._settling = max(self._settling - frame.span, 0)
            return
        if look is not None:
            self._pending.append(look)
        if (len(self._pending) - 1) * frame.span >= self.schedule.delay:
            self.memory.accept(self._pending.popleft(), frame.span)
        self._until_look_around -= frame.span
        self._reject(frame, accepted.box, rejected)

    def miss(self, frame: Frame) -> None:
        """Take note of a frame in which nothing was believed; those before it are doubtful."""
        self._unseen += frame.span
        self._fail(frame)

    def glimpse(self, frame: Frame) -> None:
        """Take note of one in which the target, followed and not believed, is in view."""
        self._unseen, self._settling = 0, max(self._settling - frame.span, 0)
        self._fail(frame)

    def _fail(self, frame: Frame) -> None:
        if isinstance(self.tracker, OnlineTracker):
            self.tracker.miss(frame)
        self._pending.clear()
        self._misses += frame.span
        camera, box = self._last
        if camera == frame.camera and not self._cut and self._misses <= self.schedule.nearby:
            for output, _ in self._seen.get(camera, []):
                if not within_reach(box, output.box, self._misses):
                    self._path(camera).begin(output.box)

    def disown(self) -> None:
        """Forget what was learned of what was followed last: it is not the target."""
        camera, box, look = self._latest
        if self._before_jump is not None:
            self.memory = self._before_jump.copy()
        self.memory.veto(look)
        self._path(camera).begin(box)
        self._pending.clear()
        self._misses = self._unseen = self.schedule.loss  # a return counts as a jump
        super().disown()

    def own(self) -> None:
        """Learn the look of what was followed last at once: it is the target."""
        camera, box, look = self._latest
        self.memory.vow(look)
        self._path(camera).cross(box)
        self._last, self._before_jump, self._again = (camera, box), None, False
        self._misses = self._unseen = self._settling = 0
        super().own()

    @property
    def wants_rivals(self) -> bool:
        """Whether it is time to look for the target's rivals, while the target is in view."""
        return self._until_look_around <= 0 and not self._settling and not self._misses

    def meet(self, frame: Frame, target: Box, places: Sequence[Region]) -> None:
        """
        Learn the looks of what is found at ``places`` apart from the target.

        In the first frame, the only one of which the target's box is known, it is covered: else
        where a search reaches it, that is all that is found, and who stands beside it would be
        met by chance.
        """
        first = not self._now
        if places:
            self._reject(frame, target, self._besides(frame, target, places) if first
                         else self.track(frame, places))
        self._until_look_around = self.schedule.look_around

    def _besides(self, frame: Frame, target: Box, places: Sequence[Region]) -> list[TrackerOutput]:
        """Let the tracker search without the target; looks are those of the image as it is."""
        cover = Box.from_center(target.cx, target.cy, COVER * target.w, COVER * target.h)
        outputs = self.tracker.track(
            replace(frame, image=covered(frame.image, cover, self._fill)), places)
        looks = self._look.compare(frame.image, [o.box for o in outputs], self._fill,
                                   [o.mask for o in outputs])[1]
        self._seen[frame.camera] = list(zip(outputs, looks))
        self._path(frame.camera).see([o.box for o in outputs])
        return outputs

    def _reject(self, frame: Frame, target: Box, found: Sequence[TrackerOutput]) -> None:
        apart = [o for o in found if iou(o.box, target) < APART]
        self.memory.reject(self._looks(frame, apart))
        for output in apart:
            self._path(frame.camera).begin(output.box)
