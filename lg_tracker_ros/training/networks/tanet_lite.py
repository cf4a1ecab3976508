"""
Train the onboard attention network's heads on frozen features, alone or by Algorithm 1.

The discriminators see the frames themselves, small (see AdversarialTraining). With ``queries``
above 1 the look-alikes of a frame are asked for as well as its target, on the same features, and
the losses are averaged: the cross-query loss of GlobalTrack (Huang et al., AAAI 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable

import cv2
from lg_tracker_ros.checkpoint import count_heads, shared_backbone
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.files import network_cache
from lg_tracker_ros.redetect.small import SIDE
from lg_tracker_ros.redetect.tanet_lite import part_covers
from lg_tracker_ros.redetect.tanet_lite_net import motion_cue, TanetLiteHeads
from lg_tracker_ros.training.adversarial.algorithm1 import (
    Adversarial,
    AdversarialTraining,
    generator_of,
    keep_only,
)
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.maps import (
    box_maps,
    box_row,
    cross_entropy_and_dice,
    fewer_asked,
    judge_maps,
    who_is_asked_for,
)
from lg_tracker_ros.training.networks.network import Batch, Field, Network, Sample, Sampler
from lg_tracker_ros.training.samples.crops import global_clip, GlobalClip
from lg_tracker_ros.training.samples.features import TapsNet
import numpy as np
import torch
from torch import nn, Tensor

CELLS = SIDE // 8


@dataclass(frozen=True)
class LiteTraining(AdversarialTraining):
    """
    ``queries``: at most so many things are asked for in a frame; 1: the target alone.

    ``heads`` answer with their mean and learn as one; ``train export`` joins those of several
    runs.
    """

    queries: int = 1
    heads: int = 1

    def __post_init__(self) -> None:
        """Refuse what can't be trained."""
        super().__post_init__()
        if self.heads < 1:
            raise ValueError(f'heads must be at least 1, got {self.heads}')
        if self.queries < 1:
            raise ValueError(f'queries must be at least 1, got {self.queries}')


DEFAULTS = LiteTraining(batch=16, steps=6000, warmup=1500, validate_every=300,
                        capacity=14000)
Model = Adversarial[TanetLiteHeads]


def fields(config: LiteTraining) -> dict[str, Field]:
    """Describe a sample: the target's features, and those of each frame that is judged."""
    n, s, m = config.judged, config.side, config.queries - 1
    others = {'other': Field((m,), 'uint8'), 'other_z8': Field((m, 40, 16, 16)),
              'other_z16': Field((m, 112, 8, 8)), 'other_cover': Field((m, 10, 8, 8)),
              'other_box': Field((m, n, 4), 'float32')}
    return {'z8': Field((40, 16, 16)), 'z16': Field((112, 8, 8)), 'cover': Field((10, 8, 8)),
            'x8': Field((n, 40, CELLS, CELLS)), 'x16': Field((n, 112, CELLS // 2, CELLS // 2)),
            'motion': Field((n, CELLS, CELLS)), 'box': Field((n, 4), 'float32'),
            **({'small': Field((n, s, s, 3), 'uint8')} if n > 1 else {}), **(others if m else {})}


def make_sampler(material: Material, config: LiteTraining) -> Sampler:
    """Make whole frames and take them through the frozen backbone."""
    engine = EngineConfig('cpu', threads=1, cache=network_cache()).resolve()
    net = TapsNet(shared_backbone())
    run_z = compile_network(net, [np.zeros((1, 128, 128, 3), np.uint8)], engine)
    run_x = compile_network(net, [np.zeros((1, SIDE, SIDE, 3), np.uint8)], engine)

    def sample(rng: np.random.Generator) -> Sample:
        clip = global_clip(rng, material, SIDE, config.judged, others=config.queries - 1)
        z8, z16 = run_z(clip.template[None])
        x8, x16 = zip(*(run_x(frame[None]) for frame in clip.frames[1:]))
        frames = torch.from_numpy(clip.frames)
        small = [cv2.resize(frame, (config.side, config.side), interpolation=cv2.INTER_AREA)
                 for frame in clip.frames[1:]]
        return {'z8': z8[0], 'z16': z16[0], 'cover': part_covers(clip.drawn),
                'x8': np.concatenate(x8), 'x16': np.concatenate(x16),
                'motion': motion_cue(frames[1:], frames[:-1]).numpy()[:, 0],
                'box': box_row(clip.boxes), 'small': np.stack(small), **others(clip)}

    def others(clip: GlobalClip) -> Sample:
        row = {name: np.zeros(f.shape, f.dtype) for name, f in fields(config).items()
               if name.startswith('other')}
        for i, (template, drawn, boxes) in enumerate(clip.others):
            z8, z16 = run_z(template[None])
            row['other'][i], row['other_cover'][i] = 1, part_covers(drawn)
            row['other_z8'][i], row['other_z16'][i] = z8[0], z16[0]
            row['other_box'][i] = box_row(boxes)
        return row
    return sample


def make_model(config: LiteTraining) -> Model:
    """Make the heads, and what they have to fool."""
    heads = TanetLiteHeads(config.heads)
    if config.inputs != 'both':
        for head in heads.heads:
            first = next(m for m in head.narrow if isinstance(m, nn.Conv2d)).weight
            moves = torch.arange(first.shape[1]) == first.shape[1] - 1  # motion comes last
            keep_only(first, (moves == (config.inputs == 'motion'))[None, :, None, None])
    return Adversarial(heads, config)


def asked_by(weights: Path) -> dict[str, int]:
    """Say which settings a file of weights asks for: as many heads as it has."""
    return {'heads': count_heads(weights)}


def crossed(b: Batch) -> Batch:
    """Make a row of each query of each frame, as if every one were of a frame of its own."""
    if 'other' not in b:
        return b
    asked = torch.cat([torch.ones_like(b['other'][:, :1]), b['other']], 1)
    m = asked.shape[1]
    frame, number = who_is_asked_for(asked)
    both = {name: torch.cat([b[name][:, None], b[f'other_{name}']], 1)
            for name in ('z8', 'z16', 'cover', 'box')}
    box = torch.where(asked[:, :, None, None] != 0, both.pop('box'), torch.nan)
    return {**{name: v[frame, number].flatten(0, 1) for name, v in both.items()},
            **{name: b[name].repeat_interleave(m, 0) for name in ('x8', 'x16', 'motion', 'small')
               if name in b}, 'box': box.flatten(0, 1)}


def predict(head: TanetLiteHeads, b: Batch) -> Tensor:
    """Run the heads on a batch; logits, B x N x 40 x 40."""
    n = b['x8'].shape[1]
    x8, x16 = (b[name].flatten(0, 1).contiguous(memory_format=torch.channels_last)
               for name in ('x8', 'x16'))  # twice as fast on a CPU
    queries = (q.repeat_interleave(n, 0) for q in head.template(b['z8'], b['z16'], b['cover']))
    return head(x8, x16, b['motion'].flatten(0, 1)[:, None], *queries).unflatten(0, (-1, n))


def losses(model: Model, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Compare the maps with the boxes', or judge them, as the step wants it.

    Samples that were made for more queries than are wanted give the first of them.
    """
    assert isinstance(model.config, LiteTraining)
    others = [name for name in batch if name.startswith('other')]
    more = model.config.queries - 1
    batch = crossed(fewer_asked(batch, others, more) if more
                    else {name: v for name, v in batch.items() if name not in others})
    return model.losses(lambda: predict(model.generator, batch),
                        box_maps(batch['box'], SIDE, CELLS), batch.get('small'),
                        cross_entropy_and_dice, step)


def validate(model: Model, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge the generator's maps as proposals, see judge_maps."""
    return judge_maps(((predict(model.generator, b).flatten(0, 1), b['box'].flatten(0, 1))
                       for b in map(crossed, batches)), SIDE, cross_entropy_and_dice)


NETWORK = Network(DEFAULTS, fields, make_model, make_sampler, losses, validate,
                  shipped=generator_of, asked_by=asked_by, partial=True)
