"""
What the confidence is worth: reliability curve and expected calibration error.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017. A box is right when its IoU is
above .5, which is what the trackers' confidence is the probability of.
"""

from __future__ import annotations

from typing import NamedTuple

from lg_tracker_ros.evaluation.metrics.overlap import Values
import numpy as np
import numpy.typing as npt

BINS = 10
"""Bins of equal width over [0, 1]."""


class Reliability(NamedTuple):
    """
    A reliability curve; each part holds a value a bin.

    ``confidence`` is the mean of the bin, ``accuracy`` the share of right boxes in it (both nan
    where it is empty), ``counts`` its number of boxes.
    """

    confidence: Values
    accuracy: Values
    counts: npt.NDArray[np.int64]


def reliability(confidence: npt.ArrayLike, right: npt.ArrayLike, bins: int = BINS) -> Reliability:
    """
    Compute the reliability curve of N confidences in [0, 1] with N flags of right boxes.

    A bin holds its lower edge and not its upper one; 1 belongs to the last.
    """
    values = np.asarray(confidence, np.float64)
    place = np.clip((values * bins).astype(int), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid='ignore'):
        mean = np.bincount(place, values, bins) / counts
        share = np.bincount(place, np.asarray(right, np.float64), bins) / counts
    return Reliability(mean, share, counts)


def calibration_error(curve: Reliability) -> float | None:
    """
    Compute the ECE: the mean of |accuracy - confidence| over the bins, weighted by their counts.

    In [0, 1], 0 is perfect; None when there are no boxes.
    """
    if not curve.counts.any():
        return None
    gap = np.nan_to_num(np.abs(curve.accuracy - curve.confidence))
    return float(np.average(gap, weights=curve.counts))
