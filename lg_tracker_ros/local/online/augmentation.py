"""The first frame thirty times: shifted, mirrored, blurred, turned (DROL, after ATOM)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
from lg_tracker_ros.types import Image
import numpy as np

SHIFT = 0.6
"""Of half the side of a search crop, along both axes."""
BLURS = ((2, 0.2), (0.2, 2), (3, 1), (1, 3), (2, 2))
"""Standard deviations in pixels, horizontal and vertical."""
TURNS = tuple(sign * turn for turn in (5, 10, 20, 30, 45, 60) for sign in (1, -1))
"""Degrees."""
COPIES = 7
"""Times that the plain crop's features are taken once more, some channels left out."""


class Sample(NamedTuple):
    """A search crop, and where the target's centre lies from its middle, in pixels."""

    image: Image
    dx: int
    dy: int


def augmented(wide: Image, rng: np.random.Generator) -> list[Sample]:
    """
    Make 23 search crops of a crop twice as wide, 2s x 2s, with the target in its middle.

    The plain one is the first.
    """
    size = wide.shape[0] // 2
    reach = size // 6  # of a random shift

    def cut(image: Image, dx: int, dy: int) -> Sample:
        left, top = size // 2 - dx, size // 2 - dy
        return Sample(np.ascontiguousarray(image[top:top + size, left:left + size]), dx, dy)

    def jittered(image: Image) -> Sample:
        return cut(image, *(int(d) for d in rng.integers(-reach, reach + 1, 2)))
    far = round(SHIFT * size / 2)
    samples = [cut(wide, 0, 0)]
    samples += [cut(wide, x, y) for x in (far, -far) for y in (far, -far)]
    samples.append(jittered(np.asarray(wide[:, ::-1])))
    samples += [jittered(np.asarray(cv2.GaussianBlur(wide, (0, 0), x, sigmaY=y), np.uint8))
                for x, y in BLURS]
    middle = (size - .5, size - .5)
    for turn in TURNS:
        matrix = cv2.getRotationMatrix2D(middle, turn, 1)
        samples.append(jittered(np.asarray(cv2.warpAffine(
            wide, matrix, wide.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)))
    return samples
