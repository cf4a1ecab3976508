"""``mdnet_lite``: RT-MDNet's trick on the light backbone: one map, boxes pooled from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.crops import context_side, Crop, mean_color, square_crop
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig, Runner
from lg_tracker_ros.local.mdnet.classifier import Classifier, Head, Samples
from lg_tracker_ros.local.mdnet.samples import Boxes
from lg_tracker_ros.local.mdnet.schedule import RECIPROCATIVE, Schedule
from lg_tracker_ros.local.mdnet.tracker import MdnetTracker
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import platt, UNFITTED
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.vision.normalise import normalize
from lg_tracker_ros.vision.prroi import prroi_pool
import numpy as np
import torch
from torch import nn, Tensor

SIDE, STRIDE, BINS, CHANNELS = 320, 16, 3, 112
WIDE = 2.0
"""Side of a scene in those of the target with context: it is 80 px of 320."""

SCHEDULE = Schedule(
    candidates=256, first_positives=200, first_negatives=800, first_kept=20, positives=20,
    negatives=60, first_negative_shift=1.3, negative_shift=1.3, whole=0.0, keep_first=True,
    mined=256, batch_negatives=96, miss_every=5, first_rate=0.003, rate=0.003, last=1.0,
    decay=1e-3, mean=False, ridge=100.0)
"""Sums of losses, as DAT has them: of means its regulariser would have the wrong weight."""


class SceneNet(nn.Module):
    """The map of a scene: uint8 N x 320 x 320 x 3 (BGR) to N x 112 x 20 x 20."""

    def __init__(self, backbone: nn.Module) -> None:
        """Wrap the backbone."""
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        """Return the map at stride 16."""
        found: Tensor = self.backbone(normalize(images))[1]
        return found


@dataclass(frozen=True, eq=False)
class Scene:
    """A view of an image: the map of a crop, 1 x 112 x 20 x 20."""

    crop: Crop
    features: Tensor

    def samples(self, boxes: Boxes) -> Samples:
        """Pool boxes of the image from the map: N x 1008."""
        k = SIDE / self.crop.side / STRIDE
        corner = np.array([self.crop.cx, self.crop.cy]) - self.crop.side / 2
        low = (boxes[:, :2] - corner) * k - 0.5  # the middle of cell i is i
        cells = np.concatenate([low, low + boxes[:, 2:] * k], 1).astype(np.float32)
        pooled = prroi_pool(self.features, torch.from_numpy(cells)[None], BINS)
        return Samples(pooled[0].flatten(1))


class Scenes:
    """An Extractor: square crops around places through the backbone, as one batch."""

    def __init__(self, net: Runner) -> None:
        """Take the compiled SceneNet."""
        self._net = net

    def see(self, image: Image, places: Sequence[Box]) -> list[Scene]:
        """Compute the map around each place."""
        fill = mean_color(image)
        crops = [square_crop(image, b.cx, b.cy, WIDE * context_side(b.w, b.h), SIDE, fill)
                 for b in places]
        maps = torch.from_numpy(np.asarray(self._net(np.stack([c.image for c in crops]))[0]))
        return [Scene(crop, one[None]) for crop, one in zip(crops, maps)]

    def first(self, image: Image, place: Box) -> list[Scene]:
        """Look at the first frame."""
        return self.see(image, [place])


class ScaledHead(Head):
    """A head on features of mean 0 and deviation 1 in the first frame."""

    mean: Tensor
    gain: Tensor

    def __init__(self, first: Tensor, chance: torch.Generator) -> None:
        """Take the features of the first frame, N x 1008, for their scale."""
        super().__init__((first.shape[1], 128, 2), (0.0, 0.0), chance, None)
        self.register_buffer('mean', first.mean(0))
        self.register_buffer('gain', 1 / (first.std(0) + 1e-3))

    def forward(self, x: Tensor) -> Tensor:
        """N x 1008 to N x 2."""
        return super().forward((x - self.mean) * self.gain)


class AttentiveHead(ScaledHead):
    """
    The same on features weighed by an attention module, which learns with the classifier.

    The paper (DAT, Table 2) leaves the module open: here a 1x1 convolution says how much each of
    the 3x3 cells counts, by a softmax whose mean is 1, and starts with all of them alike.
    """

    def __init__(self, first: Tensor, chance: torch.Generator) -> None:
        """Take the features of the first frame, N x 1008, for their scale."""
        super().__init__(first, chance)
        module = nn.Linear(first.shape[1] // BINS ** 2, 1)
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
        self.layers.insert(0, module)  # it learns at the rate of the lower layers

    def attention(self, x: Tensor) -> Tensor:
        """Scaled features, N x 1008, to the weight of each cell: N x 9, mean 1."""
        cells = x.reshape(len(x), -1, BINS ** 2).transpose(1, 2)
        found: Tensor = BINS ** 2 * self.layers[0](cells)[..., 0].softmax(1)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """N x 1008 to N x 2."""
        x = (x - self.mean) * self.gain
        x = (x.reshape(len(x), -1, BINS ** 2) * self.attention(x)[:, None]).flatten(1)
        logits: Tensor = self.layers[2](torch.relu(self.layers[1](x)))
        return logits


def as_maps(samples: Samples) -> Tensor:
    """Give the features of boxes back their places: N x 112 x 3 x 3."""
    return samples.features.reshape(len(samples), -1, BINS, BINS)


def make_classifier(schedule: Schedule, chance: torch.Generator, positives: Samples,
                    negatives: Samples) -> Classifier:
    """Make an untrained classifier, its scales from samples of the first frame."""
    head = ScaledHead(torch.cat([positives.features, negatives.features]), chance)
    return Classifier(head, schedule, as_maps, lambda maps: maps.flatten(1), chance)


def make_attentive(schedule: Schedule, chance: torch.Generator, positives: Samples,
                   negatives: Samples) -> Classifier:
    """Make an untrained classifier of features that attention weighs."""
    head = AttentiveHead(torch.cat([positives.features, negatives.features]), chance)
    return Classifier(head, schedule, as_maps, lambda maps: maps.flatten(1), chance)


def build(engine: EngineConfig, schedule: Schedule = SCHEDULE,
          make: Callable[[Schedule, torch.Generator, Samples, Samples], Classifier]
          = make_classifier) -> MdnetTracker:
    """Compile the backbone for ``engine`` (resolved) and make the tracker; learns on the CPU."""
    net = compile_network(SceneNet(shared_backbone()), [np.zeros((1, SIDE, SIDE, 3), np.uint8)],
                          engine, batches=BATCHES)
    return MdnetTracker(Scenes(net), partial(make, schedule), schedule, threads=1)


def _make(weights: str, backbone: str, engine: EngineConfig) -> MdnetTracker:
    return build(engine)


def _make_dat(weights: str, backbone: str, engine: EngineConfig,
              reciprocative: float = RECIPROCATIVE) -> MdnetTracker:
    return build(engine, replace(SCHEDULE, reciprocative=reciprocative))


def _make_attentive(weights: str, backbone: str, engine: EngineConfig) -> MdnetTracker:
    return build(engine, make=make_attentive)


SPECS = (
    LocalSpec('mdnet_lite', 'a classifier on a frozen backbone, learned online from nothing',
              _make, platt(0.16, 13.32, -4.77)),
    LocalSpec('dat_lite', "mdnet_lite with DAT's reciprocative loss",
              _make_dat, platt(0.16, 13.61, -4.29), parameters=('reciprocative',)),
    LocalSpec('attentive_lite', 'mdnet_lite on features that learned attention weighs: what DAT '
              'compares itself with', _make_attentive, UNFITTED),
)
