"""A local tracker finds the box; whether it is the target is asked of the first look too."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import mean_color
from lg_tracker_ros.recognition.confidence import Confidence, logistic, logit
from lg_tracker_ros.recognition.cues import Cue, Found, LookCue, ScoreCue
from lg_tracker_ros.recognition.look import Look
from lg_tracker_ros.types import (
    Advised,
    Box,
    Correctable,
    Frame,
    LocalTracker,
    OnlineTracker,
    Others,
    Region,
    TrackerOutput,
)

SAME = 0.5
"""IoU from which two boxes are taken for one thing."""
CLAIMED = -20.0
"""Log odds of a box that another target claims more surely; not fitted: as of a rival by its path
(recogniser.KNOWN)."""


class CalibratedTracker:
    """
    A LocalTracker around another: the same boxes, with a calibrated confidence.

    The other's ``score`` must be in [0, 1]; what it says of its confidence is not used.
    """

    def __init__(self, tracker: LocalTracker, look: Look, confidence: Confidence) -> None:
        """Wrap ``tracker``; nobody else may use ``look``."""
        self.tracker, self.confidence = tracker, confidence
        self.cues: tuple[Cue, ...] = (ScoreCue(), LookCue())
        self._look = look
        self._fill = (0.0, 0.0, 0.0)
        self._others: tuple[Frame | None, Others] = None, tuple

    def init(self, frame: Frame, box: Box) -> None:
        """Start the tracker on ``box`` and remember how it looks."""
        self.tracker.init(frame, box)
        self._fill = mean_color(frame.image)
        self._look.learn(frame.image, box, self._fill)

    def yield_to(self, frame: Frame, others: Others) -> None:
        """Take what tells of ``others`` in this frame: one thing is not two targets."""
        self._others = frame, others

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Let the tracker search each region; what it finds is compared as one batch."""
        outputs = self.tracker.track(frame, regions) if regions else []
        if not outputs:
            return []
        found = Found(frame, regions, outputs, *self._look.compare(
            frame.image, [o.box for o in outputs], self._fill, [o.mask for o in outputs]))
        values = {cue.name: cue(found) for cue in self.cues}
        each = [{name: float(v[i]) for name, v in values.items()} for i in range(len(outputs))]
        return self._judged(found, [
            replace(o, cues=cues) for o, cues in zip(outputs, each)])

    def disown(self) -> None:
        """Pass on, to a tracker that learns, that what was followed last is not the target."""
        if isinstance(self.tracker, Correctable):
            self.tracker.disown()

    def own(self) -> None:
        """Pass on that it is, to one that learns from that."""
        if isinstance(self.tracker, Advised):
            self.tracker.own()

    def _judged(self, found: Found, outputs: Sequence[TrackerOutput]) -> list[TrackerOutput]:
        """Give outputs, which have their cues, their confidence."""
        return [replace(o, confidence=self._own(found.frame, o.box, self.confidence(o.cues)))
                for o in outputs]

    def _own(self, frame: Frame, box: Box, confidence: float) -> float:
        """Give what is left of a confidence: little, where another target claims the box more."""
        now, others = self._others
        if now is frame and any(o.confidence > confidence and iou(o.box, box) >= SAME
                                for o in others()):
            return logistic(logit(confidence) + CLAIMED)
        return confidence


class OnlineCalibratedTracker(CalibratedTracker):
    """The same around a tracker that learns online."""

    tracker: OnlineTracker

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Pass on what the search policy believes."""
        self.tracker.update(frame, accepted, rejected)

    def miss(self, frame: Frame) -> None:
        """Pass on that it believes nothing."""
        self.tracker.miss(frame)


def calibrated(tracker: LocalTracker, look: Look, confidence: Confidence) -> CalibratedTracker:
    """Wrap ``tracker``; what is returned learns online if and only if ``tracker`` does."""
    kind = OnlineCalibratedTracker if isinstance(tracker, OnlineTracker) else CalibratedTracker
    return kind(tracker, look, confidence)
