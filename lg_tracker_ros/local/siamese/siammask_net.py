"""
The network of SiamMask (Wang et al., CVPR 2019) with the parameter names of PySOT's checkpoints.

Those of SiamMask's own repository become these when a file is read (reading/layouts.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from lg_tracker_ros.backbones.resnet50 import ResNet50
from lg_tracker_ros.local.siamese.necks import AdjustLayer
from lg_tracker_ros.local.siamese.rpn import DepthwiseRPN, DepthwiseXCorr, Template
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNConstants
import torch
from torch import nn, Tensor
import torch.nn.functional as F

CONSTANTS = SiamRPNConstants(0.10, 0.41, 0.32)
"""PySOT's, those for VOT2018."""
MASK = 127
"""Side of a refined mask in its own pixels, which are those of the search image."""
COARSE = 63
"""Side of a mask as the head gives it, which refinement passes by."""
Place = tuple[int, int]
"""Row and column of the score map."""


class SingleNeck(nn.Module):
    """The neck of one level, as PySOT nests it."""

    def __init__(self, inp: int, out: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.downsample = AdjustLayer(inp, out)

    def forward(self, x: Tensor) -> Tensor:
        """Adjust the level."""
        return self.downsample(x)


def pair(inp: int, mid: int, out: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with ReLU."""
    return nn.Sequential(nn.Conv2d(inp, mid, 3, padding=1), nn.ReLU(inplace=True),
                         nn.Conv2d(mid, out, 3, padding=1), nn.ReLU(inplace=True))


def window(x: Tensor, place: Place, step: int, side: int) -> Tensor:
    """Cut what lies under a place: padded by 4 places, ``step`` cells a place, ``side`` cells."""
    row, column = (step * p for p in place)
    x = F.pad(x, [4 * step] * 4)
    return x[:, :, row:row + side, column:column + side]


class Refine(nn.Module):
    """From the correlation at a place and the finer maps under it to a mask."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.v0, self.v1, self.v2 = pair(64, 16, 4), pair(256, 64, 16), pair(512, 128, 32)
        self.h2, self.h1, self.h0 = pair(32, 32, 32), pair(16, 16, 16), pair(4, 4, 4)
        self.deconv = nn.ConvTranspose2d(256, 32, 15, 15)
        self.post0 = nn.Conv2d(32, 16, 3, padding=1)
        self.post1 = nn.Conv2d(16, 4, 3, padding=1)
        self.post2 = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, fine: Sequence[Tensor], correlation: Tensor, places: Sequence[Place]
                ) -> Tensor:
        """
        Refine the mask at a place of each of N search images.

        ``fine``: N x 64 x 125 x 125, N x 256 x 63 x 63 and N x 512 x 31 x 31; ``correlation``
        N x 256 x S x S. Returns logits, N x 127 x 127.
        """
        f0, f1, f2 = (
            torch.cat([window(maps[i:i + 1], p, step, side) for i, p in enumerate(places)])
            for maps, step, side in zip(fine, (4, 2, 1), (61, 31, 15)))
        x = torch.stack([correlation[i, :, r, c] for i, (r, c) in enumerate(places)])
        x = self.deconv(x[:, :, None, None])
        x = self.post0(F.interpolate(self.h2(x) + self.v2(f2), size=(31, 31)))
        x = self.post1(F.interpolate(self.h1(x) + self.v1(f1), size=(61, 61)))
        return self.post2(F.interpolate(self.h0(x) + self.v0(f0), size=(MASK, MASK)))[:, 0]


class SiamMaskNet(nn.Module):
    """Backbone, neck, RPN and mask; keeps nothing of the target."""

    def __init__(self) -> None:
        """Build with random weights."""
        super().__init__()
        self.backbone = ResNet50(last=3)
        self.neck = SingleNeck(1024, 256)
        self.rpn_head = DepthwiseRPN(256, CONSTANTS.anchors)
        self.mask_head = DepthwiseXCorr(256, COARSE ** 2)
        self.refine_head = Refine()

    def template(self, z: Tensor) -> Template:
        """Make the kernels of a template image, B x 3 x 127 x 127: of the RPN, of the mask."""
        f = self.neck(self.backbone.stages(z)[-1])
        mask = self.mask_head.conv_kernel(f)
        return [*self.rpn_head.template([f]), (mask, mask)]

    def forward(self, template: Template, x: Tensor
                ) -> tuple[Tensor, Tensor, list[Tensor], Tensor]:
        """
        Match search images, B x 3 x 255 x 255, BGR, 0-255, against one template or B of them.

        Returns the RPN's logits and offsets, as SiamRPNNet does, and what ``masks`` takes: the
        finer maps and the correlation.
        """
        *fine, deep = self.backbone.stages(x)
        f = self.neck(deep)
        cls, loc = self.rpn_head(template[:1], [f])
        return cls, loc, fine, self.mask_head.correlate(template[1][0], f)

    def masks(self, fine: Sequence[Tensor], correlation: Tensor, places: Sequence[Place]
              ) -> Tensor:
        """Give the mask at a place of each search image, N x 127 x 127 in [0, 1]."""
        return torch.sigmoid(self.refine_head(fine, correlation, places))
