"""
Train TANet's own generator end to end by Algorithm 1; a GPU's work.

Constants are the paper's (Wang et al., TNNLS 2021). Frames and discriminators are of
``config.side`` pixels; each judged frame comes with the two before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.redetect.tanet import CLIP, target_crop
from lg_tracker_ros.redetect.tanet_net import SIZE, TANetGenerator
from lg_tracker_ros.training.adversarial.algorithm1 import (
    Adversarial,
    AdversarialTraining,
    generator_of,
    keep_only,
)
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.maps import box_maps, box_row, cross_entropy, judge_maps
from lg_tracker_ros.training.networks.network import Batch, Field, Network, Sample, Sampler
from lg_tracker_ros.training.samples.crops import global_clip
import numpy as np
import torch
from torch import Tensor

MOTION = 512
"""Channels of the decoder's input that come from C3D, the last ones."""


@dataclass(frozen=True)
class TANetTraining(AdversarialTraining):
    """
    Training of the paper's generator.

    ``encoder``: file of ResNet-18 to begin with, in torchvision's layout (ImageNet). ``motion``:
    file of C3D to begin with, in its published layout (Sports-1M): for the generator's own and,
    at width 1, for that in the motion discriminator (in the release for the latter alone).
    ``clip_frames``: of a clip's three frames those that are looked at, 1 to 3; the oldest stands
    for those before it (supplement, Table 1). Raises ValueError for what can't be.
    """

    encoder: str = ''
    motion: str = ''
    clip_frames: int = CLIP

    def __post_init__(self) -> None:
        """Refuse what can't be trained."""
        super().__post_init__()
        if not 1 <= self.clip_frames <= CLIP:
            raise ValueError(f'clip_frames must be 1 to {CLIP}, got {self.clip_frames}')


DEFAULTS = TANetTraining(
    batch=8, steps=60_000, rate=1e-4, optimizer='adagrad', decay=0.0, schedule='constant',
    rise=0.0, validate_every=2000, fresh=True, capacity=8000, held_out=400, judged=3,
    lambda_appearance=0.2, lambda_motion=0.1, side=SIZE, width=1.0)
Model = Adversarial[TANetGenerator]


def fields(config: TANetTraining) -> dict[str, Field]:
    """Describe a sample: uint8 BGR frames and target, boxes in the last ``judged`` frames."""
    n, s = config.judged, config.side
    return {'frames': Field((n + CLIP - 1, s, s, 3), 'uint8'), 'target': Field((s, s, 3), 'uint8'),
            'box': Field((n, 4), 'float32')}


def make_sampler(material: Material, config: TANetTraining) -> Sampler:
    """Make frames and the tight crop of their target."""
    def sample(rng: np.random.Generator) -> Sample:
        clip = global_clip(rng, material, config.side, config.judged, CLIP - 1)
        assert clip.first.box is not None  # global_clip has seen to that
        return {'frames': clip.frames, 'box': box_row(clip.boxes),
                'target': target_crop(clip.first.image, clip.first.box, config.side)}
    return sample


def make_model(config: TANetTraining) -> Model:
    """Make the generator, and what it has to fool; ValueError for files that don't fit."""
    net = TANetGenerator()
    model = Adversarial(net, config)
    try:
        if config.encoder:
            load_checkpoint(net.encoder, config.encoder, ignore=('fc.',))
        if config.motion:
            load_checkpoint(net.motionModel, config.motion, ignore=('fc6.', 'fc7.', 'fc8.'))
    except FileNotFoundError as e:
        raise ValueError(f'weights to begin with: {e}') from e
    if config.motion and config.lambda_motion and config.width == 1:
        model.discriminators['motion'].load_state_dict(net.motionModel.state_dict(), strict=False)
    if config.inputs != 'both':
        first = next(net.decoder.parameters())  # transposed: inputs come first
        moves = torch.arange(len(first)) >= len(first) - MOTION
        keep_only(first, (moves == (config.inputs == 'motion'))[:, None, None, None])
    return model


def as_input(images: Tensor) -> Tensor:
    """Bring ... x s x s x 3 uint8 into the generator's form, ... x 3 x s x s in [0, 1]."""
    return images.movedim(-1, -3).float() / 255


def predict(net: TANetGenerator, b: Batch, clip_frames: int = CLIP) -> Tensor:
    """
    Predict the maps of all judged frames, each from its causal clip; B x N x s x s logits.

    ``clip_frames`` as in TANetTraining.
    """
    frames = as_input(b['frames'])
    clips = frames.unfold(1, CLIP, 1).movedim(-1, 2)
    clips = clips[:, :, [max(i, CLIP - clip_frames) for i in range(CLIP)]]
    n = clips.shape[1]
    target = tuple(t.repeat_interleave(n, 0) for t in net.encode(as_input(b['target'])))
    motion = net.motionModel(clips.flatten(0, 1).transpose(1, 2))
    x2, x3, x4 = net.encode(clips[:, :, -1].flatten(0, 1))
    t2, t3, t4 = target
    logits = net.decode((x2, x3, x4), (t2, t3, t4), motion)
    logits = torch.nn.functional.interpolate(logits, size=frames.shape[-2:])
    return logits[:, 0].unflatten(0, (-1, n))


def trained(model: Model) -> TANetTraining:
    """Give the configuration that make_model was called with."""
    assert isinstance(model.config, TANetTraining)
    return model.config


def losses(model: Model, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Compare the maps with the boxes', or judge them, as the step wants it."""
    config = trained(model)
    side, n = config.side, config.judged
    return model.losses(lambda: predict(model.generator, batch, config.clip_frames),
                        box_maps(batch['box'], side, side), batch['frames'][:, -n:],
                        cross_entropy, step)


def validate(model: Model, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge the generator's maps as proposals, see judge_maps."""
    def found() -> Iterable[tuple[Tensor, Tensor]]:
        for b in batches:
            for i in range(0, len(b['box']), model.config.batch):  # a batch here is a large one
                part = {name: value[i:i + model.config.batch] for name, value in b.items()}
                logits = predict(model.generator, part, trained(model).clip_frames)
                yield logits.flatten(0, 1), part['box'].flatten(0, 1)
    return judge_maps(found(), model.config.side, cross_entropy)


NETWORK = Network(DEFAULTS, fields, make_model, make_sampler, losses, validate,
                  shipped=generator_of, partial=True)
