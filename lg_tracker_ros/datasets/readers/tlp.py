"""
TLP, "Track Long and Prosper" (Moudgil and Gandhi, ACCV 2018), and TinyTLP, as they unpack.

    NAME/groundtruth_rect.txt   frame,x,y,w,h,lost a line; lost is 1 where the target is absent
    NAME/img/00001.jpg ...

The boxes are taken as 0-based, as VATIC, with which they were drawn, writes them. A folder
without labels (CarChase4, in some archives) is passed over. A box without an area in a frame
that isn't lost leaves the frame unlabelled.
"""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.datasets.readers.files import (
    find_folders,
    find_images,
    folder_name,
    frame_number,
)
from lg_tracker_ros.datasets.readers.text import (
    columns,
    make_sequence,
    read_rows,
    to_truth,
)
from lg_tracker_ros.datasets.sequence import LabelledSequence

EXPECTS = 'NAME/groundtruth_rect.txt with 6 columns and NAME/img/'


def _fits(folder: Path) -> bool:
    labels = folder / 'groundtruth_rect.txt'
    # OTB's file has the same name and four columns
    return labels.is_file() and columns(labels) == 6


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a sequence of TLP or holds one."""
    return next(find_folders(folder, _fits), None) is not None


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read TLP's folder, or one sequence's.

    Raises ValueError, naming file and line, for missing images, an odd row, a row that isn't
    its image's or a number of images that doesn't match.
    """
    return sorted(map(_read_one, find_folders(folder, _fits)), key=lambda s: s.name)


def _read_one(folder: Path) -> LabelledSequence:
    labels = folder / 'groundtruth_rect.txt'
    rows = read_rows(labels, 'frame,x,y,w,h,lost')
    images = find_images(folder / 'img')
    for line, (row, image) in enumerate(zip(rows, images), 1):
        if row[0] != frame_number(image):
            raise ValueError(f'{labels}:{line}: frame {row[0]:g}, but image {line} in img/ is '
                             f'{image.name}')
        if row[5] not in (0, 1):
            raise ValueError(f'{labels}:{line}: lost must be 0 or 1, got {row[5]:g}')
    name = folder_name(folder)
    return make_sequence(labels, name, to_truth(rows[:, 1:5], rows[:, 5] == 1), images,
                         source=f'TLP/{name}')
