"""How frames are drawn: tiles of one size with boxes and a caption, laid out on a board."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import cv2
from lg_tracker_ros.evaluation.reports.canvas import COLORS
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

Color = tuple[int, int, int]
"""BGR."""
TRUTH: Color = (80, 220, 80)
LINE = 18
"""Height of a line of text in pixels."""


def bgr(color: str) -> Color:
    """Read ``#RRGGBB``."""
    red, green, blue = bytes.fromhex(color[1:])
    return blue, green, red


BOXES: tuple[Color, ...] = (*(bgr(c) for c in COLORS if c not in ('#009E73', '#000000')),
                            (255, 255, 255))
"""Trackers' boxes: the plots' colours, but none that is like the truth's or lost in the dark."""


def colours(trackers: Sequence[str]) -> dict[str, Color]:
    """
    Give each tracker the colour of its boxes, in the order given.

    Raises ValueError for more trackers than can be told apart in one picture.
    """
    if len(trackers) > len(BOXES):
        raise ValueError(f'at most {len(BOXES)} trackers can be told apart in one picture, got '
                         f'{len(trackers)}; name fewer with --trackers')
    return dict(zip(trackers, BOXES))


def fitting(images: Sequence[Image], width: int) -> int:
    """Return the height in pixels that the tallest of ``images`` has at this width."""
    return max(round(width * i.shape[0] / i.shape[1]) for i in images)


def tile(image: Image, boxes: Sequence[tuple[npt.NDArray[np.float64], Color]], width: int,
         height: int, caption: str = '') -> Image:
    """
    Fit an image into width x height, its shape kept, on white, with boxes drawn into it.

    ``boxes`` are x, y, w, h in pixels of the image (nan: none) with their colours, the last on
    top; ``caption`` is a line of text above, where it hides nothing. Two pixels more of white, to
    the right and below, keep tiles apart.
    """
    factor = min(width / image.shape[1], height / image.shape[0])
    w, h = round(image.shape[1] * factor), round(image.shape[0] * factor)
    small = np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    for box, color in boxes:
        if np.isfinite(box).all():
            (x0, y0), (x1, y1) = box[:2] * factor, (box[:2] + box[2:]) * factor
            cv2.rectangle(small, (round(x0), round(y0)), (round(x1), round(y1)), color, 2)
    out = np.full((height, width, 3), 255, np.uint8)
    out[(height - h) // 2:(height - h) // 2 + h, (width - w) // 2:(width - w) // 2 + w] = small
    above = LINE if caption else 0
    out = np.asarray(cv2.copyMakeBorder(out, above, 2, 0, 2, cv2.BORDER_CONSTANT,
                                        value=(255, 255, 255)), np.uint8)
    if caption:
        write(out, caption, 3)
    return out


def write(image: Image, text: str, x: int, color: Color = (0, 0, 0)) -> int:
    """Write small text into the first line of an image from ``x`` on; returns where it ends."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.4
    cv2.putText(image, text, (x, 13), font, scale, color, 1, cv2.LINE_AA)
    return x + int(cv2.getTextSize(text, font, scale, 1)[0][0])


def heading(text: str, width: int) -> Image:
    """Write a line of text, so many pixels wide."""
    line = np.full((LINE + 2, width, 3), 255, np.uint8)
    write(line, text, 3)
    return line


def legend(named: dict[str, Color], width: int) -> Image:
    """Name the colours of boxes in a line, or in as many as it takes, of this width."""
    lines: list[Image] = []
    x = width
    for name, color in named.items():
        room = 40 + int(cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0])
        if x + room > width:
            lines.append(heading('', width))
            x = 3
        cv2.rectangle(lines[-1], (x, 4), (x + 18, 14), color, -1)
        cv2.rectangle(lines[-1], (x, 4), (x + 18, 14), (0, 0, 0), 1)
        x = write(lines[-1], name, x + 23) + 14
    return np.vstack(lines)


def board(rows: Sequence[Sequence[Image]], columns: int = 1) -> Image:
    """Lay rows of tiles below each other, in so many columns, all that is free white."""
    strips = [np.hstack(padded(row, 0)) for row in rows]
    stacks = [np.vstack(padded(strips[i::columns], 1)) for i in range(columns) if strips[i:]]
    return np.hstack(padded(stacks, 0))


def padded(images: Sequence[Image], axis: int) -> list[Image]:
    """Bring images to the size of the largest along an axis, with white at the end."""
    size = max(i.shape[axis] for i in images)
    missing = [[(0, size - i.shape[axis] if a == axis else 0) for a in range(3)] for i in images]
    return [np.pad(i, m, constant_values=255) for i, m in zip(images, missing)]


def write_image(path: Path, image: Image) -> None:
    """Write an image in the format of its suffix; ValueError when it can't be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise ValueError(f'{path} cannot be written; is its suffix .png or .jpg?')


def frames_at(path: str, count: int, wanted: Sequence[int], every: int = 1) -> list[Image]:
    """
    Read the frames ``wanted`` of a video or a folder, of which one of ``every`` counts.

    Of a folder there must be ``count`` of these. Nothing is returned when they aren't there, or
    can't be decoded: results may be read where the data set isn't.
    """
    at = {i * every: i for i in wanted}
    try:
        source = Source(path, min(wanted) * every)
        if Path(path).is_dir() and -(-source.count // every) != count:
            return []  # a sequence that is a part of its folder: which part isn't known here
        found = {at[j]: f.image for j, f in zip(range(min(at), max(at) + 1), source) if j in at}
    except ValueError:
        return []
    return [found[i] for i in wanted] if len(found) == len(at) else []
