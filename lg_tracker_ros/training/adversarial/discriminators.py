"""
The two discriminators of TANet (Wang et al., TNNLS 2021, Tables I and II); training only.

The tables contradict themselves in places. This reading gives their sizes, 57,600 and 900, at
300 x 300; both end in a linear layer, since a ReLU before the logarithm leaves it undefined.
The authors' released ones (style ``released``) differ: a 5 x 5 second convolution in the first,
local response normalisation, and dropout before the last layer; sizes are the same.
"""

from __future__ import annotations

from lg_tracker_ros.redetect.c3d import MiddleSliceConv
import torch
from torch import nn, Tensor
import torch.nn.functional as F

FRAMES = 3
"""Consecutive frames, and maps, that the motion discriminator judges together."""
STYLES = ('paper', 'released')
NEIGHBOURS = 2
"""Channels over which the released ones normalise (local response normalisation)."""


def _reduced(side: int, *steps: tuple[int, int]) -> int:
    """Side that is left after windows of (kernel, stride) without padding."""
    for kernel, stride in steps:
        side = (side - kernel) // stride + 1
    return side


def _initialise(net: nn.Module) -> None:
    """
    Draw weights that keep the variance from layer to layer (He et al., 2015).

    PyTorch's own let the signal die out: after seven layers all maps look the same.
    """
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Conv3d, nn.Linear)):
            # of a MiddleSliceConv only that slice is in use, so its fan-in counts
            used = m.weight.data[:, :, 1] if isinstance(m, MiddleSliceConv) else m.weight
            nn.init.kaiming_normal_(used, nonlinearity='relu')
            if m.bias is not None:
                nn.init.zeros_(m.bias)


class AppearanceDiscriminator(nn.Module):
    """
    Is this the true map of this frame? Table I.

    With 3x3/2 pools the sides are 300 -> 147 -> 73 -> 36 -> 17 -> 15, and 15 * 15 * 256 = 57,600
    (the table's 2x2 pools would give 16). ``size`` is the side of its input in pixels; ``width``
    scales the channels; ``style`` is one of STYLES.
    """

    def __init__(self, size: int = 300, width: float = 1.0, style: str = 'paper') -> None:
        """Build with random weights; raises ValueError for a size of which nothing is left."""
        super().__init__()
        self.released = style == 'released'
        second = 5 if self.released else 3
        left = _reduced(size, (7, 2), (3, 2), (second, 2), (3, 2), (3, 1))
        if left < 1:
            raise ValueError(f'size must be at least {75 if self.released else 67} pixels, '
                             f'got {size}')
        c1, c2 = round(96 * width), round(256 * width)
        self.flat = c2 * left ** 2
        self.conv1 = nn.Conv2d(4, c1, 7, 2)
        self.conv2 = nn.Conv2d(c1, c2, second, 2)
        self.conv3 = nn.Conv2d(c2, c2, 3)
        self.fc4 = nn.Linear(self.flat, c2)
        self.fc5 = nn.Linear(c2, 1)
        _initialise(self)

    def forward(self, frame: Tensor, mask: Tensor) -> Tensor:
        """Judge frames, B x 3 x s x s, and maps in [0, 1], B x 1 x s x s; logits B x 1."""
        h = torch.cat([frame, mask], dim=1)
        for conv in (self.conv1, self.conv2):
            h = F.relu(conv(h))
            h = F.max_pool2d(F.local_response_norm(h, NEIGHBOURS) if self.released else h, 3, 2)
        h = F.relu(self.fc4(F.relu(self.conv3(h)).flatten(1)))
        return self.fc5(F.dropout(h, 0.5, self.training and self.released))


class MotionDiscriminator(nn.Module):
    """
    Do these three maps follow one target? Table II.

    The input is a tube of depth 6: three frames, then their maps repeated to three channels
    (three steps are too few for two pools over time). One step is left after pool3, so the later
    3-D layers run as 2-D ones (see ``c3d``). Sides 300 -> 150 -> 75 -> 37 -> 18 -> 8 -> 3, and
    3 * 3 * 100 = 900. Its 3-D layers have C3D's names and shapes at width 1. ``size`` is the side
    of its input in pixels; ``width`` scales the channels; ``style`` is one of STYLES.
    """

    def __init__(self, size: int = 300, width: float = 1.0, style: str = 'paper') -> None:
        """Build with random weights; raises ValueError for a size of which nothing is left."""
        super().__init__()
        left = _reduced(size // 16, (3, 2), (3, 2))
        if left < 1:
            raise ValueError(f'size must be at least 112 pixels, got {size}')
        self.released = style == 'released'
        c = [round(n * width) for n in (64, 128, 256, 512, 100)]
        self.flat = c[4] * left ** 2
        self.conv1 = nn.Conv3d(3, c[0], 3, padding=1)
        self.conv2 = nn.Conv3d(c[0], c[1], 3, padding=1)
        self.conv3a = nn.Conv3d(c[1], c[2], 3, padding=1)
        self.conv3b = nn.Conv3d(c[2], c[2], 3, padding=1)
        self.conv4a = MiddleSliceConv(c[2], c[3])
        self.conv4b = MiddleSliceConv(c[3], c[3])
        self.conv5a = MiddleSliceConv(c[3], c[3])
        self.conv5b = MiddleSliceConv(c[3], c[3])
        self.conv6 = nn.Conv2d(c[3], c[4], 3, 2)
        self.fc7 = nn.Linear(self.flat, round(256 * width))
        self.fc8 = nn.Linear(round(256 * width), 1)
        _initialise(self)

    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """
        Judge tubes.

        ``frames`` is B x 3 frames x 3 x s x s, ``masks`` B x 3 frames x 1 x s x s in [0, 1].
        Returns logits, B x 1. Raises ValueError for another number of frames.
        """
        if frames.shape[1] != FRAMES or masks.shape[1] != FRAMES:
            raise ValueError(f'a tube has {FRAMES} frames and masks, got shapes '
                             f'{tuple(frames.shape)} and {tuple(masks.shape)}')
        tube = torch.cat([frames, masks.expand_as(frames)], dim=1).transpose(1, 2)
        h = F.max_pool3d(F.relu(self.conv1(tube)), (1, 2, 2))
        h = F.max_pool3d(F.relu(self.conv2(h)), 2)
        h = F.relu(self.conv3b(F.relu(self.conv3a(h))))
        h = F.max_pool3d(h, 2).squeeze(2)
        h = F.relu(self.conv4b(F.relu(self.conv4a(h))))
        h = F.max_pool2d(h, 2)
        h = F.relu(self.conv5b(F.relu(self.conv5a(h))))
        h = F.relu(self.conv6(h))
        h = F.max_pool2d(F.local_response_norm(h, NEIGHBOURS) if self.released else h, 3, 2)
        h = F.relu(self.fc7(h.flatten(1)))
        return self.fc8(F.dropout(h, 0.5, self.training and self.released))
