"""Train the pixel-wise tracker's heads on frozen features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator

from lg_tracker_ros.checkpoint import count_heads, shared_backbone
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.files import network_cache
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.anchor_free import loss_of, read_best
from lg_tracker_ros.training.networks.network import (
    Batch,
    Field,
    Network,
    Sample,
    Sampler,
    Training,
)
from lg_tracker_ros.training.networks.validation import judge, Table
from lg_tracker_ros.training.samples.crops import local_pair
from lg_tracker_ros.training.samples.features import TapsNet
from lg_tracker_ros.vision.cells import GRID, SEARCH, STRIDE
import numpy as np
import torch
from torch import Tensor

FIELDS = {'z16': Field((112, 8, 8)), 'inside': Field((8, 8), 'float32'),
          'x8': Field((40, 32, 32)), 'x16': Field((112, 16, 16)), 'box': Field((4,), 'float32')}
POINTS = (torch.arange(GRID) + 0.5) * STRIDE


@dataclass(frozen=True)
class PixelwiseTraining(Training):
    """
    Training of ``heads`` heads side by side, on the same samples.

    What ships has two, each of a run of its own (``train export`` joins them): that is faster
    on several processors, and one more can be added.
    """

    heads: int = 1

    def __post_init__(self) -> None:
        """Refuse what can't be trained."""
        if self.heads < 1:
            raise ValueError(f'heads must be at least 1, got {self.heads}')


DEFAULTS = PixelwiseTraining(batch=32, steps=9000, capacity=24000)


def make_model(config: PixelwiseTraining) -> PixelwiseHeads:
    """Make the heads."""
    return PixelwiseHeads(config.heads)


def asked_by(weights: Path) -> dict[str, int]:
    """Say which settings a file of weights asks for: as many heads as it has."""
    return {'heads': count_heads(weights)}


def make_sampler(material: Material, config: PixelwiseTraining) -> Sampler:
    """Make pairs of crops and take them through the frozen backbone."""
    engine = EngineConfig('cpu', threads=1, cache=network_cache()).resolve()
    net = TapsNet(shared_backbone())
    z = np.zeros((1, 128, 128, 3), np.uint8)
    x = np.zeros((1, SEARCH, SEARCH, 3), np.uint8)
    run_z, run_x = compile_network(net, [z], engine), compile_network(net, [x], engine)

    def sample(rng: np.random.Generator) -> Sample:
        pair = local_pair(rng, material)
        _, z16 = run_z(pair.template[None])
        x8, x16 = run_x(pair.search[None])
        b = pair.box
        return {'z16': z16[0], 'inside': pair.inside, 'x8': x8[0], 'x16': x16[0],
                'box': np.array([b.x, b.y, b.w, b.h] if b else [np.nan] * 4)}
    return sample


def templates(heads: PixelwiseHeads, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Give the templates' tensors of a batch."""
    return heads.template(batch['z16'], batch['inside'][:, None])


def losses(heads: PixelwiseHeads, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the loss of a batch (see anchor_free.loss_of), the mean of the heads' own."""
    found = [loss_of(*maps, batch['box'], POINTS.to(maps[0].device)) for maps in heads.each(
        batch['x8'], batch['x16'], *templates(heads, batch))]
    return (torch.stack([loss for loss, _ in found]).mean(),
            {name: torch.stack([parts[name] for _, parts in found]).mean()
             for name in found[0][1]})


def measure(heads: PixelwiseHeads, batches: Iterable[Batch]) -> tuple[dict[str, float], Table]:
    """Measure on held-out samples: what ``judge`` returns."""
    def results() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for batch in batches:
            cls, quality, ltrb = heads(batch['x8'], batch['x16'], *templates(heads, batch))
            yield *read_best(cls, quality, ltrb, POINTS.to(cls.device)), batch['box']
    return judge(results())


def validate(heads: PixelwiseHeads, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge by IoU, and by hits told from misses."""
    report, _ = measure(heads, batches)
    return report['iou'] + report['auc'], report


NETWORK = Network(DEFAULTS, lambda config: FIELDS, make_model, make_sampler, losses, validate,
                  asked_by=asked_by)
