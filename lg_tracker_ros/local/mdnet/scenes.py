"""RT-MDNet's view of an image: the map of a scene, from which boxes are pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from lg_tracker_ros.local.mdnet.classifier import Samples
from lg_tracker_ros.local.mdnet.samples import Boxes
from lg_tracker_ros.local.mdnet.vggm import FEATURES, SIDE, VggM
from lg_tracker_ros.types import Box, Image
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

STRIDE, FIELD = 8, 75
"""Pixels of the scene from cell to cell, and those that a cell sees."""
PADDING = 1.2
"""Sides of what is pooled in those of the box."""
LARGEST = 2048
"""Pixels of a scene's side: that of a needle is shrunk."""
BINS = 7
AT_ONCE = 256
"""Boxes pooled at once: more take memory, not less time."""
FIRST = ((0, 0, 1.0), (4, 0, 1.0), (0, 4, 1.0), *((0, 0, 1.1 ** n) for n in (-2, -1, 1, 2)))
"""The scenes of the first frame: shifts in pixels of the image, zoom."""


def stencil(low: Tensor, high: Tensor, cells: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """
    Say between which cells the 7 points of ranges ``low``..``high`` (N, in cells) lie.

    A range is high - low + 1 long; its points are the left edges of its bins. Each lies between
    two cells that are as far apart as the bin is long, rounded, and at least 1. Returns the first
    and the second cell, N x 7, and the weight of each; that of the first is nan outside 0..cells.

    Weights are those of the authors' operator: behind the last cell but one they go on beyond 0
    and 1, and a second cell that isn't there counts for nothing.
    """
    length = (high - low + 1).clamp(min=0) / BINS
    step = torch.floor(length + 0.5).clamp(min=1)[:, None]
    at = low[:, None] + length[:, None] * torch.arange(BINS, device=low.device)
    first = at.floor().clamp(max=cells - 2).clamp(min=0)
    near = 1 - (at - first).abs() / step
    far = 1 - (at - first - step).abs() / step
    return (first.long(), (first + step).clamp(max=cells - 1).long(),
            near.masked_fill((at < 0) | (at >= cells), torch.nan),
            far.masked_fill(first + step >= cells, 0))


def pool(features: Tensor, rois: Tensor) -> Tensor:
    """
    Pool N regions (x0, y0, x1, y1 in cells) of a map C x h x w: N x C x 3 x 3.

    The adaptive RoIAlign of 7 x 7 points, then the maxima of 3 x 3. Points outside are 0.
    """
    channels, h, w = features.shape
    table = features.permute(1, 2, 0).reshape(h * w, channels)
    found = []
    for part in torch.split(rois, AT_ONCE):
        x0, x1, left, right = stencil(part[:, 0], part[:, 2], w)
        y0, y1, upper, lower = stencil(part[:, 1], part[:, 3], h)
        outside = (upper.isnan()[:, :, None] | left.isnan()[:, None])[..., None]
        value = torch.zeros(1, device=table.device)
        for y, dy in ((y0, upper), (y1, lower)):
            for x, dx in ((x0, left), (x1, right)):
                share = dy[:, :, None] * dx[:, None]
                value = value + table[y[:, :, None] * w + x[:, None]] * share[..., None]
        value = value.masked_fill(outside, 0)
        found.append(F.max_pool2d(value.permute(0, 3, 1, 2), 3, 2))
    return torch.cat(found) if found else features.new_empty(0, channels, 3, 3)


@dataclass(frozen=True, eq=False)
class Scene:
    """
    A view: a scene is as large as the boxes that are asked of it, the place's has 107² pixels.

    ``shift`` in pixels of the image, ``zoom``: the scene begins elsewhere, and is larger.
    """

    image: Image
    place: Box
    scenes: Scenes
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0

    def samples(self, boxes: Boxes) -> Samples:
        """Compute the map around boxes, and pool them: N x 4608."""
        if not len(boxes):
            return Samples(self.scenes.nothing())
        low = boxes[:, :2] - boxes[:, 2:] * (PADDING - 1) / 2
        high = low + boxes[:, 2:] * PADDING
        scale = self.zoom * SIDE / np.array([self.place.w, self.place.h])
        corner = low.min(0) - self.shift
        side = np.maximum(high.max(0) - corner, SIDE / scale)
        scale = np.minimum(scale, LARGEST / side)
        pixels = resampled(self.image, corner, side, (side * scale).astype(int))
        inner = np.concatenate([(low - corner) * scale, (high - corner) * scale - FIELD], 1)
        inner[:, 2:] = np.maximum(inner[:, 2:], inner[:, :2] + 1)
        return Samples(self.scenes.pooled(pixels, inner / STRIDE))


def resampled(image: Image, corner: Boxes, side: Boxes, size: Boxes) -> Tensor:
    """
    Sample points of a BGR image: 1 x 3 x height x width RGB, uint8, black beyond the border.

    ``corner`` and ``side`` in pixels of the image, ``size`` in those of the result: its last
    point lies a pixel beyond the side.
    """
    (x, y), (sx, sy) = corner, (side + 1) / np.maximum(size - 1, 1)
    width, height = size.tolist()
    part = cv2.warpAffine(image, np.array([[sx, 0, x], [0, sy, y]]), (width, height),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0))
    return torch.from_numpy(part[..., ::-1].copy()).permute(2, 0, 1)[None]


class Scenes:
    """An Extractor: boxes share a map."""

    def __init__(self, net: VggM, device: torch.device | str = 'cpu') -> None:
        """Take the dense network, which moves to ``device``."""
        self._net = net.to(device).eval().requires_grad_(False)
        self._device = torch.device(device)

    def see(self, image: Image, places: Sequence[Box]) -> list[Scene]:
        """Look at an image; nothing is computed before boxes are asked for."""
        return [Scene(image, place, self) for place in places]

    def first(self, image: Image, place: Box) -> list[Scene]:
        """Look at the first frame in several scenes."""
        return [Scene(image, place, self, (dx, dy), zoom) for dx, dy, zoom in FIRST]

    def nothing(self) -> Tensor:
        """Return the features of no box: 0 x 4608."""
        return torch.empty(0, FEATURES, device=self._device)

    def pooled(self, pixels: Tensor, rois: Boxes) -> Tensor:
        """Compute the map of a scene and pool regions of it, in cells: N x 4608."""
        features = self._net(pixels.to(self._device))[0]
        regions = torch.from_numpy(rois.astype(np.float32)).to(self._device)
        return pool(features, regions).flatten(1)
