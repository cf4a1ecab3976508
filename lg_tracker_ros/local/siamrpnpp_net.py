"""
The SiamRPN++ network (Li et al., CVPR 2019) with the parameter names of PySOT's checkpoints.

``z`` is the template, ``x`` the search image, as in the paper. What the head needs of the
template is computed once (``template``) and passed to ``forward``, which keeps no state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from lg_tracker_ros.backbones.alexnet import AlexNet
from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.backbones.mobilenet_v2 import MobileNetV2
from lg_tracker_ros.backbones.resnet50 import ResNet50
from lg_tracker_ros.vision.correlations import xcorr_depthwise
import torch
from torch import nn, Tensor
import torch.nn.functional as F

# per level: the kernels of classification and of regression
Template = list[tuple[Tensor, Tensor]]

TEMPLATE_CELLS = 7
"""Side of the template's map in cells: the middle of it, so that padding has no say."""


@dataclass(frozen=True)
class Lost:
    """
    How a target that was lost is sought where it was last seen (PySOT's long-term tracker).

    ``enter`` and ``leave``: scores below which it is lost and above which it is found again;
    ``instance``: side of the search image meanwhile, ``window`` the share of the cosine window.
    """

    enter: float = 0.8
    leave: float = 0.998
    instance: int = 831
    window: float = 0.001


@dataclass(frozen=True)
class SiamRPNConstants:
    """
    What belongs to a trained checkpoint besides its weights (PySOT's experiment files).

    ``penalty_k``, ``window`` and ``lr``: strength of the shape penalty, share of the cosine
    window, and rate at which the size follows. ``exemplar``, ``instance``: sides in pixels of
    template and search image. ``base_size``: cells that the score map has more than
    (instance - exemplar) / stride + 1. ``context``: share of context around the target.
    ``min_side``: smallest side of a box in pixels of the image (PySOT's 10 is too large for the
    targets of 8 pixels that a robot meets). ``lost``: how a lost target is sought, None for no
    other way. ``online_window``: the window's share beside DROL's classifier.
    """

    penalty_k: float
    window: float
    lr: float
    exemplar: int = 127
    instance: int = 255
    base_size: int = 8
    context: float = 0.5
    stride: int = 8
    ratios: tuple[float, ...] = (0.33, 0.5, 1.0, 2.0, 3.0)
    scales: tuple[float, ...] = (8.0,)
    min_side: float = 4.0
    lost: Lost | None = None
    online_window: float | None = None

    @property
    def score_size(self) -> int:
        """Side of the score map in cells."""
        return (self.instance - self.exemplar) // self.stride + 1 + self.base_size

    @property
    def anchors(self) -> int:
        """Number of anchors in each cell."""
        return len(self.ratios) * len(self.scales)


class DepthwiseXCorr(nn.Module):
    """One branch of a head: 3x3 on both sides, depth-wise correlation, two 1x1."""

    def __init__(self, channels: int, out: int) -> None:
        """Build with random weights; ``out`` channels come out."""
        super().__init__()
        self.conv_kernel = self._side(channels)
        self.conv_search = self._side(channels)
        self.head = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True), nn.Conv2d(channels, out, 1))

    @staticmethod
    def _side(channels: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(channels, channels, 3, bias=False),
                             nn.BatchNorm2d(channels), nn.ReLU(inplace=True))

    def correlate(self, kernel: Tensor, x: Tensor) -> Tensor:
        """Correlate search features with a kernel that ``conv_kernel`` made."""
        return xcorr_depthwise(self.conv_search(x), kernel)

    def forward(self, kernel: Tensor, x: Tensor) -> Tensor:
        """Correlate and read the result: B x out x S x S."""
        return self.head(self.correlate(kernel, x))


class DepthwiseRPN(nn.Module):
    """Classification (2 numbers an anchor) and regression (4) of the one level it is given."""

    def __init__(self, channels: int, anchors: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.cls = DepthwiseXCorr(channels, 2 * anchors)
        self.loc = DepthwiseXCorr(channels, 4 * anchors)

    def template(self, zs: Sequence[Tensor]) -> Template:
        """Make the two kernels from the template's features, B x C x 7 x 7 (AlexNet 6 x 6)."""
        z, = zs
        return [(self.cls.conv_kernel(z), self.loc.conv_kernel(z))]

    def forward(self, template: Template, xs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return B x 2A x S x S logits and B x 4A x S x S offsets."""
        (cls, loc), = template
        x, = xs
        return self.cls(cls, x), self.loc(loc, x)


class MultiRPN(nn.Module):
    """A DepthwiseRPN for each level, fused by learned weights (softmax) or the plain mean."""

    def __init__(self, channels: Sequence[int], anchors: int, weighted: bool) -> None:
        """
        Build with random weights; the levels are called rpn2, rpn3, ... as in PySOT.

        ``channels``: those of each level.
        """
        super().__init__()
        self.levels = levels = len(channels)
        for i, count in enumerate(channels):
            self.add_module(f'rpn{i + 2}', DepthwiseRPN(count, anchors))
        self.weighted = weighted
        if weighted:
            self.cls_weight = nn.Parameter(torch.ones(levels))
            self.loc_weight = nn.Parameter(torch.ones(levels))

    def template(self, zs: Sequence[Tensor]) -> Template:
        """Make the kernels of every level."""
        return [self._level(i).template([z])[0] for i, z in enumerate(zs)]

    def forward(self, template: Template, xs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return B x 2A x S x S logits and B x 4A x S x S offsets."""
        pairs = [self._level(i)([t], [x]) for i, (t, x) in enumerate(zip(template, xs))]
        cls, loc = (torch.stack(maps) for maps in zip(*pairs))
        if not self.weighted:
            return cls.mean(0), loc.mean(0)
        return (torch.einsum('l,lbchw->bchw', F.softmax(self.cls_weight, 0), cls),
                torch.einsum('l,lbchw->bchw', F.softmax(self.loc_weight, 0), loc))

    def _level(self, i: int) -> DepthwiseRPN:
        return getattr(self, f'rpn{i + 2}')


class AdjustLayer(nn.Module):
    """1x1 to the head's channels; of a small map (a template's) only the middle is kept."""

    def __init__(self, inp: int, out: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.downsample = nn.Sequential(nn.Conv2d(inp, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x s x s to B x out x s x s, or to B x out x 7 x 7 where s < 20."""
        return middle(self.downsample(x))


def middle(x: Tensor) -> Tensor:
    """Keep the middle 7 x 7 cells of a map of fewer than 20."""
    if x.shape[3] >= 20:
        return x
    low = (x.shape[3] - TEMPLATE_CELLS) // 2
    return x[:, :, low:low + TEMPLATE_CELLS, low:low + TEMPLATE_CELLS]


class Neck(nn.Module):
    """An AdjustLayer for each level, called downsample2, downsample3, ... as in PySOT."""

    def __init__(self, inp: Sequence[int], out: Sequence[int]) -> None:
        """Build with random weights; ``inp`` and ``out`` are the channels of each level."""
        super().__init__()
        for i, channels in enumerate(zip(inp, out, strict=True)):
            self.add_module(f'downsample{i + 2}', AdjustLayer(*channels))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Adjust every level."""
        return [getattr(self, f'downsample{i + 2}')(m) for i, m in enumerate(maps)]


class LiteNeck(Neck):
    """
    The neck for EfficientNet-Lite0: its stride-16 map is brought to stride 8 first.

    Search maps lose their last row and column: 32 cells have no middle one, 31 have, and it then
    lies over the middle cell of the template (both crops have the same phase at stride 16).
    """

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map [B x 40 x s x s, B x 112 x s/2 x s/2] to two B x out maps of the same side."""
        fine, coarse = maps
        out = super().forward([fine, F.interpolate(coarse, size=fine.shape[2:])])
        return [m if m.shape[3] < 20 else m[:, :, :-1, :-1] for m in out]


def lite_input(x: Tensor) -> Tensor:
    """BGR 0-255 to what EfficientNet-Lite0 was trained on: RGB, (value - 127) / 128."""
    return (x.flip(1) - 127) / 128


class SiamRPNNet(nn.Module):
    """Backbone, neck and head; ``prepare`` maps BGR 0-255 to what the backbone expects."""

    def __init__(self, backbone: nn.Module, neck: nn.Module | None,
                 rpn_head: DepthwiseRPN | MultiRPN,
                 prepare: Callable[[Tensor], Tensor] | None = None) -> None:
        """Compose; without a neck the head takes the backbone's only map."""
        super().__init__()
        self.backbone = backbone
        self.neck = neck
        self.rpn_head = rpn_head
        self.prepare = prepare

    def features(self, x: Tensor) -> list[Tensor]:
        """Backbone and neck on images, B x 3 x H x W, BGR, 0-255."""
        return self.adjusted(self.backbone(x if self.prepare is None else self.prepare(x)))

    def adjusted(self, maps: list[Tensor]) -> list[Tensor]:
        """Run the neck, where there is one, on the backbone's levels."""
        return maps if self.neck is None else self.neck(maps)

    def template(self, z: Tensor) -> Template:
        """Make the kernels from a template image, B x 3 x exemplar x exemplar."""
        return self.rpn_head.template(self.features(z))

    def forward(self, template: Template, x: Tensor) -> tuple[Tensor, Tensor]:
        """
        Match search images, B x 3 x instance x instance, against one template or B of them.

        Returns logits B x 2A x S x S, channel ``c * A + a`` is class c (1 = target) of anchor a;
        and offsets B x 4A x S x S, channel ``i * A + a`` is dx, dy, dw or dh of anchor a.
        """
        return self.rpn_head(template, self.features(x))


def target_scores(cls: Tensor) -> Tensor:
    """Turn logits, B x 2A x S x S, into scores: class 1 of a two-way softmax, B x A x S x S."""
    background, target = cls.float().chunk(2, dim=1)
    return torch.sigmoid(target - background)


def _alexnet() -> SiamRPNNet:
    return SiamRPNNet(AlexNet(), None, DepthwiseRPN(256, 5))


WIDE = (256, 256, 256)


def _resnet50(channels: Sequence[int] = WIDE, weighted: bool = True) -> SiamRPNNet:
    return SiamRPNNet(ResNet50(), Neck(ResNet50.channels, channels),
                      MultiRPN(channels, 5, weighted))


def _mobilenet_v2() -> SiamRPNNet:
    # PySOT trained this one with the plain mean of the levels: its file has no cls_weight
    return SiamRPNNet(MobileNetV2(), Neck(MobileNetV2.channels, WIDE), MultiRPN(WIDE, 5, False))


def _efficientnet_lite0() -> SiamRPNNet:
    return SiamRPNNet(EfficientNetLite0(), LiteNeck(EfficientNetLite0.channels, (96, 96)),
                      MultiRPN((96, 96), 5, True), lite_input)


VARIANTS: dict[str, tuple[Callable[[], SiamRPNNet], SiamRPNConstants]] = {
    'alexnet': (_alexnet, SiamRPNConstants(0.16, 0.40, 0.30, instance=287, base_size=0,
                                           online_window=0.30)),
    'resnet50': (_resnet50, SiamRPNConstants(0.05, 0.42, 0.38, online_window=0.25)),
    'mobilenet_v2': (_mobilenet_v2, SiamRPNConstants(0.04, 0.40, 0.50)),
    # sides divisible by 16, as this backbone's padding wants them
    'efficientnet_lite0': (_efficientnet_lite0,
                           SiamRPNConstants(0.04, 0.40, 0.50, exemplar=128, instance=256)),
    # PySOT's for OTB, whose file has no weights of the levels, and its long-term one
    'resnet50_otb': (partial(_resnet50, weighted=False),
                     SiamRPNConstants(0.24, 0.50, 0.25, online_window=0.25)),
    'resnet50_lt': (partial(_resnet50, (128, 256, 512)),
                    SiamRPNConstants(0.05, 0.28, 0.22, lost=Lost(), online_window=0.26)),
}
"""Backbone's name to the network with random weights and to its constants."""
