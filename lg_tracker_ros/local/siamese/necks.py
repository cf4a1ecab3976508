"""SiamRPN++'s necks: a backbone's levels brought to the head's channels, templates to 7 x 7."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn, Tensor
import torch.nn.functional as F

TEMPLATE_CELLS = 7
"""Side of the template's map in cells: the middle of it, so that padding has no say."""


class AdjustLayer(nn.Module):
    """1x1 to the head's channels; of a small map (a template's) only the middle is kept."""

    def __init__(self, inp: int, out: int) -> None:
        """Build with random weights."""
        super().__init__()
        self.downsample = nn.Sequential(nn.Conv2d(inp, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Map B x inp x s x s to B x out x s x s, or to B x out x 7 x 7 where s < 20."""
        return middle(self.downsample(x))


def middle(x: Tensor) -> Tensor:
    """Keep the middle 7 x 7 cells of a map of fewer than 20."""
    if x.shape[3] >= 20:
        return x
    low = (x.shape[3] - TEMPLATE_CELLS) // 2
    return x[:, :, low:low + TEMPLATE_CELLS, low:low + TEMPLATE_CELLS]


class Neck(nn.Module):
    """An AdjustLayer for each level, called downsample2, downsample3, ... as in PySOT."""

    def __init__(self, inp: Sequence[int], out: Sequence[int]) -> None:
        """Build with random weights; ``inp`` and ``out`` are the channels of each level."""
        super().__init__()
        for i, channels in enumerate(zip(inp, out, strict=True)):
            self.add_module(f'downsample{i + 2}', AdjustLayer(*channels))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Adjust every level."""
        return [getattr(self, f'downsample{i + 2}')(m) for i, m in enumerate(maps)]


class LiteNeck(Neck):
    """
    The neck for EfficientNet-Lite0: its stride-16 map is brought to stride 8 first.

    Search maps lose their last row and column: 32 cells have no middle one, 31 have, and it then
    lies over the middle cell of the template (both crops have the same phase at stride 16).
    """

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map [B x 40 x s x s, B x 112 x s/2 x s/2] to two B x out maps of the same side."""
        fine, coarse = maps
        out = super().forward([fine, F.interpolate(coarse, size=fine.shape[2:])])
        return [m if m.shape[3] < 20 else m[:, :, :-1, :-1] for m in out]
