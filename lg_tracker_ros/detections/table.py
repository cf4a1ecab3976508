"""Detections of a recording, from a file: what a detector saw in each of its frames."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from lg_tracker_ros.detections.selection import Detection
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.types import Box

COLUMNS = ('frame', 'x', 'y', 'w', 'h')
"""That must be there: the frame's number from 0 on, and the box in 0-based pixels."""
OPTIONAL = ('class', 'score', 'id')


def read_detections(path: Path) -> dict[int, list[Detection]]:
    """
    Read a CSV file whose first line names COLUMNS and perhaps OPTIONAL; by frame, in file's order.

    Raises ValueError, in one line with the file's name and the line, for another file.
    """
    found: dict[int, list[Detection]] = {}
    with reading(path, 'a table of detections'), open(
            path, newline='', encoding='utf-8-sig') as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        names = rows.fieldnames or []
        if not set(COLUMNS) <= set(names):
            raise refused(path, f'must begin with the line {",".join((*COLUMNS, *OPTIONAL))} (the '
                                f'last three may be missing), got {",".join(names)!r}')
        for line, row in enumerate(rows, 2):
            try:
                box = Box(*(float(row[c] or 'nan') for c in 'xywh'))
                score = float(row.get('score') or 1)
                if not math.isfinite(score):
                    raise ValueError(f'score must be a finite number, got {row["score"]!r}')
                found.setdefault(_number(row['frame']), []).append(Detection(
                    box, row.get('class') or '', score, row.get('id') or ''))
            except (TypeError, ValueError) as e:
                raise refused(f'{path}:{line}:', e) from e
    return found


def _number(text: str) -> int:
    """Read a frame's number, which table programs may write as 3.0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value < 0 or not value.is_integer():  # nan isn't either
        raise ValueError(f'frame must be a whole number from 0 on, got {text!r}')
    return int(value)
