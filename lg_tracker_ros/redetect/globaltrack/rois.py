"""
Boxes and regions in the convention of mmdetection 1.0, which GlobalTrack's weights were made in.

Boxes are x1, y1, x2, y2 whose last pixel belongs to them: a side is x2 - x1 + 1. RoIAlign takes
the centre of a pixel for its index (no shift by half a pixel).
"""

from __future__ import annotations

import math
from typing import Sequence

import cv2
import torch
from torch import Tensor
import torch.nn.functional as F

SCALE, RATIOS = 8, (0.5, 1.0, 2.0)
STRIDES = (4, 8, 16, 32, 64)
FINEST = 56
"""Side in pixels of a region from which on it is pooled from the second level."""
CLIP = abs(math.log(16 / 1000))
"""Bound of the logarithm of a side's ratio."""
CELLS, SAMPLES = 7, 2
"""A region is pooled to CELLS x CELLS, each the mean of SAMPLES x SAMPLES points."""
AT_ONCE = 256
"""Regions pooled at once: more take memory, not less time."""


def anchors(height: int, width: int, stride: int, device: torch.device | str = 'cpu') -> Tensor:
    """
    Make the anchors of a level of ``height`` x ``width`` cells: (height · width · 3) x 4.

    Around the middle of each cell's pixels there is one for each ratio of height to width, of the
    area (SCALE · stride)²; corners of the first cell's are rounded.
    """
    middle, base = (stride - 1) / 2, stride * SCALE
    half = torch.tensor([[base / math.sqrt(r) - 1, base * math.sqrt(r) - 1]
                         for r in RATIOS]) / 2
    first = torch.cat([middle - half, middle + half], 1).round().to(device)
    y, x = torch.meshgrid(torch.arange(height, device=device) * stride,
                          torch.arange(width, device=device) * stride, indexing='ij')
    shifts = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (first + shifts).reshape(-1, 4).float()


def apply_deltas(boxes: Tensor, deltas: Tensor, height: float, width: float) -> Tensor:
    """
    Move and scale ``boxes`` (K x 4) by ``deltas`` (K x 4: dx, dy in sides, dw, dh logarithms).

    The result is cut at the border of an image of ``height`` x ``width``.
    """
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + deltas[:, :2] * sides
    half = (sides * deltas[:, 2:].clamp(-CLIP, CLIP).exp() - 1) / 2
    found = torch.cat([centre - half, centre + half], 1)
    limit = torch.tensor([width - 1, height - 1] * 2, dtype=found.dtype, device=found.device)
    return torch.minimum(found.clamp(min=0), limit)


def suppress(boxes: Tensor, scores: Tensor, overlap: float) -> Tensor:
    """List the boxes that no better one overlaps by more than ``overlap``, best first."""
    rows = boxes.detach().cpu().numpy().astype(float)
    rows[:, 2:] += 1 - rows[:, :2]  # x, y, w, h
    kept = cv2.dnn.NMSBoxes(rows.tolist(), scores.detach().cpu().tolist(), 0.0, overlap)
    return torch.as_tensor(kept, dtype=torch.int64, device=boxes.device).reshape(-1)


def level_of(boxes: Tensor, levels: int) -> Tensor:
    """Say from which level of the pyramid each box (K x 4) is pooled: K numbers from 0."""
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    scale = (sides[:, 0] * sides[:, 1]).sqrt()
    return torch.floor(torch.log2(scale / FINEST + 1e-6)).long().clamp(0, levels - 1)


def roi_align(features: Tensor, boxes: Tensor, stride: int) -> Tensor:
    """
    Pool regions of a map, 1 x C x h x w, to K x C x 7 x 7; ``boxes`` is K x 4 in image pixels.

    A region ends a pixel after its last corner; points more than a cell outside the map are 0.
    """
    h, w = features.shape[2:]
    found = []
    for part in torch.split(boxes, AT_ONCE):
        start = part[:, :2] / stride
        step = ((part[:, 2:] + 1) / stride - start).clamp(min=0) / (CELLS * SAMPLES)
        place = torch.arange(CELLS * SAMPLES, device=part.device) + 0.5
        x = start[:, :1] + step[:, :1] * place
        y = start[:, 1:] + step[:, 1:] * place
        inside = (((y >= -1) & (y <= h))[:, :, None] & ((x >= -1) & (x <= w))[:, None]).float()
        n, m = y.shape
        grid = torch.stack([(2 * x / max(w - 1, 1) - 1)[:, None].expand(n, m, m),
                            (2 * y / max(h - 1, 1) - 1)[:, :, None].expand(n, m, m)], -1)
        # border and aligned corners are just the rule: indices are clamped to the map
        got = F.grid_sample(features, grid.reshape(1, n * m, m, 2).to(features.dtype),
                            padding_mode='border', align_corners=True)
        got = got.reshape(features.shape[1], n, m, m).transpose(0, 1) * inside[:, None]
        found.append(F.avg_pool2d(got, SAMPLES))
    return torch.cat(found) if found else features.new_zeros(0, features.shape[1], CELLS, CELLS)


def pool(pyramid: Sequence[Tensor], boxes: Tensor) -> Tensor:
    """Pool regions, each from the level of its size (the first four levels): K x C x 7 x 7."""
    levels = pyramid[:4]
    which = level_of(boxes, len(levels))
    out = levels[0].new_zeros(len(boxes), levels[0].shape[1], CELLS, CELLS)
    for i, (features, stride) in enumerate(zip(levels, STRIDES)):
        mine = (which == i).nonzero()[:, 0]
        if len(mine):
            out[mine] = roi_align(features, boxes[mine], stride).to(out.dtype)
    return out
