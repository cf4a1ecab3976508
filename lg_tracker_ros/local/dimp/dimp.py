"""DiMP-50 (Bhat et al., ICCV 2019) and SuperDiMP (Danelljan et al., CVPR 2020)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
import math
from typing import Sequence

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.checkpoint import checked_file
from lg_tracker_ros.crops import Crop, square_crop
from lg_tracker_ros.engine import EngineConfig, plain_torch
from lg_tracker_ros.local.dimp.filters import apply_filter
from lg_tracker_ros.local.dimp.first import Change, changed
from lg_tracker_ros.local.dimp.iou import Modulation, refine
from lg_tracker_ros.local.dimp.memory import FilterMemory
from lg_tracker_ros.local.dimp.net import (
    DimpConstants,
    DimpNet,
    FILTER,
    read_net,
    STRIDE,
    VARIANTS,
)
from lg_tracker_ros.local.dimp.places import Finding, locate, Peak
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import UNFITTED
from lg_tracker_ros.types import Box, Frame, Image, Region, TrackerOutput
import numpy as np
import torch
from torch import Tensor

_CHANGES = (Change(flip=True), Change(blur=(3, 1)), Change(blur=(1, 3)), Change(blur=(2, 2)),
            *(Change(turn=degrees) for degrees in (10, -10, 45, -45)))
_SHIFTS = np.random.default_rng(0).uniform(-1 / 6, 1 / 6, (len(_CHANGES), 2)).tolist()
FIRST = (Change(), *(Change(shift=(x, y)) for x in (0.3, -0.3) for y in (0.3, -0.3)),
         *(replace(change, shift=(x, y)) for change, (x, y) in zip(_CHANGES, _SHIFTS)))
"""
What the first frame is learned from, beside copies with DROPPED of the channels left out.

What is flipped, blurred and turned lies up to a sixth of the crop away from its middle.
"""
COPIES, DROPPED = 2, 0.2
MARGIN = 0.5 if FILTER % 2 else 0.0
"""From a score's place to the edge of cells where it begins: an even filter scores corners."""


@dataclass(frozen=True, eq=False)
class _Target:
    """What is known of the target from its first frame."""

    memory: FilterMemory
    modulation: Modulation


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the last search of a camera found, a row for each place."""

    crops: Sequence[Crop]
    outputs: Sequence[TrackerOutput]
    peaks: Sequence[Peak]
    features: Tensor


class DimpTracker:
    """An OnlineTracker; what it learns from is what the search policy accepted."""

    def __init__(self, net: DimpNet, constants: DimpConstants, device: torch.device | str = 'cpu',
                 threads: int = 0) -> None:
        """
        Wrap a network, which moves to ``device``; puts it into evaluation mode.

        ``threads``: those of the CPU, 0 for as many as PyTorch takes.
        """
        self._net, self._constants = net.to(device).eval().requires_grad_(False), constants
        self._device, self._threads = torch.device(device), threads
        self._target: _Target | None = None
        self._seen: dict[str, _Seen] = {}
        self._accepted = 0

    def init(self, frame: Frame, box: Box) -> None:
        """Learn filter and modulation from the first frame and changed copies of it."""
        c = self._constants
        images, boxes = changed(frame.image, box, self._side(box), c.side, None, FIRST)
        chance = torch.Generator().manual_seed(0)
        with plain_torch(self._threads), torch.no_grad():
            x8, x16 = self._net.extract(self._batch(images))
            features = self._net.classifier.feature_extractor(x16)
            kept = torch.rand(COPIES, features.shape[1], generator=chance) >= DROPPED
            dropped = features[:1] * (kept / (1 - DROPPED)).to(features)[:, :, None, None]
            features = torch.cat([features, dropped])
            places = torch.tensor([[b.x, b.y, b.w, b.h] for b in [*boxes, *boxes[:1] * COPIES]],
                                  device=self._device)
            corners = torch.cat([places[:, :2], places[:, :2] + places[:, 2:]], 1) / STRIDE
            kernel = self._net.classifier.filter_initializer(features[None], corners[None])
            middles = (places[:, :2] + places[:, 2:] / 2) / STRIDE - MARGIN
            memory = FilterMemory(self._net.classifier.filter_optimizer, kernel, features,
                                  middles, c.memory, c.first_steps)
            modulation = self._net.bb_regressor.modulation(x8[:1], x16[:1], places[0])
        self._target = _Target(memory, modulation)
        self._restart()

    def _restart(self) -> None:
        """Know the first frame only."""
        self._seen.clear()
        self._accepted = 0

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Search around each region, as one batch.

        Raises RuntimeError before the first ``init``.
        """
        if self._target is None:
            raise RuntimeError('DiMP has no target: call init first')
        if not regions:
            return []
        places = [r.box for r in regions]
        crops = [self._cut(frame.image, b) for b in places]
        with plain_torch(self._threads), torch.no_grad():
            x8, x16 = self._net.extract(self._batch([crop.image for crop in crops]))
            features = self._net.classifier.feature_extractor(x16)
            scores = apply_filter(features[None], self._target.memory.kernel)[0].cpu().numpy()
            inner = [crop.to_crop(b) for crop, b in zip(crops, places)]
            peaks = [locate(s, (b.w / STRIDE, b.h / STRIDE),
                            (b.cy / STRIDE - MARGIN, b.cx / STRIDE - MARGIN))
                     for s, b in zip(scores, inner)]
            boxes = self._boxes(x8, x16, [
                Box.from_center((p.column + MARGIN) * STRIDE, (p.row + MARGIN) * STRIDE, b.w, b.h)
                for p, b in zip(peaks, inner)])
        outputs = []
        for crop, box, peak in zip(crops, boxes, peaks):
            found = crop.to_image(box)
            found = Box.from_center(found.cx, found.cy, min(found.w, frame.width),
                                    min(found.h, frame.height))
            score = min(max(peak.score, 0.0), 1.0)
            outputs.append(TrackerOutput(keep_center_inside(found, frame.width, frame.height),
                                         score, score))
        self._seen[frame.camera] = _Seen(crops, outputs, peaks, features)
        return outputs

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Learn from an accepted place, at once if something there is like the target."""
        seen, c = self._seen.get(frame.camera), self._constants
        rows = [i for i, o in enumerate(seen.outputs) if o.box == accepted.box] if seen else []
        if seen is None or self._target is None or not rows:
            return
        self._accepted += 1
        peak = seen.peaks[rows[0]]
        rivalled = peak.finding is Finding.RIVALLED
        with plain_torch(self._threads):
            if rivalled or peak.finding is Finding.CLEAR:
                box = seen.crops[rows[0]].to_crop(accepted.box)
                center = box.cx / STRIDE - MARGIN, box.cy / STRIDE - MARGIN
                self._target.memory.add(seen.features[rows[0]], center,
                                        c.hard_rate if rivalled else c.rate)
            if rivalled:
                self._target.memory.improve(1)
            elif self._accepted % c.every == 0:
                self._target.memory.improve(c.later_steps)

    def miss(self, frame: Frame) -> None:
        """Learn nothing: nobody knows where the target was."""

    def disown(self) -> None:
        """Forget all but the first frame: what was followed last is not the target."""
        if self._target is not None:
            self._target.memory.forget()
        self._restart()

    def _boxes(self, x8: Tensor, x16: Tensor, first: Sequence[Box]) -> list[Box]:
        """Refine a box in each crop: from it and shaken copies the mean of the best."""
        assert self._target is not None  # track has seen to that
        c, net = self._constants, self._net.bb_regressor
        at = torch.tensor([[b.x, b.y, b.w, b.h] for b in first], device=self._device)
        shaken = shake(at, c.tries)
        c3, c4 = net.features(x8, x16)
        boxes, judged = refine(net, self._target.modulation, c3, c4, shaken, c.steps, c.length,
                               c.relative)
        slim = torch.maximum(boxes[..., 2] / boxes[..., 3], boxes[..., 3] / boxes[..., 2])
        mean = mean_of_best(boxes, judged.masked_fill(slim > c.aspect, -torch.inf), c.best)
        # where none has an aspect that can be, the size stays
        return [Box(*map(float, row))
                for row in torch.where(mean.isnan(), at, mean).cpu()]

    def _side(self, box: Box) -> float:
        """Side of the search crop in pixels of the image."""
        return self._constants.area * math.sqrt(box.w * box.h)

    def _cut(self, image: Image, box: Box) -> Crop:
        c, (h, w) = self._constants, image.shape[:2]
        cx, cy, side = inside_major(box, self._side(box), w, h, c.inside)
        return square_crop(image, cx, cy, side, c.side, None)

    def _batch(self, images: Sequence[Image]) -> Tensor:
        return torch.from_numpy(np.stack(images)).to(self._device)


def inside_major(box: Box, side: float, width: int, height: int, most: float
                 ) -> tuple[float, float, float]:
    """
    Move a crop of ``side`` pixels around ``box`` into the image as far as that can be.

    A crop larger than the image's longer side shrinks, to 1 / ``most`` at most. ``most`` of 1
    leaves it alone. Returns its centre and side.
    """
    if most == 1:
        return box.cx, box.cy, side
    side /= min(max(side / max(width, height), 1.0), most)

    def moved(at: float, length: int) -> float:
        if side >= length:
            return length / 2
        return min(max(at, side / 2), length - side / 2)
    return moved(box.cx, width), moved(box.cy, height), side


def mean_of_best(boxes: Tensor, judged: Tensor, count: int) -> Tensor:
    """
    Average the ``count`` boxes of N x K x 4 that are judged highest (N x K), N x 4.

    Those judged -inf never count, where all are there is nan.
    """
    values, best = judged.topk(count, dim=1)
    chosen = boxes.gather(1, best[..., None].expand(-1, -1, 4))
    return chosen.masked_fill(torch.isinf(values)[..., None], torch.nan).nanmean(1)


def shake(boxes: Tensor, count: int) -> Tensor:
    """
    Put ``count`` copies behind each box N x 4 (x, y, w, h): N x (1 + count) x 4.

    Of a target of side s (the root of its area) the centre moves by up to .05 s, the sides
    change by up to .25 s but not below a third. The same copies each time: results can be had
    again.
    """
    chance = torch.rand(count, 4, generator=torch.Generator().manual_seed(0)).to(boxes) - 0.5
    s = boxes[:, None, 2:].prod(-1, keepdim=True).sqrt()
    sides = torch.maximum(boxes[:, None, 2:] + 0.5 * s * chance[:, 2:], boxes[:, None, 2:] / 3)
    middle = boxes[:, None, :2] + boxes[:, None, 2:] / 2 + 0.1 * s * chance[:, :2]
    return torch.cat([boxes[:, None], torch.cat([middle - sides / 2, sides], -1)], 1)


def _make(name: str, weights: str, backbone: str, engine: EngineConfig) -> DimpTracker:
    path = checked_file(weights, f'{name}.safetensors')
    return DimpTracker(read_net(path), VARIANTS[name], engine.device, engine.threads)


SPECS = tuple(
    LocalSpec(name, summary, partial(_make, name), UNFITTED, f'{name}.safetensors')
    for name, summary in (('dimp50', 'DiMP-50 (Bhat et al. 2019); needs a checkpoint'),
                          ('superdimp', 'SuperDiMP (Danelljan et al. 2020); needs a checkpoint')))
