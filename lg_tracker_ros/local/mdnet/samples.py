"""Boxes drawn around a target: candidates, and what a classifier learns from."""

from __future__ import annotations

from collections.abc import Callable

from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.types import Box
import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float64]
"""N x 4: x, y, w, h in pixels of the image."""

SMALLEST = 2.0
"""Pixels that a side of a drawn box has at least."""
ROUNDS = 10
"""Draws, at most, until there are enough boxes of the wanted overlap."""


def as_row(box: Box) -> Boxes:
    """Give a box as an array of 4."""
    return np.array([box.x, box.y, box.w, box.h])


def as_box(row: npt.ArrayLike) -> Box:
    """Give an array of 4 as a box."""
    return Box(*np.asarray(row, np.float64))


def moved(box: Box, shifts: npt.ArrayLike, sides: npt.ArrayLike) -> Boxes:
    """
    Move and scale a box: N x 2 and N x 2 to N x 4.

    ``shifts`` of its centre are in mean sides, ``sides`` are factors of width and height.
    """
    size = np.maximum(np.asarray(sides) * [box.w, box.h], SMALLEST)
    center = np.array([box.cx, box.cy]) + np.asarray(shifts) * (box.w + box.h) / 2
    return np.concatenate([center - size / 2, size], 1)


def gaussian(box: Box, count: int, shift: float, zoom: float, rng: np.random.Generator) -> Boxes:
    """
    Draw as MDNet draws candidates and positives: count x 4.

    The centre moves by ``shift`` mean sides times a normal number of deviation .5 within -1..1,
    each way; the size changes by ``zoom`` to the power of such a number.
    """
    chance = np.clip(rng.normal(0, 0.5, (count, 3)), -1, 1)
    return moved(box, shift * chance[:, :2], np.repeat(zoom ** chance[:, 2:], 2, 1))


def uniform(box: Box, count: int, shift: float, zoom: float, rng: np.random.Generator,
            aspect: float = 1.0, opposed: bool = False) -> Boxes:
    """
    Draw as MDNet draws negatives, and what box regression learns from: count x 4.

    As ``gaussian``, of uniform numbers in -1..1; ``aspect``: the same for width and height apart,
    ``opposed``: one grows as the other shrinks.
    """
    chance = rng.uniform(-1, 1, (count, 5))
    return moved(box, shift * chance[:, :2],
                 zoom ** chance[:, 2:3] * _aspects(aspect, opposed, chance[:, 3:]))


def _aspects(aspect: float, opposed: bool, chance: Boxes) -> Boxes:
    return np.asarray(aspect ** (chance[:, :1] * [1, -1] if opposed else chance))


def whole(box: Box, count: int, zoom: float, size: tuple[int, int], rng: np.random.Generator,
          aspect: float = 1.0) -> Boxes:
    """
    Draw centres anywhere in an image of ``size`` (width, height), sizes as ``uniform``, opposed.

    At the left and at the top half a box stays free, as MDNet's authors have it.
    """
    chance = rng.uniform(-1, 1, (count, 4))
    sides = zoom ** chance[:, 2:3] * _aspects(aspect, True, chance[:, 3:]) * [box.w, box.h]
    sides, half = np.maximum(sides, SMALLEST), np.array([box.w, box.h]) / 2
    centers = half + (chance[:, :2] + 1) / 2 * (np.array(size) - half - 1)
    return np.concatenate([centers - sides / 2, sides], 1)


def overlaps(boxes: Boxes, box: Box) -> npt.NDArray[np.float64]:
    """Compute the IoU of each of N x 4 boxes with ``box``."""
    return iou_pairs(boxes, np.broadcast_to(as_row(box), boxes.shape))


def within(draw: Callable[[int], Boxes], box: Box, low: float, high: float, count: int) -> Boxes:
    """
    Draw until ``count`` boxes overlap ``box`` with an IoU of low..high.

    Returns fewer where ROUNDS draws of ``count`` didn't give so many.
    """
    found = np.empty((0, 4))
    for _ in range(ROUNDS):
        boxes = draw(count)
        ious = overlaps(boxes, box)
        found = np.concatenate([found, boxes[(ious >= low) & (ious <= high)]])
        if len(found) >= count:
            break
    return found[:count]
