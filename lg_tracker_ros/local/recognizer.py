"""A local tracker finds the box; whether it is the target is asked of the first look too."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Sequence

from lg_tracker_ros.crops import mean_color
from lg_tracker_ros.local.look import Look
from lg_tracker_ros.types import Box, Frame, LocalTracker, OnlineTracker, Region, TrackerOutput


def logit(score: float) -> float:
    """Log odds of a score in [0, 1], which is kept a millionth away from both ends."""
    s = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(s / (1 - s))


@dataclass(frozen=True)
class Confidence:
    """
    From a tracker's score and the look to P(IoU > .5), so that beta1 means the same for all.

    The logistic of ``score`` * logit of the score + ``look`` * similarity + ``offset``: Platt
    scaling (1999) with the similarity besides. ``train calibrate`` fits the three.
    """

    score: float
    look: float
    offset: float

    def __call__(self, score: float, similarity: float) -> float:
        """Compute the confidence of a score in [0, 1] and a similarity in [-1, 1]."""
        value = self.score * logit(score) + self.look * similarity + self.offset
        return 1 / (1 + math.exp(-min(max(value, -50.0), 50.0)))


class Recognizer:
    """
    A LocalTracker around another: the same boxes, with a calibrated confidence.

    The other's ``score`` must be in [0, 1]; what it says of its confidence is not used.
    """

    def __init__(self, tracker: LocalTracker, look: Look, confidence: Confidence) -> None:
        """Wrap ``tracker``; nobody else may use ``look``."""
        self.tracker, self.confidence = tracker, confidence
        self._look = look
        self._fill = (0.0, 0.0, 0.0)

    def init(self, frame: Frame, box: Box) -> None:
        """Start the tracker on ``box`` and remember how it looks."""
        self.tracker.init(frame, box)
        self._fill = mean_color(frame.image)
        self._look.learn(frame.image, box, self._fill)

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Let the tracker search each region; what it finds is compared as one batch."""
        found = self.tracker.track(frame, regions) if regions else []
        if not found:
            return []
        alike = self._look.similarity(frame.image, [o.box for o in found], self._fill)
        return [TrackerOutput(o.box, self.confidence(o.score, float(a)), o.score, float(a))
                for o, a in zip(found, alike)]


class OnlineRecognizer(Recognizer):
    """The same around a tracker that learns online."""

    tracker: OnlineTracker

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Pass on what the search policy believes."""
        self.tracker.update(frame, accepted, rejected)

    def miss(self, frame: Frame) -> None:
        """Pass on that it believes nothing."""
        self.tracker.miss(frame)


def recognizing(tracker: LocalTracker, look: Look, confidence: Confidence) -> Recognizer:
    """Wrap ``tracker``; what is returned learns online if and only if ``tracker`` does."""
    kind = OnlineRecognizer if isinstance(tracker, OnlineTracker) else Recognizer
    return kind(tracker, look, confidence)
