"""
DiMP's model predictor: a first filter from the target's features, then steepest descent.

Equations and names of the paper (Bhat et al., ICCV 2019, section 3); names of parameters as in
the released checkpoints.
"""

from __future__ import annotations

from lg_tracker_ros.vision.prroi import prroi_pool
import torch
from torch import nn, Tensor
import torch.nn.functional as F


class InstanceL2(nn.Module):
    """Scale each sample's map to the norm scale * sqrt(C H W)."""

    def __init__(self, scale: float) -> None:
        """Keep ``scale``, the root mean square that values get."""
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to the same shape."""
        energy = x.square().mean((1, 2, 3), keepdim=True)
        return x * (self.scale * torch.rsqrt(energy + 1e-10))


class FilterInitializer(nn.Module):
    """The first filter: the mean of what a convolution and PrRoIPool make of each sample."""

    def __init__(self, channels: int, size: int) -> None:
        """Make the layer for filters of ``size`` x ``size``."""
        super().__init__()
        self.size = size
        self.filter_conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, features: Tensor, boxes: Tensor) -> Tensor:
        """
        Make filters, B x C x k x k.

        ``features`` B x S x C x H x W; ``boxes`` B x S x 4, x0, y0, x1, y1 in cells (see
        prroi_pool).
        """
        b, s = features.shape[:2]
        maps = self.filter_conv(features.flatten(0, 1))
        pooled = prroi_pool(maps, boxes.flatten(0, 1)[:, None], self.size)
        return pooled.reshape(b, s, *pooled.shape[2:]).mean(1)


def apply_filter(features: Tensor, kernel: Tensor) -> Tensor:
    """
    Correlate B x S x C x H x W with a filter for each of B, B x C x k x k.

    Returns scores B x S x H' x W': as large as the maps for an odd k, one more for an even one
    (a score then lies on a corner of cells). One matrix product and a sum of shifted maps, so
    that features are read once: they are most of what a processor has to fetch.
    """
    b, s, _, h, w = features.shape
    k = kernel.shape[-1]
    parts = kernel.flip(2, 3).flatten(2).transpose(1, 2)[:, None] @ features.flatten(3)
    grown = h + 1 - k % 2, w + 1 - k % 2
    return F.fold(parts.flatten(0, 1), grown, k, padding=(k - 1) // 2).reshape(b, s, *grown)


def filter_gradient(features: Tensor, residuals: Tensor, size: int) -> Tensor:
    """
    Apply the transpose of ``apply_filter``, as a map from filters to scores, to residuals.

    B x S x C x H x W and B x S x H' x W' to B x C x k x k, k being ``size``.
    """
    parts = F.unfold(residuals.flatten(0, 1)[:, None], size, padding=(size - 1) // 2)
    parts = parts.reshape(*residuals.shape[:2], *parts.shape[1:]).transpose(2, 3)
    found = (features.flatten(3) @ parts).sum(1)
    return found.reshape(*found.shape[:2], size, size).flip(2, 3)


class FilterOptimizer(nn.Module):
    """
    Steepest descent on the weighted squared residuals of a filter's scores.

    r = v (m s + (1 - m) max(0, s) - y): label y, mask m and weight v are functions of the
    distance to the target's centre, sums of learned triangles (``bins`` of ``width`` cells; the
    last one holds all that is farther away). The step's length is that of Gauss and Newton along
    the gradient, times a learned factor.
    """

    def __init__(self, bins: int, width: float, sigma: float = 0.9) -> None:
        """Begin with a Gaussian label of ``sigma`` cells and a mask around it."""
        super().__init__()
        self.bins, self.width = bins, width
        self.log_step_length = nn.Parameter(torch.zeros(1))
        self.filter_reg = nn.Parameter(torch.full((1,), 0.1))
        self.label_map_predictor = nn.Conv2d(bins, 1, 1, bias=False)
        self.target_mask_predictor = nn.Sequential(nn.Conv2d(bins, 1, 1, bias=False),
                                                   nn.Sigmoid())
        self.spatial_weight_predictor = nn.Conv2d(bins, 1, 1, bias=False)
        d = torch.arange(bins) * width
        with torch.no_grad():
            self.label_map_predictor.weight[0, :, 0, 0] = torch.exp(-0.5 * (d / sigma) ** 2)
            mask = self.target_mask_predictor[0].weight
            assert isinstance(mask, Tensor)
            mask[0, :, 0, 0] = 4 * torch.tanh(2 * sigma - d)
            self.spatial_weight_predictor.weight.fill_(1.0)

    def maps(self, centers: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """
        Compute label, mask and weight, ... x H x W each, around centres ... x 2 (x, y in cells).

        A centre at infinity is that of a target that isn't there: all is background.
        """
        rows, columns = (torch.arange(n, device=centers.device, dtype=centers.dtype) for n in size)
        dx = columns - centers[..., None, :1]
        dy = rows[:, None] - centers[..., None, 1:]
        far = self.bins * self.width
        distance = (dx.square() + dy.square()).sqrt().clamp(max=far)[..., None] / self.width
        nth = torch.arange(self.bins, device=centers.device, dtype=centers.dtype)
        hats = (1 - (distance - nth).abs()).clamp(min=0)
        hats = torch.cat([hats[..., :-1], (distance - nth)[..., -1:].add(1).clamp(0, 1)], dim=-1)

        def weighed(by: nn.Module) -> Tensor:
            assert isinstance(by, nn.Conv2d)
            return hats @ by.weight[0, :, 0, 0]
        return (weighed(self.label_map_predictor),
                torch.sigmoid(weighed(self.target_mask_predictor[0])),
                weighed(self.spatial_weight_predictor))

    def forward(self, kernel: Tensor, features: Tensor, centers: Tensor, weights: Tensor,
                steps: int) -> list[Tensor]:
        """
        Improve filters; returns them after 0, 1, ... ``steps`` steps, B x C x k x k each.

        ``features`` B x S x C x H x W, ``centers`` B x S x 2 in cells of the scores, ``weights``
        B x S, those of samples (each row of sum 1).
        """
        with torch.autocast(features.device.type, enabled=False):  # squares of small numbers
            return self._descend(kernel.float(), features.float(), centers, weights, steps)

    def _descend(self, kernel: Tensor, features: Tensor, centers: Tensor, weights: Tensor,
                 steps: int) -> list[Tensor]:
        k = kernel.shape[-1]
        size = (features.shape[-2] + 1 - k % 2, features.shape[-1] + 1 - k % 2)
        label, mask, spatial = self.maps(centers, size)
        weight = spatial.square() * weights[..., None, None]
        reg = self.filter_reg.square().clamp(min=1e-6)
        length = self.log_step_length.exp()
        found = [kernel]
        for _ in range(steps):
            scores = apply_filter(features, kernel)
            above = (scores > 0).to(scores.dtype)
            slope = mask + (1 - mask) * above
            residuals = weight * slope * (slope * scores - label)
            gradient = filter_gradient(features, residuals, k) + reg * kernel
            along = slope * apply_filter(features, gradient)
            power = gradient.square().sum((1, 2, 3))
            curve = (weight * along.square()).sum((1, 2, 3)) + reg * power
            alpha = length * power / curve.clamp(min=1e-10)
            kernel = kernel - alpha[:, None, None, None] * gradient
            found.append(kernel)
        return found
