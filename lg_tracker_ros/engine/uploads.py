"""What networks on a GPU see of an image, made there, of an image that is sent once."""

from __future__ import annotations

from collections import deque
import logging
import threading
from typing import Any, Protocol, Sequence

from lg_tracker_ros.engine.memory import out_of_memory
from lg_tracker_ros.engine.pytorch import Array
from lg_tracker_ros.types import Image
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

log = logging.getLogger(__name__)

KEPT = 4
"""Images on a GPU: of two cameras the newest and the one before."""
BEGIN, SEND = 66_000, 24
"""
How many pixels the CPU resamples while a GPU begins to, and how many of an image are sent while
it resamples one. On an H200 a crop of 256 x 256 takes either of them about as long.
"""

Place = tuple[float, float, float]
"""Centre and side of a square in pixels of the image: cx, cy, side."""


class Picture(Protocol):
    """Rows of a network's input: made by NumPy's call on the CPU, or on a GPU of its image."""

    def __len__(self) -> int:
        """Count the rows."""

    def __getitem__(self, rows: slice) -> Picture:
        """Take some rows."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Make them on the CPU."""

    def there(self, uploads: Uploads, device: torch.device) -> Tensor | None:
        """Make them on ``device``; None where the CPU makes them as fast."""


class UploadedImage:
    """An image in a GPU's memory, and what was made of it."""

    def __init__(self, image: Image, device: torch.device | str) -> None:
        """Begin to copy it, height x width x 3, uint8."""
        self.image, self._device = image, torch.device(device)
        # PyTorch gives pinned memory to nobody else before what reads it has ended
        here = torch.empty(image.shape, dtype=torch.uint8, pin_memory=self._device.type == 'cuda')
        here.numpy()[:] = image
        self._pixels = here.to(self._device, non_blocking=True)
        self._small: dict[tuple[int, int], Tensor] = {}

    def crops(self, squares: Sequence[Place], size: int, fill: tuple[float, float, float]
              ) -> Tensor:
        """
        Cut squares and resample them to N x ``size`` x ``size`` x 3, uint8; as square_crop does.

        Beyond the border is ``fill``.
        """
        height, width = self._pixels.shape[:2]
        times = [min(max(int(side / size), 1), height, width) for _, _, side in squares]
        found = torch.empty((len(squares), size, size, 3), dtype=torch.uint8, device=self._device)
        for step in sorted(set(times)):
            rows = [i for i, t in enumerate(times) if t == step]
            cut = self._cut([squares[i] for i in rows], size, fill, step)
            if len(rows) == len(squares):
                return cut
            found[torch.tensor(rows, device=self._device)] = cut
        return found

    def _cut(self, squares: Sequence[Place], size: int, fill: tuple[float, float, float],
             step: int) -> Tensor:
        """Shrink the image by areas of ``step`` x ``step`` pixels, and sample points of that."""
        height, width = self._pixels.shape[:2]
        # the fourth channel says what lies inside of the image
        planes = torch.ones((1, 4, height, width), device=self._device)
        planes[0, :3] = self._pixels.permute(2, 0, 1)
        if step > 1:
            planes = F.avg_pool2d(F.pad(planes, (0, -width % step, 0, -height % step)), step)
        table = torch.tensor([*squares, fill], dtype=torch.float32).to(self._device)
        place, beyond = table[:-1, :, None], table[-1, :, None, None]
        points = (torch.arange(size, device=self._device) + 0.5) / size - 0.5
        # grid_sample: -1 and 1 are the borders of the image
        x = (place[:, 0] + points * place[:, 2]) * (2 / (step * planes.shape[3])) - 1
        y = (place[:, 1] + points * place[:, 2]) * (2 / (step * planes.shape[2])) - 1
        n = len(squares)
        grid = torch.stack((x[:, None, :].expand(n, size, size),
                            y[:, :, None].expand(n, size, size)), 3)
        found = F.grid_sample(planes.expand(n, -1, -1, -1), grid, mode='bilinear',
                              padding_mode='zeros', align_corners=False)
        return _bytes(found[:, :3] + (1 - found[:, 3:]) * beyond)

    def small(self, width: int, height: int, uploads: Uploads) -> Tensor:
        """Average areas to 1 x ``height`` x ``width`` x 3, uint8, whatever the aspect."""
        if (width, height) not in self._small:
            rows, columns = (uploads.shares(n, parts, self._device) for n, parts in zip(
                self._pixels.shape, (height, width)))
            planes = self._pixels.permute(2, 0, 1).float()
            self._small[width, height] = _bytes((rows @ planes @ columns.T)[None])
        return self._small[width, height]


class Uploads:
    """The last images on the one GPU of a configuration, whose networks share them."""

    def __init__(self, always: bool = False) -> None:
        """Start without; ``always``: also where the CPU makes crops as fast."""
        self.always = always
        self._lock = threading.Lock()
        self._kept: deque[UploadedImage] = deque(maxlen=KEPT)
        self._shares: dict[tuple[int, int], Tensor] = {}
        self._gone = False

    def of(self, image: Image, device: torch.device) -> UploadedImage:
        """Return an image on ``device``; it is sent unless it was."""
        with self._lock:
            for there in self._kept:
                if there.image is image:
                    return there
            self._kept.append(UploadedImage(image, device))
            return self._kept[-1]

    def worth(self, image: Image, pixels: int) -> bool:
        """Whether to make so many pixels of ``image`` there; the same for the same sizes."""
        return self.always or pixels >= BEGIN + image.shape[0] * image.shape[1] / SEND

    def shares(self, count: int, parts: int, device: torch.device) -> Tensor:
        """Share of each of ``count`` pixels in each of ``parts``: parts x count, rows sum to 1."""
        if (count, parts) not in self._shares:
            self._shares[count, parts] = torch.from_numpy(_areas(count, parts)).to(device)
        return self._shares[count, parts]

    def rows(self, picture: Picture, device: torch.device) -> Tensor | None:
        """
        Make a picture on ``device``; None where the CPU has to.

        Where the memory of the GPU is too small for it the CPU makes all from then on.
        """
        if self._gone:
            return None
        try:
            return picture.there(self, device)
        except RuntimeError as e:
            if not out_of_memory(e):
                raise
        self._gone = True
        self.clear()
        log.warning("the memory of '%s' is too small for images: crops are made on the CPU from "
                    'now on, a little slower; free GPU memory, then cleanup and configure', device)
        return None

    def clear(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._kept.clear()
            self._shares.clear()


def tensor(rows: Array | Picture, uploads: Uploads | None, device: torch.device) -> Tensor:
    """Bring an input of a network to ``device``; without ``uploads`` all is made on the CPU."""
    made = made_there(rows, uploads, device)
    return torch.from_numpy(np.ascontiguousarray(rows)).to(device) if made is None else made


def made_there(rows: Array | Picture, uploads: Uploads | None, device: torch.device
               ) -> Tensor | None:
    """Make an input on ``device``, if it is a picture and that is worth it."""
    if uploads is None or isinstance(rows, np.ndarray):
        return None
    return uploads.rows(rows, device)


def _bytes(planes: Tensor) -> Tensor:
    """N x 3 x h x w floats to N x h x w x 3 bytes."""
    return planes.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _areas(count: int, parts: int) -> Array:
    edges = np.linspace(0, count, parts + 1)
    cells = np.arange(count)
    cover = (np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells))
    return np.asarray(np.clip(cover, 0, None) * (parts / count), np.float32)
