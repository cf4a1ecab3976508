"""Attention maps against masks of the target: IoU at a threshold, and ROC AUC."""

from __future__ import annotations

from lg_tracker_ros.datasets.sequence import Flags
from lg_tracker_ros.evaluation.metrics.overlap import Values
import numpy as np
import numpy.typing as npt


def _shares(cells: int, pixels: int) -> Values:
    """Give the share of each pixel in each cell's mean along one axis: cells x pixels."""
    edges = np.arange(cells + 1)[:, None] * (pixels / cells)
    pixel = np.arange(pixels)
    covered = np.minimum(edges[1:], pixel + 1) - np.maximum(edges[:-1], pixel)
    return np.asarray(np.clip(covered, 0, None) * (cells / pixels))


def target_cells(mask: npt.ArrayLike, shape: tuple[int, int]) -> Flags:
    """
    Bring a mask (H x W, not 0: target) to the cells of a map: h x w flags.

    Both cover the whole image. A cell is target where more than half of its area is; a pixel that
    lies in several cells counts in each by its part.
    """
    target = (np.asarray(mask) != 0).astype(np.float64)
    share = _shares(shape[0], target.shape[0]) @ target @ _shares(shape[1], target.shape[1]).T
    return np.asarray(share > 0.5 + 1e-9)  # half, but for the rounding of the sums, is not more


def map_iou(attention: npt.ArrayLike, mask: npt.ArrayLike, threshold: float) -> float | None:
    """
    Compute the IoU of the cells of a map (h x w in [0, 1]) above ``threshold`` with the mask's.

    The target's cells are those of target_cells. In [0, 1]; None where both are empty.
    """
    chosen = np.asarray(attention) > threshold
    target = target_cells(mask, chosen.shape)
    union = np.count_nonzero(chosen | target)
    return np.count_nonzero(chosen & target) / union if union else None


def map_auc(attention: npt.ArrayLike, mask: npt.ArrayLike) -> float | None:
    """
    Compute the area under the ROC curve of a map's values as a classifier of its cells.

    The probability that a target's cell lies above another's, equal values counting half
    (Mann and Whitney 1947). In [0, 1], .5 by chance; None where all cells are of one kind.
    """
    values = np.asarray(attention, np.float64)
    target = target_cells(mask, values.shape).ravel()
    inside = int(np.count_nonzero(target))
    outside = target.size - inside
    if not inside or not outside:
        return None
    _, place, count = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # 1-based, the mean rank of equals
    total = float(rank[place.ravel()][target].sum())
    return (total - inside * (inside + 1) / 2) / (inside * outside)
