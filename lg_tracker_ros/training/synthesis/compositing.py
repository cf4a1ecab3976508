"""Pictures made of others: patches laid upon a frame, their labels, shadows and soft pieces."""

from __future__ import annotations

import cv2
from lg_tracker_ros.training.data.media import Rng, Sprite
from lg_tracker_ros.training.synthesis.actors import Patch
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8]

TARGET, OTHER = 1, 255
"""Labels of the target and of what is no look-alike; look-alikes have those from 2 on."""

PATCH_SIDE = 128
"""Pixels of the longer side of a piece of a photograph, at most."""


def overlap(canvas: Labels, x: int, y: int, w: int,
            h: int) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Find the part of a w x h patch at ``x, y`` inside the canvas: slices there and in it."""
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + w, canvas.shape[1]), min(y + h, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return ((slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)))


def stamp(labels: Labels, patch: Patch, label: int) -> None:
    """Write ``label`` where a patch is solid."""
    h, w = patch.solid.shape
    both = overlap(labels, patch.x, patch.y, w, h)
    if both is not None:
        labels[both[0]][patch.solid[both[1]]] = label


def tight_box(mask: npt.NDArray[np.bool_]) -> Box:
    """Box around the true pixels of a mask; raises ValueError when there are none."""
    return Box(*cv2.boundingRect(mask.view(np.uint8)))


def paste(canvas: Image, patch: Patch) -> None:
    """Lay a patch upon ``canvas`` (BGR)."""
    h, w = patch.solid.shape
    both = overlap(canvas[..., 0], patch.x, patch.y, w, h)
    if both is None:
        return
    there, here = both
    part = patch.image[here]
    clear = cv2.bitwise_not(np.ascontiguousarray(part[..., 3]))
    below = cv2.multiply(canvas[there], cv2.merge([clear] * 3), scale=1 / 255)
    canvas[there] = cv2.add(below, np.ascontiguousarray(part[..., :3]))


def darken(canvas: Image, x: float, y: float, width: float, strength: float) -> None:
    """Lay the shadow of something ``width`` pixels wide that stands at ``x, y``."""
    w, h = int(1.3 * width) + 2, int(0.35 * width) + 2
    left, top = round(x - w / 2), round(y - h * 0.6)
    both = overlap(canvas[..., 0], left, top, w, h)
    if both is None:
        return
    there, here = both
    light = 255 - cv2.resize(SPOT, (w, h))[here].astype(np.float32) * strength
    canvas[there] = cv2.multiply(canvas[there], cv2.merge([light.astype(np.uint8)] * 3),
                                 scale=1 / 255)


def _spot() -> Image:
    axis = np.linspace(-1, 1, 33)
    r = np.hypot(axis[None], axis[:, None])
    return np.asarray(255 * np.clip(1.25 - 1.25 * r, 0, 1) ** 1.2, np.uint8)


SPOT = _spot()
"""A round soft spot, brightest in its middle."""


def blob(rng: Rng, w: int, h: int) -> Image:
    """Draw an irregular shape with a soft border that fills w x h pixels, as alpha."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    waves = np.arange(2, 7)
    swing = rng.normal(0, 0.28, len(waves)) / (waves - 1)
    radius = 1 + (swing[:, None] * np.cos(waves[:, None] * angle
                                          + rng.uniform(0, 6.3, (len(waves), 1)))).sum(0)
    # corners stay for some: signs, screens and boxes are objects too
    square = rng.uniform(0, 1) ** 2 / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
    radius = np.clip(radius, 0.45, None) / max(radius.max(), 1) * np.maximum(square, 1)
    points = np.stack([w / 2 * (1 + radius * np.cos(angle)), h / 2 * (1 + radius * np.sin(angle))],
                      1)
    alpha = np.zeros((h, w), np.uint8)
    cv2.fillPoly(alpha, [np.round(np.clip(points, 1, (w - 2, h - 2))).astype(np.int32)], 255)
    return np.asarray(cv2.blur(alpha, (3, 3), borderType=cv2.BORDER_CONSTANT), np.uint8)


def patch_sprite(rng: Rng, image: Image) -> Sprite:
    """
    Cut an irregular piece with a soft border out of a photograph: an object without a class.

    Of eight places the one with the most texture is taken. The piece measures PATCH_SIDE pixels
    at the most. Raises ValueError for an image of less than 16 pixels.
    """
    h, w = image.shape[:2]
    if min(h, w) < 16:
        raise ValueError(f'a patch needs an image of 16 x 16 pixels or more, got {w} x {h}; '
                         'leave it out')

    def piece() -> Image:
        tall, wide = (int(n * rng.uniform(0.12, 0.5)) + 8 for n in (h, w))
        y, x = rng.integers(h - tall + 1), rng.integers(w - wide + 1)
        return image[y:y + tall, x:x + wide]
    part = max((piece() for _ in range(8)), key=lambda p: float(p[::4, ::4].std()))
    k = min(PATCH_SIDE / max(part.shape[:2]), 1.0)
    part = cv2.resize(part, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    alpha = blob(rng, part.shape[1], part.shape[0])
    return Sprite('patch', 'patch', np.asarray(np.dstack([part, alpha]), np.uint8))
