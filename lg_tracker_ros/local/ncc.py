"""
The untrained floor: normalised cross-correlation of pretrained features, fixed size.

Also the plainest example of a local tracker.
"""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.types import Box, Frame, Region, TrackerOutput
from lg_tracker_ros.vision.cells import inside_cells, SEARCH, STRIDE, TEMPLATE
from lg_tracker_ros.vision.normalise import normalize
import numpy as np
import numpy.typing as npt
from torch import nn, Tensor
import torch.nn.functional as F

CELLS = TEMPLATE // STRIDE


class NccTemplateNet(nn.Module):
    """Template image and its box mask to a correlation kernel of unit mass."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        """Share the backbone."""
        super().__init__()
        self.backbone = backbone

    def forward(self, image: Tensor, inside: Tensor) -> Tensor:
        """1 x 128 x 128 x 3 uint8 and 1 x 1 x 8 x 8 to 1 x 112 x 8 x 8."""
        z = F.normalize(self.backbone(normalize(image))[1], dim=1)
        return z * inside / inside.sum().clamp(min=1e-3)


class NccSearchNet(nn.Module):
    """Search images and the kernel to mean cosine similarity at every shift of a cell."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        """Share the backbone."""
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor, kernel: Tensor) -> Tensor:
        """N x 256 x 256 x 3 uint8 to N x 17 x 17 in [-1, 1]."""
        x = F.normalize(self.backbone(normalize(images))[1], dim=1)
        return F.conv2d(x, kernel, padding=CELLS // 2)[:, 0]


class NccTracker:
    """A LocalTracker without anything learned from tracking data."""

    def __init__(self, backbone: EfficientNetLite0, engine: EngineConfig,
                 window: float = 0.15) -> None:
        """Compile for ``engine`` (resolved); ``window`` is the weight of the cosine window."""
        image = np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8)
        self._template = compile_network(
            NccTemplateNet(backbone), [image, np.ones((1, 1, CELLS, CELLS), np.float32)], engine,
            batches=(1,))
        self._search = compile_network(
            NccSearchNet(backbone), [np.zeros((1, SEARCH, SEARCH, 3), np.uint8),
                                     np.ones((1, 112, CELLS, CELLS), np.float32)],
            engine, shared=(1,), batches=BATCHES)
        self.window = window
        self._kernel: npt.NDArray[np.float32] | None = None
        self._fill = (0.0, 0.0, 0.0)
        hann = np.hanning(SEARCH // STRIDE + 3)[1:-1]
        self._hann = np.outer(hann, hann)

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the kernel: the template's features inside the box."""
        self._fill = mean_color(frame.image)
        crop = square_crop(frame.image, box.cx, box.cy, context_side(box.w, box.h), TEMPLATE,
                           self._fill)
        inside = inside_cells(crop.to_crop(box))
        self._kernel = self._template(crop.image[None], inside[None, None])[0]

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search around each region, as one batch; the size stays."""
        if self._kernel is None:
            raise RuntimeError('no target: call init first')
        boxes = [r.box for r in regions]
        crops = [square_crop(frame.image, b.cx, b.cy, 2 * context_side(b.w, b.h), SEARCH,
                             self._fill) for b in boxes]
        maps = self._search(np.stack([c.image for c in crops]), self._kernel)[0]
        out = []
        for crop, box, m in zip(crops, boxes, maps):
            y, x = np.unravel_index(int(np.argmax(m + self.window * self._hann)), m.shape)
            fx, fy = x + _peak(m[y], int(x)), y + _peak(m[:, x], int(y))
            k = crop.side / crop.size * STRIDE
            found = Box.from_center(crop.cx + (fx - m.shape[1] // 2) * k,
                                    crop.cy + (fy - m.shape[0] // 2) * k, box.w, box.h)
            score = (1 + float(m[y, x])) / 2
            out.append(TrackerOutput(keep_center_inside(found, frame.width, frame.height),
                                     score, score))
        return out


def _peak(row: npt.NDArray[np.float32], i: int) -> float:
    """Offset of a parabola's top through three neighbours, in (-.5, .5)."""
    if i == 0 or i == len(row) - 1:
        return 0.0
    a, b, c = (float(v) for v in row[i - 1:i + 2])
    bend = a - 2 * b + c
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, 0.5 * (a - c) / bend))


SPEC = LocalSpec(
    'ncc', 'normalised cross-correlation of pretrained features, untrained',
    lambda weights, backbone, engine: NccTracker(shared_backbone(), engine),
    platt(0.0, 10.16, -3.86))
