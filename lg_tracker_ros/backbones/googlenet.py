"""Inception-v3 as SiamFC++ uses it, under the name GoogLeNet: up to Mixed_6e, stride 8."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn, Tensor
import torch.nn.functional as F

TRIM = 4
"""Cells that padding had a say in, cut off on each side."""


class Conv(nn.Module):
    """Convolution, batch normalisation (eps 1e-3), ReLU."""

    def __init__(self, inp: int, out: int, kernel: int | tuple[int, int], **options: Any) -> None:
        """Build with random weights; ``options`` are nn.Conv2d's."""
        super().__init__()
        self.conv = nn.Conv2d(inp, out, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x out x H' x W'."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionA(nn.Module):
    """Four branches of one size: 224 and ``pool`` channels come out."""

    def __init__(self, inp: int, pool: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.branch1x1 = Conv(inp, 64, 1)
        self.branch5x5_1 = Conv(inp, 48, 1)
        self.branch5x5_2 = Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Conv(inp, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(inp, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x (224 + pool) x H x W."""
        return torch.cat([
            self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(F.avg_pool2d(x, 3, 1, 1))], 1)


class InceptionB(nn.Module):
    """Halves the map: 480 and the input's channels come out."""

    def __init__(self, inp: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.branch3x3 = Conv(inp, 384, 3, stride=2)
        self.branch3x3dbl_1 = Conv(inp, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x (480 + inp) x H/2 x W/2."""
        return torch.cat([
            self.branch3x3(x), self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    """Four branches with rows and columns of 7: 768 channels to 768, ``mid`` within."""

    def __init__(self, mid: int) -> None:
        """Build with random weights."""
        super().__init__()
        row: dict[str, Any] = {'kernel': (1, 7), 'padding': (0, 3)}
        column: dict[str, Any] = {'kernel': (7, 1), 'padding': (3, 0)}
        self.branch1x1 = Conv(768, 192, 1)
        self.branch7x7_1 = Conv(768, mid, 1)
        self.branch7x7_2 = Conv(mid, mid, **row)
        self.branch7x7_3 = Conv(mid, 192, **column)
        self.branch7x7dbl_1 = Conv(768, mid, 1)
        self.branch7x7dbl_2 = Conv(mid, mid, **column)
        self.branch7x7dbl_3 = Conv(mid, mid, **row)
        self.branch7x7dbl_4 = Conv(mid, mid, **column)
        self.branch7x7dbl_5 = Conv(mid, 192, **row)
        self.branch_pool = Conv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x 768 x H x W to the same shape."""
        one, two = self.branch7x7_1(x), self.branch7x7dbl_1(x)
        for layer in (self.branch7x7_2, self.branch7x7_3):
            one = layer(one)
        for layer in (self.branch7x7dbl_2, self.branch7x7dbl_3, self.branch7x7dbl_4,
                      self.branch7x7dbl_5):
            two = layer(two)
        return torch.cat([self.branch1x1(x), one, two,
                          self.branch_pool(F.avg_pool2d(x, 3, 1, 1))], 1)


class GoogLeNet(nn.Module):
    """
    One map of stride 8 (SiamFC++, published checkpoints).

    The state dict has the keys of video_analyst's ``Inception3``, which are torchvision's plus
    ``channel_reduce``. The second max-pool of Inception-v3 is left out.
    """

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b = InceptionA(192, 32)
        self.Mixed_5c = InceptionA(256, 64)
        self.Mixed_5d = InceptionA(288, 64)
        self.Mixed_6a = InceptionB(288)
        for name, mid in zip('bcde', (128, 160, 160, 192)):
            self.add_module(f'Mixed_6{name}', InceptionC(mid))
        self.channel_reduce = nn.Sequential(nn.Conv2d(768, 256, 1),
                                            nn.BatchNorm2d(256, eps=1e-3))

    def forward(self, x: Tensor) -> Tensor:
        """Map B x 3 x H x W (BGR, 0-255) to one B x 256 map: 127 -> 5, 303 -> 27."""
        x = x.flip(1) / 127.5 - 1  # trained on RGB in [-1, 1]
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        for name in ('5b', '5c', '5d', '6a', '6b', '6c', '6d', '6e'):
            x = self.get_submodule(f'Mixed_{name}')(x)
        return self.channel_reduce(x[:, :, TRIM:-TRIM, TRIM:-TRIM])
