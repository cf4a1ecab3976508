"""ResNet-50 as the Siamese trackers use it (PySOT): layers 3 and 4 dilated, stride 8."""

from __future__ import annotations

from torch import nn, Tensor
from torch.nn.functional import relu


class Bottleneck(nn.Module):
    """
    1x1, 3x3, 1x1 convolutions with a shortcut; ``4 * planes`` channels come out.

    A 3x3 convolution of stride 2 has no padding, so that maps of 127 and 255 pixel crops keep
    their centre; ``downsample`` is the shortcut's own convolution where the shape changes.
    """

    def __init__(self, inplanes: int, planes: int, stride: int, dilation: int,
                 downsample: nn.Module | None) -> None:
        """Build with random weights."""
        super().__init__()
        padding = 0 if stride == 2 else dilation
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inplanes x H x W to B x 4 planes x H' x W'."""
        out = relu(self.bn1(self.conv1(x)), inplace=True)
        out = relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        return relu(out + (x if self.downsample is None else self.downsample(x)), inplace=True)


def _layer(inplanes: int, planes: int, blocks: int, stride: int, dilation: int) -> nn.Sequential:
    """
    Stack the blocks of one layer.

    The first block uses half the dilation: its input still has the density of the layer before.
    """
    first = max(dilation // 2, 1)
    if stride == 1 and dilation == 1:
        shortcut = nn.Conv2d(inplanes, planes * 4, 1, bias=False)
    else:
        # PySOT's shortcut is 3x3 here, so that it covers the same pixels as the main path
        shortcut = nn.Conv2d(inplanes, planes * 4, 3, stride, 0 if stride == 2 else first, first,
                             bias=False)
    downsample = nn.Sequential(shortcut, nn.BatchNorm2d(planes * 4))
    rest = [Bottleneck(planes * 4, planes, 1, dilation, None) for _ in range(blocks - 1)]
    return nn.Sequential(Bottleneck(inplanes, planes, stride, first, downsample), *rest)


class ResNet50(nn.Module):
    """
    ResNet-50 with layers 2, 3 and 4 used, all at stride 8 (SiamRPN++, published checkpoints).

    The state dict has the keys of PySOT's ``resnet50(used_layers=[2, 3, 4])``; without layer 4
    (``last`` = 3) those of ``used_layers=[0, 1, 2, 3]``, which SiamMask has.
    """

    channels: tuple[int, ...] = (512, 1024, 2048)

    def __init__(self, last: int = 4) -> None:
        """Build with random weights, up to layer ``last``, 3 or 4."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _layer(64, 64, 3, 1, 1)
        self.layer2 = _layer(256, 128, 4, 2, 1)
        self.layer3 = _layer(512, 256, 6, 1, 2)
        self.layer4 = _layer(1024, 512, 3, 1, 4) if last == 4 else None
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map B x 3 x H x W (BGR, 0-255) to the used maps of equal size: 127 -> 15, 255 -> 31."""
        return self.stages(x)[2:]

    def stages(self, x: Tensor) -> list[Tensor]:
        """Return the maps of the stem (before its pool) and of every layer: 255 -> 125, 63, 31."""
        x = relu(self.bn1(self.conv1(x)), inplace=True)
        maps = [x, self.layer1(self.maxpool(x))]
        for layer in (self.layer2, self.layer3, self.layer4):
            if layer is not None:
                maps.append(layer(maps[-1]))
        return maps
