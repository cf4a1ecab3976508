"""EfficientNet-Lite0 up to stride 16: the light backbone that the onboard parts share."""

from __future__ import annotations

import torch
from torch import nn, Tensor
import torch.nn.functional as F

# kernel, stride, expansion, output channels, repeats (Tan & Le 2019; the Lite variant)
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
          (5, 1, 6, 112, 3))
STRIDE_8, STRIDE_16 = 4, 10  # last block at each stride
LOWER = 8  # blocks of the lower part, to the middle of stride 16


class SameConv(nn.Module):
    """
    Convolution with TensorFlow's SAME padding (asymmetric at stride 2) and a bias.

    At stride 2 the kernel gets a row and a column of zeros in front, so that padding both sides
    alike does the same: padding as a step of its own costs an engine a copy of the largest maps.
    """

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1,
                 groups: int = 1) -> None:
        """Make the convolution; the weights expect even input sides at stride 2."""
        super().__init__()
        self.front = stride - 1
        self.conv = nn.Conv2d(cin, cout, kernel, stride, groups=groups, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """N x cin x h x w to N x cout x h/stride x w/stride."""
        if not self.front:
            return self.conv(x)
        c, w = self.conv, self.conv.weight
        n, m, k, _ = w.shape
        w = torch.cat([w.new_zeros(n, m, 1, k), w], 2)
        w = torch.cat([w.new_zeros(n, m, k + 1, 1), w], 3)
        return F.conv2d(x, w, c.bias, c.stride, c.padding, groups=c.groups)


class Block(nn.Module):
    """Inverted residual with ReLU6, no squeeze-and-excitation (that is what Lite means)."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, expand: int) -> None:
        """Make the block; ``expand`` is the width factor."""
        super().__init__()
        mid = cin * expand
        self.expand = SameConv(cin, mid, 1) if expand > 1 else None
        self.depthwise = SameConv(mid, mid, kernel, stride, groups=mid)
        self.project = SameConv(mid, cout, 1)
        self.skip = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> Tensor:
        """N x cin x h x w to N x cout x h/stride x w/stride."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.skip else y


class EfficientNetLite0(nn.Module):
    """
    Feature maps at strides 8 (40 channels) and 16 (112 channels).

    Input: N x 3 x h x w, RGB, (value - 127) / 128, sides divisible by 16. Batch normalisation is
    folded into the convolutions (``from_imagenet``), since the backbone is used frozen.
    """

    channels = (40, 112)

    def __init__(self) -> None:
        """Make the network with random weights."""
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        blocks, cin = [], 32
        for kernel, stride, expand, cout, repeats in STAGES:
            for i in range(repeats):
                blocks.append(Block(cin, cout, kernel, stride if i == 0 else 1, expand))
                cin = cout
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return [N x 40 x h/8 x w/8, N x 112 x h/16 x w/16]."""
        return self.upper(*self.lower(x))

    def lower(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run what training leaves alone: N x 40 x h/8 x w/8 and N x 80 x h/16 x w/16."""
        x = fine = F.relu6(self.stem(x))
        for i, block in enumerate(self.blocks[:LOWER]):
            x = block(x)
            if i == STRIDE_8:
                fine = x
        return fine, x

    def upper(self, fine: Tensor, x: Tensor) -> list[Tensor]:
        """Go on from what ``lower`` gives; returns what ``forward`` does."""
        for block in self.blocks[LOWER:]:
            x = block(x)
        return [fine, x]
