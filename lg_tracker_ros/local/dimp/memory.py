"""What a filter is learned from: features, where the target was in them, and weights."""

from __future__ import annotations

from lg_tracker_ros.local.dimp.filters import FilterOptimizer
from lg_tracker_ros.vision.samples import SampleWeights
import torch
from torch import Tensor


class FilterMemory:
    """A filter, 1 x C x k x k, and the samples that it was fitted to."""

    def __init__(self, optimizer: FilterOptimizer, kernel: Tensor, features: Tensor,
                 centers: Tensor, size: int, steps: int = 0) -> None:
        """
        Begin with the first frame's samples: S x C x H x W, and S x 2 in cells of the scores.

        ``size``: samples to keep, at most; ValueError where the first ones leave no room.
        ``steps``: those in which the filter is fitted to the first ones.
        """
        first = len(features)
        self.weights = SampleWeights(size, first)
        self.kernel, self._optimizer = kernel, optimizer
        self._features = features.new_zeros(size, *features.shape[1:])
        self._centers = centers.new_zeros(size, 2)
        self._features[:first], self._centers[:first] = features, centers
        self.improve(steps)
        self._first = self.kernel

    def forget(self) -> None:
        """Keep what the first frame taught, and nothing else."""
        self.kernel = self._first
        self.weights = SampleWeights(len(self._features), self.weights.first)

    def add(self, features: Tensor, center: tuple[float, float] | None, rate: float) -> None:
        """Keep a sample, C x H x W; ``center`` x, y in cells, None: the target isn't there."""
        place = self.weights.add(rate)
        self._features[place] = features
        self._centers[place] = self._centers.new_tensor(center or (torch.inf, torch.inf))

    @torch.no_grad()
    def improve(self, steps: int) -> None:
        """Fit the filter to all samples, in ``steps`` steps."""
        if not steps:
            return
        n = self.weights.used
        weights = torch.as_tensor(self.weights.values[:n], dtype=self._features.dtype,
                                  device=self._features.device)
        self.kernel = self._optimizer(self.kernel, self._features[None, :n],
                                      self._centers[None, :n], weights[None], steps)[-1]
