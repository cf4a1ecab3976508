"""The frozen backbone as what training takes its features from."""

from __future__ import annotations

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.vision.normalise import normalize
from torch import nn, Tensor


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
