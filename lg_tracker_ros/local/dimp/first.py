"""What DiMP learns a target from before it has moved: its first frame, changed in several ways."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from lg_tracker_ros.crops import beyond, square_crop
from lg_tracker_ros.types import Box, Image
import numpy as np


@dataclass(frozen=True)
class Change:
    """
    One change of a crop: ``shift`` in sides of the crop, ``scale`` of the target's size.

    ``blur`` is the standard deviation along x and y, in pixels of the crop; ``turn`` in degrees.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    flip: bool = False
    blur: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0


def changed(image: Image, box: Box, side: float, size: int,
            fill: tuple[float, float, float] | None, changes: tuple[Change, ...]
            ) -> tuple[list[Image], list[Box]]:
    """
    Cut crops of ``size`` pixels, ``side`` in the image, around ``box``; and the box in each.

    ``fill`` as square_crop has it.
    A turned target keeps its box: its sides hardly change where it turns by some degrees.
    """
    images, boxes = [], []
    for c in changes:
        wide = 2 if c.turn else 1  # what turns into view has to be there
        crop = square_crop(image, box.cx + c.shift[0] * side, box.cy + c.shift[1] * side,
                           wide * side / c.scale, wide * size, fill)
        out, inner = crop.image, crop.to_crop(box)
        if c.flip:
            out = np.ascontiguousarray(out[:, ::-1])
            inner = Box(size - inner.x - inner.w, inner.y, inner.w, inner.h)
        if any(c.blur):
            kernel = [2 * math.ceil(2 * s) + 1 for s in c.blur]
            out = np.asarray(cv2.GaussianBlur(out, kernel, max(c.blur[0], 0.1), None,
                                              max(c.blur[1], 0.1)), np.uint8)
        if c.turn:
            turn = cv2.getRotationMatrix2D((inner.cx - 0.5, inner.cy - 0.5), c.turn, 1.0)
            turn[:, 2] -= size / 2
            out = np.asarray(cv2.warpAffine(out, turn, (size, size), **beyond(fill)), np.uint8)
            inner = Box(inner.x - size / 2, inner.y - size / 2, inner.w, inner.h)
        images.append(out)
        boxes.append(inner)
    return images, boxes
