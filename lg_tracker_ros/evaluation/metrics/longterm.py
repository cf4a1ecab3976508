"""
Long-term tracking: is the target where the tracker says, and absent when it says so.

VOT-LT: Lukežič et al., Performance Evaluation Methodology for Long-Term Single-Object Tracking,
IEEE T. Cybernetics 2021, as vot-toolkit's vot.analysis.longterm; TANet paper, Eq. 7 and 8.
OxUvA: Valmadre et al., Long-term Tracking in the Wild, ECCV 2018.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from lg_tracker_ros.datasets.sequence import Flags
from lg_tracker_ros.evaluation.metrics.overlap import Values
import numpy as np
import numpy.typing as npt

RESOLUTION = 100
"""Confidence thresholds of a sweep, as vot-toolkit has it."""


class Scores(NamedTuple):
    """
    What VOT-LT's measures see of a run, N values each.

    ``iou`` is nan where there is no truth, ``confidence`` nan where no box is claimed, so that
    no threshold brings such a frame in. (vot-toolkit's own runs hold no box in the first frame:
    IoU 0 there. Here it counts as it stands in the file.)
    """

    iou: Values
    confidence: Values
    absent: Flags


class Sweep(NamedTuple):
    """Precision, recall and F over confidence thresholds, which fall from inf."""

    threshold: Values
    p: Values
    r: Values
    f: Values

    @property
    def best(self) -> int:
        """Where F is highest; among equals the highest threshold."""
        return int(np.argmax(self.f))


def f_score(p: npt.ArrayLike, r: npt.ArrayLike) -> Values:
    """Compute F = 2 p r / (p + r) (TANet paper, Eq. 8); 0 where both are 0."""
    a, b = np.asarray(p, np.float64), np.asarray(r, np.float64)
    # 2 a b, in this order: to the last digit as the toolkit
    return np.asarray(2 * a * b / np.where(a + b > 0, a + b, 1))


def sweep_thresholds(confidence: npt.ArrayLike, resolution: int = RESOLUTION) -> Values:
    """
    Choose confidence thresholds as vot-toolkit's determine_thresholds does.

    ``resolution`` of them, falling: inf, -inf and between them confidences at equal distances in
    rank; all confidences where there are fewer. nan is left out.
    """
    scores = np.asarray(confidence, np.float64)
    scores = np.sort(scores[~np.isnan(scores)])[::-1]
    inner = resolution - 2
    if len(scores) > inner:
        step = len(scores) // inner
        scores = scores[np.round(np.linspace(step, len(scores) - step, inner)).astype(int)]
    return np.concatenate([[np.inf], scores, [-np.inf]])


def precision_recall(run: Scores, thresholds: Values) -> tuple[Values, Values]:
    """
    Compute tracking precision and recall at each threshold (TANet paper, Eq. 7; vot-toolkit).

    Precision is the mean IoU of the frames with a confidence at or above the threshold, 0 where
    the target is absent; 1 where there is no such frame. Recall is the sum of the same IoUs over
    the number of frames with the target. Raises ValueError when there are none.
    """
    present = np.count_nonzero(np.isfinite(run.iou))
    if not present:
        raise ValueError('no frame has a true box; at least one must')
    p, r = np.ones(len(thresholds)), np.zeros(len(thresholds))
    iou = np.where(run.absent, 0.0, run.iou)
    labelled = np.isfinite(iou)
    iou, confidence = iou[labelled], run.confidence[labelled]
    for i, threshold in enumerate(thresholds):
        chosen = iou[confidence >= threshold]
        if len(chosen):
            p[i], r[i] = chosen.mean(), chosen.sum() / present
    return p, r


def sweep(runs: Sequence[Scores], resolution: int = RESOLUTION) -> Sweep:
    """
    Compute the precision-recall curve of one tracker over one or more sequences (VOT-LT).

    The order is vot-toolkit's: thresholds common to all sequences, from all their confidences;
    precision and recall averaged over the sequences at each; F of the averages. The last point
    takes every claimed box: the tracker's own decision. Its threshold is the lowest confidence
    where the toolkit writes -inf, which takes the same boxes.
    """
    confidence = np.concatenate([run.confidence for run in runs])
    thresholds = sweep_thresholds(confidence, resolution)
    if len(thresholds) > 2:
        thresholds[-1] = np.nanmin(confidence)
    curves = np.array([precision_recall(run, thresholds) for run in runs])
    p, r = curves.sum(axis=0) / len(runs)
    return Sweep(thresholds, p, r, f_score(p, r))


def true_rates(iou: Values, claimed: Flags, absent: Flags) -> tuple[float | None, float | None]:
    """
    Compute OxUvA's TPR and TNR over frames; None where no frame is present, or absent.

    TPR: share of the frames with the target where the box has an IoU of .5 or more. TNR: share
    of the frames without it where no box is claimed. Several sequences are pooled, end to end,
    without their given first boxes, as OxUvA's toolkit sums them.
    """
    present = np.isfinite(iou)
    return (float(np.mean(iou[present] >= 0.5)) if present.any() else None,
            float(np.mean(~claimed[absent])) if absent.any() else None)


def geometric_mean(tpr: float, tnr: float) -> float:
    """Compute OxUvA's GM = sqrt(TPR TNR)."""
    return float(np.sqrt(tpr * tnr))


def max_geometric_mean(tpr: float, tnr: float) -> float:
    """
    Compute OxUvA's MaxGM: the best GM when claims are dropped at random with probability q.

    TPR falls to (1 - q) TPR and TNR rises to (1 - q) TNR + q, so a tracker that never reports
    absence is not at 0 for that alone. The product is a parabola in q, and its peak lies within
    [0, 1] for a TNR below .5.
    """
    q = (1 - 2 * tnr) / (2 * (1 - tnr)) if tnr < 0.5 else 0.0
    return geometric_mean((1 - q) * tpr, (1 - q) * tnr + q)
