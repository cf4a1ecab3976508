"""An image of a camera, and boxes and masks in it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
import math
import operator

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

SMALLEST, LARGEST = 0.01, 1e7
"""Pixels: a side below the first is written as 0.00; a box beyond the second is no box."""


@dataclass(frozen=True)
class Box:
    """
    An axis-aligned box in pixels of the image, 0-based, floats.

    ``x, y`` is the top-left corner; the box covers ``[x, x + w) x [y, y + h)`` and may overlap
    the border of the image. Raises ValueError when a number is not finite or beyond LARGEST, or
    a side below SMALLEST: areas and quotients of boxes are then finite, too.
    """

    x: float
    y: float
    w: float
    h: float

    def __post_init__(self) -> None:
        """Refuse what is not a box, so that nothing downstream has to ask."""
        values = (self.x, self.y, self.w, self.h)
        for name, value in zip(('x', 'y', 'w', 'h'), values):
            object.__setattr__(self, name, float(value))  # NumPy's numbers round differently
        if not all(math.isfinite(v) for v in values):
            raise ValueError(f'box x,y,w,h must be finite numbers, got {values}')
        if self.w < SMALLEST or self.h < SMALLEST:
            raise ValueError(f'box sides must be positive, at least {SMALLEST} px, '
                             f'got w={self.w:g} h={self.h:g}')
        if max(map(abs, values)) > LARGEST:
            raise ValueError(f'box x,y,w,h must be at most {LARGEST:g} px, got {values}')

    @property
    def cx(self) -> float:
        """Horizontal centre in pixels."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """Vertical centre in pixels."""
        return self.y + self.h / 2

    @classmethod
    def from_center(cls, cx: float, cy: float, w: float, h: float) -> Box:
        """Make a box from its centre and sides."""
        return cls(cx - w / 2, cy - h / 2, w, h)


@dataclass(frozen=True, eq=False)
class Frame:
    """
    One image of one camera.

    ``image`` is uint8, height x width x 3, BGR, not copied; an array object of this frame's own,
    which tells it from others in the same buffer: a camera may fill that again once the tracker
    has had the frame. ``stamp`` is in nanoseconds; ``camera`` names the
    stream (a ROS topic or a path). ``span`` is the number of frames that it counts for, more than
    one from a slow camera: the tracker sets it. Raises ValueError for another image or stamp.
    """

    image: Image
    stamp: int = 0
    camera: str = ''
    span: int = 1

    def __post_init__(self) -> None:
        """Refuse an image that the trackers can't read."""
        a = self.image
        if not isinstance(a, np.ndarray):  # cv2.imread returns None for what it can't read
            raise ValueError('image must be a NumPy array, uint8 height x width x 3, got '
                             f'{type(a).__name__}')
        if a.dtype != np.uint8 or a.ndim != 3 or a.shape[2] != 3 or 0 in a.shape:
            raise ValueError(f'image must be uint8 height x width x 3, got {a.dtype} {a.shape}')
        object.__setattr__(self, 'image', a.view())
        try:
            object.__setattr__(self, 'stamp', operator.index(self.stamp))
        except TypeError as e:  # seconds, as time.time() gives them, say
            raise ValueError('stamp must be whole nanoseconds, as time.time_ns() gives them, got '
                             f'{self.stamp!r}') from e

    def counting(self, span: int) -> Frame:
        """Return this frame, with this very image, as one that counts for ``span`` frames."""
        same = copy.copy(self)
        object.__setattr__(same, 'span', span)
        return same

    @property
    def width(self) -> int:
        """Image width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Image height in pixels."""
        return int(self.image.shape[0])


@dataclass(frozen=True, eq=False)
class Mask:
    """Which part of the area ``box`` is the target: float32 h x w in [0, 1], at its own scale."""

    box: Box
    values: npt.NDArray[np.float32]
