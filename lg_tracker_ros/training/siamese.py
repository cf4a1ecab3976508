"""What ``siamfcpp`` and ``siamrpnpp`` share when trained end to end: pairs, backbone, judging."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

from lg_tracker_ros.backbones.alexnet import AlexNet
from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.backbones.mobilenet_v2 import MobileNetV2
from lg_tracker_ros.backbones.resnet50 import ResNet50
from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.training.network import Field, Sample, Sampler, Training
from lg_tracker_ros.training.pairs import local_pair, Material, mirror, without_color
from lg_tracker_ros.weights import shared_backbone
import numpy as np
import numpy.typing as npt
import torch
from torch import nn, Tensor

Table = npt.NDArray[np.float64]

FROZEN: Mapping[str, tuple[type[nn.Module], tuple[str, ...]]] = {
    # the middle of stride 16; SiamRPN++ (section 4.1) and PySOT train the last stages only, too
    'efficientnet_lite0': (EfficientNetLite0, ('stem.', *(f'blocks.{i}.' for i in range(8)))),
    'mobilenet_v2': (MobileNetV2, ('layer0.', 'layer1.', 'layer2.')),
    'resnet50': (ResNet50, ('conv1.', 'layer1.')),
    'alexnet': (AlexNet, ('features.0.', 'features.4.', 'features.8.')),
}
"""Backbones by name, and the parts of each that stay as ImageNet left them."""


def backbone_rates(name: str, share: float = 0.1) -> dict[str, float]:
    """
    Say how fast each part of a backbone learns, as Training.rates wants it.

    The lower part is frozen, the rest learns at ``share`` of the head's rate; normalisation
    stays as it is everywhere (a batch of ours says little about images in general). Raises
    ValueError for an unknown backbone.
    """
    if name not in FROZEN:
        raise ValueError(f'backbone must be one of {", ".join(FROZEN)}, got {name!r}')
    make, frozen = FROZEN[name]
    with torch.device('meta'):
        norms = [n for n, m in make().named_modules() if isinstance(m, nn.BatchNorm2d)]
    return {'backbone.': share, **{f'backbone.{p}': 0.0 for p in frozen},
            **{f'backbone.{n}.': 0.0 for n in norms}}


@dataclass(frozen=True)
class SiameseTraining(Training):
    """
    Training on pairs of crops.

    ``backbone``: one of FROZEN. ``pretrained``: file of the backbone's weights to begin with;
    empty: those that ship, for efficientnet_lite0. ``negative``: share of pairs without the
    target in the search crop; ``flip`` and ``grey``: share of pairs mirrored, and without colour.
    ``rates`` left empty, or as another backbone has them, are those of backbone_rates.
    """

    backbone: str = 'efficientnet_lite0'
    pretrained: str = ''
    negative: float = 0.2
    flip: float = 0.5
    grey: float = 0.1

    def __post_init__(self) -> None:
        """Let the rates follow the backbone."""
        if not self.rates or any(self.rates == backbone_rates(b) for b in FROZEN):
            object.__setattr__(self, 'rates', backbone_rates(self.backbone))


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


def pair_fields(exemplar: int, instance: int) -> dict[str, Field]:
    """Describe a sample: two crops, uint8 BGR, and x, y, w, h in the search crop (nan: absent)."""
    return {'template': Field((exemplar, exemplar, 3), 'uint8'),
            'search': Field((instance, instance, 3), 'uint8'), 'box': Field((4,), 'float32')}


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
    return sample


def overlap(boxes: Tensor, truth: Tensor) -> Tensor:
    """IoU of x, y, w, h, ... x 4 each and broadcast; nan where either holds a nan."""
    low = torch.maximum(boxes[..., :2], truth[..., :2])
    high = torch.minimum(boxes[..., :2] + boxes[..., 2:], truth[..., :2] + truth[..., 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    return inter / (boxes[..., 2:].prod(-1) + truth[..., 2:].prod(-1) - inter)


def judge(results: Iterable[tuple[Tensor, Tensor, Tensor]]) -> tuple[dict[str, float], Table]:
    """
    Judge found boxes, their scores and the true boxes: N x 4, N, N x 4 (nan: absent) a batch.

    Returns a report and (score, IoU) of each sample, N x 2, IoU -1 where absent. ``iou`` and
    ``hit`` (share of IoU > .5) are over the samples with a target; ``auc`` is how well the score
    tells hits from misses and absent targets: the area under the ROC curve.
    """
    rows = [torch.stack([score.float(), torch.nan_to_num(overlap(boxes.float(), truth), nan=-1.0)],
                        dim=1).cpu() for boxes, score, truth in results]
    table = torch.cat(rows).double().numpy()
    score, value = table.T
    present = value >= 0
    good, bad = score[value > 0.5], score[value <= 0.5]
    auc = float((good[:, None] > bad[None, :]).mean()) if len(good) and len(bad) else 0.0
    return {'iou': float(value[present].mean()), 'hit': float((value[present] > 0.5).mean()),
            'auc': auc}, table
