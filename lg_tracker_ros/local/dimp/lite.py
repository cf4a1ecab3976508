"""``dimp_lite``: boxes of ``pixelwise``, places by them and by a filter that learns online."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Callable, Sequence

from lg_tracker_ros.boxes import APART, iou
from lg_tracker_ros.checkpoint import read_into, shared_backbone
from lg_tracker_ros.crops import context_side, Crops, Square
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig, plain_torch, Runner
from lg_tracker_ros.local.anchor_free import AnchorFreeTracker
from lg_tracker_ros.local.dimp.first import Change, changed
from lg_tracker_ros.local.dimp.lite_net import centers, DimpLite, FILTER, SearchNet, WIDTH
from lg_tracker_ros.local.dimp.memory import FilterMemory
from lg_tracker_ros.local.pixelwise import (
    CONFIG,
    CROPS,
    read_heads,
    search_example,
    template_runner,
)
from lg_tracker_ros.local.pixelwise_net import TemplateNet
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import UNFITTED
from lg_tracker_ros.types import Box, Frame, Image, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array, GRID, SEARCH, STRIDE
import numpy as np
import torch

FIRST = (Change(), *(Change(shift=(x, y)) for x, y in ((0.2, 0.1), (-0.2, 0.1), (0.1, -0.2),
                                                       (-0.1, -0.2))),
         Change(flip=True), Change(blur=(2, 2)), Change(turn=10), Change(turn=-10),
         Change(scale=0.8), Change(scale=1.25))
"""What the first frame is learned from."""

NO_FILTER = np.zeros((1, WIDTH, FILTER, FILTER), np.float32)


@dataclass(frozen=True)
class DimpLiteConfig:
    """
    Test-time constants.

    ``share``: of the filter's response in the score, the rest is that of the heads; 0: pixelwise.
    ``first_steps``: of descent on the first frame; ``steps``: every ``every`` accepted frames.
    ``rival``: a second peak of this share of the first, ``apart`` cells from it, is a hard
    negative: it is learned at once, in one step, at ``hard_rate`` in place of ``rate``.
    """

    share: float = 0.5
    first_steps: int = 8
    steps: int = 2
    every: int = 10
    size: int = 40
    rate: float = 0.02
    hard_rate: float = 0.04
    rival: float = 0.5
    apart: float = 3.0


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the last search of a camera found, a row for each place."""

    crops: Sequence[Square]
    outputs: Sequence[TrackerOutput]
    responses: Array
    features: Array


class DimpLiteTracker(AnchorFreeTracker):
    """An OnlineTracker: the filter learns from what is accepted and from what is rejected."""

    def __init__(self, template: Callable[[Image, Box], list[Array]], search: Runner,
                 net: DimpLite, config: DimpLiteConfig) -> None:
        """Take the compiled networks (see lite_net.SearchNet) and what learns the filter."""
        super().__init__(template, search, CROPS, CONFIG)
        self.dimp, self._net = config, net
        self._memory: FilterMemory | None = None
        self._seen: dict[str, _Seen] = {}
        self._accepted = 0

    def init(self, frame: Frame, box: Box) -> None:
        """Learn template and filter from the first frame and changed copies of it."""
        self._memory = None
        super().init(frame, box)
        side = SEARCH / self.grid.exemplar * context_side(box.w, box.h)
        images, boxes = changed(frame.image, box, side, SEARCH, self._fill, FIRST)
        features = torch.from_numpy(np.concatenate(
            [self._match(image[None])[3] for image in images]))
        places = torch.tensor([[b.x, b.y, b.w, b.h] for b in boxes])
        with torch.inference_mode(), plain_torch(1):  # small maps: more threads wait for another
            kernel = self._net.filters(features[None], places[None], self.dimp.first_steps)[-1]
        self._memory = FilterMemory(self._net.optimizer, kernel, features, centers(places),
                                    self.dimp.size)
        self._restart()

    def _restart(self) -> None:
        """Know the first frame only."""
        self._seen.clear()
        self._accepted = 0

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search each region by heads and filter, as one batch."""
        if self._memory is None:
            raise RuntimeError('no target: call init first')
        if not regions:
            return []
        crops, around, scores, ltrb, (responses, features) = self._seek(
            frame, [r.box for r in regions])
        share = self.dimp.share
        mixed = (1 - share) * scores + share * responses.clip(0, 1).reshape(scores.shape)
        outputs = self._pick(frame, crops, around, mixed, ltrb)
        self._seen[frame.camera] = _Seen(crops, outputs, responses, features)
        return outputs

    def _match(self, images: Image | Crops) -> list[Array]:
        """Run heads and filter, before there is one with zeros: with responses and features."""
        kernel = self._memory.kernel.numpy() if self._memory is not None else NO_FILTER
        return self._search(images, *self._target, kernel)

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Learn where the target is, and that it isn't where something else was rejected."""
        seen, memory, c = self._seen.get(frame.camera), self._memory, self.dimp
        if seen is None or memory is None:
            return
        rows = {o.box: i for i, o in enumerate(seen.outputs)}
        row = rows.get(accepted.box)
        if row is None:
            return  # found in another frame than the last one
        self._accepted += 1
        hard = self._keep(seen, row, accepted.box)
        apart = [o for o in rejected if o.box in rows and iou(o.box, accepted.box) < APART]
        if apart:  # the most alike of them
            self._keep(seen, rows[max(apart, key=lambda o: o.score).box], accepted.box)
        steps = 1 if hard or apart else c.steps if self._accepted % c.every == 0 else 0
        with plain_torch(1):
            memory.improve(steps)

    def _keep(self, seen: _Seen, row: int, target: Box) -> bool:
        """Keep a row as a sample; returns whether something in it is taken for the target."""
        assert self._memory is not None  # update has seen to that
        inner = seen.crops[row].to_crop(target)
        x, y = inner.cx / STRIDE - 0.5, inner.cy / STRIDE - 0.5
        inside = -0.5 < x < GRID - 0.5 and -0.5 < y < GRID - 0.5
        response = seen.responses[row]
        rows, columns = np.mgrid[:GRID, :GRID]
        elsewhere = response[np.hypot(columns - x, rows - y) > self.dimp.apart]
        hard = bool(elsewhere.max(initial=0.0) > self.dimp.rival * max(response.max(), 0.25))
        self._memory.add(torch.from_numpy(seen.features[row]), (x, y) if inside else None,
                         self.dimp.hard_rate if hard or not inside else self.dimp.rate)
        return hard

    def miss(self, frame: Frame) -> None:
        """Learn nothing: nobody knows where the target was."""

    def disown(self) -> None:
        """Forget all but the first frame: what was followed last is not the target."""
        if self._memory is not None:
            self._memory.forget()
        self._restart()


def build(net: DimpLite, engine: EngineConfig, config: DimpLiteConfig | None = None
          ) -> DimpLiteTracker:
    """Compile the networks for ``engine`` (resolved), with the heads of pixelwise that ship."""
    learner = deepcopy(net).cpu()  # compiling may move the other to a GPU
    shared, heads = shared_backbone(), read_heads('')
    example = [*search_example(heads.channels), np.zeros((1, WIDTH, FILTER, FILTER), np.float32)]
    search = compile_network(SearchNet(shared, heads, net), example, engine,
                             shared=(1, 2, 3, 4), batches=BATCHES)
    return DimpLiteTracker(template_runner(TemplateNet(shared, heads), engine), search,
                           learner, config or DimpLiteConfig())


def _make(weights: str, backbone: str, engine: EngineConfig) -> DimpLiteTracker:
    net = DimpLite()
    read_into(net, weights, SPEC.weights)
    return build(net, engine)


SPEC = LocalSpec('dimp_lite', "pixelwise and DiMP's filter, which learns the target online",
                 _make, UNFITTED, 'dimp_lite.safetensors')
