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
from lg_tracker_ros.local.siamese.necks import LiteNeck, Neck
from lg_tracker_ros.local.siamese.rpn import DepthwiseRPN, MultiRPN, Template
import torch
from torch import nn, Tensor


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
