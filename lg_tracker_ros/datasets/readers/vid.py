"""
ImageNet VID (Russakovsky et al., IJCV 2015), as its archive unpacks, and data labelled like it.

    Annotations/VID/train/PART/SNIPPET/000000.xml   <object> with <trackid> and <bndbox>
    Data/VID/train/PART/SNIPPET/000000.JPEG

Each track is a sequence of its own, SNIPPET-TRACK; a frame whose file lacks the track has the
target absent. The boxes are taken as 0-based corners, as the development kit draws them. The
attribute is the class.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from lg_tracker_ros.datasets.readers.files import find_images
from lg_tracker_ros.datasets.readers.text import make_sequence, to_truth
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np

EXPECTS = 'Annotations/VID/ and Data/VID/, SNIPPET/000000.xml and SNIPPET/000000.JPEG in them'


def recognise(folder: Path) -> bool:
    """Tell whether the folder holds labels and images of VID."""
    return (folder / 'Annotations' / 'VID').is_dir() and (folder / 'Data' / 'VID').is_dir()


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read every track of every snippet.

    Raises ValueError, naming the file, for broken XML, a box that isn't one, missing images or a
    number of them that doesn't match.
    """
    labels = folder / 'Annotations' / 'VID'
    snippets = sorted({path.parent for path in labels.rglob('*.xml')})
    return [s for snippet in snippets
            for s in _read_one(snippet, folder / 'Data' / 'VID' / snippet.relative_to(labels))]


def _read_one(labels: Path, images: Path) -> list[LabelledSequence]:
    files = sorted(labels.glob('*.xml'))
    tracks: dict[str, np.ndarray] = {}
    classes: dict[str, str] = {}
    for i, path in enumerate(files):
        try:
            for item in ElementTree.parse(path).getroot().iter('object'):
                track = item.findtext('trackid', '')
                x0, y0, x1, y1 = (float(item.findtext(f'bndbox/{key}', ''))
                                  for key in ('xmin', 'ymin', 'xmax', 'ymax'))
                rows = tracks.setdefault(track, np.full((len(files), 4), np.nan))
                rows[i] = x0, y0, x1 - x0, y1 - y0
                classes[track] = item.findtext('name', '')
        except (ElementTree.ParseError, ValueError) as e:
            raise ValueError(f'{path}: expected <object> with <trackid> and <bndbox>: {e}') from e
    found = find_images(images)
    return [make_sequence(labels, f'{labels.name}-{track}', to_truth(rows, np.isnan(rows[:, 0])),
                          found, source=f'ImageNet VID/{labels.name}',
                          attributes=(classes[track],))
            for track, rows in sorted(tracks.items()) if np.isfinite(rows).all(axis=1).any()]
