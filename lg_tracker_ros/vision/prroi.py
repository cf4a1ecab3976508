"""
Precise RoI pooling (Jiang et al. 2018) as two matrix products; exact, no operator of its own.

Bilinear interpolation is separable, so its integral over a bin is A_y F A_x^T, where A holds the
integrals of the triangle max(0, 1 - |t - i|) over the bins. Runs on any device, can be
differentiated by features and boxes, and exports.
"""

from __future__ import annotations

import torch
from torch import Tensor


def integrals(low: Tensor, high: Tensor, bins: int, cells: int) -> Tensor:
    """
    Integrate each cell's triangle over ``bins`` equal parts of low..high, ... each.

    Returns ... x bins x cells. What lies beyond the cells counts as 0.
    """
    steps = torch.arange(bins + 1, device=low.device, dtype=low.dtype) / bins
    edges = low[..., None] + (high - low)[..., None] * steps
    at = torch.arange(cells, device=low.device, dtype=low.dtype)
    u = (edges[..., None] - at).clamp(-1, 1)
    whole = 0.5 + u - 0.5 * u * u.abs()  # the triangle's integral up to u
    return whole[..., 1:, :] - whole[..., :-1, :]


def prroi_pool(features: Tensor, boxes: Tensor, bins: int) -> Tensor:
    """
    Average maps over the bins of boxes.

    ``features`` N x C x H x W; ``boxes`` N x K x 4 as x0, y0, x1, y1 in cells (cell i has its
    middle at i; a caller whose pixels begin at a cell's edge takes .5 off). Returns
    N x K x C x bins x bins; a box without an area gives 0.
    """
    n, c, h, w = features.shape
    x0, y0, x1, y1 = boxes.unbind(-1)
    across = integrals(x0, x1, bins, w)
    down = integrals(y0, y1, bins, h)
    area = ((x1 - x0) * (y1 - y0) / bins ** 2)[..., None, None, None]
    # one product for all boxes and channels, then one for each box: small ones are slow
    rows = down.flatten(1, 2) @ features.transpose(1, 2).flatten(2)
    columns = rows.reshape(n, -1, bins * c, w) @ across.transpose(-1, -2)
    found = columns.reshape(n, -1, bins, c, bins).transpose(2, 3)
    return torch.where(area > 0, found / area.clamp(min=1e-9), torch.zeros_like(found))
