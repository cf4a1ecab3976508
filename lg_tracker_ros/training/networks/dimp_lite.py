"""
Train the classifier of ``dimp_lite``: what its filter learned from some crops finds in others.

The backbone is frozen. On a CPU samples hold its features (``cached``), so that it runs once; a
GPU is faster from the crops themselves, which worker processes make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.files import network_cache
from lg_tracker_ros.local.dimp.filters import apply_filter
from lg_tracker_ros.local.dimp.lite_net import centers, DimpLite
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.maps import box_row
from lg_tracker_ros.training.networks.network import (
    Batch,
    Field,
    Network,
    Sample,
    Sampler,
    Training,
)
from lg_tracker_ros.training.networks.validation import area_under_roc
from lg_tracker_ros.training.samples.features import TapsNet
from lg_tracker_ros.training.samples.sets import crop_set
from lg_tracker_ros.vision.cells import GRID, SEARCH, STRIDE
from lg_tracker_ros.vision.normalise import normalize
import numpy as np
import torch
from torch import nn, Tensor

SIGMA = 0.25
"""Width of the Gaussian label, in sides of the target (DiMP)."""
BACKGROUND = 0.05
"""Label under which a score is only asked not to be above 0 (DiMP's hinge)."""


@dataclass(frozen=True)
class DimpTraining(Training):
    """
    Training on sets of crops.

    ``learned`` crops teach the filter in ``descents`` steps, ``judged`` ones judge it.
    ``cached``: samples hold features. ``negative``, ``grey``: see crop_set.
    """

    learned: int = 3
    judged: int = 3
    descents: int = 3
    negative: float = 0.2
    grey: float = 0.1
    cached: bool = True


DEFAULTS = DimpTraining(batch=32, steps=6000, rate=1e-3, ema=0.998, capacity=12_000, warmup=1500,
                        held_out=600, validate_every=500)


class Model(nn.Module):
    """The classifier, and the frozen backbone where samples hold pictures; that isn't saved."""

    def __init__(self, config: DimpTraining) -> None:
        """Make the classifier with random weights."""
        super().__init__()
        self.net, self.descents = DimpLite(), config.descents
        self.backbone = [] if config.cached else [shared_backbone()]

    def taps(self, crops: Tensor) -> Tensor:
        """B x S crops, or features where samples hold those, to B x S x 112 x 16 x 16."""
        if not self.backbone:
            return crops
        self.backbone[0] = self.backbone[0].to(crops.device)
        with torch.no_grad():
            return self.backbone[0](normalize(crops.flatten(0, 1)))[1].unflatten(
                0, crops.shape[:2])


def fields(config: DimpTraining) -> dict[str, Field]:
    """Describe a sample: crops (or features) and boxes, nan where absent, of both parts."""
    def crops(n: int) -> Field:
        return Field((n, 112, GRID, GRID)) if config.cached else \
            Field((n, SEARCH, SEARCH, 3), 'uint8')
    return {'train': crops(config.learned), 'train_box': Field((config.learned, 4), 'float32'),
            'test': crops(config.judged), 'test_box': Field((config.judged, 4), 'float32')}


def make_model(config: DimpTraining) -> Model:
    """Make the classifier."""
    return Model(config)


def make_sampler(material: Material, config: DimpTraining) -> Sampler:
    """Make sets of crops; take them through the frozen backbone if features are wanted."""
    def sample(rng: np.random.Generator) -> Sample:
        found = crop_set(rng, material, config.learned, config.judged, config.negative,
                         config.grey)
        return {name: value for part, crops in (('train', found.train), ('test', found.test))
                for name, value in ((part, np.stack([image for image, _ in crops])),
                                    (f'{part}_box', box_row(box for _, box in crops)))}
    if not config.cached:
        return sample
    engine = EngineConfig('cpu', threads=1, cache=network_cache()).resolve()
    run = compile_network(TapsNet(shared_backbone()),
                          [np.zeros((1, SEARCH, SEARCH, 3), np.uint8)], engine)

    def cached(rng: np.random.Generator) -> Sample:
        plain = dict(sample(rng))
        for part in ('train', 'test'):
            plain[part] = run(np.asarray(plain[part]))[1]
        return plain
    return cached


def predict(model: Model, batch: Batch) -> list[Tensor]:
    """Scores of the judged crops by the filter after 0, 1, ... steps; B x S x 16 x 16 each."""
    net = model.net

    def features(part: str) -> Tensor:
        taps = model.taps(batch[part])
        return net.features(taps.flatten(0, 1)).unflatten(0, taps.shape[:2])
    test = features('test').float()
    return [apply_filter(test, kernel) for kernel in
            net.filters(features('train'), batch['train_box'], model.descents)]


def label(boxes: Tensor) -> Tensor:
    """Gaussian around the centre of boxes ... x 4 in pixels, ... x 16 x 16; 0 where absent."""
    cells = torch.arange(GRID, device=boxes.device, dtype=boxes.dtype)
    at = centers(boxes)
    sigma = (SIGMA / STRIDE * torch.nan_to_num(boxes[..., 2:], nan=STRIDE).clamp(min=1).prod(
        -1).sqrt()).clamp(0.5, 2.0)
    away = ((cells - at[..., :1]) / sigma[..., None]).square()[..., None, :] + \
        ((cells - at[..., 1:]) / sigma[..., None]).square()[..., :, None]
    return torch.exp(-away / 2)


def hinge(scores: Tensor, want: Tensor) -> Tensor:
    """Square the error; where the label is background only what is above 0 counts (DiMP)."""
    return torch.where(want > BACKGROUND, scores - want, scores.clamp(min=0)).square().mean()


def losses(model: Model, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Average the hinge loss over the filters of all steps, the first one at a tenth."""
    want = label(batch['test_box'])
    each = [hinge(scores, want) for scores in predict(model, batch)]
    loss = 100 * (0.1 * each[0] + torch.stack(each[1:]).mean())
    return loss, {'first': each[0].detach(), 'last': each[-1].detach()}


def validate(model: Model, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """
    Judge the highest score of each crop.

    ``hit``: the share of crops with a target in which it lies in the target's box; ``auc``: how
    well it tells these from misses and crops without one. Quality is their sum.
    """
    rows = []
    for b in batches:
        scores = predict(model, b)[-1].flatten(2)
        best, i = scores.max(2)
        at = torch.stack([i % GRID, torch.div(i, GRID, rounding_mode='floor')], -1)
        box = b['test_box']
        off = (at - centers(box)).abs() * STRIDE
        good = (off <= box[..., 2:] / 2).all(-1)  # false where absent: nan
        rows.append(torch.stack([best, good, ~torch.isnan(box[..., 0])], -1).flatten(0, 1).cpu())
    best, good, there = torch.cat(rows).double().numpy().T
    hit = float(good[there > 0].mean())
    auc = area_under_roc(best[good > 0], best[good == 0])
    return hit + auc, {'hit': hit, 'auc': auc}


NETWORK = Network(DEFAULTS, fields, make_model, make_sampler, losses, validate,
                  shipped=lambda model: model.net)
