"""The tracker that MDNet and its kin share; what tells them apart is where features come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lg_tracker_ros.boxes import APART, iou, keep_center_inside
from lg_tracker_ros.engine import plain_torch
from lg_tracker_ros.local.mdnet.classifier import Classifier, Samples
from lg_tracker_ros.local.mdnet.memory import Memories
from lg_tracker_ros.local.mdnet.regression import BoxRegression
from lg_tracker_ros.local.mdnet.samples import (
    as_box,
    Boxes,
    gaussian,
    moved,
    uniform,
    whole,
    within,
)
from lg_tracker_ros.local.mdnet.schedule import Schedule
from lg_tracker_ros.types import Box, Frame, Image, Kind, Region, TrackerOutput
import numpy as np
import torch

Make = Callable[[torch.Generator, Samples, Samples], Classifier]


class View(Protocol):
    """An image as it is seen around a place."""

    def samples(self, boxes: Boxes) -> Samples:
        """Make samples of N x 4 boxes in pixels of the image; N may be 0."""


class Extractor(Protocol):
    """Where features come from."""

    def see(self, image: Image, places: Sequence[Box]) -> Sequence[View]:
        """Look at an image around each place, as one batch."""

    def first(self, image: Image, place: Box) -> Sequence[View]:
        """Look at the first frame, beside it at changed copies if there are any."""


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the last search of a camera found, a row for each place; ``plain``: unrefined."""

    views: Sequence[View]
    outputs: Sequence[TrackerOutput]
    plain: Sequence[Box]
    best: Sequence[Samples]


class MdnetTracker:
    """
    An OnlineTracker: candidates about each place, the mean of the best is the result.

    What it learns from is what the search policy accepted. After a failing frame it learns from
    its short memory, and every few accepted ones from the long one. Beside what the papers have,
    the best boxes of a place that was rejected are negatives.

    What is reported is refined by regression; the next search, and what is learned, are about the
    box before that, as in py-MDNet: what regression does to a size would else be done to it anew
    in every frame.

    Candidates are drawn once for a target, not in every frame, so that a place gives the same
    whenever and beside whatever it is looked at.
    """

    def __init__(self, extract: Extractor, make: Make, schedule: Schedule, threads: int = 0
                 ) -> None:
        """
        Take where features come from, and what makes a classifier for a new target.

        The latter gets a source of chance and positive and negative samples of the first frame,
        which it may fit scales to. ``threads``: those of the CPU, 0 for as many as PyTorch takes.
        """
        self.schedule = schedule
        self.make, self.extract = make, extract  # public, so that learning can be watched
        self._threads = threads
        self._classifier: Classifier | None = None
        self._regression: BoxRegression | None = None
        self._start()

    def _start(self) -> None:
        c = self.schedule
        self._rng = np.random.default_rng(0)
        self._chance = np.clip(self._rng.normal(0, 0.5, (c.candidates, 3)), -1, 1)
        self._memories = Memories(c.long, c.short, c.keep_first)
        self._restart()

    def _restart(self) -> None:
        """Follow nothing."""
        self._seen: dict[str, _Seen] = {}
        self._followed: dict[Box, Box] = {}
        self._accepted = self._misses = 0

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from the first frame; forgets the one before."""
        c = self.schedule
        self._start()
        rng = self._rng
        views = self.extract.first(frame.image, box)
        size = frame.width, frame.height
        near = c.first_negatives - round(c.whole * c.first_negatives)
        zoom, aspect = c.first_negative_zoom, c.first_negative_aspect
        around = within(lambda n: uniform(box, n, c.first_negative_shift, zoom, rng, aspect,
                                          c.opposed), box, 0, c.first_negative_iou, near)
        anywhere = within(lambda n: whole(box, n, c.whole_zoom, size, rng, c.whole_aspect), box, 0,
                          c.first_negative_iou, c.first_negatives - near)
        here, away = self._positives(box, c.first_positives), np.concatenate([around, anywhere])
        with plain_torch(self._threads), torch.no_grad():
            positives = Samples.joined([view.samples(here) for view in views])
            negatives = Samples.joined([view.samples(away) for view in views])
            chance = torch.Generator().manual_seed(0)
            self._classifier = self.make(chance, positives, negatives)
            self._regression = self._regress(views[0], box)
            self._classifier.learn(positives, negatives, 'first')
        order = torch.from_numpy(rng.permutation(len(negatives))[:c.negatives])
        self._memories.add(positives[:c.first_kept], negatives[order])
        self._drawn = rng.bit_generator.state

    def _positives(self, box: Box, count: int) -> Boxes:
        c = self.schedule
        found = within(lambda n: gaussian(box, n, 0.1, c.positive_zoom, self._rng), box,
                       c.positive_iou, 1, count)
        return found if len(found) else np.array([[box.x, box.y, box.w, box.h]])

    def _regress(self, view: View, box: Box) -> BoxRegression | None:
        c = self.schedule
        if not c.regression:
            return None

        def larger(boxes: Boxes) -> Boxes:
            area = boxes[:, 2] * boxes[:, 3] / (box.w * box.h)
            return boxes[(area >= 1) & (area <= 2)]

        def draw(n: int) -> Boxes:
            boxes = uniform(box, n, 0.3, c.regression_zoom, self._rng, 1.1, c.opposed)
            return larger(boxes) if c.regression_kept else boxes
        boxes = larger(within(draw, box, 0.6, 1, c.regression))
        if not len(boxes):
            return None
        return BoxRegression(view.samples(boxes).features, boxes, box, c.ridge)

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Judge candidates about each region; the score is the softmax of the best ones' mean.

        Raises RuntimeError before the first ``init``.
        """
        if self._classifier is None:
            raise RuntimeError('MDNet has no target: call init first')
        if not regions:
            return []
        regions = [replace(r, box=self._unrefined(frame.camera, r.box)) for r in regions]
        with plain_torch(self._threads), torch.no_grad():
            views = self.extract.see(frame.image, [r.box for r in regions])
            found = [self._search(frame, *row) for row in zip(views, regions)]
        outputs, plain, best = map(list, zip(*found))
        self._seen[frame.camera] = _Seen(views, outputs, plain, best)
        return outputs

    def _unrefined(self, camera: str, box: Box) -> Box:
        """Tell what a result was before it was refined: the last one, or the last accepted."""
        seen = self._seen.get(camera)
        known = {o.box: b for o, b in zip(seen.outputs, seen.plain)} if seen else {}
        return {**self._followed, **known}.get(box, box)

    def _search(self, frame: Frame, view: View, region: Region
                ) -> tuple[TrackerOutput, Box, Samples]:
        assert self._classifier is not None  # track has seen to that
        c = self.schedule
        boxes = self._candidates(region)
        samples = view.samples(boxes)
        logits = self._classifier.logits(samples.features)
        best = logits[:, 1].topk(min(c.best, len(boxes))).indices
        at, chosen = boxes[best.cpu().numpy()], samples[best]
        background, target = logits[best].mean(0).tolist()
        plain = keep_center_inside(as_box(at.mean(0)), frame.width, frame.height)
        if self._regression is not None and target > 0:
            at = self._regression(chosen.features, at)
        score = float(1 / (1 + np.exp(np.clip(background - target, -50, 50))))
        box = keep_center_inside(as_box(at.mean(0)), frame.width, frame.height)
        return TrackerOutput(box, score, score), plain, chosen

    def _candidates(self, region: Region) -> Boxes:
        """Lay the candidates about a place; wider where the target was lost."""
        c = self.schedule
        wider = c.grow ** self._misses if region.kind is Kind.LOCAL else 1.0
        shift = min(c.shift * wider, max(c.shift, c.grown))
        return moved(region.box, shift * self._chance[:, :2],
                     np.repeat(c.zoom ** self._chance[:, 2:], 2, 1))

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Keep samples of an accepted place, and learn every few of them."""
        seen, c, self._misses = self._seen.get(frame.camera), self.schedule, 0
        rows = {o.box: i for i, o in enumerate(seen.outputs)} if seen else {}
        if seen is None or self._classifier is None or accepted.box not in rows:
            return  # found in another frame than the last one
        self._accepted += 1
        box, view = seen.plain[rows[accepted.box]], seen.views[rows[accepted.box]]
        self._followed = {accepted.box: box}
        away = within(lambda n: uniform(box, n, c.negative_shift, c.negative_zoom, self._rng),
                      box, 0, c.negative_iou, c.negatives)
        with plain_torch(self._threads), torch.no_grad():
            negatives = [view.samples(away)]
            negatives += [seen.best[rows[o.box]] for o in rejected
                          if o.box in rows and iou(o.box, box) < APART]
            self._memories.add(view.samples(self._positives(box, c.positives)),
                               Samples.joined(negatives))
            if self._accepted % c.every == 0:
                self._classifier.learn(*self._memories.long_term(), 'later')

    def miss(self, frame: Frame) -> None:
        """Learn from the short memory, and look further from now on."""
        if self._classifier is None:
            return
        if self._misses % self.schedule.miss_every == 0:
            with plain_torch(self._threads), torch.no_grad():
                self._classifier.learn(*self._memories.short_term(), 'later')
        self._misses += 1

    def disown(self) -> None:
        """Forget all but the first frame: what was followed last is not the target."""
        if self._classifier is None:
            return
        self._classifier.forget()
        self._memories.forget()
        self._rng.bit_generator.state = self._drawn
        self._restart()
