"""From images to what a network takes."""

from __future__ import annotations

import torch
from torch import Tensor


def normalize(images: Tensor) -> Tensor:
    """N x h x w x 3 uint8 BGR to N x 3 x h x w, RGB, (value - 127) / 128."""
    # floats first: TensorRT takes bytes as an input only, for nothing but a cast. The order of
    # channels is turned last, for before an engine copies pixel by pixel, and by what is made
    # where the images are: a list would be sent there, and waited for
    rgb = torch.arange(2, -1, -1, device=images.device)
    return ((images.float().permute(0, 3, 1, 2) - 127) / 128).index_select(1, rgb)
