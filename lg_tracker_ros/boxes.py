"""Geometry of boxes; NumPy and plain Python only."""

from __future__ import annotations

from lg_tracker_ros.types import Box, SMALLEST
import numpy as np
import numpy.typing as npt

APART = 0.2
"""IoU below which two boxes are of two things."""
MIN_SIDE = 4.0
"""Smallest side of a first box in pixels: below it there is nothing to recognise."""


def parse_box(text: str) -> Box:
    """Read ``x,y,w,h`` in pixels, 0-based; raises ValueError in one line."""
    words = text.split(',')
    why = 'four numbers with commas between them, without blanks, in one word'
    if len(words) == 4:
        try:
            x, y, w, h = map(float, words)
            return Box(x, y, w, h)
        except ValueError as e:
            why = str(e)
    raise ValueError(f'expected a box as x,y,w,h in pixels, got {text!r} ({why})')


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if w <= 0 or h <= 0:
        return 0.0
    return min(w * h / (a.w * a.h + b.w * b.h - w * h), 1.0)  # rounding makes 1 + 1e-16


def iou_pairs(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute IoU row by row of two N x 4 arrays of x, y, w, h; nan where a row holds a nan."""
    p, q = np.asarray(a, np.float64), np.asarray(b, np.float64)
    low = np.maximum(p[:, :2], q[:, :2])
    high = np.minimum(p[:, :2] + p[:, 2:], q[:, :2] + q[:, 2:])
    inter = np.prod(np.clip(high - low, 0, None), axis=1)
    return np.asarray(inter / (np.prod(p[:, 2:], axis=1) + np.prod(q[:, 2:], axis=1) - inter))


def clip_to_image(box: Box, width: int, height: int) -> Box | None:
    """Return the part of the box inside the image; None when it is too thin to be a box."""
    x0, y0 = max(box.x, 0.0), max(box.y, 0.0)
    x1, y1 = min(box.x + box.w, float(width)), min(box.y + box.h, float(height))
    return Box(x0, y0, x1 - x0, y1 - y0) if min(x1 - x0, y1 - y0) >= SMALLEST else None


def inside_fraction(box: Box, width: int, height: int) -> float:
    """Share of the box's area that lies inside the image, in [0, 1]."""
    part = clip_to_image(box, width, height)
    return 0.0 if part is None else min(part.w * part.h / (box.w * box.h), 1.0)


def check_init_box(box: Box, width: int, height: int) -> None:
    """
    Refuse a first box that can't be tracked.

    Raises ValueError, in one line, for a box smaller than MIN_SIDE pixels or with less than half
    of its area inside the image of ``width`` x ``height``.
    """
    if min(box.w, box.h) < MIN_SIDE:
        raise ValueError(f'box of {box.w:g} x {box.h:g} px is too small; '
                         f'each side must be at least {MIN_SIDE:g} px')
    inside = inside_fraction(box, width, height)
    if inside < 0.5:
        raise ValueError(f'only {inside:.0%} of the box {box.x:g},{box.y:g},{box.w:g},{box.h:g} '
                         f'lies inside the {width} x {height} image; at least half must')


def keep_center_inside(box: Box, width: int, height: int) -> Box:
    """
    Move the box so that its centre lies inside the image; its size stays as far as it is of use.

    A side of less than half a pixel, or of ten times the image's longer one, is one that ran away:
    with nothing to bound it the next box would be none.
    """
    w, h = (min(max(side, 0.5), 10.0 * max(width, height)) for side in (box.w, box.h))
    return Box.from_center(min(max(box.cx, 0.0), float(width)),
                           min(max(box.cy, 0.0), float(height)), w, h)


def scale(box: Box, sx: float, sy: float) -> Box:
    """Scale position and size, as when a box drawn on a preview meets the full image."""
    return Box(box.x * sx, box.y * sy, box.w * sx, box.h * sy)


def limit_size(box: Box, reference: Box, ratio: float) -> Box:
    """Keep each side within [1/ratio, ratio] times the reference's, about the same centre."""
    w = min(max(box.w, reference.w / ratio), reference.w * ratio)
    h = min(max(box.h, reference.h / ratio), reference.h * ratio)
    return Box.from_center(box.cx, box.cy, w, h)
