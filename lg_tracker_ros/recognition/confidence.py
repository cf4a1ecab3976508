"""From named cues to a calibrated confidence."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Mapping


def logit(score: float) -> float:
    """Log odds of a score in [0, 1], which is kept a millionth away from both ends."""
    s = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(s / (1 - s))


def logistic(value: float) -> float:
    """Probability of log odds, which are kept within 50 of 0."""
    return 1 / (1 + math.exp(-min(max(value, -50.0), 50.0)))


@dataclass(frozen=True)
class Confidence:
    """
    Log odds of P(IoU > .5): a weighted sum of cues, named as in ``cues.py``, and an offset.

    With the log odds of the score alone it is Platt scaling (1999). ``train calibrate`` fits it.
    """

    weights: Mapping[str, float]
    offset: float

    def log_odds(self, cues: Mapping[str, float]) -> float:
        """Compute the log odds; raises KeyError for a cue that is missing."""
        return sum(weight * cues[name] for name, weight in self.weights.items()) + self.offset

    def __call__(self, cues: Mapping[str, float]) -> float:
        """Compute the confidence, in (0, 1)."""
        return logistic(self.log_odds(cues))


def platt(score: float, look: float, offset: float) -> Confidence:
    """Make the confidence of a tracker's score and the first look, which every tracker has."""
    return Confidence({'score': score, 'look': look}, offset)


UNFITTED = platt(0.38, 10.03, -3.3)
"""Fitted to an earlier state of ``pixelwise``: what a tracker has before ``train calibrate``."""
