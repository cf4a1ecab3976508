"""
C3D (Tran et al., ICCV 2015) as TANet uses it: no pool3, no pool4, a clip of three frames.

Three frames leave one step of time after pool2, so of every later 3x3x3 kernel only the middle
slice meets anything but padding: those layers are computed as 2-D convolutions on that slice.
The second output of conv2 that pool2 drops is not computed either. Both are exact, and the
parameters keep the shapes and names of C3D, so that its weights load.
"""

from __future__ import annotations

from torch import nn, Tensor
import torch.nn.functional as F


class MiddleSliceConv(nn.Conv3d):
    """A 3x3x3 convolution with padding 1, applied to a tensor without a time axis."""

    def __init__(self, inp: int, out: int) -> None:
        """Build with random weights of the 3-D shape, out x inp x 3 x 3 x 3."""
        super().__init__(inp, out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x H x W to B x out x H x W; equal to the 3-D layer on one step of time."""
        return F.conv2d(x, self.weight[:, :, 1], self.bias, padding=1)


class C3D(nn.Module):
    """Motion features of a clip: B x 3 x 3 x 300 x 300 to B x 512 x 38 x 38."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, 3, padding=1)
        # time is padded in forward: at the front only
        self.conv2 = nn.Conv3d(64, 128, 3, padding=(0, 1, 1))
        self.conv3a = MiddleSliceConv(128, 256)
        self.conv3b = MiddleSliceConv(256, 256)
        self.conv4a = MiddleSliceConv(256, 512)
        self.conv4b = MiddleSliceConv(512, 512)
        self.conv5a = MiddleSliceConv(512, 512)
        self.conv5b = MiddleSliceConv(512, 512)

    def forward(self, clip: Tensor) -> Tensor:
        """
        Map B x 3 channels x 3 frames x H x W to B x 512 x H/8 x W/8 (rounded up by pool5).

        Raises ValueError for a clip that has not three frames: the rewriting holds for them only.
        """
        if clip.shape[2] != 3:
            raise ValueError(f'C3D here takes clips of 3 frames, got shape {tuple(clip.shape)}')
        h = F.max_pool3d(F.relu(self.conv1(clip)), (1, 2, 2))
        # pool2 keeps the steps 0 and 1 of conv2's three: pad the front, so that two come out
        h = F.relu(self.conv2(F.pad(h, (0, 0, 0, 0, 1, 0))))
        h = F.max_pool3d(h, 2).squeeze(2)
        for conv in (self.conv3a, self.conv3b, self.conv4a, self.conv4b, self.conv5a,
                     self.conv5b):
            h = F.relu(conv(h))
        return F.max_pool2d(h, 2, padding=1)
