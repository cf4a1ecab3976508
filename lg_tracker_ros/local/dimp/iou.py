"""
ATOM's IoU predictor (Danelljan et al., CVPR 2019), by whose gradient boxes are refined.

The target's features in its first box modulate, channel by channel, those of a box in a later
frame; the sum says how well that box fits. Names of parameters as in the released checkpoints.
"""

from __future__ import annotations

from lg_tracker_ros.vision.prroi import prroi_pool
import torch
from torch import nn, Tensor
import torch.nn.functional as F

STRIDES = (8, 16)
"""Pixels of a cell in the two maps that it reads."""
Modulation = tuple[Tensor, Tensor]
"""Two vectors, 1 x 256 each."""


def conv(cin: int, cout: int, kernel: int = 3, padding: int = 1, bias: bool = True
         ) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, padding=padding, bias=bias),
                         nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


class PooledLinear(nn.Module):
    """A fully connected layer on a pooled map, batch normalisation, ReLU."""

    def __init__(self, channels: int, bins: int, out: int) -> None:
        """Take maps of ``channels`` x ``bins`` x ``bins``."""
        super().__init__()
        self.linear = nn.Linear(channels * bins ** 2, out)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """Map N x channels x bins x bins to N x out."""
        y = self.linear(x.flatten(1))
        return F.relu(self.bn(y[:, :, None, None]))[..., 0, 0]


class IoUNet(nn.Module):
    """How well boxes fit: an IoU (DiMP-50), or an energy (SuperDiMP), higher is better."""

    def __init__(self, reference: int = 128, bias: bool = True) -> None:
        """Build with random weights; ``reference``: channels of the target's first map."""
        super().__init__()
        self.conv3_1r = conv(512, reference, bias=bias)
        self.conv3_1t = conv(512, 256, bias=bias)
        self.conv3_2t = conv(256, 256, bias=bias)
        self.fc3_1r = conv(reference, 256, padding=0, bias=bias)
        self.conv4_1r = conv(1024, 256, bias=bias)
        self.conv4_1t = conv(1024, 256, bias=bias)
        self.conv4_2t = conv(256, 256, bias=bias)
        self.fc34_3r = conv(512, 256, 1, 0, bias)
        self.fc34_4r = conv(512, 256, 1, 0, bias)
        self.fc3_rt = PooledLinear(256, 5, 256)
        self.fc4_rt = PooledLinear(256, 3, 256)
        self.iou_predictor = nn.Linear(512, 1)

    def modulation(self, x8: Tensor, x16: Tensor, box: Tensor) -> Modulation:
        """
        Learn the target from one crop: two vectors, 1 x 256 each.

        ``x8`` 1 x 512 x H x W, ``x16`` 1 x 1024 x H/2 x W/2; ``box`` 4, x, y, w, h in pixels.
        """
        place = box[None, None]
        fine = pooled(self.conv3_1r(x8), place, STRIDES[0], 3)[:, 0]
        coarse = pooled(self.conv4_1r(x16), place, STRIDES[1], 1)[:, 0]
        both = torch.cat([self.fc3_1r(fine), coarse], dim=1)
        return self.fc34_3r(both).flatten(1), self.fc34_4r(both).flatten(1)

    def features(self, x8: Tensor, x16: Tensor) -> tuple[Tensor, Tensor]:
        """Turn the backbone's maps into those that boxes are pooled from, 256 channels each."""
        return self.conv3_2t(self.conv3_1t(x8)), self.conv4_2t(self.conv4_1t(x16))

    def forward(self, modulation: Modulation, c3: Tensor, c4: Tensor, boxes: Tensor) -> Tensor:
        """Judge boxes N x K x 4 (x, y, w, h in pixels) in N crops' ``features``: N x K."""
        n, k = boxes.shape[:2]
        m3, m4 = (m[:, :, None, None] for m in modulation)
        r3 = pooled(c3 * m3, boxes, STRIDES[0], 5).flatten(0, 1)
        r4 = pooled(c4 * m4, boxes, STRIDES[1], 3).flatten(0, 1)
        both = torch.cat([self.fc3_rt(r3), self.fc4_rt(r4)], dim=1)
        judged: Tensor = self.iou_predictor(both)
        return judged.reshape(n, k)


def pooled(maps: Tensor, boxes: Tensor, stride: int, bins: int) -> Tensor:
    """Pool boxes (see prroi_pool), N x K x 4 as x, y, w, h in pixels: N x K x C x bins x bins."""
    return prroi_pool(maps, torch.cat([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]],
                                      dim=-1) / stride, bins)


def to_relative(boxes: Tensor, unit: Tensor) -> Tensor:
    """x, y, w, h to centre in units (... x 2, pixels) and logarithms of sides (SuperDiMP)."""
    return torch.cat([(boxes[..., :2] + boxes[..., 2:] / 2) / unit, boxes[..., 2:].log()], dim=-1)


def from_relative(values: Tensor, unit: Tensor) -> Tensor:
    """Undo ``to_relative``."""
    sides = values[..., 2:].exp()
    return torch.cat([values[..., :2] * unit - sides / 2, sides], dim=-1)


def refine(net: IoUNet, modulation: Modulation, c3: Tensor, c4: Tensor, boxes: Tensor,
           steps: int, length: float, relative: bool) -> tuple[Tensor, Tensor]:
    """
    Climb by the gradient of the judgement; N x K x 4 to as many boxes and N x K judgements.

    These are of the boxes before the last of ``steps`` (1 at least), as in the released code.
    ``relative``: a step is ``length`` of the gradient in coordinates of ``to_relative``; else of
    that in pixels, times the sides of the box (ATOM).
    """
    unit = boxes[:, :1, 2:]
    with torch.enable_grad():
        at = to_relative(boxes, unit) if relative else boxes
        for _ in range(steps):
            at = at.detach().requires_grad_()
            judged = net(modulation, c3, c4, from_relative(at, unit) if relative else at)
            slope, = torch.autograd.grad(judged.sum(), at)
            at = at + length * slope * (1.0 if relative else at[..., 2:].repeat(1, 1, 2))
    found = (from_relative(at, unit) if relative else at).detach()
    return (torch.cat([found[..., :2], found[..., 2:].clamp(min=1.0)], dim=-1),
            judged.detach())
