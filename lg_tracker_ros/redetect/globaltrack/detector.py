"""
GlobalTrack (Huang et al., AAAI 2020) as a Redetector, for a published checkpoint and a GPU.

No absence is told from the score here: the tracker's recognition sees to that (the paper says
below .84, the published code takes the best box always).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import cv2
from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.engine import plain_torch
from lg_tracker_ros.redetect.globaltrack.net import GlobalTrackNet, Pyramid
from lg_tracker_ros.redetect.globaltrack.rois import (
    anchors,
    apply_deltas,
    pool,
    STRIDES,
    suppress,
)
from lg_tracker_ros.types import Box, Frame, Image, Proposals
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of RGB."""
SPREAD = (0.1, 0.1, 0.2, 0.2)
"""What the box head's deltas are multiples of."""


@dataclass(frozen=True)
class GlobalTrackConfig:
    """
    What can be set in use; the defaults are the paper's.

    ``long`` and ``short`` bound the sides of the picture in pixels, ``regions`` the number that
    the first stage hands to the second; ``rpn_overlap`` and ``overlap`` are the IoU above which
    the worse of two boxes goes, in the first stage (within a level) and in the end. Raises
    ValueError for sides or numbers below 1.
    """

    long: int = 1333
    short: int = 800
    regions: int = 1000
    rpn_overlap: float = 0.7
    overlap: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        if min(self.long, self.short, self.regions) < 1:
            raise ValueError(f'long, short and regions must be at least 1, got {self.long}, '
                             f'{self.short} and {self.regions}')


SMALL = GlobalTrackConfig(640, 384, 100)
"""For a CPU: a quarter of the pixels and a tenth of the regions."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A normalised picture, 1 x 3 x H x W (multiples of 32), and how much of it is image."""

    pixels: Tensor
    height: int
    width: int
    scale: tuple[float, float]


def prepare(image: Image, config: GlobalTrackConfig, device: torch.device) -> Picture:
    """Scale to the sides allowed, normalise and pad to multiples of 32 pixels."""
    h, w = image.shape[:2]
    k = min(config.long / max(h, w), config.short / min(h, w))
    width, height = max(int(w * k + 0.5), 1), max(int(h * k + 0.5), 1)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    rgb = torch.from_numpy(np.ascontiguousarray(small[..., ::-1])).to(device).float()
    mean, std = (torch.tensor(v, device=device) for v in (MEAN, STD))
    pixels = ((rgb - mean) / std).permute(2, 0, 1)[None]
    return Picture(F.pad(pixels, (0, -width % 32, 0, -height % 32)), height, width,
                   (width / w, height / h))


class GlobalTrack:
    """
    A Redetector that detects the first frame's target anew; it remembers no other frame.

    Of a box the places of its first and last pixel are scaled, as in training: the picture's last
    pixel isn't the box's.
    """

    history = 1

    def __init__(self, net: GlobalTrackNet, device: torch.device | str,
                 config: GlobalTrackConfig | None = None, threads: int = 0) -> None:
        """
        Wrap a network that is on ``device`` already; puts it into evaluation mode.

        ``threads``: those of the CPU, 0 for as many as PyTorch takes.
        """
        self._net = net.eval()
        self._device, self._threads = torch.device(device), threads
        self._config = config or GlobalTrackConfig()
        self._kernels: list[Tensor] = []
        self._projected: Tensor | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""
        with plain_torch(self._threads), torch.inference_mode():
            picture = prepare(frame.image, self._config, self._device)
            sx, sy = picture.scale
            corners = torch.tensor([[box.x * sx, box.y * sy, (box.x + box.w - 1) * sx,
                                     (box.y + box.h - 1) * sy]], device=self._device)
            query = pool(self._net(picture.pixels), corners)
            self._kernels = self._net.rpn_modulator.kernels(query)
            self._projected = self._net.rcnn_modulator.proj_z(query)

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """
        Detect the target in the newest frame: at most ``k`` boxes with probabilities.

        The map is the first stage's score at the level of its best box. Raises RuntimeError
        before the first ``init``.
        """
        if self._projected is None:
            raise RuntimeError('GlobalTrack has no target: call init first')
        with plain_torch(self._threads), torch.inference_mode():
            picture = prepare(clip[-1].image, self._config, self._device)
            pyramid = self._net(picture.pixels)
            regions, seen = self.regions(picture, pyramid)
            scores, boxes = self.judge(picture, pyramid, regions)
            kept = suppress(boxes, scores, self._config.overlap)[:k]
            found = boxes[kept].double().cpu().numpy()
            values = scores[kept].double().cpu().tolist()
        sx, sy = picture.scale
        return Proposals([Box(x0 / sx, y0 / sy, (x1 - x0) / sx + 1, (y1 - y0) / sy + 1)
                          for x0, y0, x1, y1 in found], seen, values)

    def regions(self, picture: Picture, pyramid: Pyramid
                ) -> tuple[Tensor, np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        """Run the first stage: the best regions, K x 4, and the score map of the best's level."""
        c = self._config
        found, values, maps = [], [], []
        for x, stride in zip(self._net.rpn_modulator(pyramid, self._kernels), STRIDES):
            scores, deltas = self._net.rpn_head(x)
            h, w = scores.shape[:2]
            seen_h, seen_w = (-(-side // stride) for side in (picture.height, picture.width))
            maps.append(scores.amax(2)[:seen_h, :seen_w])
            best, i = scores.flatten().topk(min(c.regions, scores.numel()))
            boxes = apply_deltas(anchors(h, w, stride, x.device)[i], deltas[i],
                                 picture.height, picture.width)
            kept = suppress(boxes, best, c.rpn_overlap)
            found.append(boxes[kept])
            values.append(best[kept])
        every = torch.cat(values)
        seen = max(maps, key=lambda m: float(m.max()))
        return (torch.cat(found)[every.topk(min(c.regions, len(every))).indices],
                seen.float().cpu().numpy())

    def judge(self, picture: Picture, pyramid: Pyramid, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Run the second stage: the probability of each region, K, and its box, K x 4."""
        looked = self._net.rcnn_modulator(pool(pyramid, regions), self._projected)
        scores, deltas = self._net.bbox_head(looked)
        spread = torch.tensor(SPREAD, device=deltas.device)
        return scores, apply_deltas(regions, deltas * spread, picture.height, picture.width)


def build(weights: str | Path, device: torch.device | str = 'cpu',
          config: GlobalTrackConfig | None = None, threads: int = 0) -> GlobalTrack:
    """
    Make the re-detector with trained weights, a checkpoint as GlobalTrack's authors publish it.

    Raises FileNotFoundError when there is none and ValueError for a file that does not fit; each
    message is one line.
    """
    with torch.device('meta'):  # no random weights first
        net = GlobalTrackNet()
    net.to_empty(device='cpu')
    load_checkpoint(net, weights)
    return GlobalTrack(net.to(device), device, config, threads)
