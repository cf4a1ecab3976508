"""
OxUvA long-term (Valmadre et al., ECCV 2018), its dataset/ folder.

    annotations/dev.csv                    a row a labelled frame, about one a second, no header:
                                           video, object, class id, class, contains_cuts,
                                           always_visible, frame, present or absent, xmin, xmax,
                                           ymin, ymax
    tasks/test.csv                         where there are no annotations: video, object, first
                                           and last frame, xmin, xmax, ymin, ymax
    images/dev/VIDEO/000000.jpeg ...       numbered from 0; .jpg as well

Coordinates are shares of the image's width and height, 0 to 1, so they become 0-based pixels.
A sequence VIDEO_OBJECT goes from its first to its last labelled frame, as the benchmark's tasks
do; frames between labels stay unlabelled. The only attribute is the class.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from lg_tracker_ros.datasets.readers.files import find_images, frame_number, subfolders
from lg_tracker_ros.datasets.readers.text import make_sequence, numbers, read_lines, to_truth
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np
import numpy.typing as npt

EXPECTS = 'annotations/dev.csv (or tasks/test.csv) and images/dev/VIDEO/000000.jpeg'


@dataclass
class _Track:
    """An object's class, its last frame, and by frame its box's edges (None: absent)."""

    kind: str
    last: int = 0
    labels: dict[int, npt.NDArray[np.float64] | None] = field(default_factory=dict)


def _tables(folder: Path) -> list[Path]:
    """List the tables of the subsets whose images are there, annotations before tasks."""
    found = []
    for images in subfolders(folder / 'images'):
        tables = [folder / kind / f'{images.name}.csv' for kind in ('annotations', 'tasks')]
        found += [t for t in tables if t.is_file()][:1]
    return found


def recognise(folder: Path) -> bool:
    """Tell whether the folder is OxUvA's dataset folder."""
    return bool(_tables(folder))


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read the subsets (dev, test) whose images are there.

    Raises ValueError, naming file and line, for an odd row or a missing or unreadable image.
    """
    found = []
    for table in _tables(folder):
        for (video, item), track in _read_table(table).items():
            place = folder / 'images' / table.stem / video
            found.append(_sequence(table, place, f'{video}_{item}', track))
    return sorted(found, key=lambda s: s.name)


def _read_table(table: Path) -> dict[tuple[str, str], _Track]:
    """Return the tracks by video and object."""
    tracks: dict[tuple[str, str], _Track] = {}
    task = table.parent.name == 'tasks'
    for line, row in enumerate(csv.reader(read_lines(table), skipinitialspace=True), 1):
        where = f'{table}:{line}'
        if len(row) != (8 if task else 12):
            raise ValueError(f'{where}: expected {8 if task else 12} columns, got {len(row)}')
        if line == 1 and row[0] == 'video_id':
            continue
        presence = 'present' if task else row[7]
        if presence not in ('present', 'absent'):
            raise ValueError(f'{where}: expected present or absent, got {presence!r}')
        frames = row[2:4] if task else [row[6]]
        if not all(f.isdecimal() for f in frames):
            raise ValueError(f'{where}: expected the number of a frame, got {frames[0]!r}')
        frame, last = int(frames[0]), int(frames[-1])
        edges = None
        if presence == 'present':  # what stands there otherwise has no meaning
            edges = np.array(numbers(','.join(row[-4:]), where))
            if not ((edges >= 0) & (edges <= 1)).all():
                raise ValueError(f'{where}: xmin,xmax,ymin,ymax must be shares from 0 to 1, got '
                                 f'{",".join(row[-4:])}')
        track = tracks.setdefault((row[0], row[1]), _Track('' if task else row[3]))
        track.labels[frame] = edges
        track.last = max(track.last, last)
    return tracks


def _sequence(table: Path, place: Path, name: str, track: _Track) -> LabelledSequence:
    first, last = min(track.labels), track.last
    images = [p for p in find_images(place) if first <= frame_number(p) <= last]
    if len(images) != last - first + 1:
        raise ValueError(f'{place} holds {len(images)} of the frames {first} to {last} that '
                         f'{table} gives to {name}')
    picture = cv2.imread(str(images[0]))
    if picture is None:
        raise ValueError(f'{images[0]} cannot be read as an image')
    height, width = picture.shape[:2]
    boxes = np.full((len(images), 4), np.nan)
    absent = np.zeros(len(images), bool)
    for frame, edges in track.labels.items():
        if edges is None:
            absent[frame - first] = True
        else:
            x0, x1, y0, y1 = edges * (width, width, height, height)
            boxes[frame - first] = x0, y0, x1 - x0, y1 - y0
    return make_sequence(table, name, to_truth(boxes, absent), images, source=f'OxUvA/{name}',
                         attributes=(track.kind,) if track.kind else ())
