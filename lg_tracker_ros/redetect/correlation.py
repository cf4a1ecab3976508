"""
The floor that a trained attention network must beat: plain correlation over the whole frame.

The target's mean pretrained feature, freed of its surround's, is compared with every cell.
"""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.redetect.regions import attention_boxes
from lg_tracker_ros.redetect.small import SIDE, Small, squeeze
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.types import Box, Frame, Proposals
from lg_tracker_ros.vision.cells import inside_cells, TEMPLATE
from lg_tracker_ros.vision.normalise import normalize
import numpy as np
import numpy.typing as npt
from torch import nn, Tensor
import torch.nn.functional as F


def mean_feature(z16: Tensor, inside: Tensor) -> Tensor:
    """
    Average the directions of the target's pretrained features.

    ``z16``: N x c x h x w; ``inside``: N x 1 x h x w, the share of each cell that the target's box
    covers. Returns N x c, unit length.
    """
    z = F.normalize(z16, dim=1)
    return F.normalize((z * inside).sum((2, 3)) + 1e-6, dim=1)


def similarity(x16: Tensor, query: Tensor) -> Tensor:
    """
    Compare each cell with the target's mean feature, both freed of the frame's mean.

    ``x16``: N x c x h x w; ``query``: N or 1 x c. Returns cosines, N x h x w.
    """
    x = F.normalize(x16, dim=1)
    mean = x.mean((2, 3), keepdim=True)
    q = F.normalize(query[:, :, None, None] - mean, dim=1)
    return (F.normalize(x - mean, dim=1) * q).sum(1)


def as_attention(similarity: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Turn cosines into attention in [0, 1]: only what rises above the frame's mean counts."""
    return np.asarray(np.clip(similarity, 0, 1) ** 2)


class CorrelationTemplateNet(nn.Module):
    """Template image and its box mask to the target's mean feature."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        """Share the backbone."""
        super().__init__()
        self.backbone = backbone

    def forward(self, image: Tensor, inside: Tensor) -> Tensor:
        """1 x 128 x 128 x 3 uint8 and 1 x 1 x 8 x 8 to 1 x 112, unit length."""
        return mean_feature(self.backbone(normalize(image))[1], inside)


class CorrelationNet(nn.Module):
    """Frames and the target's feature to cosine similarity of each cell, freed of the mean."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        """Share the backbone."""
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor, query: Tensor) -> Tensor:
        """N x h x w x 3 uint8 and 1 x 112 to N x h/16 x w/16."""
        return similarity(self.backbone(normalize(images))[1], query)


class Correlation:
    """A Redetector without anything learned from tracking data."""

    history = 1

    def __init__(self, backbone: EfficientNetLite0, engine: EngineConfig,
                 threshold: float = 5 / 255) -> None:
        """Compile for ``engine`` (resolved); ``threshold`` as in attention_boxes."""
        cells = TEMPLATE // 16
        self._template = compile_network(
            CorrelationTemplateNet(backbone),
            [np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8),
             np.ones((1, 1, cells, cells), np.float32)], engine, batches=(1,))
        self._frame = compile_network(
            CorrelationNet(backbone), [np.zeros((1, SIDE, SIDE, 3), np.uint8),
                                       np.ones((1, 112), np.float32)],
            engine, shared=(1,), batches=(1,))
        self.threshold = threshold
        self._query: npt.NDArray[np.float32] | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target's mean feature."""
        crop = square_crop(frame.image, box.cx, box.cy, context_side(box.w, box.h), TEMPLATE,
                           mean_color(frame.image))
        inside = inside_cells(crop.to_crop(box))
        self._query = self._template(crop.image[None], inside[None, None])[0]

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """Correlate with the newest frame."""
        if self._query is None:
            raise RuntimeError('no target: call init first')
        frame = clip[-1]
        small = Small(frame.image, SIDE, SIDE, squeeze)
        attention = as_attention(self._frame(small, self._query)[0][0])
        return Proposals(attention_boxes(attention, (frame.width, frame.height), size, k,
                                         self.threshold), attention)


SPEC = RedetectorSpec(
    'correlation', 'correlation of pretrained features, untrained',
    lambda weights, threshold, engine: Correlation(shared_backbone(), engine, threshold))
