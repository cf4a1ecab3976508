"""
TrackingNet (Muller et al., ECCV 2018), as its archives unpack.

    TEST/anno/NAME.txt           x,y,w,h: only the first frame's
    TRAIN_0/anno/NAME.txt        x,y,w,h a line
    TEST/frames/NAME/0.jpg ...   numbered without leading zeros

The boxes are taken as 0-based: the authors name no convention, and the boxes come from
YouTube-BoundingBoxes' shares of the image. No absence is labelled: a row without an area leaves
its frame unlabelled.
"""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.datasets.readers.files import find_folders, find_images
from lg_tracker_ros.datasets.readers.text import extend_first, make_sequence, read_rows, to_truth
from lg_tracker_ros.datasets.sequence import LabelledSequence

EXPECTS = 'TEST/anno/NAME.txt and TEST/frames/NAME/0.jpg'


def _fits(folder: Path) -> bool:
    return (folder / 'anno').is_dir() and (folder / 'frames').is_dir()


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a subset of TrackingNet or holds one."""
    return next(find_folders(folder, _fits), None) is not None


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read a subset of TrackingNet (TEST, TRAIN_0 ...) or all that are there.

    Raises ValueError, naming file and line, for missing images, an odd row or a number of
    images that doesn't match.
    """
    found = []
    for subset in find_folders(folder, _fits):
        for labels in (subset / 'anno').glob('[!.]*.txt'):
            images = find_images(subset / 'frames' / labels.stem)
            rows = extend_first(read_rows(labels), len(images))
            found.append(make_sequence(labels, labels.stem, to_truth(rows), images,
                                       source=f'TrackingNet/{labels.stem}'))
    return sorted(found, key=lambda s: s.name)
