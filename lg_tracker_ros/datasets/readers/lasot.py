"""
LaSOT (Fan et al., CVPR 2019) and its extension, as their archives unpack.

    CLASS/CLASS-1/groundtruth.txt      x,y,w,h a line, 1-based
    CLASS/CLASS-1/full_occlusion.txt   0 or 1 for each frame, with commas in one line
    CLASS/CLASS-1/out_of_view.txt      the same
    CLASS/CLASS-1/img/00000001.jpg ...

The test archive has CLASS-1 without the folder of the class; both are read. Absent is a frame
that is fully occluded or out of view, and its box, if any, is dropped: the benchmark's toolkit
leaves those frames out as well. A box without an area in any other frame (tiger-6 has one of
height -11) leaves the frame unlabelled.
"""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.datasets.readers.files import find_folders, find_images, folder_name
from lg_tracker_ros.datasets.readers.text import make_sequence, read_rows, read_values, to_truth
from lg_tracker_ros.datasets.sequence import LabelledSequence

EXPECTS = 'CLASS/CLASS-1/groundtruth.txt, full_occlusion.txt, out_of_view.txt and img/'
FLAGS = ('full_occlusion.txt', 'out_of_view.txt')


def _fits(folder: Path) -> bool:
    return ((folder / 'groundtruth.txt').is_file()
            and any((folder / name).is_file() for name in FLAGS))


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a sequence of LaSOT, a class, or the whole."""
    return next(find_folders(folder, _fits, 2), None) is not None


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read LaSOT, one class, or one sequence's folder.

    Raises ValueError, naming file and line, for a missing file, an odd row or a number of
    images or flags that doesn't match.
    """
    return sorted((_read_one(f) for f in find_folders(folder, _fits, 2)), key=lambda s: s.name)


def _read_one(folder: Path) -> LabelledSequence:
    labels = folder / 'groundtruth.txt'
    rows = read_rows(labels)
    occluded, away = (read_values(folder / name, len(rows), 0, 1) == 1 for name in FLAGS)
    name = folder_name(folder)
    return make_sequence(labels, name, to_truth(rows, occluded | away, base=1),
                         find_images(folder / 'img'), source=f'LaSOT/{name}')
