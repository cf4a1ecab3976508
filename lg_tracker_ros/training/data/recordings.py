"""
Recordings of a user's own and the boxes drawn in them, for ``train label`` and ``train finetune``.

A folder holds the recordings and ``boxes.csv``, a line for each target::

    file,frame,x,y,w,h
    yard.mp4,0,412,230,64,118
    patrol_bag,75,88,120,40,41

``file`` is a video, a folder of images or a ROS 2 bag (its folder, .db3 or .mcap). ``frame``
counts from 0; a column ``time`` in its place says seconds after the first image. The box is in
pixels of the whole image, 0-based. A column ``class`` says what the target is, for ``train cut``;
others are passed over.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from itertools import groupby
import math
from pathlib import Path
from typing import Iterator, Sequence

import cv2
from lg_tracker_ros.boxes import check_init_box, scale
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.reading.guard import reading
from lg_tracker_ros.types import Box, Frame
import numpy as np

BOXES = 'boxes.csv'
SIDE = 960
"""Longer images are shrunk to so many pixels."""


@dataclass(frozen=True)
class Start:
    """
    A target's box in one frame of a recording.

    The frame is number ``at``, or, with ``timed``, the first one ``at`` seconds or more after
    the beginning. ``where`` names file and line of the box; ``category`` is its class, or empty.
    """

    recording: Path
    at: float
    timed: bool
    box: Box
    where: str
    category: str = ''

    def begins(self, number: int, stamp: int) -> bool:
        """Tell whether the track begins with this frame (or should have before it)."""
        return stamp >= round(1e9 * self.at) if self.timed else number >= self.at


@dataclass(frozen=True)
class Part:
    """The frames from a start on, as bytes of JPEG files, and its box, scaled like them."""

    start: Start
    box: Box
    frames: list[bytes]


def read_starts(folder: Path) -> list[Start]:
    """
    Read ``boxes.csv`` of a folder, sorted by recording.

    Raises ValueError, naming file and line, for what isn't as described above.
    """
    path = folder / BOXES
    if not path.is_file():
        raise ValueError(f'{path} does not exist; expected the first box of each target in it: '
                         'file,frame,x,y,w,h')
    starts = []
    with reading(path, 'a table of first boxes, in UTF-8'), open(
            path, newline='', encoding='utf-8-sig') as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        names = [str(n).strip() for n in rows.fieldnames or ()]
        rows.fieldnames = names
        if not {'file', 'x', 'y', 'w', 'h'} <= set(names) or ('frame' in names) == (
                'time' in names):
            raise ValueError(f'{path}:1: expected the columns file,frame,x,y,w,h (or time in '
                             f'seconds in place of frame), got {",".join(names) or "nothing"}')
        timed = 'time' in names
        for row in rows:
            where = f'{path}:{rows.line_num}'
            try:
                at = float(row['time']) if timed else int(row['frame'])
                box = Box(*(float(row[c]) for c in 'xywh'))
                recording = folder / row['file'].strip()
            except (AttributeError, TypeError, ValueError) as e:
                raise ValueError(f'{where}: expected {",".join(names)}, got '
                                 f'{",".join(str(v) for v in row.values())} ({e})') from e
            if not recording.exists():
                raise ValueError(f'{where}: {recording} does not exist')
            if not 0 <= at < math.inf:
                raise ValueError(f'{where}: {"time" if timed else "frame"} must be at least 0, '
                                 f'got {at}')
            starts.append(Start(recording, at, timed, box, where,
                                (row.get('class') or '').strip()))
    if not starts:
        raise ValueError(f'{path} names no target')
    return sorted(starts, key=lambda s: s.recording)


def read_frames(path: Path, topic: str = '') -> Iterator[Frame]:
    """Give the frames of a video, a folder of images or a bag; stamps count from the first."""
    first: int | None = None
    for frame in Source(str(path), topic=topic):
        first = frame.stamp if first is None else first
        yield replace(frame, stamp=frame.stamp - first)


def read_parts(starts: Sequence[Start], length: int, step: int, topic: str = '') -> Iterator[Part]:
    """
    Cut out every ``step``-th frame from each start on, at most ``length``; in order of their ends.

    Each recording is read once. Raises ValueError for a start beyond the end, a box outside the
    image and for what can't be read.
    """
    for path, group in groupby(starts, lambda s: s.recording):
        waiting, running = list(group), list[tuple[int, Part]]()
        number = -1
        for number, frame in enumerate(read_frames(path, topic)):
            for start in [s for s in waiting if s.begins(number, frame.stamp)]:
                waiting.remove(start)
                running.append((number, begin(start, frame)))
            due = [p for first, p in running if (number - first) % step == 0]
            data = encode(frame) if due else b''
            for part in due:
                part.frames.append(data)
            yield from (p for p in due if len(p.frames) == length)
            running = [(first, p) for first, p in running if len(p.frames) < length]
            if not waiting and not running:
                break
        if waiting:
            raise ValueError(f'{waiting[0].where}: {path} ends after {number + 1} frames')
        yield from (part for _, part in running)


def shrink(frame: Frame) -> float:
    """Return the factor by which a frame is scaled to be kept."""
    return min(SIDE / max(frame.width, frame.height), 1.0)


def begin(start: Start, frame: Frame) -> Part:
    """Make a part without frames; ValueError for a box that can't be tracked in ``frame``."""
    try:
        check_init_box(start.box, frame.width, frame.height)
    except ValueError as e:
        raise ValueError(f'{start.where}: {e}') from e
    k = shrink(frame)
    return Part(start, scale(start.box, k, k), [])


def encode(frame: Frame) -> bytes:
    """Shrink a frame and make a JPEG file of it."""
    k = shrink(frame)
    image = cv2.resize(frame.image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]).tobytes()
