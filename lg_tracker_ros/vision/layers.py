"""Layers that several networks share."""

from __future__ import annotations

from torch import nn


def conv3(channels: int) -> nn.Sequential:
    """3 x 3 convolution, batch normalisation, ReLU; N x c x h x w to the same shape."""
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                         nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
