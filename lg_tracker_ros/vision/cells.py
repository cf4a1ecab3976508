"""The crops of template and search in pixels, and their maps in cells."""

from __future__ import annotations

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
