"""SiamRPN++'s head: depth-wise correlation, read as classes and offsets of anchors."""

from __future__ import annotations

from collections.abc import Sequence

from lg_tracker_ros.vision.correlations import xcorr_depthwise
import torch
from torch import nn, Tensor
import torch.nn.functional as F

# per level: the kernels of classification and of regression
Template = list[tuple[Tensor, Tensor]]


class DepthwiseXCorr(nn.Module):
    """One branch of a head: 3x3 on both sides, depth-wise correlation, two 1x1."""

    def __init__(self, channels: int, out: int) -> None:
        """Build with random weights; ``out`` channels come out."""
        super().__init__()
        self.conv_kernel = self._side(channels)
        self.conv_search = self._side(channels)
        self.head = nn.Sequential(
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True), nn.Conv2d(channels, out, 1))

    @staticmethod
    def _side(channels: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(channels, channels, 3, bias=False),
                             nn.BatchNorm2d(channels), nn.ReLU(inplace=True))

    def correlate(self, kernel: Tensor, x: Tensor) -> Tensor:
        """Correlate search features with a kernel that ``conv_kernel`` made."""
        return xcorr_depthwise(self.conv_search(x), kernel)

    def forward(self, kernel: Tensor, x: Tensor) -> Tensor:
        """Correlate and read the result: B x out x S x S."""
        return self.head(self.correlate(kernel, x))


class DepthwiseRPN(nn.Module):
    """Classification (2 numbers an anchor) and regression (4) of the one level it is given."""

    def __init__(self, channels: int, anchors: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.cls = DepthwiseXCorr(channels, 2 * anchors)
        self.loc = DepthwiseXCorr(channels, 4 * anchors)

    def template(self, zs: Sequence[Tensor]) -> Template:
        """Make the two kernels from the template's features, B x C x 7 x 7 (AlexNet 6 x 6)."""
        z, = zs
        return [(self.cls.conv_kernel(z), self.loc.conv_kernel(z))]

    def forward(self, template: Template, xs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return B x 2A x S x S logits and B x 4A x S x S offsets."""
        (cls, loc), = template
        x, = xs
        return self.cls(cls, x), self.loc(loc, x)


class MultiRPN(nn.Module):
    """A DepthwiseRPN for each level, fused by learned weights (softmax) or the plain mean."""

    def __init__(self, channels: Sequence[int], anchors: int, weighted: bool) -> None:
        """
        Build with random weights; the levels are called rpn2, rpn3, ... as in PySOT.

        ``channels``: those of each level.
        """
        super().__init__()
        self.levels = levels = len(channels)
        for i, count in enumerate(channels):
            self.add_module(f'rpn{i + 2}', DepthwiseRPN(count, anchors))
        self.weighted = weighted
        if weighted:
            self.cls_weight = nn.Parameter(torch.ones(levels))
            self.loc_weight = nn.Parameter(torch.ones(levels))

    def template(self, zs: Sequence[Tensor]) -> Template:
        """Make the kernels of every level."""
        return [self._level(i).template([z])[0] for i, z in enumerate(zs)]

    def forward(self, template: Template, xs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return B x 2A x S x S logits and B x 4A x S x S offsets."""
        pairs = [self._level(i)([t], [x]) for i, (t, x) in enumerate(zip(template, xs))]
        cls, loc = (torch.stack(maps) for maps in zip(*pairs))
        if not self.weighted:
            return cls.mean(0), loc.mean(0)
        return (torch.einsum('l,lbchw->bchw', F.softmax(self.cls_weight, 0), cls),
                torch.einsum('l,lbchw->bchw', F.softmax(self.loc_weight, 0), loc))

    def _level(self, i: int) -> DepthwiseRPN:
        return getattr(self, f'rpn{i + 2}')
