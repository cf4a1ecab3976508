"""Attention over frames (TANet's Fig. 1, 7b and 8; the conference supplement's Fig. 4 and 5)."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import cv2
from lg_tracker_ros.evaluation.figures.tiles import board, fitting, tile, TRUTH, write_image
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

WIDTH = 240


def over(frame: Image, attention: npt.NDArray[np.float32]) -> Image:
    """Lay a map (h x w in [0, 1], of the whole image) over a frame."""
    large = cv2.resize(np.asarray(attention, np.float32), (frame.shape[1], frame.shape[0]))
    heat = cv2.applyColorMap(np.uint8(255 * np.clip(large, 0, 1)), cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.addWeighted(frame, 0.4, heat, 0.6, 0), np.uint8)


def attention_picture(frames: Sequence[Image], maps: Sequence[npt.NDArray[np.float32]],
                      boxes: npt.ArrayLike, path: Path) -> None:
    """
    Write frames with, below each, its attention map laid over it.

    ``frames`` are uint8 BGR of any size, ``maps`` h x w in [0, 1] that cover the whole image,
    ``boxes`` N x 4 as x, y, w, h in pixels, nan for none: they are drawn into both. Raises
    ValueError when the counts differ or are 0.
    """
    places = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not len(frames) == len(maps) == len(places) or not len(frames):
        raise ValueError('frames, maps and boxes must be as many, and at least one, got '
                         f'{len(frames)}, {len(maps)} and {len(places)}')
    height = fitting(frames, WIDTH)
    rows = [frames, [over(f, m) for f, m in zip(frames, maps)]]
    write_image(path, board([[tile(image, [(box, TRUTH)], WIDTH, height)
                              for image, box in zip(row, places)] for row in rows]))
