"""Whole images as small as the networks that search them want, and what changed in them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Callable, TYPE_CHECKING

import cv2
from lg_tracker_ros.types import Image
import numpy as np

if TYPE_CHECKING:
    from lg_tracker_ros.engine.uploads import Uploads
    import torch

SIDE = 320


def squeeze(image: Image, side: int = SIDE) -> Image:
    """Resize to ``side`` x ``side`` whatever the aspect, as TANet does."""
    area = cv2.INTER_AREA if max(image.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=area), np.uint8)


def change(image: Image, before: Image) -> Image:
    """
    Tell how much each pixel changed: the largest difference of its colours, h x w.

    Bytes on the CPU: what a network would make of two frames in floats takes it ten times as long.
    """
    b, g, r = cv2.split(cv2.absdiff(image, before))
    return np.asarray(cv2.max(cv2.max(b, g), r), np.uint8)


class Small:
    """
    A whole image, 1 x height x width x 3, for a network.

    It is made where that runs, on the CPU by ``shrink`` or on a GPU (see engine/uploads.py).
    """

    def __init__(self, image: Image, width: int, height: int, shrink: Callable[[Image], Image]
                 ) -> None:
        """Make nothing yet; ``shrink`` brings an image to the size."""
        self._image, self._size, self._shrink = image, (width, height), shrink

    @cached_property
    def pixels(self) -> Image:
        """The image, height x width x 3, made on the CPU."""
        return self._shrink(self._image)

    def __len__(self) -> int:
        """Count the rows: one."""
        return 1

    def __getitem__(self, rows: slice) -> Small:
        """Take the only row."""
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Image:
        """Make it on the CPU."""
        return self.pixels[None]

    def there(self, uploads: Uploads, device: torch.device) -> torch.Tensor | None:
        """Make it on ``device``; None for an image that has to be enlarged."""
        height, width = self._image.shape[:2]
        if width < self._size[0] or height < self._size[1]:
            return None
        return uploads.of(self._image, device).small(*self._size, uploads)


class Changed:
    """What ``change`` tells of two small images, 1 x height x width, for a network."""

    def __init__(self, now: Small, before: Small) -> None:
        """Compare nothing yet."""
        self._now, self._before = now, before

    def __len__(self) -> int:
        """Count the rows: one."""
        return 1

    def __getitem__(self, rows: slice) -> Changed:
        """Take the only row."""
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Image:
        """Compare on the CPU."""
        return change(self._now.pixels, self._before.pixels)[None]

    def there(self, uploads: Uploads, device: torch.device) -> torch.Tensor | None:
        """Compare on ``device``; None where one of them isn't made there."""
        now, before = (small.there(uploads, device) for small in (self._now, self._before))
        if now is None or before is None:
            return None
        return (now.maximum(before) - now.minimum(before)).amax(3)
