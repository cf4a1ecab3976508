"""
GlobalTrack's idea on a robot: a query-guided head on the frozen backbone that gives boxes.

As there, features of the whole frame are modulated by those of the query, and each place gives a
score and a box. Here one stage has to do (what comes after looks at each place anyway), and the
query enters by correlation with its parts as well.
"""

from __future__ import annotations

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.redetect.tanet_lite_net import motion_cells, PARTS, pool_parts
from lg_tracker_ros.vision.layers import conv3
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import nn, Tensor
import torch.nn.functional as F

HEIGHT, WIDTH = 336, 448
"""The frame as the network takes it: 12 of 640 pixels are a cell of 8 then."""
STRIDE = 8
CROPS = 2
"""Crops of the query: in the template's scale, and in the frame's."""
LARGEST = 1.5
"""Bound of the logarithm of a side's ratio to the query's: 4.5 times."""

MAPS = CROPS * (PARTS + 2)
"""Correlations of a cell with a query: parts, whole and surround of each crop."""

Query = tuple[Tensor, Tensor, Tensor, Tensor]
"""What is known of a target: parts at strides 16 and 8, and untrained; sides in pixels."""
Features = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""What all queries of a frame share: spaces to match in, looks, untrained features, their mean."""


class QueryHead(nn.Module):
    """Everything above the backbone."""

    def __init__(self, embed: int = 64, fine: int = 32, width: int = 64, last: int = 40) -> None:
        """Make the head; ``embed`` and ``fine`` are the matching spaces at strides 16 and 8."""
        super().__init__()
        self.embed = nn.Conv2d(112, embed, 1)
        self.fine = nn.Conv2d(40, fine, 1)
        self.look16 = nn.Sequential(nn.Conv2d(112, 48, 1, bias=False), nn.BatchNorm2d(48),
                                    nn.Dropout2d(0.2))
        self.look8 = nn.Sequential(nn.Conv2d(40, 24, 1, bias=False), nn.BatchNorm2d(24),
                                   nn.Dropout2d(0.2))
        self.modulate16 = nn.Linear(CROPS * embed + 2, 48)
        self.modulate8 = nn.Linear(CROPS * fine + 2, 24)
        self.mix = nn.Sequential(nn.Conv2d(2 * MAPS + 48, width, 1, bias=False),
                                 nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.coarse = nn.Sequential(conv3(width), conv3(width), conv3(width))
        self.narrow = nn.Sequential(nn.Conv2d(width + MAPS + 24 + 1, last, 1, bias=False),
                                    nn.BatchNorm2d(last), nn.ReLU(inplace=True))
        out = nn.Conv2d(last, 5, 1)
        self.decode = nn.Sequential(conv3(last), conv3(last), out)
        with torch.no_grad():
            out.weight[1:] *= 0.1
            if out.bias is not None:
                out.bias.copy_(torch.tensor([-4.0, 0, 0, 0, 0]))  # few places are the target

    def template(self, z8: Tensor, z16: Tensor, cover: Tensor, size: Tensor) -> Query:
        """
        Turn features of the query's crops into what ``answer`` takes.

        ``z8``: N x 2 x 40 x 16 x 16; ``z16``: N x 2 x 112 x 8 x 8; ``cover``: N x 2 x 10 x 8 x 8,
        the share of each cell that each of 3 x 3 parts of the box covers, and last that the
        whole does; ``size``: N x 2, the query's sides in pixels of the network's frame.
        Returns N x 22 x embed, N x 22 x fine, N x 22 x 112 and ``size``.
        """
        n = len(size)
        z8, z16, cover = z8.flatten(0, 1), z16.flatten(0, 1), cover.flatten(0, 1)
        q16, q8, plain = (pool_parts(z, cover).reshape(n, MAPS, -1) for z in (
            self.embed(z16), self.fine(F.avg_pool2d(z8, 2)), z16))
        return q16, q8, plain, size

    def features(self, x8: Tensor, x16: Tensor) -> Features:
        """Compute what doesn't depend on the query, of N x 40 x 2h x 2w and N x 112 x h x w."""
        x = F.normalize(x16, dim=1)
        mean = x.mean((2, 3), keepdim=True)
        return (F.normalize(self.fine(x8), dim=1), self.look8(x8),
                F.normalize(self.embed(x16), dim=1), self.look16(x16),
                F.normalize(x - mean, dim=1), mean[..., 0])

    def alike(self, features: Features, query: Query) -> Tensor:
        """
        Compare untrained features, freed of what the whole frame has (see correlation.similarity).

        Returns cosines, N x 22 x h x w.
        """
        plain, mean = features[4:]
        q = F.normalize(query[2] - mean.transpose(1, 2), dim=2)
        h, w = plain.shape[2:]
        return torch.matmul(q, plain.flatten(2)).reshape(-1, MAPS, h, w)

    def answer(self, features: Features, motion: Tensor, query: Query) -> Tensor:
        """
        Say where the query is: N x 5 x 2h x 2w, logits and boxes as ``decoded`` reads them.

        ``motion`` is N x 1 x 2h x 2w in [0, 1]; the query has N or 1 rows.
        """
        fine, look8, embed, look16, plain, _ = features
        q16, q8, _, size = query
        h, w = plain.shape[2:]
        scale = torch.log(size / 32)
        corr16 = torch.matmul(q16, embed.flatten(2)).reshape(-1, MAPS, h, w)
        corr8 = torch.matmul(q8, fine.flatten(2)).reshape(-1, MAPS, 2 * h, 2 * w)
        alike = self.alike(features, query)
        whole = [PARTS + i * (PARTS + 2) for i in range(CROPS)]
        m16 = self.modulate16(torch.cat([*(q16[:, i] for i in whole), scale], 1))
        m8 = self.modulate8(torch.cat([*(q8[:, i] for i in whole), scale], 1))
        y = self.mix(torch.cat([4 * corr16, 4 * alike, look16 * m16[:, :, None, None]], 1))
        y = F.interpolate(self.coarse(y), scale_factor=2.0, mode='bilinear', align_corners=False)
        y = self.narrow(torch.cat([y, 4 * corr8, look8 * m8[:, :, None, None], motion], 1))
        return self.decode(y)


def centres(h: int, w: int) -> Tensor:
    """Return the centres of h x w cells in pixels of the frame, 2 x h x w: x and y."""
    y, x = torch.meshgrid((torch.arange(h) + 0.5) * STRIDE, (torch.arange(w) + 0.5) * STRIDE,
                          indexing='ij')
    return torch.stack([x, y])


def decoded(maps: Tensor, size: Tensor, cells: Tensor | None = None) -> Tensor:
    """
    Read the boxes of ``answer``: N x 4 x h x w, centre and sides in pixels of the frame.

    A centre is told from that of its cell; sides as logarithms of their ratios to ``size``, N or
    1 x 2. ``cells``: what ``centres`` gives, where it is made already.
    """
    if cells is None:
        cells = centres(*maps.shape[2:]).to(maps)
    sides = size[:, :, None, None] * torch.exp(maps[:, 3:].clamp(-LARGEST, LARGEST))
    return torch.cat([cells + STRIDE * maps[:, 1:3], sides], 1)


class QueryNet(nn.Module):
    """Crops of the target and their covers to the query; what an engine runs once."""

    def __init__(self, backbone: EfficientNetLite0, head: QueryHead) -> None:
        """Share backbone and head with the frame network."""
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, crops: Tensor, cover: Tensor, size: Tensor) -> Query:
        """2 x 128 x 128 x 3 uint8, 1 x 2 x 10 x 8 x 8 and 1 x 2 to the query."""
        z8, z16 = self.backbone(normalize(crops))
        return self.head.template(z8[None], z16[None], cover, size)


class QueryFrameNet(nn.Module):
    """Frame, motion and query to scores and boxes; runs at every global search."""

    def __init__(self, backbone: EfficientNetLite0, head: QueryHead) -> None:
        """Share backbone and head with the query network."""
        super().__init__()
        self.backbone, self.head = backbone, head
        self.cells: Tensor
        self.register_buffer('cells', centres(HEIGHT // STRIDE, WIDTH // STRIDE), persistent=False)

    def forward(self, image: Tensor, change: Tensor, q16: Tensor, q8: Tensor, plain: Tensor,
                size: Tensor) -> tuple[Tensor, Tensor]:
        """
        Frames, N x 336 x 448 x 3 uint8, and their change, N x 336 x 448, to scores and boxes.

        Scores are N x 42 x 56 in [0, 1], boxes as ``decoded`` gives them. A score is what the
        head learned, for targets large enough to have untrained features of their own blended
        with those' similarity (their geometric mean from 32 px on): see LiteFrameNet.
        """
        x8, x16 = self.backbone(normalize(image))
        features, query = self.head.features(x8, x16), (q16, q8, plain, size)
        maps = self.head.answer(features, motion_cells(change), query)
        alike = F.interpolate(self.head.alike(features, query)[:, PARTS:PARTS + 1].clamp(min=1e-4),
                              scale_factor=2.0, mode='bilinear', align_corners=False)[:, 0]
        side = (size[:, 0] * size[:, 1]).sqrt()[:, None, None]
        share = 0.5 * torch.log2(side / 16).clamp(0, 1)
        return torch.sigmoid(maps[:, 0]) ** (1 - share) * alike ** share, decoded(
            maps, size, self.cells)
