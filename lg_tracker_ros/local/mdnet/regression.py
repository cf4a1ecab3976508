"""Boxes refined by ridge regression on their features (R-CNN's, Girshick et al. 2014)."""

from __future__ import annotations

from lg_tracker_ros.local.mdnet.samples import as_row, Boxes
from lg_tracker_ros.types import Box
import numpy as np
import torch
from torch import Tensor

STEP, ZOOM = 1.0, 0.5
"""The furthest that a box moves, in its own sides, and changes, as a logarithm."""


def offsets(boxes: Boxes, target: Box) -> Boxes:
    """Compute what is regressed, N x 4: shifts of the centre by the sides, logarithms of sides."""
    goal = as_row(target)
    centers, goal_center = boxes[:, :2] + boxes[:, 2:] / 2, goal[:2] + goal[2:] / 2
    return np.concatenate([(goal_center - centers) / boxes[:, 2:],
                           np.log(goal[2:] / boxes[:, 2:])], 1)


def applied(boxes: Boxes, found: Boxes) -> Boxes:
    """Move and scale N x 4 boxes by their offsets: the inverse of ``offsets``, within bounds."""
    centers = boxes[:, :2] + boxes[:, 2:] * (0.5 + np.clip(found[:, :2], -STEP, STEP))
    sides = boxes[:, 2:] * np.exp(np.clip(found[:, 2:], -ZOOM, ZOOM))
    return np.concatenate([centers - sides / 2, sides], 1)


class BoxRegression:
    """Ridge regression from features, N x D, to offsets; learned once, on the first frame."""

    def __init__(self, features: Tensor, boxes: Boxes, target: Box, strength: float) -> None:
        """Fit it to boxes around ``target``; there must be one at least."""
        x = features.double()
        y = torch.from_numpy(offsets(boxes, target)).to(x)
        self._mean, self._offset = x.mean(0), y.mean(0)
        x = x - self._mean
        # by boxes, not by features: there are fewer of them
        kernel = x @ x.T + strength * torch.eye(len(x)).to(x)
        self._weights = x.T @ torch.linalg.solve(kernel, y - self._offset)

    def __call__(self, features: Tensor, boxes: Boxes) -> Boxes:
        """Refine N x 4 boxes by their features."""
        found = (features.double() - self._mean) @ self._weights + self._offset
        return applied(boxes, found.cpu().numpy())
