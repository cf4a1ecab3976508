"""
DROL: an online module on a Siamese host (Zhou et al., AAAI 2020).

A classifier that learns while it tracks ranks the host's boxes together with the host's score; a
second, short-term template may take the first one's place. The score that is reported is the
host's. It learns in ``update`` alone: of what the search policy believed, never of a lost frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Sequence

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import Crop, mean_color, square_crop
from lg_tracker_ros.engine import plain_torch
from lg_tracker_ros.local.online.augmentation import augmented, COPIES
from lg_tracker_ros.local.online.classifier import Classifier, ClassifierConfig, gaussian
from lg_tracker_ros.local.online.host import Host, Template
from lg_tracker_ros.local.online.peaks import Flag, flag
from lg_tracker_ros.types import Box, Frame, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

LIGHT = ClassifierConfig(steps=2)
"""Starts in a third of the time: a node is not held up for seconds by its first frame."""


@dataclass(frozen=True)
class DrolConfig:
    """
    The paper's constants.

    ``weight``: that of the online score beside the host's, 0 for the host alone. ``every``:
    accepted frames between two updates of the filter; ``rate``, ``rival_rate``: weight of a new
    sample, and of one with a rival. ``sigma``: of the label, in sizes of the target. ``period``:
    frames of which the best gives the short-term template, if the classifier answers it with
    ``clear`` at least (0: never); it is used where its box has an IoU of ``agree`` with the first
    one's and its score is better by ``gain``. ``classifier``: None for the paper's, LIGHT on a
    light host; ``attention``: its, where it isn't given.
    """

    weight: float = 0.8
    every: int = 10
    rate: float = 0.01
    rival_rate: float = 0.02
    sigma: float = 0.25
    dropout: float = 0.2
    period: int = 5
    clear: float = 0.75
    agree: float = 0.6
    gain: float = 0.5
    classifier: ClassifierConfig | None = None
    attention: str = 'after'


class _Seen(NamedTuple):
    """A place that was searched: what was found, the classifier's features and its response."""

    output: TrackerOutput
    crop: Crop
    features: Tensor
    response: Array


class Drol:
    """An OnlineTracker around a host; one filter judges all regions of a batch."""

    def __init__(self, host: Host, config: DrolConfig | None = None) -> None:
        """Wrap ``host``; nothing is learned yet."""
        self.host, self.config = host, config or DrolConfig()
        own = replace(LIGHT if host.light else ClassifierConfig(), attention=self.config.attention)
        self.classifier = Classifier(self.config.classifier or own)
        # on small maps more threads wait for one another
        self._threads = 1 if host.light else host.engine.threads
        self._first: Template | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """Learn template and classifier from the first frame; all before is forgotten."""
        self._fill = mean_color(frame.image)
        crop = self.host.selector.cut_template(frame.image, box, self._fill)
        self._first, _ = self.host.template(crop, box)
        self._learn_first(frame, box)
        self._restart()

    def _restart(self) -> None:
        """Know the first frame only."""
        self._short: Template | None = None
        self._best: tuple[float, Crop, Box] | None = None
        self._seen: dict[str, list[_Seen]] = {}
        self._updates = 0

    def _learn_first(self, frame: Frame, box: Box) -> None:
        """Start the classifier on thirty samples of the first frame."""
        c, size = self.config, self.host.selector.instance
        side = self.host.selector.cut(frame.image, box, self._fill).side
        wide = square_crop(frame.image, box.cx, box.cy, 2 * side, 2 * size, self._fill).image
        samples = augmented(wide, np.random.default_rng(0))
        x = torch.cat([self.host.learnable(self.host.features([s.image for s in samples[i:i + 8]]))
                       for i in range(0, len(samples), 8)])
        keep = torch.rand(COPIES, x.shape[1], 1, 1, generator=torch.Generator().manual_seed(0))
        dropped = x[:1] * (keep >= c.dropout).to(x) / (1 - c.dropout)
        places = [(s.dx, s.dy) for s in samples] + [(0, 0)] * COPIES
        w, h = box.w * size / side, box.h * size / side
        labels = [self._label(x.shape[3], size / 2 + dx, size / 2 + dy, w, h)
                  for dx, dy in places]
        with plain_torch(self._threads), torch.no_grad():
            self.classifier.start(torch.cat([x, dropped]), torch.stack(labels).to(x.device))

    def _label(self, cells: int, x: float, y: float, w: float, h: float) -> Tensor:
        """Label a map for a target centred at x, y with sides w, h, in pixels of its crop."""
        first, step = self._cells(cells)
        return gaussian(cells, (x - first) / step, (y - first) / step,
                        self.config.sigma * (w * h) ** .5 / step)

    def _cells(self, cells: int) -> tuple[float, float]:
        """
        Where the first column of a response lies in the crop, and the step, in pixels.

        That of the features lies half a step on: the filter's side is even, and its middle is
        meant.
        """
        points = self.host.selector.points
        step = float(points[1] - points[0])
        even = self.classifier.config.kernel % 2 == 0
        return float(points[0] + points[-1]) / 2 - step * (cells - 1 + even) / 2, step

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Search around each region, as one batch.

        Raises RuntimeError before the first ``init``.
        """
        if self._first is None:
            raise RuntimeError('no target: call init first')
        self._seen[frame.camera] = []
        if not regions:
            return []
        searched = self.host.search(frame, regions, self._fill)
        with plain_torch(self._threads), torch.no_grad():
            z = self.classifier.extract(self.host.learnable(searched.maps))
            responses = self.classifier.respond(z)
            online = self._rescaled(responses)
        answers = [self.host.match(searched, template) for template in (self._first, self._short)
                   if template is not None]
        for i, (crop, around) in enumerate(zip(searched.crops, searched.around)):
            found = [self._pick(frame, crop, around, scores[i], geometry[i], online[i])
                     for scores, geometry in answers]
            best = found[0]
            if len(found) > 1 and self._better(found[1], best):
                best = found[1]
            self._seen[frame.camera].append(
                _Seen(best, crop, z[i:i + 1], responses[i].cpu().numpy()))
        return [s.output for s in self._seen[frame.camera]]

    def _better(self, short: TrackerOutput, first: TrackerOutput) -> bool:
        c = self.config
        return iou(short.box, first.box) >= c.agree and short.score - first.score >= c.gain

    def _pick(self, frame: Frame, crop: Crop, around: Box, scores: Array, geometry: Array,
              online: Array) -> TrackerOutput:
        """Rank by both scores, the host's with its penalty, as the published code does."""
        selector, ranks = self.host.selector, None
        if self.config.weight:
            beside = np.tile(online, len(scores) // len(online))  # the same for each anchor
            ranks = selector.rank(crop, around, scores, geometry, beside, self.config.weight)
        return selector.pick(frame, crop, around, scores, geometry, ranks).output

    def _rescaled(self, responses: Tensor) -> Array:
        """
        Bring N responses to the points of the score map (cubic), and to [0, 1]: N x points.

        Each map by its own least and greatest, as the published code does: it says 1 somewhere
        even where no target is, and so has a say in where to look, never in whether it is there.
        """
        first, step = self._cells(responses.shape[2])
        at = torch.as_tensor((self.host.selector.points - first) / step, dtype=torch.float32)
        at = (2 * at / (responses.shape[2] - 1) - 1).to(responses.device)
        y, x = torch.meshgrid(at, at, indexing='ij')
        grid = torch.stack([x, y], dim=2).expand(len(responses), -1, -1, -1)
        maps = F.grid_sample(responses[:, None], grid, 'bicubic', 'border', align_corners=True)
        flat = maps.flatten(1)
        low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
        return np.asarray(((flat - low) / (high - low).clamp(min=1e-6)).cpu().numpy())

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Learn from what the search policy believes, if its place was searched just now."""
        seen = next((s for s in self._seen.get(frame.camera, [])
                     if s.output.box == accepted.box), None)
        if seen is None:
            return
        c, size = self.config, self.host.selector.instance
        self._updates += 1
        box = seen.crop.to_crop(accepted.box)
        kind = flag(seen.response, size, (box.w, box.h))
        with plain_torch(self._threads), torch.no_grad():
            if kind in (Flag.PLAIN, Flag.RIVAL):
                label = self._label(seen.features.shape[3], box.cx, box.cy, box.w, box.h)
                self.classifier.add(seen.features, label.to(seen.features.device),
                                    c.rival_rate if kind is Flag.RIVAL else c.rate)
            if kind is Flag.RIVAL or self._updates % c.every == 0:
                self.classifier.train()
        self._renew(frame, accepted.box, 0.0 if kind is Flag.RIVAL else float(seen.response.max()))

    def _renew(self, frame: Frame, box: Box, peak: float) -> None:
        """Take the best of every few frames, none with a rival, for the short-term template."""
        if not self.config.period:
            return
        if peak > max(self.config.clear, self._best[0] if self._best else 0):
            self._best = peak, self.host.selector.cut_template(frame.image, box, self._fill), box
        if self._best is not None and self._updates % self.config.period == 0:
            self._short, _ = self.host.template(*self._best[1:])
            self._best = None

    def miss(self, frame: Frame) -> None:
        """Learn nothing from a frame in which nothing was believed."""

    def disown(self) -> None:
        """Forget all but the first frame: what was followed last is not the target."""
        self.classifier.forget()
        self._restart()
