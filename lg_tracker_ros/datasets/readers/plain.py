"""
The plain form: one folder a sequence, easy to make by hand, and what ``eval absent`` writes.

    NAME/groundtruth.txt   x,y,w,h a line in pixels, 0-based; nan,nan,nan,nan: the target is absent
    NAME/video.mp4         or any one video file, or a folder images/ of image files
    NAME/twin.txt          optional: boxes of a look-alike in the same form; nan: not in view
    NAME/protocol.json     optional: {"protocol": str, "source": str, "attributes": [str],
                           "unlabelled": [int]}

The convention is 0-based: the boxes are taken as they are. ``unlabelled`` are frames, counted from
0, of which nobody says whether the target shows: their rows are nan, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lg_tracker_ros.datasets.readers.files import (
    find_folders,
    find_images,
    folder_name,
    subfolders,
)
from lg_tracker_ros.datasets.readers.text import make_sequence, read_rows, to_truth
from lg_tracker_ros.datasets.sequence import Boxes, LabelledSequence
from lg_tracker_ros.media.container import frame_count
from lg_tracker_ros.media.folder import VIDEOS
from lg_tracker_ros.types import SMALLEST
import numpy as np

EXPECTS = 'NAME/groundtruth.txt with NAME/video.mp4 or NAME/images/'
COUNTED = ('.mp4', '.m4v', '.mov')  # their headers hold the number of frames; others guess it


def _labelled(folder: Path) -> bool:
    return (folder / 'groundtruth.txt').is_file()


def _filmed(folder: Path) -> bool:
    return bool(_videos(folder)) or (folder / 'images').is_dir()


def _videos(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob('*') if p.suffix.lower() in VIDEOS and p.name[0] != '.')


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a sequence or holds one, by its groundtruth.txt."""
    return next(find_folders(folder, _labelled), None) is not None


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read a folder of sequences, or one sequence's own folder.

    Raises ValueError, naming the file, for missing labels or images, an odd row, a box without
    an area or a number of frames that doesn't match.
    """
    if _labelled(folder):
        return [_read_one(folder)]
    return [_read_one(f) for f in subfolders(folder) if _labelled(f) or _filmed(f)]


def _read_one(folder: Path) -> LabelledSequence:
    labels = folder / 'groundtruth.txt'
    rows = _read_boxes(labels)
    name = folder_name(folder)
    rest = _protocol(folder / 'protocol.json')
    gone = np.isnan(rows[:, 0])
    for frame in rest.pop('unlabelled', ()):
        if frame not in range(len(rows)) or not np.isnan(rows[frame, 0]):
            raise ValueError(f'{folder / "protocol.json"}: unlabelled: {frame!r} is no frame '
                             f'whose row in {labels.name} is nan')
        gone[frame] = False
    truth = to_truth(rows, gone)
    rest.setdefault('source', name)
    if (folder / 'twin.txt').is_file():
        rest['others'] = _read_boxes(folder / 'twin.txt')
    videos = _videos(folder)
    if not videos:
        return make_sequence(labels, name, truth, find_images(folder / 'images'), **rest)
    video = folder / 'video.mp4' if folder / 'video.mp4' in videos else videos[0]
    if len(videos) > 1 and video.name != 'video.mp4':
        raise ValueError(f'{folder} holds {len(videos)} videos; name the right one video.mp4')
    # other containers than these guess it
    count = frame_count(video) if video.suffix.lower() in COUNTED else 0
    if count and count != len(rows) and (count := frame_count(video, shown=True)) != len(rows):
        raise ValueError(f'{labels} has {len(rows)} lines but {video} has {count} frames')
    return make_sequence(labels, name, truth, video=video, **rest)


def _read_boxes(path: Path) -> Boxes:
    """Read N x 4 boxes, nan where there is none."""
    rows = read_rows(path)
    flat = np.flatnonzero((rows[:, 2:] < SMALLEST).any(axis=1))
    if flat.size:
        raise ValueError(f'{path}:{flat[0] + 1}: w and h must be positive; write '
                         'nan,nan,nan,nan where the target is absent')
    return rows


def _protocol(path: Path) -> dict[str, Any]:
    """Read what ``eval absent`` notes beside a sequence; {} where there is no such file."""
    if not path.is_file():
        return {}
    try:
        noted = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as e:
        raise ValueError(f'{path} is not JSON: {e}') from e
    tags = noted.get('attributes', []) if isinstance(noted, dict) else None
    if (not isinstance(tags, list) or not all(isinstance(t, str) for t in tags)
            or not isinstance(noted.get('unlabelled', []), list)
            or not all(type(i) is int for i in noted.get('unlabelled', []))
            or not all(isinstance(noted.get(k, ''), str) for k in ('protocol', 'source'))):
        raise ValueError(f'{path}: expected {{"protocol": str, "source": str, '
                         '"attributes": [str], "unlabelled": [int]}')
    found: dict[str, Any] = {k: noted[k] for k in ('protocol', 'source') if noted.get(k)}
    return {**found, 'attributes': tuple(tags), 'unlabelled': noted.get('unlabelled', [])}
