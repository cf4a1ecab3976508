"""
The onboard target-aware attention network: the paper's idea at a fraction of its cost.

As in TANet, features of frame, target and motion meet in a decoder that predicts where the
target is in the whole frame. Here the backbone is shared and frozen, the target enters by
correlation with its parts instead of concatenation, and motion is the difference of two frames.
"""

from __future__ import annotations

from typing import cast, Sequence

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.redetect.correlation import mean_feature, similarity
from lg_tracker_ros.vision.layers import conv3
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import nn, Tensor
import torch.nn.functional as F

PARTS = 9


class TanetLiteHead(nn.Module):
    """Everything above the backbone."""

    def __init__(self, embed: int = 64, fine: int = 32, width: int = 64) -> None:
        """Make the head; ``embed`` and ``fine`` are the matching spaces at strides 16 and 8."""
        super().__init__()
        self.embed = nn.Conv2d(112, embed, 1)
        self.fine = nn.Conv2d(40, fine, 1)
        self.look = nn.Sequential(nn.Conv2d(112, 32, 1, bias=False), nn.BatchNorm2d(32))
        self.gate = nn.Linear(embed, 32)
        self.mix = nn.Sequential(nn.Conv2d(PARTS + 2 + 32, width, 1, bias=False),
                                 nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.coarse = nn.Sequential(conv3(width), conv3(width))
        self.narrow = nn.Sequential(nn.Conv2d(width + PARTS + 2 + 1, 32, 1, bias=False),
                                    nn.BatchNorm2d(32), nn.ReLU(inplace=True))
        last = nn.Conv2d(32, 1, 1)
        if last.bias is not None:
            nn.init.constant_(last.bias, -3.0)  # most of a frame is not the target
        self.decode = nn.Sequential(conv3(32), last)

    def template(self, z8: Tensor, z16: Tensor, cover: Tensor) -> tuple[Tensor, Tensor]:
        """
        Turn template features into the queries at both strides.

        ``z8``: N x 40 x 16 x 16; ``z16``: N x 112 x 8 x 8; ``cover``: N x 10 x 8 x 8, the share
        of each cell that each of 3 x 3 parts of the box covers, and last that the whole does.
        Returns N x 11 x embed and N x 11 x fine: the parts, the target, its surround.
        """
        return (pool_parts(self.embed(z16), cover),
                pool_parts(self.fine(F.avg_pool2d(z8, 2)), cover))

    def forward(self, x8: Tensor, x16: Tensor, motion: Tensor, q16: Tensor, q8: Tensor) -> Tensor:
        """
        Predict logits of the target's presence.

        ``x8``: N x 40 x 2h x 2w, ``x16``: N x 112 x h x w, ``motion``: N x 1 x 2h x 2w in [0, 1];
        the queries have N or 1 rows. Returns N x 2h x 2w.
        """
        a = F.normalize(self.embed(x16), dim=1)
        b = F.normalize(self.fine(x8), dim=1)
        h, w = x16.shape[2], x16.shape[3]
        corr16 = torch.matmul(q16, a.flatten(2)).reshape(-1, PARTS + 2, h, w)
        corr8 = torch.matmul(q8, b.flatten(2)).reshape(-1, PARTS + 2, 2 * h, 2 * w)
        gate = torch.sigmoid(self.gate(q16[:, PARTS]))[:, :, None, None]
        y = self.coarse(self.mix(torch.cat([4 * corr16, self.look(x16) * gate], dim=1)))
        y = F.interpolate(y, scale_factor=2.0, mode='bilinear', align_corners=False)
        y = self.narrow(torch.cat([y, 4 * corr8, motion], dim=1))
        return self.decode(y)[:, 0]


def pool_parts(z: Tensor, cover: Tensor) -> Tensor:
    """
    Average directions over each part, the box and its surround.

    ``z``: N x c x h x w; ``cover``: N x 10 x h x w, as ``template`` takes it. Returns N x 11 x c,
    of unit length.
    """
    z = F.normalize(z, dim=1).flatten(2)
    weight = torch.cat([cover, 1 - cover[:, -1:]], dim=1).flatten(2)
    return F.normalize(weight @ z.transpose(1, 2) + 1e-6, dim=2)


class TanetLiteHeads(nn.Module):
    """Heads that were trained apart and answer as one, see ``pixelwise_net.PixelwiseHeads``."""

    def __init__(self, count: int = 1) -> None:
        """Make ``count`` heads."""
        super().__init__()
        self.heads = cast('Sequence[TanetLiteHead]', nn.ModuleList(
            TanetLiteHead() for _ in range(count)))
        own = self.heads[0]
        self.widths = own.embed.out_channels, own.fine.out_channels

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of the queries of all heads, at strides 16 and 8."""
        return self.widths[0] * len(self.heads), self.widths[1] * len(self.heads)

    def template(self, z8: Tensor, z16: Tensor, cover: Tensor) -> tuple[Tensor, Tensor]:
        """Give what each head's ``template`` does, side by side along the channels."""
        q16, q8 = zip(*(head.template(z8, z16, cover) for head in self.heads))
        return torch.cat(q16, dim=-1), torch.cat(q8, dim=-1)

    def forward(self, x8: Tensor, x16: Tensor, motion: Tensor, q16: Tensor, q8: Tensor) -> Tensor:
        """Predict with all heads, as TanetLiteHead.forward does: the mean of their logits."""
        own = zip(*(torch.split(q, width, dim=-1) for q, width in zip((q16, q8), self.widths)))
        return torch.stack([head(x8, x16, motion, *queries)
                            for head, queries in zip(self.heads, own)]).mean(0)


class LiteTemplateNet(nn.Module):
    """Template image and its covers to the queries; what an engine runs once."""

    def __init__(self, backbone: EfficientNetLite0, head: TanetLiteHeads) -> None:
        """Share backbone and head with the frame network."""
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, image: Tensor, cover: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """1 x 128 x 128 x 3 uint8 and 1 x 10 x 8 x 8 to the queries and the mean feature."""
        z8, z16 = self.backbone(normalize(image))
        return *self.head.template(z8, z16, cover), mean_feature(z16, cover[:, -1:])


class LiteFrameNet(nn.Module):
    """Frame, motion and queries to attention; runs at every global search."""

    def __init__(self, backbone: EfficientNetLite0, head: TanetLiteHeads) -> None:
        """Share backbone and head with the template network."""
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, image: Tensor, change: Tensor, q16: Tensor, q8: Tensor,
                mean: Tensor) -> tuple[Tensor, Tensor]:
        """
        Frames, N x h x w x 3 uint8, and their change to attention and untrained similarity.

        ``change``: N x h x w uint8, see ``correlation.change``. Attention is N x h/8 x w/8 in
        [0, 1]; similarity N x h/16 x w/16, see ``similarity``. Attention is the geometric mean of
        what the head learned and of that similarity: on what training never showed the head is
        often wrong, and wrong elsewhere than the similarity.
        """
        x8, x16 = self.backbone(normalize(image))
        learned = torch.sigmoid(self.head(x8, x16, motion_cells(change), q16, q8))
        alike = similarity(x16, mean)
        spread = F.interpolate(alike.clamp(min=0)[:, None], size=learned.shape[1:],
                               mode='bilinear', align_corners=False)[:, 0]
        return (learned * spread).sqrt(), alike


def motion_cells(change: Tensor) -> Tensor:
    """Mean change in cells of 8 pixels: N x h x w in 0..255 to N x 1 x h/8 x w/8 in [0, 1]."""
    return F.avg_pool2d(change.float()[:, None] / 255, 8)


def motion_cue(image: Tensor, before: Tensor) -> Tensor:
    """Do the same with the frames themselves, N x h x w x 3 uint8 each."""
    return motion_cells((image.float() - before.float()).abs().amax(3))
