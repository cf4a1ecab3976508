"""
SiamFC++ (Xu et al., AAAI 2020) as its authors published it (video_analyst).

Parameters have the names of their checkpoints. The network of our own under the name siamfcpp,
whose weights don't fit this one, is in ``local/siamfcpp_net.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lg_tracker_ros.backbones.googlenet import GoogLeNet
from lg_tracker_ros.local.anchor_free import AnchorFreeConfig, Grid
from lg_tracker_ros.vision.correlations import xcorr_depthwise
import torch
from torch import nn, Tensor
import torch.nn.functional as F

WIDTH = 256
HALF_PIXEL = 0.5
"""What each side of a box gains: its authors count from the middle of a pixel to the middle of the
box's last one, so that a box w wide has sides of w - 1 together."""


class Block(nn.Module):
    """Convolution with bias, perhaps batch normalisation and ReLU; never padded."""

    def __init__(self, inp: int, out: int, kernel: int, stride: int = 1, norm: bool = True,
                 relu: bool = True) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv = nn.Conv2d(inp, out, kernel, stride)
        self.bn = nn.BatchNorm2d(out) if norm else None
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x out x H' x W'."""
        x = self.conv(x)
        x = x if self.bn is None else self.bn(x)
        return F.relu(x) if self.relu else x


class PublishedAlexNet(nn.Module):
    """Its AlexNet, whose pools round up: one map of stride 8."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv1 = Block(3, 96, 11, stride=2)
        self.conv2 = Block(96, 256, 5)
        self.conv3 = Block(256, 384, 3)
        self.conv4 = Block(384, 384, 3)
        self.conv5 = Block(384, WIDTH, 3, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x 3 x H x W (BGR, 0-255) to one B x 256 map: 127 -> 6, 303 -> 28."""
        x = F.max_pool2d(self.conv1(x), 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.conv2(x), 3, 2, ceil_mode=True)
        return self.conv5(self.conv4(self.conv3(x)))


class Head(nn.Module):
    """Two towers, and what is read off them at each point."""

    def __init__(self, norms: tuple[bool, ...]) -> None:
        """Build with random weights; a tower has a block for each of ``norms``."""
        super().__init__()
        self.depth = len(norms)
        for branch in ('cls', 'bbox'):
            for i, norm in enumerate(norms, 1):
                self.add_module(f'{branch}_p5_conv{i}', Block(WIDTH, WIDTH, 3, norm=norm))
        self.cls_score_p5 = Block(WIDTH, 1, 1, relu=False)
        self.ctr_score_p5 = Block(WIDTH, 1, 1, relu=False)
        self.bbox_offsets_p5 = Block(WIDTH, 4, 1, relu=False)
        self.si = nn.Parameter(torch.tensor(1.0))
        self.bi = nn.Parameter(torch.tensor(0.0))

    def tower(self, branch: str, x: Tensor) -> Tensor:
        """Run one of the towers, ``cls`` or ``bbox``."""
        for i in range(1, self.depth + 1):
            x = self.get_submodule(f'{branch}_p5_conv{i}')(x)
        return x

    def forward(self, cls: Tensor, box: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return class and centre-ness logits, N x g x g, and ltrb in pixels, N x 4 x g x g."""
        scores = self.tower('cls', cls)
        offsets = self.bbox_offsets_p5(self.tower('bbox', box))
        # the clamp keeps an untrained head finite, far beyond what a trained one says
        return (self.cls_score_p5(scores)[:, 0], self.ctr_score_p5(scores)[:, 0],
                torch.exp((self.si * offsets + self.bi).clamp(-10, 10)) * stride + HALF_PIXEL)


@dataclass(frozen=True)
class Published:
    """A published network: its backbone, the blocks of its towers, its points and constants."""

    backbone: Callable[[], nn.Module]
    norms: tuple[bool, ...]
    grid: Grid
    config: AnchorFreeConfig


PUBLISHED: dict[str, Published] = {
    'alexnet_published': Published(
        PublishedAlexNet, (False, False, True), Grid(127, 303, 17, 8),
        AnchorFreeConfig(penalty=0.08, window=0.21, rate=0.58, margin=0)),
    'googlenet_published': Published(
        GoogLeNet, (False, False), Grid(127, 303, 19, 8),
        AnchorFreeConfig(penalty=0.04, window=0.21, rate=0.52, margin=0)),
}
"""By the backbone's name. Constants: those of its experiments on VOT and on GOT-10k."""


class PublishedNet(nn.Module):
    """Backbone, adjustment and head; keeps nothing of the target."""

    def __init__(self, variant: Published) -> None:
        """Build with random weights."""
        super().__init__()
        self.variant = variant
        self.basemodel = variant.backbone()
        self.r_z_k, self.c_z_k, self.r_x, self.c_x = (
            Block(WIDTH, WIDTH, 3, relu=False) for _ in range(4))
        self.head = Head(variant.norms)

    def features(self, images: Tensor) -> Tensor:
        """Run the backbone on crops, N x s x s x 3 uint8 BGR."""
        return self.basemodel(images.permute(0, 3, 1, 2).float())

    def template(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Template crops to the kernels of classification and box, N x 256 x k x k."""
        z = self.features(images)
        return self.c_z_k(z), self.r_z_k(z)

    def forward(self, images: Tensor, cls: Tensor, box: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Match search crops, N x s x s x 3 uint8 BGR, with kernels; returns what Head does."""
        return self.match(self.features(images), cls, box)

    def match(self, x: Tensor, cls: Tensor, box: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Match the backbone's map of search crops with kernels; returns what Head does."""
        return self.head(xcorr_depthwise(self.c_x(x), cls), xcorr_depthwise(self.r_x(x), box),
                         self.variant.grid.stride)


def doubled(score: Tensor, center: Tensor) -> Tensor:
    """
    Make scores in [0, 1] of two maps of logits, N x g x g to N x 2 x g x g.

    The published score is the product of both, not its root: it stands twice, so that the root of
    the product of the two, which AnchorFreeSelector takes, is the score.
    """
    product = torch.sigmoid(score) * torch.sigmoid(center)
    return torch.stack([product, product], dim=1)


class PublishedSearchNet(nn.Module):
    """What an engine runs every frame: search crops and kernels to scores and sides."""

    def __init__(self, net: PublishedNet) -> None:
        """Share the network."""
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, cls: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
        """N x s x s x 3 uint8 to scores in [0, 1], N x 2 x g x g, and ltrb, N x 4 x g x g."""
        score, center, ltrb = self.net(images, cls, box)
        return doubled(score, center), ltrb
