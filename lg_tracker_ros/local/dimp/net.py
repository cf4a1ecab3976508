"""DiMP-50 and SuperDiMP: a ResNet-50, the filter's layers and an IoU predictor, by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lg_tracker_ros.backbones.resnet50_imagenet import ImageNetResNet50
from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.local.dimp.filters import FilterInitializer, FilterOptimizer, InstanceL2
from lg_tracker_ros.local.dimp.iou import IoUNet
from lg_tracker_ros.reading.state_dicts import read_state_dict
import torch
from torch import nn, Tensor

STRIDE, WIDTH, FILTER = 16, 512, 4
BINS, BIN = 100, 0.1
UNUSED = ('feature_extractor.layer4.', 'feature_extractor.fc.')
"""What released files hold and nobody needs."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DimpConstants:
    """
    Test-time constants of a variant, as released.

    ``side`` of the search crop in pixels, ``area``: its side in the image over the target's (the
    root of its area); ``inside``: crops are shifted into the image, and shrunk by up to this.
    ``steps``, ``length``, ``relative``: see iou.refine.
    """

    side: int
    area: float
    inside: float
    steps: int
    length: float
    relative: bool
    memory: int = 50
    first_steps: int = 10
    later_steps: int = 2
    every: int = 20
    rate: float = 0.01
    hard_rate: float = 0.02
    tries: int = 9
    best: int = 3
    aspect: float = 6.0


VARIANTS = {'dimp50': DimpConstants(288, 5.0, 1.0, 5, 1.0, False),
            'superdimp': DimpConstants(352, 6.0, 1.5, 10, 2.5e-3, True)}


class Classifier(nn.Module):
    """From the backbone's map to the filter's."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.feature_extractor = nn.Sequential(
            nn.Conv2d(1024, WIDTH, 3, padding=1, bias=False),
            InstanceL2((1 / (WIDTH * FILTER ** 2)) ** 0.5))
        self.filter_initializer = FilterInitializer(WIDTH, FILTER)
        self.filter_optimizer = FilterOptimizer(BINS, BIN)


class DimpNet(nn.Module):
    """All of it; parameters have the names of pytracking's checkpoints."""

    def __init__(self, reference: int = 128, bias: bool = True) -> None:
        """Build with random weights; see IoUNet."""
        super().__init__()
        self.feature_extractor = ImageNetResNet50(3)
        self.classifier = Classifier()
        self.bb_regressor = IoUNet(reference, bias)

    def extract(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """N x s x s x 3 uint8 BGR to the maps at strides 8 and 16, 512 and 1024 channels."""
        x = images.permute(0, 3, 1, 2)[:, [2, 1, 0]].float() / 255
        mean, deviation = (torch.tensor(v, device=x.device)[:, None, None]
                           for v in (MEAN, DEVIATION))
        _, x8, x16 = self.feature_extractor((x - mean) / deviation)
        return x8, x16


def read_net(path: Path) -> DimpNet:
    """
    Read a released file, or ours; what may differ between files is read off its shapes.

    Raises as load_checkpoint.
    """
    state = read_state_dict(path)
    first = state.get('bb_regressor.conv3_1r.0.weight')
    net = DimpNet(128 if first is None else len(first), 'bb_regressor.conv3_1r.0.bias' in state
                  or first is None)
    load_checkpoint(net, path, UNUSED)
    return net
