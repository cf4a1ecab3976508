"""Crops and the small image, made on the GPU of an image that is uploaded once."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.types import Image
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

Square = tuple[float, float, float]
"""Centre and side of a square in pixels of the image: cx, cy, side."""


class UploadedImage:
    """An image in a GPU's memory; ``send`` takes the next one of the same size."""

    def __init__(self, width: int, height: int, device: torch.device | str) -> None:
        """Allocate; nothing is sent yet."""
        self._device = torch.device(device)
        self._here = torch.zeros((height, width, 3), dtype=torch.uint8,
                                 pin_memory=self._device.type == 'cuda')
        self._there = torch.zeros((height, width, 3), dtype=torch.uint8, device=self._device)
        # the fourth channel says what lies inside of the image
        self._planes = torch.ones((1, 4, height, width), device=self._device)
        self._areas: dict[int, tuple[Tensor, Tensor]] = {}

    def send(self, image: Image) -> None:
        """Begin to copy an image, height x width x 3."""
        self._here.numpy()[:] = image
        self._there.copy_(self._here, non_blocking=True)
        self._planes[0, :3] = self._there.permute(2, 0, 1)

    def crops(self, squares: Sequence[Square], size: int, fill: tuple[float, float, float]
              ) -> Tensor:
        """
        Cut squares and resample them to N x ``size`` x ``size`` x 3, uint8; as square_crop does.

        A square that shrinks is sampled a whole number of times for each pixel, and averaged.
        """
        _, _, height, width = self._planes.shape
        times = max(1, int(max(side for _, _, side in squares) / size))
        place = torch.tensor(squares, dtype=torch.float32).to(self._device, non_blocking=True)
        steps = (torch.arange(size * times, device=self._device) + 0.5) / (size * times) - 0.5
        # grid_sample: -1 and 1 are the borders of the image
        x = (place[:, None, 0] + steps * place[:, None, 2]) * (2 / width) - 1
        y = (place[:, None, 1] + steps * place[:, None, 2]) * (2 / height) - 1
        n, side = len(squares), size * times
        grid = torch.stack((x[:, None, :].expand(n, side, side),
                            y[:, :, None].expand(n, side, side)), 3)
        found = F.grid_sample(self._planes.expand(n, -1, -1, -1), grid, mode='bilinear',
                              padding_mode='zeros', align_corners=False)
        if times > 1:
            found = F.avg_pool2d(found, times)
        beyond = torch.tensor(fill).to(self._device, non_blocking=True)[None, :, None, None]
        found = found[:, :3] + (1 - found[:, 3:]) * beyond
        return found.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def squeezed(self, side: int) -> Tensor:
        """Average areas to 1 x ``side`` x ``side`` x 3, uint8, whatever the aspect."""
        if side not in self._areas:
            _, _, height, width = self._planes.shape
            rows, columns = (torch.from_numpy(_areas(n, side)).to(self._device)
                             for n in (height, width))
            self._areas[side] = rows, columns.T.contiguous()
        rows, columns = self._areas[side]
        small = rows @ self._planes[0, :3] @ columns
        return small.round_().clamp_(0, 255).to(torch.uint8).permute(1, 2, 0)[None].contiguous()


def _areas(count: int, side: int) -> np.ndarray:
    """Share of each of ``count`` pixels in each of ``side``: side x count, rows sum to 1."""
    edges = np.linspace(0, count, side + 1)
    cells = np.arange(count)
    cover = (np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells))
    return (np.clip(cover, 0, None) * (side / count)).astype(np.float32)
