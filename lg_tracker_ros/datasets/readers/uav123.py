"""
UAV123, UAV20L and UAV123@10fps (Mueller, Smith and Ghanem, ECCV 2016), as they unpack.

    configSeqs.m                   the folder and the first and last frame of each sequence
    anno/UAV123/NAME.txt           x,y,w,h a line, 1-based; NaN where the target is out of view
    anno/UAV20L/NAME.txt           or fully occluded: absent
    anno/UAV123/att/NAME.txt       optional: 0 or 1 for each of the 12 attributes
    data_seq/UAV123/FOLDER/000001.jpg ...

Several sequences (car1_1, car1_2) are parts of one folder. UAV20L names some of its sequences as
UAV123 does, so it is a layout of its own, ``uav20l``, of the same folder. The 10 fps version has
its labels straight in anno/. The benchmark runs in OTB's Matlab toolkit: 1-based as there.
"""

from __future__ import annotations

from pathlib import Path
import re

from lg_tracker_ros.datasets.readers.files import find_images, frame_number
from lg_tracker_ros.datasets.readers.text import (
    make_sequence,
    read_lines,
    read_rows,
    read_values,
    to_truth,
)
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np

EXPECTS = 'configSeqs.m, anno/UAV123/NAME.txt and data_seq/UAV123/NAME/000001.jpg'
EXPECTS_LONG = 'configSeqs.m, anno/UAV20L/NAME.txt and data_seq/UAV123/NAME/000001.jpg'
# scale variation, aspect ratio change, low resolution, fast motion, full and partial occlusion,
# out of view, background clutter, illumination, viewpoint, camera motion, similar object
ATTRIBUTES = ('SV', 'ARC', 'LR', 'FM', 'FOC', 'POC', 'OV', 'BC', 'IV', 'VC', 'CM', 'SOB')
_SET = re.compile(r'seq(\w+)\s*=\s*\{')
_ENTRY = re.compile(r"struct\('name','(?P<name>[^']+)','path','(?P<path>[^']+)',"
                    r"'startFrame',(?P<first>\d+),'endFrame',(?P<last>\d+)")


def _label_folder(folder: Path) -> Path:
    """Return where UAV123's labels are: anno/UAV123, anno/UAV123_10fps or anno itself."""
    for name in ('UAV123', 'UAV123_10fps'):
        if (folder / 'anno' / name).is_dir():
            return folder / 'anno' / name
    return folder / 'anno'


def _has(folder: Path, labels: Path) -> bool:
    return (folder / 'data_seq').is_dir() and next(labels.glob('*.txt'), None) is not None


def recognise(folder: Path) -> bool:
    """Tell whether the folder holds UAV123 or its 10 fps version."""
    return _has(folder, _label_folder(folder))


def recognise_long(folder: Path) -> bool:
    """Tell whether the folder holds UAV20L."""
    return _has(folder, folder / 'anno' / 'UAV20L')


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read UAV123 or its 10 fps version.

    Raises ValueError, naming file and line, for a missing file or image, an odd row, or a number
    of labels that doesn't match configSeqs.m.
    """
    return _read(folder, _label_folder(folder), long=False)


def read_long(folder: Path) -> list[LabelledSequence]:
    """Read UAV20L; raises as ``read`` does."""
    return _read(folder, folder / 'anno' / 'UAV20L', long=True)


def _entries(config: Path, long: bool) -> dict[str, tuple[str, int, int]]:
    """Read configSeqs.m: folder, first and last frame by name, of UAV20L or of the others."""
    found, in_long = {}, False
    for line in read_lines(config):
        opened = _SET.search(line)
        if opened:
            in_long = opened[1].upper() == 'UAV20L'
        for e in _ENTRY.finditer(re.sub(r'\s*([,(])\s*', r'\1', line)):
            if in_long == long:
                parts = e['path'].replace('\\', '/').strip('/').split('/')
                found[e['name']] = (parts[-1], int(e['first']), int(e['last']))
    if not found:
        raise ValueError(f"{config} holds no struct('name',...,'startFrame',...) of "
                         f'{"UAV20L" if long else "UAV123"}')
    return found


def _read(folder: Path, labelled: Path, long: bool) -> list[LabelledSequence]:
    data = next((p for n in (labelled.name, 'UAV123', 'UAV123_10fps')
                 if (p := folder / 'data_seq' / n).is_dir()), folder / 'data_seq')
    entries = _entries(folder / 'configSeqs.m', long)
    found = []
    for labels in sorted(labelled.glob('[!.]*.txt')):
        name = labels.stem
        if name not in entries:
            raise ValueError(f'{folder / "configSeqs.m"} has no sequence {name}, but {labels} is '
                             'there')
        place, first, last = entries[name]
        images = [p for p in find_images(data / place) if first <= frame_number(p) <= last]
        if len(images) != last - first + 1:
            raise ValueError(f'{data / place} holds {len(images)} of the frames {first} to {last} '
                             f'that configSeqs.m gives to {name}')
        rows = read_rows(labels)
        marks = labelled / 'att' / labels.name
        flags = read_values(marks, len(ATTRIBUTES), 0, 1).tolist() if marks.is_file() else []
        tags = tuple(tag for tag, on in zip(ATTRIBUTES, flags) if on)
        truth = to_truth(rows, np.isnan(rows[:, 0]), base=1)
        found.append(make_sequence(labels, name, truth, images, source=f'UAV123/{name}',
                                   attributes=tags))
    return sorted(found, key=lambda s: s.name)
