"""Look-alikes: is what is claimed the target, its twin or nothing. This project's own measures."""

from __future__ import annotations

from typing import NamedTuple

from lg_tracker_ros.datasets.sequence import Flags
from lg_tracker_ros.evaluation.metrics.overlap import Values
import numpy as np

ON = 0.3
"""The claimed box is on the twin from this IoU on, exclusive."""


class Twins(NamedTuple):
    """
    Shares of frames in [0, 1]; None where there is no such frame.

    ``claimed_on_twin``: of the frames in which the target is absent and a twin is labelled, those
    whose claimed box is on the twin. ``claimed_on_nothing``: of all absent frames, those with a
    claimed box that is on no twin. ``wrong_twin``: of the frames with both, those whose claimed
    box is on the twin.
    """

    claimed_on_twin: float | None
    claimed_on_nothing: float | None
    wrong_twin: float | None


def twins(iou: Values, claimed: Flags, absent: Flags, on_other: Values) -> Twins:
    """
    Compute the shares over N frames.

    ``iou`` with the truth and ``on_other`` with the twin are 0 where no box is claimed and nan
    where there is no label.
    """
    there, on = np.isfinite(on_other), np.nan_to_num(on_other) > ON

    def share(hit: Flags, of: Flags) -> float | None:
        return float(hit[of].mean()) if of.any() else None
    return Twins(share(on, absent & there), share(claimed & ~on, absent),
                 share(on, np.isfinite(iou) & there))
