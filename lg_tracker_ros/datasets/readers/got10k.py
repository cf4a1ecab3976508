"""
GOT-10k (Huang, Zhao and Huang, TPAMI 2021): train, val and test as its archives unpack.

    NAME/groundtruth.txt   x,y,w,h a line; in the test split only the first
    NAME/absence.label     1 where the target is absent, a line a frame; not in the test split
    NAME/cover.label       how much of it is visible, in eighths: 0 to 8
    NAME/meta_info.ini     classes of object and motion
    NAME/00000001.jpg ...

The boxes are taken as 0-based: the authors name no convention, and their toolkit clips boxes to
[0, width]. Absent is a frame with absence 1 or cover 0 (the toolkit scores frames with cover
above 0 only). Some of those have rows of -1 or 0; where such a row has no flag, the frame is
unlabelled. The attributes are the classes of object and of motion.
"""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.datasets.readers.files import find_folders, find_images, folder_name
from lg_tracker_ros.datasets.readers.text import (
    extend_first,
    make_sequence,
    read_lines,
    read_rows,
    read_values,
    to_truth,
)
from lg_tracker_ros.datasets.sequence import LabelledSequence

EXPECTS = 'NAME/groundtruth.txt, absence.label, cover.label and 00000001.jpg'


def _fits(folder: Path) -> bool:
    return (folder / 'groundtruth.txt').is_file() and (
        (folder / 'absence.label').is_file() or (folder / 'cover.label').is_file()
        or folder.name.startswith('GOT-10k_'))


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a sequence of GOT-10k, a split, or the whole."""
    return next(find_folders(folder, _fits, 2), None) is not None


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read a split of GOT-10k, all of them, or one sequence's folder.

    Raises ValueError, naming file and line, for a missing file, an odd row or a number of
    images or flags that doesn't match.
    """
    return sorted((_read_one(f) for f in find_folders(folder, _fits, 2)), key=lambda s: s.name)


def _read_one(folder: Path) -> LabelledSequence:
    labels = folder / 'groundtruth.txt'
    images = find_images(folder)
    rows = read_rows(labels)
    name = folder_name(folder)
    absent = None
    if len(rows) > 1 or (folder / 'absence.label').is_file():
        absent = read_values(folder / 'absence.label', len(rows), 0, 1) == 1
        if (folder / 'cover.label').is_file():
            absent |= read_values(folder / 'cover.label', len(rows), 0, 8) == 0
    else:
        rows = extend_first(rows, len(images))
    return make_sequence(labels, name, to_truth(rows, absent), images, source=f'GOT-10k/{name}',
                         attributes=_classes(folder / 'meta_info.ini'))


def _classes(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    pairs = (line.partition(':') for line in read_lines(path))
    meta = {key.strip(): value.strip() for key, _, value in pairs}
    return tuple(meta[k] for k in ('object_class', 'motion_class') if meta.get(k))
