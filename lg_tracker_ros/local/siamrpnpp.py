"""SiamRPN++ (Li et al., CVPR 2019), the worked example of the TANet paper, as a LocalTracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from pathlib import Path
from typing import Any

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.checkpoint import checked_file, load_checkpoint
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.engine import cpu_threads, EngineConfig
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNConstants, SiamRPNNet, Template, VARIANTS
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.types import Box, Frame, Image, Kind, Region, TrackerOutput
import numpy as np
import numpy.typing as npt
import torch
from torch import nn, Tensor

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


@dataclass(frozen=True, eq=False)
class _Target:
    """What is known of the target; the only state of the tracker."""

    template: Template
    fill: tuple[float, float, float]


class Search:
    """A search image's anchors and the window over them, A*S*S as in ``anchor_grid``."""

    def __init__(self, constants: SiamRPNConstants) -> None:
        """Lay them out."""
        self.constants = constants
        self.anchors = anchor_grid(constants)
        hanning = np.hanning(constants.score_size)
        self.window = np.tile(np.outer(hanning, hanning).ravel(), constants.anchors)

    def side(self, box: Box) -> float:
        """Side of the search region in pixels of the image."""
        c = self.constants
        return context_side(box.w, box.h, c.context) * c.instance / c.exemplar


@dataclass(frozen=True, eq=False)
class Peak:
    """
    The anchor that wins around ``around``.

    ``index`` is its number; ``score`` and ``penalty`` are in [0, 1]; ``offset`` is the centre of
    its box as seen from that of ``around``, ``size`` the box's, both in pixels of the image.
    """

    around: Box
    index: int
    score: float
    penalty: float
    offset: tuple[float, float]
    size: tuple[float, float]


def best_anchor(search: Search, around: Box, scores: Array, boxes: Array) -> Peak:
    """
    Pick the best anchor with penalties.

    ``scores`` (K) are in [0, 1], ``boxes`` (4 x K) as ``decode`` gives them.
    """
    c = search.constants
    zoom = c.instance / search.side(around)
    penalty = shape_penalty(boxes[2], boxes[3], (around.w * zoom, around.h * zoom), c.penalty_k)
    best = int(np.argmax(penalty * scores * (1 - c.window) + search.window * c.window))
    x, y, w, h = (float(v) / zoom for v in boxes[:, best])
    return Peak(around, best, float(scores[best]), float(penalty[best]), (x, y), (w, h))


class SiamRPNpp:
    """
    A LocalTracker: compares anchors in the search region with the first frame's template.

    Where it looks and the size that it smooths from come with the region; it keeps the template
    only. ``confidence`` and ``score`` are the softmax score, without penalties, of the anchor
    that wins with penalties.
    """

    def __init__(self, net: nn.Module, device: torch.device | str,
                 constants: SiamRPNConstants, threads: int = 0) -> None:
        """
        Wrap a network that is on ``device`` already; puts it into evaluation mode.

        It has SiamRPNNet's ``template`` and ``forward``. ``threads``: those of the CPU, 0 for as
        many as PyTorch takes.
        """
        self._net: Any = net.eval()
        self._device, self._threads = torch.device(device), threads
        self._constants = constants
        self._near = Search(constants)
        self._target: _Target | None = None

    @classmethod
    def with_random_weights(cls, backbone: str, device: torch.device | str = 'cpu') -> SiamRPNpp:
        """Make a tracker that has learned nothing: for tests and measurements of speed."""
        net, constants = _variant(backbone)
        return cls(net.to(device), device, constants)

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""
        c = self._constants
        fill = mean_color(frame.image)
        crop = square_crop(frame.image, box.cx, box.cy, context_side(box.w, box.h, c.context),
                           c.exemplar, fill)
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
        searches = [self._search(r) for r in regions]
        found: dict[int, TrackerOutput] = {}
        for search in dict.fromkeys(searches):  # as one batch where all are of one size
            rows = [i for i, s in enumerate(searches) if s is search]
            outputs = self._track(frame, [regions[i].box for i in rows], search)
            found.update(zip(rows, outputs))
        return [found[i] for i in range(len(regions))]

    def _search(self, region: Region) -> Search:
        """Say how to search a region."""
        return self._near

    def _track(self, frame: Frame, places: Sequence[Box], search: Search) -> list[TrackerOutput]:
        """Search around each place, as one batch."""
        assert self._target is not None
        crops = [square_crop(frame.image, b.cx, b.cy, search.side(b), search.constants.instance,
                             self._target.fill).image for b in places]
        with cpu_threads(self._threads), torch.inference_mode():
            cls, loc, *more = self._net(self._target.template, self._to_tensor(crops))
            # class 1 of a two-way softmax
            logits = cls.reshape(len(places), 2, -1).float()
            scores = torch.sigmoid(logits[:, 1] - logits[:, 0]).cpu().numpy()
            offsets = loc.reshape(len(places), 4, -1).float().cpu().numpy()
            peaks = [best_anchor(search, b, s, p) for b, s, p in zip(
                places, scores, decode(offsets, search.anchors))]
            return self._outputs(frame, search, peaks, more)

    def _outputs(self, frame: Frame, search: Search, peaks: Sequence[Peak],
                 more: Sequence[Any]) -> list[TrackerOutput]:
        """Make the outputs; ``more`` is what the network gives beyond the RPN's two maps."""
        return [TrackerOutput(self._box(frame, p), confidence=p.score, score=p.score)
                for p in peaks]

    def _box(self, frame: Frame, p: Peak) -> Box:
        """Let the size follow, and keep the box where it is of use."""
        c, around = self._constants, p.around
        rate = p.penalty * p.score * c.lr
        w = min(max(around.w * (1 - rate) + p.size[0] * rate, c.min_side), float(frame.width))
        h = min(max(around.h * (1 - rate) + p.size[1] * rate, c.min_side), float(frame.height))
        # first as numbers: an untrained head may point further away than a box can lie
        cx = min(max(around.cx + p.offset[0], 0.0), float(frame.width))
        cy = min(max(around.cy + p.offset[1], 0.0), float(frame.height))
        return keep_center_inside(Box.from_center(cx, cy, w, h), frame.width, frame.height)

    def _to_tensor(self, images: Sequence[Image]) -> Tensor:
        """Stack crops as N x 3 x side x side, BGR, 0-255, on the network's device."""
        batch = torch.from_numpy(np.stack(images)).to(self._device)
        return batch.permute(0, 3, 1, 2).float()


class LongTermSiamRPNpp(SiamRPNpp):
    """
    An OnlineTracker: the same, which searches wider where it lost the target (PySOT's long-term).

    Below the score ``enter`` the followed target counts as lost, until one above ``leave``; it is
    then sought in ``instance`` pixels around its last place, and stays there below ``enter``. What
    it learns is only that: one flag.
    """

    def __init__(self, net: nn.Module, device: torch.device | str,
                 constants: SiamRPNConstants, threads: int = 0) -> None:
        """Wrap a network as SiamRPNpp does; the constants say how to seek a lost target."""
        super().__init__(net, device, constants, threads)
        assert constants.lost is not None
        self._rule = constants.lost
        self._far = Search(replace(constants, instance=self._rule.instance,
                                   window=self._rule.window))
        self.lost, self._followed = False, 1.0

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""
        super().init(frame, box)
        self.lost, self._followed = False, 1.0

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search around each region; below ``enter`` a followed target stays where it was."""
        outputs = super().track(frame, regions)
        for i, region in enumerate(regions):
            if region.kind is Kind.LOCAL:
                self._followed = outputs[i].score
                if self._followed < self._rule.enter:
                    outputs[i] = replace(outputs[i], box=region.box)
        return outputs

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Take the score of what the search policy believes."""
        self._note(accepted.score)

    def miss(self, frame: Frame) -> None:
        """Take the score of where the target was followed last."""
        self._note(self._followed)

    def _note(self, score: float) -> None:
        if score < self._rule.enter:
            self.lost = True
        elif score > self._rule.leave:
            self.lost = False

    def _search(self, region: Region) -> Search:
        return self._far if self.lost and region.kind is Kind.LOCAL else self._near


def build(backbone: str, weights: Path, device: torch.device | str = 'cpu',
          threads: int = 0) -> SiamRPNpp:
    """
    Make the tracker with trained weights: our own, or a checkpoint of the PySOT family.

    Raises ValueError, in one line, for an unknown backbone or a file that does not fit.
    """
    net, constants = _variant(backbone)
    load_checkpoint(net, weights)
    kind = LongTermSiamRPNpp if constants.lost else SiamRPNpp
    return kind(net.to(device), device, constants, threads)


def _variant(backbone: str) -> tuple[SiamRPNNet, SiamRPNConstants]:
    if backbone not in VARIANTS:
        raise ValueError(f'SiamRPN++ has the backbones {", ".join(VARIANTS)}, got {backbone!r}')
    make, constants = VARIANTS[backbone]
    return make(), constants


def _make(weights: str, backbone: str, engine: EngineConfig) -> SiamRPNpp:
    return build(backbone, checked_file(weights, SPEC.file(backbone)), engine.device,
                 engine.threads)


SPEC = LocalSpec('siamrpnpp', 'SiamRPN++ (Li et al. 2019), also PySOT checkpoints', _make,
                 platt(0.38, 10.03, -3.3), 'siamrpnpp_{backbone}.safetensors', tuple(VARIANTS))
