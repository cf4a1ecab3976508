"""
DiMP on a frozen light backbone: the classifier of ``dimp_lite``.

The box comes from the heads of ``pixelwise``: they have learned for hours what this package's
material teaches of boxes, they run on the same features of the same crop, and they need no boxes
to be refined step by step, which is half of DiMP's time. So what is learned here is what
``pixelwise`` lacks: a filter that has seen the background and the look-alikes.
"""

from __future__ import annotations

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.local.dimp.filters import FilterInitializer, FilterOptimizer, InstanceL2
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads
from lg_tracker_ros.vision.cells import STRIDE
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import nn, Tensor
import torch.nn.functional as F

WIDTH, FILTER = 128, 3
"""Channels and side of the filter; an odd side knows no half cells."""
BINS, BIN = 10, 0.5
"""Distances that label, mask and weight tell apart, in cells."""


class DimpLite(nn.Module):
    """Features for the filter, its first value, and how it is improved."""

    def __init__(self) -> None:
        """Make it with random weights."""
        super().__init__()
        self.feature = nn.Conv2d(112, WIDTH, 3, padding=1, bias=False)
        self.norm = InstanceL2((1 / (WIDTH * FILTER ** 2)) ** 0.5)
        self.initializer = FilterInitializer(WIDTH, FILTER)
        self.optimizer = FilterOptimizer(BINS, BIN)

    def features(self, x16: Tensor) -> Tensor:
        """N x 112 x h x w, the backbone's map at stride 16, to N x 128 x h x w."""
        maps: Tensor = self.norm(self.feature(x16))
        return maps

    def filters(self, features: Tensor, boxes: Tensor, steps: int) -> list[Tensor]:
        """
        Learn filters from samples with a target, B x S x 128 x h x w.

        ``boxes`` B x S x 4 as x, y, w, h in pixels of the crops. Returns the filters after
        0, 1, ... ``steps`` steps, B x 128 x 3 x 3 each.
        """
        first = self.initializer(features, corners(boxes))
        even = features.new_full(features.shape[:2], 1 / features.shape[1])
        found: list[Tensor] = self.optimizer(first, features, centers(boxes), even, steps)
        return found


def corners(boxes: Tensor) -> Tensor:
    """Boxes ... x 4 as x, y, w, h in pixels to x0, y0, x1, y1 in cells with their middles at i."""
    low = boxes[..., :2] / STRIDE - 0.5
    return torch.cat([low, low + boxes[..., 2:] / STRIDE], dim=-1)


def centers(boxes: Tensor) -> Tensor:
    """Boxes ... x 4 (nan: absent) to centres ... x 2 in cells, infinity where absent."""
    return torch.nan_to_num((boxes[..., :2] + boxes[..., 2:] / 2) / STRIDE - 0.5, nan=torch.inf)


class SearchNet(nn.Module):
    """Search images, the heads' template and the filter to scores and boxes; runs every frame."""

    def __init__(self, backbone: EfficientNetLite0, heads: PixelwiseHeads, net: DimpLite) -> None:
        """Share the backbone."""
        super().__init__()
        self.backbone, self.heads, self.net = backbone, heads, net

    def forward(self, images: Tensor, kernels: Tensor, fg: Tensor, bg: Tensor, kernel: Tensor
                ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """
        Score N search images, N x 256 x 256 x 3 uint8.

        Returns what pixelwise_net.SearchNet does, the filter's response N x 16 x 16 (about 1 on
        the target), and the features that it was applied to, N x 128 x 16 x 16.
        """
        x8, x16 = self.backbone(normalize(images))
        cls, quality, ltrb = self.heads(x8, x16, kernels, fg, bg)
        features = self.net.features(x16)
        response = F.conv2d(features, kernel, padding=FILTER // 2)[:, 0]
        return torch.sigmoid(torch.stack([cls, quality], dim=1)), ltrb, response, features
