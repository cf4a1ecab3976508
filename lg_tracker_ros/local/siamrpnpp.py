"""SiamRPN++ (Li et al., CVPR 2019), the worked example of the TANet paper, as a LocalTracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from pathlib import Path

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.checkpoint import checked_file, load_checkpoint
from lg_tracker_ros.crops import context_side, Crop, mean_color, square_crop
from lg_tracker_ros.engine import cpu_threads, EngineConfig
from lg_tracker_ros.local.online.host import Fill, Host, Pick
from lg_tracker_ros.local.online.nets import OpenSiamRPN
from lg_tracker_ros.local.siamrpnpp_net import (
    SiamRPNConstants,
    SiamRPNNet,
    target_scores,
    Template,
    VARIANTS,
)
from lg_tracker_ros.local.spec import BACKBONES, LocalSpec
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.types import Box, Frame, Image, Region, TrackerOutput
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[np.float32]


def anchor_grid(constants: SiamRPNConstants) -> Array:
    """
    Every anchor of the score map: A*S*S rows of cx, cy, w, h, anchor-major, then row by row.

    In pixels of the search image, relative to its centre.
    """
    s = constants.score_size
    shapes = []
    for ratio in constants.ratios:
        # the truncation is PySOT's: published weights were trained with it
        w = int(math.sqrt(constants.stride ** 2 / ratio))
        h = int(w * ratio)
        shapes += [(w * scale, h * scale) for scale in constants.scales]
    steps = (np.arange(s) - s // 2) * constants.stride
    cy, cx = np.meshgrid(steps, steps, indexing='ij')
    grid = np.empty((len(shapes), s, s, 4), np.float32)
    grid[..., 0], grid[..., 1] = cx, cy
    grid[..., 2:] = np.array(shapes, np.float32)[:, None, None]
    return grid.reshape(-1, 4)


def decode(loc: Array, anchors: Array) -> Array:
    """
    Turn offsets into boxes: N x 4 x K to N x 4 x K (cx, cy, w, h, relative to the centre).

    Sides are bounded against overflow only, far beyond anything that the penalty lets through.
    """
    cx, cy, w, h = anchors.T
    return np.stack([loc[:, 0] * w + cx, loc[:, 1] * h + cy,
                     np.exp(np.clip(loc[:, 2], -10, 10)) * w,
                     np.exp(np.clip(loc[:, 3], -10, 10)) * h], axis=1)


def shape_penalty(w: npt.ArrayLike, h: npt.ArrayLike, previous: tuple[float, float],
                  k: float) -> Array:
    """
    Penalise a change of size and of aspect: exp(-k (r s - 1)), in (0, 1].

    ``r`` and ``s`` are the ratios, turned to be at least 1, of the aspects and of the padded
    sizes between each w x h and ``previous``, all in the same pixels.
    """
    w, h = np.asarray(w), np.asarray(h)
    size = np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2)) / context_side(*previous)
    aspect = (previous[0] / previous[1]) / (w / h)
    change = np.maximum(aspect, 1 / aspect) * np.maximum(size, 1 / size)
    return np.asarray(np.exp(-(change - 1) * k))


class AnchorSelector:
    """Where to cut crops, and which anchor's box to take; knows no network and no target."""

    def __init__(self, constants: SiamRPNConstants) -> None:
        """Lay out the anchors."""
        self.constants, self.instance = constants, constants.instance
        steps = np.arange(constants.score_size) - constants.score_size // 2
        self.points = np.asarray(constants.instance / 2 + steps * constants.stride, np.float64)
        self.online_window = constants.online_window or constants.window
        self._anchors = anchor_grid(constants)
        hanning = np.hanning(constants.score_size)
        self._window = np.tile(np.outer(hanning, hanning).ravel(), constants.anchors)

    def cut_template(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut a template: the target with its context."""
        c = self.constants
        return square_crop(image, box.cx, box.cy, context_side(box.w, box.h, c.context),
                           c.exemplar, fill)

    def cut(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut what is searched around ``box``."""
        return square_crop(image, box.cx, box.cy, self._search_side(box), self.instance, fill)

    def read(self, scores: Array, offsets: Array) -> tuple[Array, Array]:
        """Read N x A x S x S scores and N x 4A x S x S offsets: N x P scores, N x 4 x P boxes."""
        n = len(scores)
        return scores.reshape(n, -1), decode(offsets.reshape(n, 4, -1), self._anchors)

    def pick(self, frame: Frame, crop: Crop, around: Box, scores: Array, boxes: Array,
             ranked: Array | None = None, window: float | None = None) -> Pick:
        """
        Pick the best anchor with penalties and bring its box to pixels of the image.

        ``scores`` (P) and ``boxes`` (4 x P) as ``read`` gives them. ``ranked`` (P) goes for the
        score where anchors are compared, ``window`` for the constant's share of the window.
        """
        c = self.constants
        zoom = c.instance / self._search_side(around)
        penalty = shape_penalty(boxes[2], boxes[3], (around.w * zoom, around.h * zoom),
                                c.penalty_k)
        share = c.window if window is None else window
        compared = penalty * (scores if ranked is None else ranked) * (1 - share) \
            + self._window * share
        best = int(np.argmax(compared))
        x, y, w, h = (float(v) / zoom for v in boxes[:, best])
        score = float(scores[best])
        rate = float(penalty[best]) * score * c.lr
        w = min(max(around.w * (1 - rate) + w * rate, c.min_side), float(frame.width))
        h = min(max(around.h * (1 - rate) + h * rate, c.min_side), float(frame.height))
        box = keep_center_inside(Box.from_center(around.cx + x, around.cy + y, w, h),
                                 frame.width, frame.height)
        return Pick(TrackerOutput(box, confidence=score, score=score), float(compared[best]))

    def _search_side(self, box: Box) -> float:
        """Side of the search region in pixels of the image."""
        c = self.constants
        return context_side(box.w, box.h, c.context) * c.instance / c.exemplar


@dataclass(frozen=True, eq=False)
class _Target:
    """What is known of the target; the only state of the tracker."""

    template: Template
    fill: tuple[float, float, float]


class SiamRPNpp:
    """
    A LocalTracker: compares anchors in the search region with the first frame's template.

    Where it looks and the size that it smooths from come with the region; it keeps the template
    only. ``confidence`` and ``score`` are the softmax score, without penalties, of the anchor
    that wins with penalties.
    """

    def __init__(self, net: SiamRPNNet, device: torch.device | str,
                 constants: SiamRPNConstants, threads: int = 0) -> None:
        """
        Wrap a network that is on ``device`` already; puts it into evaluation mode.

        ``threads``: those of the CPU, 0 for as many as PyTorch takes.
        """
        self._net = net.eval()
        self._device, self._threads = torch.device(device), threads
        self._selector = AnchorSelector(constants)
        self._target: _Target | None = None

    @classmethod
    def with_random_weights(cls, backbone: str, device: torch.device | str = 'cpu') -> SiamRPNpp:
        """Make a tracker that has learned nothing: for tests and measurements of speed."""
        net, constants = _variant(backbone)
        return cls(net.to(device), device, constants)

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""
        fill = mean_color(frame.image)
        crop = self._selector.cut_template(frame.image, box, fill)
        with cpu_threads(self._threads), torch.inference_mode():
            self._target = _Target(self._net.template(self._to_tensor([crop.image])), fill)

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Search around each region, as one batch.

        Raises RuntimeError before the first ``init``.
        """
        if self._target is None:
            raise RuntimeError('SiamRPN++ has no target: call init first')
        if not regions:
            return []
        crops = [self._selector.cut(frame.image, r.box, self._target.fill) for r in regions]
        with cpu_threads(self._threads), torch.inference_mode():
            cls, loc = self._net(self._target.template, self._to_tensor([c.image for c in crops]))
            maps = target_scores(cls).cpu().numpy(), loc.float().cpu().numpy()
        return [self._selector.pick(frame, crop, region.box, scores, boxes).output
                for crop, region, scores, boxes in zip(crops, regions,
                                                       *self._selector.read(*maps))]

    def _to_tensor(self, images: Sequence[Image]) -> Tensor:
        """Stack crops as N x 3 x side x side, BGR, 0-255, on the network's device."""
        batch = torch.from_numpy(np.stack(images)).to(self._device)
        return batch.permute(0, 3, 1, 2).float()


def build(backbone: str, weights: Path, device: torch.device | str = 'cpu',
          threads: int = 0) -> SiamRPNpp:
    """
    Make the tracker with trained weights: our own, or a checkpoint of the PySOT family.

    Raises ValueError, in one line, for an unknown backbone or a file that does not fit.
    """
    net, constants = _variant(backbone)
    load_checkpoint(net, weights)
    return SiamRPNpp(net.to(device), device, constants, threads)


def _variant(backbone: str) -> tuple[SiamRPNNet, SiamRPNConstants]:
    if backbone not in VARIANTS:
        raise ValueError(f'SiamRPN++ has the backbones {", ".join(VARIANTS)}, got {backbone!r}')
    make, constants = VARIANTS[backbone]
    return make(), constants


def _make(weights: str, backbone: str, engine: EngineConfig) -> SiamRPNpp:
    return build(backbone, checked_file(weights, SPEC.file(backbone)), engine.device,
                 engine.threads)


def _open(weights: str, backbone: str, engine: EngineConfig) -> Host:
    net, constants = _variant(backbone)
    load_checkpoint(net, checked_file(weights, SPEC.file(backbone)))
    return Host(AnchorSelector(constants), OpenSiamRPN(net), engine)


SPEC = LocalSpec('siamrpnpp', 'SiamRPN++ (Li et al. 2019), also PySOT checkpoints', _make,
                 platt(0.38, 10.03, -3.3), 'siamrpnpp_{backbone}.safetensors', BACKBONES,
                 host=_open)
