"""AlexNet as the Siamese trackers use it (PySOT's ``AlexNetLegacy``): no padding, stride 8."""

from __future__ import annotations

from torch import nn, Tensor


class AlexNet(nn.Module):
    """
    Five convolutions without padding; one map of stride 8 (SiamRPN++, published checkpoints).

    The state dict has the keys ``features.<index>.*`` of PySOT's ``AlexNetLegacy``.
    """

    channels: tuple[int, ...] = (256,)

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=2), nn.BatchNorm2d(96),
            nn.MaxPool2d(3, stride=2), nn.ReLU(inplace=True),
            nn.Conv2d(96, 256, 5), nn.BatchNorm2d(256),
            nn.MaxPool2d(3, stride=2), nn.ReLU(inplace=True),
            nn.Conv2d(256, 384, 3), nn.BatchNorm2d(384), nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3), nn.BatchNorm2d(384), nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3), nn.BatchNorm2d(256))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map B x 3 x H x W (BGR, 0-255) to one B x 256 map: 127 -> 6, 287 -> 26."""
        return [self.features(x)]
