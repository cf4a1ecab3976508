"""MobileNetV2 x1.4 as the Siamese trackers use it (PySOT): dilated from layer 4 on, stride 8."""

from __future__ import annotations

from torch import nn, Tensor

# expansion, channels at width 1, blocks, stride, dilation of layers 1..7
_LAYERS = ((1, 16, 1, 1, 1), (6, 24, 2, 2, 1), (6, 32, 3, 2, 1), (6, 64, 4, 1, 2),
           (6, 96, 3, 1, 2), (6, 160, 3, 1, 4), (6, 320, 1, 1, 4))


class InvertedResidual(nn.Module):
    """
    1x1 expansion, 3x3 depth-wise, linear 1x1; a shortcut where the shape stays.

    A convolution of stride 2 has no padding (see ResNet-50's Bottleneck).
    """

    def __init__(self, inp: int, out: int, stride: int, expand: int, dilation: int) -> None:
        """Build with random weights."""
        super().__init__()
        mid = inp * expand
        padding = 0 if stride == 2 else dilation
        self.shortcut = stride == 1 and inp == out
        self.conv = nn.Sequential(
            nn.Conv2d(inp, mid, 1, bias=False), nn.BatchNorm2d(mid), nn.ReLU6(inplace=True),
            nn.Conv2d(mid, mid, 3, stride, padding, dilation, groups=mid, bias=False),
            nn.BatchNorm2d(mid), nn.ReLU6(inplace=True),
            nn.Conv2d(mid, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x out x H' x W'."""
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """
    MobileNetV2 of width 1.4 with layers 3, 5 and 7 used, all at stride 8 (published checkpoints).

    The state dict has the keys of PySOT's ``mobilenetv2(width_mult=1.4, used_layers=[3, 5, 7])``.
    """

    channels: tuple[int, ...] = (44, 134, 448)
    used = (3, 5, 7)

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        width = 1.4
        inp = int(32 * width)
        self.layer0 = nn.Sequential(
            nn.Conv2d(3, inp, 3, stride=2, bias=False), nn.BatchNorm2d(inp),
            nn.ReLU6(inplace=True))
        last = 1
        for index, (expand, channels, blocks, stride, dilation) in enumerate(_LAYERS, start=1):
            out = int(channels * width)
            # where the dilation grows, the first block takes half of it
            first = dilation if dilation == last else max(dilation // 2, 1)
            layer = [InvertedResidual(inp, out, stride, expand, first)]
            layer += [InvertedResidual(out, out, 1, expand, dilation) for _ in range(blocks - 1)]
            self.add_module(f'layer{index}', nn.Sequential(*layer))
            inp, last = out, dilation

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map B x 3 x H x W (BGR, 0-255) to three maps of equal size: 127 -> 15, 255 -> 31."""
        out = []
        for index in range(8):
            x = self.get_submodule(f'layer{index}')(x)
            if index in self.used:
                out.append(x)
        return out
