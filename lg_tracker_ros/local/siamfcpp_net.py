"""
An anchor-free network in the manner of SiamFC++ (Xu et al., AAAI 2020), light enough for a CPU.

The template's middle is correlated depth-wise with the search features, once for classification
and once for the box; towers of separable convolutions give classification, quality and the
distances to the box's four sides at each point.

Quality is the predicted IoU, not centre-ness: both rank the points of one target well, but the
IoU also says how good the box is, which is what the confidence (about P(IoU > .5)) asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from lg_tracker_ros.backbones.alexnet import AlexNet
from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.backbones.mobilenet_v2 import MobileNetV2
from lg_tracker_ros.backbones.resnet50 import ResNet50
from lg_tracker_ros.local.anchor_free import Grid
from lg_tracker_ros.vision.correlations import xcorr_depthwise
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import nn, Tensor
import torch.nn.functional as F

NOMINAL = 32.0
"""What the box branch says in search pixels when it says nothing: half of a typical side."""

Maps = tuple[Tensor, Tensor, Tensor]


def plain(images: Tensor) -> Tensor:
    """N x h x w x 3 uint8 BGR to N x 3 x h x w, BGR, 0-255, as PySOT's backbones want it."""
    return images.permute(0, 3, 1, 2).float()


@dataclass(frozen=True)
class Variant:
    """
    What belongs to a backbone.

    ``width``: channels of the head. ``trim``: cells of the template's map that are cut off on
    each side (context, and cells that padding had a say in).
    """

    backbone: Callable[[], nn.Module]
    channels: tuple[int, ...]
    width: int
    grid: Grid
    trim: int
    prepare: Callable[[Tensor], Tensor] = plain


VARIANTS: dict[str, Variant] = {
    # 16 x 16 cells of the template, of which 6 x 6 stay, in 30 x 30: 25 x 25 points. They reach
    # as far as those of 8 x 8 in 32 x 32 do, in 2 ms less of 18
    'efficientnet_lite0': Variant(EfficientNetLite0, EfficientNetLite0.channels, 96,
                                  Grid(128, 240, 25, 8), 5, normalize),
    'mobilenet_v2': Variant(MobileNetV2, MobileNetV2.channels, 128, Grid(127, 255, 25, 8), 4),
    'resnet50': Variant(ResNet50, ResNet50.channels, 256, Grid(127, 255, 25, 8), 4),
    'alexnet': Variant(AlexNet, AlexNet.channels, 256, Grid(127, 287, 21, 8), 0),
}
"""By the backbone's name; its weights and the sizes of crops and maps hang together."""


class Adjust(nn.Module):
    """1 x 1 convolutions from the backbone's levels to one map, at the first level's stride."""

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, width, 1, bias=False), nn.BatchNorm2d(width))
            for c in channels)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Sum the adjusted levels: N x width x h x w, with h and w of the first."""
        fine, *coarse = (level(m) for level, m in zip(self.levels, maps))
        for m in coarse:
            same = m.shape[2:] == fine.shape[2:]
            fine = fine + (m if same else F.interpolate(m, size=fine.shape[2:]))
        return fine


def separable(channels: int) -> nn.Sequential:
    """3 x 3 depth-wise and 1 x 1 convolution, each with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels), nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class Branch(nn.Module):
    """Adjust, correlate, tower: one of classification and box."""

    def __init__(self, channels: tuple[int, ...], width: int, out: int) -> None:
        """Build with random weights; ``out`` numbers come out at each point."""
        super().__init__()
        self.adjust = Adjust(channels, width)
        self.tower = nn.Sequential(*(separable(width) for _ in range(3)))
        self.last = nn.Conv2d(width, out, 1)

    def forward(self, kernel: Tensor, maps: list[Tensor]) -> Tensor:
        """Match search features against a kernel: N x out x g x g."""
        return self.last(self.tower(xcorr_depthwise(self.adjust(maps), kernel)))


class SiamFCppNet(nn.Module):
    """Backbone and head; keeps nothing of the target."""

    def __init__(self, variant: Variant) -> None:
        """Build with random weights."""
        super().__init__()
        self.variant = variant
        self.backbone = variant.backbone()
        self.cls = Branch(variant.channels, variant.width, 2)
        self.box = Branch(variant.channels, variant.width, 4)
        nn.init.constant_(self.cls.last.bias, -2.0)  # type: ignore[arg-type]  # most are not it
        nn.init.normal_(self.box.last.weight, std=0.01)

    def template(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Template crops, N x s x s x 3 uint8 BGR, to the two kernels, N x width x k x k."""
        return self.kernels(self.features(images))

    def kernels(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Make the two kernels from the backbone's levels of template crops."""
        t = self.variant.trim
        cls, box = (branch.adjust(maps) for branch in (self.cls, self.box))
        end = cls.shape[3] - t
        return cls[:, :, t:end, t:end], box[:, :, t:end, t:end]

    def features(self, images: Tensor) -> list[Tensor]:
        """Backbone's levels of crops, N x s x s x 3 uint8 BGR."""
        return self.backbone(self.variant.prepare(images))

    def forward(self, images: Tensor, cls: Tensor, box: Tensor) -> Maps:
        """Match search crops, N x s x s x 3 uint8 BGR, with kernels of N templates or of one."""
        return self.match(self.features(images), cls, box)

    def match(self, maps: list[Tensor], cls: Tensor, box: Tensor) -> Maps:
        """
        Match the backbone's levels of search crops with kernels of N templates or of one.

        Returns classification logits and quality logits, N x g x g each, and l, t, r, b in
        search pixels, N x 4 x g x g.
        """
        scores = self.cls(cls, maps)
        # exp keeps sides positive; the clamp keeps an untrained head finite
        ltrb = torch.exp(self.box(box, maps).clamp(-4, 4)) * NOMINAL
        return scores[:, 0], scores[:, 1], ltrb


class TemplateNet(nn.Module):
    """What an engine runs once: a template crop to the two kernels."""

    def __init__(self, net: nn.Module) -> None:
        """Share a network that has ``template``."""
        super().__init__()
        self.net: Any = net

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """1 x s x s x 3 uint8 to two of 1 x width x k x k."""
        return self.net.template(images)


class SearchNet(nn.Module):
    """What an engine runs every frame: search crops and kernels to scores and sides."""

    def __init__(self, net: SiamFCppNet) -> None:
        """Share the network."""
        super().__init__()
        self.net = net

    def forward(self, images: Tensor, cls: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
        """N x s x s x 3 uint8 to scores in [0, 1], N x 2 x g x g, and ltrb, N x 4 x g x g."""
        score, quality, ltrb = self.net(images, cls, box)
        return torch.sigmoid(torch.stack([score, quality], dim=1)), ltrb
