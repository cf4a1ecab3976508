"""Square crops around a box: the one place that maps between image and network pixels."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any, Sequence, TYPE_CHECKING, TypedDict

import cv2
from lg_tracker_ros.types import Box, Image
import numpy as np

if TYPE_CHECKING:
    from lg_tracker_ros.engine.uploads import Uploads
    import torch


@dataclass(frozen=True)
class Square:
    """
    A square of an image that a crop of ``size`` pixels shows.

    ``cx, cy`` is its centre and ``side`` its side, both in pixels of the image.
    """

    cx: float
    cy: float
    side: float
    size: int

    def to_image(self, box: Box) -> Box:
        """Map a box in pixels of the crop to pixels of the image."""
        k = self.side / self.size
        return Box(self.cx - self.side / 2 + box.x * k, self.cy - self.side / 2 + box.y * k,
                   box.w * k, box.h * k)

    def to_crop(self, box: Box) -> Box:
        """Map a box in pixels of the image to pixels of the crop."""
        k = self.size / self.side
        return Box((box.x - self.cx + self.side / 2) * k, (box.y - self.cy + self.side / 2) * k,
                   box.w * k, box.h * k)


@dataclass(frozen=True, init=False, eq=False)
class Crop(Square):
    """A square crop of an image, resampled."""

    image: Image

    def __init__(self, image: Image, cx: float, cy: float, side: float) -> None:
        """Take the crop, and which square of an image it shows."""
        super().__init__(cx, cy, side, int(image.shape[0]))
        object.__setattr__(self, 'image', image)


def context_side(w: float, h: float, amount: float = 0.5) -> float:
    """Side of the square with context around a w x h target (SiamFC, ``amount`` = .5)."""
    p = amount * (w + h)
    return math.sqrt((w + p) * (h + p))


def covered(image: Image, box: Box, fill: tuple[float, float, float]) -> Image:
    """Return a copy in which ``fill`` covers what lies in ``box``, and what it cuts of a pixel."""
    x0, y0 = max(math.floor(box.x), 0), max(math.floor(box.y), 0)
    x1, y1 = max(math.ceil(box.x + box.w), 0), max(math.ceil(box.y + box.h), 0)
    image = image.copy()
    image[y0:y1, x0:x1] = fill
    return image


def mean_color(image: Image) -> tuple[float, float, float]:
    """Channel means: the colour with which the Siamese line pads beyond the border."""
    b, g, r, _ = cv2.mean(image)
    return b, g, r


def _span(low: float, high: float, size: int, step: int) -> tuple[int, int]:
    """Whole steps that cover low..high as far as it lies within 0..size; all but a last part."""
    start, end = max(int(low), 0), min(math.ceil(high), size)
    count = min(-(-(end - start) // step), size // step)
    start = min(start, size - count * step)
    return start, start + max(count, 0) * step


class Beyond(TypedDict, total=False):
    """What OpenCV shows beyond an image's border."""

    borderMode: int
    borderValue: tuple[float, float, float]


def beyond(fill: tuple[float, float, float] | None) -> Beyond:
    """Tell OpenCV what lies beyond the border: a colour or, for None, the last row again."""
    if fill is None:
        return {'borderMode': cv2.BORDER_REPLICATE}
    return {'borderMode': cv2.BORDER_CONSTANT, 'borderValue': fill}


def square_crop(image: Image, cx: float, cy: float, side: float, size: int,
                fill: tuple[float, float, float] | None) -> Crop:
    """
    Cut the square of ``side`` image pixels centred on ``cx, cy`` and resample to ``size``.

    Beyond the border is ``fill`` (see ``beyond``). Shrinking averages areas (no aliasing). Any
    position and any positive side work, also wholly outside the image.
    """
    h, w = image.shape[:2]
    k = size / side
    shrink = int(1 / k)
    if shrink > 1:
        # warpAffine samples points: shrink the visible part by areas first, by a whole number,
        # which is several times as fast; less than half as much again remains for warpAffine
        x0, x1 = _span(cx - side / 2, cx + side / 2, w, shrink)
        y0, y1 = _span(cy - side / 2, cy + side / 2, h, shrink)
        if x1 > x0 and y1 > y0:
            small = cv2.resize(image[y0:y1, x0:x1], ((x1 - x0) // shrink, (y1 - y0) // shrink),
                               interpolation=cv2.INTER_AREA)
            m = np.array([[k * shrink, 0, (shrink / 2 + x0 - cx + side / 2) * k - 0.5],
                          [0, k * shrink, (shrink / 2 + y0 - cy + side / 2) * k - 0.5]])
            out = cv2.warpAffine(small, m, (size, size), flags=cv2.INTER_LINEAR, **beyond(fill))
            return Crop(out, cx, cy, side)
    # pixel centres: image coordinate u + .5 maps to (u + .5 - left) * k, minus .5 for the index
    m = np.array([[k, 0, (0.5 - cx + side / 2) * k - 0.5],
                  [0, k, (0.5 - cy + side / 2) * k - 0.5]])
    out = cv2.warpAffine(image, m, (size, size), flags=cv2.INTER_LINEAR, **beyond(fill))
    return Crop(out, cx, cy, side)


class Crops:
    """
    Square crops of one image and one size, N x size x size x 3, for a network.

    They are cut where it runs: NumPy makes an array of them as ``square_crop`` does, a network on
    a GPU cuts them there where that takes less time (see engine/uploads.py).
    """

    def __init__(self, image: Image, squares: Sequence[Square],
                 fill: tuple[float, float, float]) -> None:
        """Cut nothing yet; arguments as those of ``square_crop``."""
        self._image, self._squares, self._fill = image, squares, fill

    def __len__(self) -> int:
        """Count the crops."""
        return len(self._squares)

    def __getitem__(self, rows: slice) -> Crops:
        """Take some of them."""
        return Crops(self._image, self._squares[rows], self._fill)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Image:
        """Cut them on the CPU."""
        return np.stack([
            square_crop(self._image, s.cx, s.cy, s.side, s.size, self._fill).image
            for s in self._squares])

    def there(self, uploads: Uploads, device: torch.device) -> torch.Tensor | None:
        """Cut them on ``device``; None where the CPU cuts them as fast."""
        size = self._squares[0].size
        if not uploads.worth(self._image, len(self) * size ** 2):
            return None
        return uploads.of(self._image, device).crops(
            [(s.cx, s.cy, s.side) for s in self._squares], size, self._fill)
