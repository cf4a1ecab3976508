"""The way of a window that shows the target, and for a stretch jumps to where it doesn't."""

from __future__ import annotations

from random import Random
from typing import Sequence

from lg_tracker_ros.datasets.sequence import Boxes, Flags
import numpy as np
import numpy.typing as npt

Stretch = tuple[int, int]
"""Frames from the first up to the second."""
Corner = npt.NDArray[np.int64]


def lead(truth: Boxes, present: Flags, schedule: Sequence[Stretch], size: Boxes, window: Boxes,
         rng: Random) -> Corner | None:
    """
    Lead the window: no more than needed while the target shows, elsewhere while it is away.

    ``truth`` (N x 4, x, y, w, h) is where the target is in pictures of ``size``, ``present`` (N)
    where it has a box; ``schedule``: stretches in which it is away. Returns N x 2, the top left
    pixel of the window; None where it can't be done.
    """
    # what of a box lies outside the picture can't be shown anyway
    low = np.clip(truth[:, :2], 0, size)
    high = np.clip(truth[:, :2] + truth[:, 2:], 0, size)
    ends = dict(schedule)
    back = 0
    corners: list[Corner] = []
    for i in range(len(truth)):
        if i in ends:
            back = ends[i]
            place = _elsewhere(truth[i:back], size, window, rng)
            if place is None:
                return None
        elif i >= back and present[i]:
            if (high[i] - low[i] > 0.8 * window).any():
                return None  # hardly a picture of a target any more
            least = np.clip(np.ceil(high[i] + 0.08 * window - window), 0, size - window)
            most = np.clip(np.floor(low[i] - 0.08 * window), 0, size - window)
            place = (np.array([rng.randint(int(a), int(b)) for a, b in zip(least, most)])
                     if i == back else np.clip(corners[-1], least, most).astype(np.int64))
        else:
            place = corners[-1]
        corners.append(place)
    return np.array(corners)


def _elsewhere(truth: Boxes, size: Boxes, window: Boxes, rng: Random) -> Corner | None:
    """Draw a corner from which the window shows nothing of any box; None: there is none."""
    boxes = truth[np.isfinite(truth[:, 0])]
    grown = 0.2 * boxes[:, 2:] + 2  # legs and tails often stick out of a box
    low = np.floor((boxes[:, :2] - grown).min(axis=0, initial=np.inf))
    high = np.ceil((boxes[:, :2] + boxes[:, 2:] + grown).max(axis=0, initial=-np.inf))
    free = size - window
    ways = []
    for axis in (0, 1):
        ways += [(axis, 0, min(free[axis], low[axis] - window[axis])),
                 (axis, max(0, high[axis]), free[axis])]
    ways = [w for w in ways if w[1] <= w[2]]
    if not ways:
        return None
    axis, least, most = rng.choice(ways)
    corner = np.array([rng.randint(0, int(free[0])), rng.randint(0, int(free[1]))])
    corner[axis] = rng.randint(int(least), int(most))
    return corner
