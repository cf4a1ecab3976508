"""What ``siamfcpp`` and ``siamrpnpp`` share when trained end to end: pairs and backbone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping

from lg_tracker_ros.backbones.alexnet import AlexNet
from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.backbones.mobilenet_v2 import MobileNetV2
from lg_tracker_ros.backbones.resnet50 import ResNet50
from lg_tracker_ros.checkpoint import load_checkpoint, shared_backbone
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.files import network_cache
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.network import Batch, Field, Sample, Sampler, Training
from lg_tracker_ros.training.samples.crops import local_pair, mirror, without_color
from lg_tracker_ros.vision.normalise import normalize
import numpy as np
import torch
from torch import nn, Tensor

FROZEN: Mapping[str, tuple[type[nn.Module], tuple[str, ...]]] = {
    # the middle of stride 16; SiamRPN++ (section 4.1) and PySOT train the last stages only, too
    'efficientnet_lite0': (EfficientNetLite0, ('stem.', *(f'blocks.{i}.' for i in range(8)))),
    'mobilenet_v2': (MobileNetV2, ('layer0.', 'layer1.', 'layer2.')),
    'resnet50': (ResNet50, ('conv1.', 'layer1.')),
    'alexnet': (AlexNet, ('features.0.', 'features.4.', 'features.8.')),
}
"""Backbones by name, and the parts of each that stay as ImageNet left them."""

LOWER_CHANNELS = 80
"""Of what EfficientNetLite0.lower gives at stride 16."""


def backbone_rates(name: str) -> dict[str, float]:
    """
    Say how fast each part of a backbone learns, as Training.rates wants it.

    The lower part is frozen, the rest learns at a tenth of the head's rate; normalisation
    stays as it is everywhere (a batch of ours says little about images in general). Raises
    ValueError for an unknown backbone.
    """
    if name not in FROZEN:
        raise ValueError(f'backbone must be one of {", ".join(FROZEN)}, got {name!r}')
    make, frozen = FROZEN[name]
    with torch.device('meta'):
        norms = [n for n, m in make().named_modules() if isinstance(m, nn.BatchNorm2d)]
    return {'backbone.': 0.1, **{f'backbone.{p}': 0.0 for p in frozen},
            **{f'backbone.{n}.': 0.0 for n in norms}}


@dataclass(frozen=True)
class SiameseTraining(Training):
    """
    Training on pairs of crops.

    ``backbone``: one of FROZEN. ``pretrained``: file of the backbone's weights to begin with;
    empty: those that ship, for efficientnet_lite0. ``negative``: share of pairs without the
    target in the search crop; ``flip`` and ``grey``: share of pairs mirrored, and without colour.
    ``cached``: samples hold what the frozen part makes of the crops, so that a CPU trains faster
    (efficientnet_lite0 on the weights that ship). ``rates`` left empty, or as another backbone
    has them, are those of backbone_rates; ``{"backbone.": 0}`` freezes all of the backbone.
    """

    backbone: str = 'efficientnet_lite0'
    pretrained: str = ''
    negative: float = 0.2
    flip: float = 0.5
    grey: float = 0.1
    cached: bool = False

    def __post_init__(self) -> None:
        """Let the rates follow the backbone; refuse what can't be cached."""
        if not self.rates or any(self.rates == backbone_rates(b) for b in FROZEN):
            object.__setattr__(self, 'rates', backbone_rates(self.backbone))
        if self.cached and (self.backbone != 'efficientnet_lite0' or self.pretrained):
            raise ValueError('cached=true is for backbone=efficientnet_lite0 with the weights '
                             'that ship (pretrained empty)')

    @property
    def frozen(self) -> bool:
        """Whether nothing of the backbone learns."""
        shares = [v for name, v in self.rates.items() if name.startswith('backbone.')]
        return 'backbone.' in self.rates and not any(shares)


def load_backbone(backbone: nn.Module, config: SiameseTraining) -> None:
    """Load the weights that training begins with; raises ValueError when there are none."""
    if config.pretrained:
        try:
            # what a classifier was, nobody needs
            load_checkpoint(backbone, Path(config.pretrained), ignore=('classifier.', 'fc.'))
        except FileNotFoundError as e:
            raise ValueError(f'pretrained: {e}') from e
    elif config.backbone == 'efficientnet_lite0':
        backbone.load_state_dict(shared_backbone().state_dict())
    else:
        raise ValueError(f'no weights ship for the backbone {config.backbone}: give a file '
                         'trained on ImageNet, --set pretrained=FILE')


def pair_fields(config: SiameseTraining, exemplar: int, instance: int) -> dict[str, Field]:
    """
    Describe a sample: ``template`` and ``search``, and the ``box`` in the search crop.

    Crops are uint8 BGR; or, cached, what the frozen part of the backbone makes of them, float16
    at strides 8 and 16. The box is x, y, w, h in pixels, nan where absent.
    """
    box = {'box': Field((4,), 'float32')}
    sides = {'template': exemplar, 'search': instance}
    if not config.cached:
        return {**{name: Field((s, s, 3), 'uint8') for name, s in sides.items()}, **box}
    fine, coarse = EfficientNetLite0.channels[0], (
        EfficientNetLite0.channels[1] if config.frozen else LOWER_CHANNELS)
    return {**{f'{name}8': Field((fine, s // 8, s // 8)) for name, s in sides.items()},
            **{f'{name}16': Field((coarse, s // 16, s // 16)) for name, s in sides.items()}, **box}


class FrozenNet(nn.Module):
    """The frozen part: N x s x s x 3 uint8 BGR to its two maps."""

    def __init__(self, backbone: EfficientNetLite0, whole: bool) -> None:
        """Wrap the backbone, the ``whole`` of it or its lower part."""
        super().__init__()
        self.backbone, self.whole = backbone, whole

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return N x 40 x s/8 x s/8 and N x c x s/16 x s/16, c being 112, or 80 of the lower."""
        x = normalize(images)
        return self.backbone(x) if self.whole else list(self.backbone.lower(x))


def levels(backbone: nn.Module, prepare: Callable[[Tensor], Tensor], batch: Batch, name: str
           ) -> list[Tensor]:
    """
    Give the backbone's levels of a batch's crops, ``template`` or ``search``, cached or not.

    ``prepare`` maps N x s x s x 3 uint8 BGR to what the backbone expects.
    """
    if name in batch:
        return backbone(prepare(batch[name]))
    if not isinstance(backbone, EfficientNetLite0):
        raise TypeError(f'only efficientnet_lite0 has a lower part, not {type(backbone).__name__}')
    fine, coarse = batch[f'{name}8'], batch[f'{name}16']
    if coarse.shape[1] == backbone.channels[1]:
        return [fine, coarse]
    return backbone.upper(fine, coarse)


def pair_sampler(material: Material, config: SiameseTraining, exemplar: int, instance: int
                 ) -> Sampler:
    """Make samples of ``pair_fields`` from the material."""
    def sample(rng: np.random.Generator) -> Sample:
        pair = local_pair(rng, material, config.negative, exemplar, instance)
        if rng.random() < config.flip:
            pair = mirror(pair)
        if rng.random() < config.grey:
            pair = without_color(pair)
        b = pair.box
        return {'template': pair.template, 'search': pair.search,
                'box': np.array([b.x, b.y, b.w, b.h] if b else [np.nan] * 4, np.float32)}
    if not config.cached:
        return sample
    engine = EngineConfig('cpu', threads=1, cache=network_cache()).resolve()
    frozen = FrozenNet(shared_backbone(), config.frozen)
    run = {name: compile_network(frozen, [np.zeros((1, side, side, 3), np.uint8)], engine)
           for name, side in (('template', exemplar), ('search', instance))}

    def cached(rng: np.random.Generator) -> Sample:
        plain = sample(rng)
        found: dict[str, Any] = {'box': plain['box']}
        for name, go in run.items():
            fine, coarse = go(np.asarray(plain[name])[None])
            found[f'{name}8'], found[f'{name}16'] = fine[0], coarse[0]
        return found
    return cached
