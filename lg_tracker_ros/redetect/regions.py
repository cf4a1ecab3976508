"""From an attention map to search regions (the step that the TANet paper leaves open)."""

from __future__ import annotations

import itertools
from typing import Sequence

import cv2
from lg_tracker_ros.types import Box
import numpy as np
import numpy.typing as npt


def attention_boxes(attention: npt.NDArray[np.float32], image_size: tuple[int, int],
                    target_size: tuple[float, float], k: int, threshold: float) -> list[Box]:
    """
    Turn an attention map into at most ``k`` boxes of the target's size, best first.

    Threshold, connected components ranked by mass, a box around each component's centre of mass
    (supplement of the BMVC 2019 TANet). A component much larger than the target holds several
    places: its peaks are taken instead, at least half a target apart.

    ``attention`` is h x w in [0, 1] and covers the image; ``image_size`` and ``target_size`` are
    (width, height) in pixels of the image.
    """
    h, w = attention.shape
    sx, sy = image_size[0] / w, image_size[1] / h
    mask = (attention > threshold).astype(np.uint8)
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    if count == 1:
        return []
    mass = np.bincount(labels.ravel(), attention.ravel(), count)
    mass[0] = 0
    rx = max(round(target_size[0] / sx / 2), 1)
    ry = max(round(target_size[1] / sy / 2), 1)
    found: list[tuple[float, float, float]] = []
    for i in np.argsort(-mass)[:k]:
        if mass[i] <= 0:
            break
        part = np.where(labels == i, attention, 0).astype(np.float32)
        ys, xs = np.nonzero(part)
        if np.ptp(xs) + 1 <= 4 * rx + 1 and np.ptp(ys) + 1 <= 4 * ry + 1:
            weight = part[ys, xs]
            found.append((float(mass[i]), float(np.average(xs, weights=weight)),
                          float(np.average(ys, weights=weight))))
            continue
        for _ in range(k):
            y, x = np.unravel_index(int(np.argmax(part)), part.shape)
            if part[y, x] <= threshold:
                break
            window = (slice(max(y - ry, 0), y + ry + 1), slice(max(x - rx, 0), x + rx + 1))
            found.append((float(part[window].sum()), float(x), float(y)))
            part[window] = 0
    found.sort(reverse=True)
    return [Box.from_center((x + 0.5) * sx, (y + 0.5) * sy, *target_size)
            for _, x, y in found[:k]]


def interleave(first: Sequence[Box], second: Sequence[Box], k: int) -> list[Box]:
    """
    Take two of ``first``, then one of ``second``, and so on: at most ``k``, each place once.

    A box whose centre lies within half a box of one that was taken is passed over. All are of
    one size.
    """
    found: list[Box] = []
    queues = [list(first), list(second)]
    turns = itertools.cycle((0, 0, 1))
    while len(found) < k and any(queues):
        turn = next(turns)
        taken = (queues[turn] or queues[1 - turn])[0]
        found.append(taken)
        queues = [[b for b in queue if abs(b.cx - taken.cx) > b.w / 2
                   or abs(b.cy - taken.cy) > b.h / 2] for queue in queues]
    return found
