"""
Train what MDNet begins with: layers that tell targets from backgrounds in many videos at once.

Each video is a domain with a last layer of its own, which is thrown away (Nam & Han, CVPR 2016):
what one video calls a target is background in another. A step takes frames of several domains;
MDNet takes them one domain after the other, RT-MDNet averages over 50. With ``embedding`` a target
must be told from the targets of the other domains as well (RT-MDNet's instance embedding, Jung et
al., ECCV 2018).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Mapping

from lg_tracker_ros.local.mdnet.patches import AT_ONCE, warped
from lg_tracker_ros.local.mdnet.samples import Boxes, gaussian, uniform, within
from lg_tracker_ros.local.mdnet.schedule import Schedule
from lg_tracker_ros.local.mdnet.vggm import PY_MDNET, read_start, Shared, SIDE, WIDTH
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import decode
from lg_tracker_ros.training.networks.network import (
    Batch,
    Field,
    Network,
    Sample,
    Sampler,
    Training,
)
from lg_tracker_ros.training.networks.validation import area_under_roc
from lg_tracker_ros.types import Box
import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F

DRAWN = Schedule()
"""How positives and negatives are drawn in use, and so here."""
SMALLEST = 8.0
"""Pixels of a target's shorter side."""
RIDGE = 1.0
"""Of the classifier that judges what is held out, for features of mean square 1."""


@dataclass(frozen=True)
class MultiDomain(Training):
    """
    Training over many domains.

    ``domains``: as many labelled videos at most. ``positives`` and ``negatives`` of a frame: 8
    frames make MDNet's batch of 32 and 96. ``embedding`` weighs the instance embedding (.1 in
    RT-MDNet). ``convolutions``: file of VGG-M to begin with, in MatConvNet's layout or MDNet's.
    Raises ValueError for what can't be.
    """

    domains: int = 100
    positives: int = 4
    negatives: int = 12
    embedding: float = 0.0
    convolutions: str = ''
    rates: Mapping[str, float] = field(default_factory=lambda: {'net.conv': 0.1})

    def __post_init__(self) -> None:
        """Refuse what can't be trained."""
        if min(self.domains, self.positives, self.negatives) < 1:
            raise ValueError(f'domains, positives and negatives must be at least 1, got '
                             f'{self.domains}, {self.positives} and {self.negatives}')


DEFAULTS = MultiDomain(batch=32, steps=20_000, rate=1e-3, optimizer='sgd', decay=5e-4,
                       schedule='constant', rise=0.0, clip=10.0, capacity=4000, warmup=500,
                       held_out=400, validate_every=1000)


class Model(nn.Module):
    """MDNet's layers, and a last one for each domain."""

    def __init__(self, config: MultiDomain) -> None:
        """Begin with random weights, or the file's convolutions; ValueError for a wrong one."""
        super().__init__()
        self.config = config
        self.net = Shared(PY_MDNET, False, False)
        for name, p in self.net.named_parameters():
            if p.ndim == 1:
                nn.init.constant_(p, 0.1)
            elif name.startswith('conv'):
                nn.init.kaiming_normal_(p, nonlinearity='relu')
            else:
                nn.init.normal_(p, std=0.01)
        if config.convolutions:
            try:
                start = read_start(Path(config.convolutions), PY_MDNET, begun=False)
            except FileNotFoundError as e:
                raise ValueError(f'weights to begin with: {e}') from e
            self.net.load_state_dict(start.net.state_dict(), strict=False)
        self.branches = nn.Parameter(0.01 * torch.randn(config.domains, 2, WIDTH))
        self.offsets = nn.Parameter(torch.zeros(config.domains, 2))

    def features(self, patches: Tensor) -> Tensor:
        """N x 3 x 107 x 107, uint8 RGB, to N x 512; half of them are dropped in training."""
        x = self.net(patches).flatten(1)
        x = F.relu(self.net.fc4(x))
        x = F.relu(self.net.fc5[1](F.dropout(x, 0.5, self.training)))
        return F.dropout(x, 0.5, self.training)


def shared_of(model: Model) -> Shared:
    """Give what MDNet begins with: the last layers go."""
    return model.net


def fields(config: MultiDomain) -> dict[str, Field]:
    """Describe a sample: a frame's boxes, cut out, and the domain that it is of."""
    return {'positives': Field((config.positives, 3, SIDE, SIDE), 'uint8'),
            'negatives': Field((config.negatives, 3, SIDE, SIDE), 'uint8'),
            'domain': Field((), 'int32')}


def drawn(rng: np.random.Generator, box: Box, config: MultiDomain) -> tuple[Boxes, Boxes]:
    """
    Draw boxes on a target and beside it, N x 4 each, overlapping as in use.

    Where fewer are found the target's own box, or one a size away from it, fills the rest.
    """
    c = DRAWN
    there = within(lambda n: gaussian(box, n, 0.1, c.positive_zoom, rng), box, c.positive_iou, 1,
                   config.positives)
    away = within(lambda n: uniform(box, n, c.negative_shift, c.negative_zoom, rng), box, 0,
                  c.first_negative_iou, config.negatives)
    own, beside = np.array([box.x, box.y, box.w, box.h]), np.array([box.w, 0, 0, 0])
    return (np.vstack([there, *[own] * (config.positives - len(there))]),
            np.vstack([away, *[own + beside] * (config.negatives - len(away))]))


def make_sampler(material: Material, config: MultiDomain) -> Sampler:
    """
    Make frames of labelled videos, each a domain.

    Raises ValueError where there is none, or more than ``config.domains``.
    """
    clips = [(clip, frames) for clip in material.clips if (frames := [
        i for i, b in enumerate(clip.boxes) if b is not None and min(b.w, b.h) >= SMALLEST])]
    if not 1 <= len(clips) <= config.domains:
        raise ValueError(f'mdnet learns from 1 to {config.domains} labelled videos, --data has '
                         f'{len(clips)}; ' + (f'--set domains={len(clips)}' if clips else
                                              'add some in a layout that `eval` reads'))

    def sample(rng: np.random.Generator) -> Sample:
        domain = int(rng.integers(len(clips)))
        clip, frames = clips[domain]
        i = frames[int(rng.integers(len(frames)))]
        box, image = clip.boxes[i], decode(clip.frames[i])
        there, away = drawn(rng, box, config)
        return {'positives': warped(image, there).numpy(),
                'negatives': warped(image, away).numpy(), 'domain': np.int32(domain)}
    return sample


def losses(model: Model, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Tell each frame's target from its background by its domain's layer, the mean over all boxes.

    ``embedding``: cross-entropy of a target's scores in all domains, its own the right one.
    """
    n, p = batch['positives'].shape[:2]
    m = batch['negatives'].shape[1]
    boxes = torch.cat([batch['positives'], batch['negatives']], 1)
    x = model.features(boxes.flatten(0, 1)).unflatten(0, (n, p + m))
    own = batch['domain'].long()
    logits = torch.einsum('nbf,nkf->nbk', x, model.branches[own]) + model.offsets[own][:, None]
    target = torch.arange(p + m, device=x.device).expand(n, -1) < p
    binary = F.cross_entropy(logits.flatten(0, 1), target.flatten().long())
    found = {'binary': binary.detach()}
    if not model.config.embedding:
        return binary, found
    scores = x[:, :p] @ model.branches[:, 1].T + model.offsets[:, 1]
    among = F.cross_entropy(scores.flatten(0, 1), own.repeat_interleave(p))
    return binary + model.config.embedding * among, {**found, 'embedding': among.detach()}


def told_apart(x: Tensor, y: Tensor, asked: Tensor) -> Tensor:
    """
    Fit a ridge regression of y (N, 1 or -1) on features N x D; give what it says of ``asked``.

    Both kinds weigh the same.
    """
    scale = x.square().mean().sqrt().clamp(min=1e-6)
    mean, x, asked = x.mean(0) / scale, x / scale, asked / scale
    weight = torch.where(y > 0, 0.5 / (y > 0).sum(), 0.5 / (y < 0).sum())[:, None]
    x, asked = x - mean, asked - mean
    gram = x.T @ (weight * x) + RIDGE * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return asked @ torch.linalg.solve(gram, x.T @ (weight * y[:, None]))[:, 0]


def validate(model: Model, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """
    Judge the features on videos that none of the last layers knows, as they will be used.

    Of each domain one half of the frames teaches a linear classifier, the other judges it:
    ``auc`` is the mean area under the ROC curve. The quality is that.
    """
    found: dict[int, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    for batch in batches:
        for i, domain in enumerate(batch['domain'].tolist()):
            kinds = [torch.cat([model.features(part.float()) for part in torch.split(
                batch[kind][i], AT_ONCE)]).double() for kind in ('positives', 'negatives')]
            found[int(domain)].append((kinds[0], kinds[1]))
    areas = []
    for frames in found.values():
        if len(frames) < 2:
            continue
        halves = [[torch.cat(kind) for kind in zip(*frames[i::2])] for i in (0, 1)]
        x = torch.cat(halves[0])
        y = torch.cat([torch.full((len(h),), s, dtype=x.dtype, device=x.device)
                       for h, s in zip(halves[0], (1.0, -1.0))])
        good, bad = (told_apart(x, y, h).cpu().numpy() for h in halves[1])
        areas.append(area_under_roc(good, bad))
    auc = float(np.mean(areas)) if areas else 0.0
    return auc, {'auc': auc, 'domains': float(len(areas))}


NETWORK = Network(DEFAULTS, fields, make_model=Model, make_sampler=make_sampler, losses=losses,
                  validate=validate, shipped=shared_of, composed=False)
