"""ResNet-50 as ImageNet has it (He et al. 2016, stride in the 3 x 3), at strides 4 to 32."""

from __future__ import annotations

from torch import nn, Tensor
import torch.nn.functional as F

PLANES, BLOCKS = (64, 128, 256, 512), (3, 4, 6, 3)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 (with the stride) and 1 x 1 convolutions with a shortcut."""

    def __init__(self, inplanes: int, planes: int, stride: int) -> None:
        """Build with random weights; 4 * ``planes`` channels come out."""
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = nn.Sequential(
            nn.Conv2d(inplanes, 4 * planes, 1, stride, bias=False),
            nn.BatchNorm2d(4 * planes)) if stride > 1 or inplanes != 4 * planes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inplanes x H x W to B x 4 planes x H/stride x W/stride."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ImageNetResNet50(nn.Module):
    """The first ``layers`` (1 to 4) of ResNet-50, with torchvision's names."""

    def __init__(self, layers: int = 4) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inplanes = 64
        for i, (planes, blocks) in enumerate(zip(PLANES[:layers], BLOCKS)):
            stack = [Bottleneck(inplanes, planes, 1 if i == 0 else 2)]
            stack += [Bottleneck(4 * planes, planes, 1) for _ in range(blocks - 1)]
            self.add_module(f'layer{i + 1}', nn.Sequential(*stack))
            inplanes = 4 * planes
        self.layers = layers

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map B x 3 x H x W (normalised RGB) to the maps of all layers, at strides 4, 8, ..."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        found = []
        for i in range(self.layers):
            x = self.get_submodule(f'layer{i + 1}')(x)
            found.append(x)
        return found
