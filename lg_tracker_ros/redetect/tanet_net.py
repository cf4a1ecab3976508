"""
The generator of TANet (Wang et al., TNNLS 2021): frame, target and clip to an attention map.

Parameters have the names of the authors' released checkpoint (``encoder``, ``motionModel``,
``decoder``, ``mymodules.0``), so that it loads.
"""

from __future__ import annotations

from lg_tracker_ros.redetect.c3d import C3D, MiddleSliceConv
import torch
from torch import nn, Tensor
import torch.nn.functional as F

SIZE = 300
"""Side in pixels of frame, target and clip, and of the map."""

DECODERS = ('relu', 'linear')

UNUSED_KEYS = ('encoder.fc.', 'motionModel.fc6.', 'motionModel.fc7.', 'motionModel.fc8.')
"""Classifiers that the released checkpoint carries along and its forward pass never calls."""

# channels of the decoder's transposed convolutions; 'U' doubles the resolution
_DECODER: tuple[int | str, ...] = (
    512, 512, 512, 'U', 512, 512, 512, 'U', 256, 256, 256, 'U', 128, 128, 'U', 64, 64)

Features = tuple[Tensor, Tensor, Tensor]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al., 2016)."""

    def __init__(self, inp: int, out: int, stride: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(inp, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None if stride == 1 and inp == out else nn.Sequential(
            nn.Conv2d(inp, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x out x H/stride x W/stride."""
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    """ResNet-18 without its classifier; torchvision's parameter names."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))

    def forward(self, x: Tensor) -> Features:
        """Map B x 3 x 300 x 300 to 128 x 38 x 38, 256 x 19 x 19 and 512 x 10 x 10 maps."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x2 = self.layer2(self.layer1(x))
        x3 = self.layer3(x2)
        return x2, x3, self.layer4(x3)


def normalise_by_image(net: nn.Module) -> None:
    """
    Let batch normalisation take each batch's own statistics, for good.

    The authors' program for their checkpoint never leaves training, so that the frame's and the
    target's features are each normalised by their own statistics; those in the file are of both.
    """
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean = m.running_var = None


def _decoder() -> nn.Sequential:
    """Stack the decoder's layers; the indices are the released checkpoint's."""
    layers: list[nn.Module] = []
    channels = 2 * (128 + 256 + 512) + 512
    for step in _DECODER:
        if isinstance(step, str):
            layers.append(nn.Upsample(scale_factor=2))
        else:
            layers.append(nn.ConvTranspose2d(channels, step, 3, padding=1))
            channels = step
    return nn.Sequential(*layers)


class TANetGenerator(nn.Module):
    """
    Frame, target and clip, BGR / 255, to the logits of where the target is.

    ``decoder``: ``relu`` puts a ReLU after each transposed convolution. ``linear`` is the
    released network, which has none and therefore can't match the target to the frame (the
    target only adds a constant map): for the authors' checkpoint. Both have the same parameters.
    """

    def __init__(self, decoder: str = 'relu') -> None:
        """Build with random weights; raises ValueError for another decoder."""
        super().__init__()
        if decoder not in DECODERS:
            raise ValueError(f'decoder must be one of {", ".join(DECODERS)}, got {decoder!r}')
        self.encoder = ResNet18()
        self.decoder = _decoder()
        self.mymodules = nn.ModuleList([nn.ConvTranspose2d(64, 1, 1)])
        self.motionModel = C3D()
        self._nonlinear = decoder == 'relu'
        self._initialise()

    def _initialise(self) -> None:
        """Draw weights that keep the variance through twenty layers (He et al., 2015)."""
        for m in self.modules():
            if isinstance(m, MiddleSliceConv):
                # only this slice is in use, so its fan-in counts
                nn.init.kaiming_normal_(m.weight.data[:, :, 1], nonlinearity='relu')
            elif isinstance(m, (nn.Conv2d, nn.Conv3d)):
                nn.init.kaiming_normal_(m.weight, nonlinearity='relu')
            elif isinstance(m, nn.ConvTranspose2d):
                # its weight is inp x out x k x k: PyTorch's fan_out is the real fan-in
                nn.init.kaiming_normal_(m.weight, mode='fan_out',
                                        nonlinearity='relu' if self._nonlinear else 'linear')
            if isinstance(m, (nn.Conv3d, nn.ConvTranspose2d)) and m.bias is not None:
                nn.init.zeros_(m.bias)

    def encode(self, image: Tensor) -> Features:
        """Appearance features of a frame or of the target, B x 3 x 300 x 300."""
        return self.encoder(image)

    def decode(self, frame: Features, target: Features, motion: Tensor) -> Tensor:
        """
        Fuse features and decode them to logits, B x 1 x h x w (304 x 304 for 300 x 300).

        ``target`` may have one row for the whole batch.
        """
        size = frame[1].shape[2:]
        maps = [m if m.shape[2:] == size else F.interpolate(m, size=size)
                for pair in zip(frame, target) for m in (pair[0], pair[1].expand_as(pair[0]))]
        h = torch.cat([*maps, F.interpolate(motion, size=size)], dim=1)
        for layer in self.decoder:
            h = layer(h)
            if self._nonlinear and isinstance(layer, nn.ConvTranspose2d):
                h = F.relu(h)
        return self.mymodules[0](h)

    def forward(self, frame: Tensor, target: Tensor, clip: Tensor) -> Tensor:
        """
        Predict the map of one frame.

        ``frame`` is B x 3 x H x W, ``target`` B x 3 x H x W (tight crop of the first frame),
        ``clip`` B x 3 frames x 3 x H x W, oldest first, ``frame`` last. Returns logits,
        B x 1 x H x W.
        """
        motion = self.motionModel(clip.transpose(1, 2))
        logits = self.decode(self.encode(frame), self.encode(target), motion)
        return F.interpolate(logits, size=frame.shape[2:])
