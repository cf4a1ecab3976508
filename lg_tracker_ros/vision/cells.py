"""The crops of template and search in pixels, and their maps in cells."""

from __future__ import annotations

import cv2
from lg_tracker_ros.types import Box
import numpy as np
import numpy.typing as npt

TEMPLATE = 128
SEARCH = 256
STRIDE = 16
GRID = SEARCH // STRIDE
CELLS = (TEMPLATE // STRIDE) ** 2

Array = npt.NDArray[np.float32]


def inside_cells(box: Box, size: int = TEMPLATE, cells: int = TEMPLATE // STRIDE) -> Array:
    """Share of each cell of a crop of ``size`` pixels that ``box`` covers: cells x cells."""
    step = size / cells
    edges = np.arange(cells + 1) * step

    def cover(low: float, high: float) -> npt.NDArray[np.float64]:
        return np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
    area = np.outer(cover(box.y, box.y + box.h), cover(box.x, box.x + box.w))
    return (area / step ** 2).astype(np.float32)


def masked_cells(mask: Array, area: Box, size: int = TEMPLATE, cells: int = TEMPLATE // STRIDE
                 ) -> Array:
    """Share of each cell of a crop of ``size`` pixels that a mask over ``area`` covers."""
    h, w = mask.shape
    kx, ky = area.w / w, area.h / h
    # pixel centres: crop coordinate area.x + (u + .5) kx is pixel u of the mask
    to_crop = np.array([[kx, 0, area.x + kx / 2 - 0.5], [0, ky, area.y + ky / 2 - 0.5]])
    spread = cv2.warpAffine(mask, to_crop, (size, size), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(spread, (cells, cells), interpolation=cv2.INTER_AREA), np.float32)
