"""Rows of numbers in label files, and what every reader does with them."""

from __future__ import annotations

import codecs
from pathlib import Path
import re
from typing import Any, Sequence

from lg_tracker_ros.datasets.sequence import Boxes, Flags, LabelledSequence
from lg_tracker_ros.types import SMALLEST
import numpy as np
import numpy.typing as npt

BOX = 'x,y,w,h'


def read_text(path: Path) -> str:
    """
    Read a text file in UTF-8, or in UTF-16 as PowerShell writes it.

    Bytes that are neither become signs that no number has.
    """
    data = path.read_bytes()
    wide = data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return data.decode('utf-16' if wide else 'utf-8-sig', errors='replace')


def read_lines(path: Path) -> list[str]:
    """
    Read a text file's lines, stripped; empty ones at its end are left out.

    Raises ValueError when the file isn't there or holds nothing.
    """
    if not path.is_file():
        raise ValueError(f'{path} does not exist; is the data set unpacked as a whole?')
    text = read_text(path).rstrip()
    if not text:
        raise ValueError(f'{path} is empty')
    return [line.strip() for line in text.splitlines()]


def _words(text: str) -> list[str]:
    return re.split(r'\s*[,;]\s*|\s+', re.sub(r'\s*[,;]?\s*$', '', text).lstrip())


def columns(path: Path) -> int:
    """Count the words of a file's first line, whatever is between them."""
    return len(_words(next(iter(read_text(path).splitlines()), '')))


def numbers(text: str, where: str) -> list[float]:
    """
    Read numbers with commas, tabs or spaces between them, as OTB mixes them; nan is one.

    A comma behind the last one is passed over. Raises ValueError that begins with ``where``
    (file:line) for anything else.
    """
    found = []
    for word in _words(text):
        try:
            found.append(float(word))
        except ValueError:
            raise ValueError(f'{where}: {word[:20]!r} is not a number, in {text[:60]!r}') from None
    if any(np.isinf(found)):
        raise ValueError(f'{where}: inf is not allowed, in {text[:60]!r}')
    return found


def read_rows(path: Path, columns: str = BOX) -> npt.NDArray[np.float64]:
    """
    Read a row of numbers a line, one for each name in ``columns``: N x C.

    A row is nan as a whole or not at all. Raises ValueError with file and line.
    """
    count = columns.count(',') + 1
    rows = []
    for line, text in enumerate(read_lines(path), 1):
        row = numbers(text, f'{path}:{line}') if text else []
        if len(row) != count:
            raise ValueError(f'{path}:{line}: expected {count} numbers {columns}, '
                             f'got {len(row)}: {text[:60]!r}')
        if 0 < np.isnan(row).sum() < count:
            raise ValueError(f'{path}:{line}: write nan for every number or none, got {text!r}')
        rows.append(row)
    return np.array(rows, np.float64)


def read_values(path: Path, count: int, low: int, high: int) -> npt.NDArray[np.int64]:
    """
    Read ``count`` whole numbers from ``low`` to ``high``, in a column or all in one line.

    Raises ValueError with file and line.
    """
    found: list[int] = []
    for line, text in enumerate(read_lines(path), 1):
        for value in numbers(text, f'{path}:{line}'):
            if value not in range(low, high + 1):
                raise ValueError(f'{path}:{line}: expected whole numbers from {low} to {high}, '
                                 f'got {value:g}')
            found.append(int(value))
    if len(found) != count:
        raise ValueError(f'{path} has {len(found)} values but there are {count} frames')
    return np.array(found, np.int64)


def to_truth(boxes: Boxes, absent: Flags | None = None, base: int = 0) -> tuple[Boxes, Flags]:
    """
    Make the labels of a LabelledSequence from N x 4 rows of x, y, w, h counted from ``base``.

    ``absent`` has the last word: a box there is dropped. A box without an area elsewhere is a
    slip of the labels (LaSOT's tiger-6 has a height of -11), so its frame becomes unlabelled.
    """
    truth = np.array(boxes, np.float64)
    truth[:, :2] -= base
    truth[~(truth[:, 2:] >= SMALLEST).all(axis=1)] = np.nan
    gone = np.zeros(len(truth), bool) if absent is None else np.array(absent, bool)
    truth[gone] = np.nan
    return truth, gone


def extend_first(rows: Boxes, count: int) -> Boxes:
    """Give the only row (test splits publish just the first box) ``count`` rows: the rest nan."""
    if len(rows) != 1:
        return rows
    return np.vstack([rows, np.full((max(count - 1, 0), rows.shape[1]), np.nan)])


def make_sequence(labels: Path, name: str, truth: tuple[Boxes, Flags], images: Sequence[Path] = (),
                  **rest: Any) -> LabelledSequence:
    """
    Make a LabelledSequence whose errors name the file of its labels.

    Raises ValueError when there are not as many images as labels or no box at all.
    """
    if images and len(images) != len(truth[0]):
        raise ValueError(f'{labels} has {len(truth[0])} lines but there are {len(images)} images '
                         f'in {images[0].parent}')
    try:
        return LabelledSequence(name, *truth, images=tuple(images), **rest)
    except ValueError as e:
        raise ValueError(f'{labels}: {e}') from e
