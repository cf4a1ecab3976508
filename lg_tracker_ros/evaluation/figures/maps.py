"""Attention over frames (TANet's Fig. 1, 7b and 8; the conference supplement's Fig. 4 and 5)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence

import cv2
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.figures.tiles import (
    board,
    fitting,
    heading,
    tile,
    TRUTH,
    write_image,
)
from lg_tracker_ros.files import replace_file
from lg_tracker_ros.reading.guard import reading
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

WIDTH = 240
"""Of a tile in pixels."""
Map = npt.NDArray[np.float32]
"""Attention, h x w in [0, 1], of the whole image."""


class Look(NamedTuple):
    """A frame with its number, the map that a re-detector had of it, and the true box."""

    frame: int
    image: Image
    attention: Map
    box: npt.NDArray[np.float64]


def over(frame: Image, attention: Map) -> Image:
    """Lay a map over a frame."""
    large = cv2.resize(np.asarray(attention, np.float32), (frame.shape[1], frame.shape[0]))
    heat = cv2.applyColorMap(np.uint8(255 * np.clip(large, 0, 1)), cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.addWeighted(frame, 0.4, heat, 0.6, 0), np.uint8)


def attention_picture(looks: Sequence[Look], path: Path) -> None:
    """Write frames with, below each, its map laid over it; the true box is drawn into both."""
    height = fitting([look.image for look in looks], WIDTH)
    write_image(path, board([
        [tile(look.image, [(look.box, TRUTH)], WIDTH, height) for look in looks],
        [tile(over(look.image, look.attention), [(look.box, TRUTH)], WIDTH, height)
         for look in looks]]))


def keep_maps(looks: Sequence[Look], path: Path) -> None:
    """Keep maps with the numbers of their frames (.npz, half precision), for ``beside``."""
    file = io.BytesIO()
    np.savez_compressed(file, frames=np.array([look.frame for look in looks], int),
                        maps=np.array([look.attention for look in looks], np.float16))
    replace_file(path, file.getvalue())


def read_maps(path: Path) -> dict[int, Map]:
    """Read what keep_maps kept, by frame; ValueError where it isn't that."""
    with reading(path, 'the maps of an `eval attention`'), np.load(path) as file:
        maps = np.asarray(file['maps'], np.float32)
        return {int(i): m for i, m in zip(file['frames'], maps, strict=True)}


def beside(sequence: LabelledSequence, maps: Mapping[str, Mapping[int, Map]], path: Path) -> None:
    """
    Write frames of a sequence, and below them a row of maps for each of several re-detectors.

    ``maps`` holds them by name and frame. Those without a map, and frames that not all of the
    others have, are left out; where nothing is left, nothing is written.
    """
    known = {name: own for name, own in maps.items() if own}
    frames = sorted(set.intersection(*map(set, known.values()))) if known else []
    if not frames:
        return
    images = {i: next(sequence.frames(i)).image for i in frames}
    height = fitting(list(images.values()), WIDTH)
    rows = [[tile(image, [(sequence.truth[i], TRUTH)], WIDTH, height, f'frame {i}')
             for i, image in images.items()]]
    for name, own in known.items():
        rows += [[heading(name, WIDTH * len(frames))],
                 [tile(over(image, own[i]), [(sequence.truth[i], TRUTH)], WIDTH, height)
                  for i, image in images.items()]]
    write_image(path, board(rows))
