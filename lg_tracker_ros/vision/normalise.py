"""From images to what a network takes."""

from __future__ import annotations

from torch import Tensor


def normalize(images: Tensor) -> Tensor:
    """N x h x w x 3 uint8 BGR to N x 3 x h x w, RGB, (value - 127) / 128."""
    # the order of channels is turned last: before, an engine copies pixel by pixel
    return ((images.permute(0, 3, 1, 2).float() - 127) / 128)[:, [2, 1, 0]]
