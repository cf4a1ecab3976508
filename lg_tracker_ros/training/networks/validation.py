"""Judge found boxes, and how well their score tells the good from the bad."""

from __future__ import annotations

from typing import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Table = npt.NDArray[np.float64]
Values = npt.NDArray[np.floating]


def overlap(boxes: Tensor, truth: Tensor) -> Tensor:
    """Compute IoU of x, y, w, h, ... x 4 each and broadcast; nan where either holds a nan."""
    low = torch.maximum(boxes[..., :2], truth[..., :2])
    high = torch.minimum(boxes[..., :2] + boxes[..., 2:], truth[..., :2] + truth[..., 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    return inter / (boxes[..., 2:].prod(-1) + truth[..., 2:].prod(-1) - inter)


def judge(results: Iterable[tuple[Tensor, Tensor, Tensor]]) -> tuple[dict[str, float], Table]:
    """
    Judge found boxes, their scores and the true boxes: N x 4, N, N x 4 (nan: absent) a batch.

    Returns a report and (score, IoU) of each sample, N x 2, IoU -1 where absent. ``iou`` and
    ``hit`` (share of IoU > .5) are over the samples with a target; ``auc`` is how well the score
    tells hits from misses and absent targets: the area under the ROC curve.
    """
    rows = [torch.stack([score.float(), torch.nan_to_num(overlap(boxes.float(), truth), nan=-1.0)],
                        dim=1).cpu() for boxes, score, truth in results]
    table = torch.cat(rows).double().numpy()
    score, value = table.T
    present = value >= 0
    return {'iou': float(value[present].mean()), 'hit': float((value[present] > 0.5).mean()),
            'auc': area_under_roc(score[value > 0.5], score[value <= 0.5])}, table


def area_under_roc(good: Values, bad: Values) -> float:
    """Compute the share of pairs in which the good one has the higher score; 0: no pairs."""
    if not len(good) or not len(bad):
        return 0.0
    bad = np.sort(bad)
    below = np.searchsorted(bad, good, 'left') + np.searchsorted(bad, good, 'right')
    return float(below.mean() / 2 / len(bad))
