"""From a tracker's score and the look to a calibrated confidence."""

from __future__ import annotations

from dataclasses import dataclass
import math


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
