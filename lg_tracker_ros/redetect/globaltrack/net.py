"""
GlobalTrack's network (Huang et al., AAAI 2020): parameters have the names of its checkpoints.

ResNet-50 and a pyramid; a proposal network and a box head, each with a query in it. Where paper
and published weights differ the weights are followed: the image has no projection of its own in
the first stage, and every level has projections of its own there.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Sequence

from lg_tracker_ros.backbones.resnet50_imagenet import ImageNetResNet50
from lg_tracker_ros.redetect.globaltrack.rois import CELLS, RATIOS, STRIDES
import torch
from torch import nn, Tensor
import torch.nn.functional as F

CHANNELS = 256
Pyramid = list[Tensor]
"""1 x 256 maps at STRIDES."""


def _conv(inp: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(inp, CHANNELS, kernel, padding=kernel // 2)))


class FeaturePyramid(nn.Module):
    """Feature pyramid (Lin et al., 2017) with a fifth level, every second cell of the fourth."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.lateral_convs = nn.ModuleList(_conv(c, 1) for c in (256, 512, 1024, 2048))
        self.fpn_convs = nn.ModuleList(_conv(CHANNELS, 3) for _ in range(4))

    def forward(self, maps: Sequence[Tensor]) -> Pyramid:
        """Map the backbone's four maps to five; sides must be multiples of 32 pixels."""
        levels = [conv(m) for conv, m in zip(self.lateral_convs, maps)]
        for i in range(3, 0, -1):
            levels[i - 1] = levels[i - 1] + F.interpolate(levels[i], scale_factor=2.0)
        found = [conv(level) for conv, level in zip(self.fpn_convs, levels)]
        return [*found, found[-1][:, :, ::2, ::2]]


class RPNModulator(nn.Module):
    """Puts the query into each level: projected to one cell, it weighs the level's channels."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.proj_modulator = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, CELLS) for _ in STRIDES)
        self.proj_out = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 1) for _ in STRIDES)

    def kernels(self, query: Tensor) -> list[Tensor]:
        """Project a query, 1 x 256 x 7 x 7, to 1 x 256 x 1 x 1 for each level."""
        return [project(query) for project in self.proj_modulator]

    def forward(self, pyramid: Pyramid, kernels: Sequence[Tensor]) -> Pyramid:
        """Modulate the levels."""
        return [out(x * z) for out, x, z in zip(self.proj_out, pyramid, kernels)]


class RCNNModulator(nn.Module):
    """Puts the query into each region."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.proj_z = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.proj_x = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.proj_out = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, regions: Tensor, projected: Tensor) -> Tensor:
        """Modulate K x 256 x 7 x 7 with the query that ``proj_z`` has projected."""
        return self.proj_out(self.proj_x(regions) * projected)


class RPNHead(nn.Module):
    """Scores and deltas of each level's anchors."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.rpn_conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.rpn_cls = nn.Conv2d(CHANNELS, len(RATIOS), 1)
        self.rpn_reg = nn.Conv2d(CHANNELS, 4 * len(RATIOS), 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map 1 x 256 x h x w to scores in [0, 1], h x w x 3, and deltas, (h · w · 3) x 4."""
        x = F.relu(self.rpn_conv(x))
        return (torch.sigmoid(self.rpn_cls(x))[0].permute(1, 2, 0),
                self.rpn_reg(x)[0].permute(1, 2, 0).reshape(-1, 4))


class BoxHead(nn.Module):
    """Two layers, then two classes (the second is the target) with four deltas each."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.shared_fcs = nn.ModuleList([nn.Linear(CHANNELS * CELLS ** 2, 1024),
                                         nn.Linear(1024, 1024)])
        self.fc_cls = nn.Linear(1024, 2)
        self.fc_reg = nn.Linear(1024, 8)

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Map K x 256 x 7 x 7 to the target's probabilities, K, and deltas, K x 4."""
        x = regions.flatten(1)
        for layer in self.shared_fcs:
            x = F.relu(layer(x))
        return torch.softmax(self.fc_cls(x), 1)[:, 1], self.fc_reg(x)[:, 4:]


class GlobalTrackNet(nn.Module):
    """All of it; what it is asked, and in which order, is in detector.py."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.backbone = ImageNetResNet50()
        self.neck = FeaturePyramid()
        self.rpn_head = RPNHead()
        self.bbox_head = BoxHead()
        self.rpn_modulator = RPNModulator()
        self.rcnn_modulator = RCNNModulator()

    def forward(self, image: Tensor) -> Pyramid:
        """Compute the pyramid of a picture, 1 x 3 x H x W, normalised."""
        pyramid: Pyramid = self.neck(self.backbone(image))
        return pyramid
