"""
VOT, short-term and long-term (Kristan et al., the VOT challenges 2013 to now), and DiDi.

    list.txt                       the names of the sequences, a line each
    NAME/groundtruth.txt           a region a line
    NAME/groundtruth_ID.txt        instead, where there are several objects: NAME_ID is a sequence
    NAME/sequence                  optional: key=value lines; channels.color says where images are
    NAME/color/00000001.jpg ...    or the images beside groundtruth.txt (the older years)
    NAME/TAG.tag, NAME/TAG.label   0 or 1 a line

The folder is that of list.txt or a vot-toolkit workspace, which has it in sequences/. DiDi
(Videnovic et al., CVPR 2025), picked from other sets for its distractors, comes in the same form.
A region is

- ``x,y,w,h``, 1-based;
- a polygon ``x1,y1,x2,y2,...``, 1-based: its box is that of the smallest and largest coordinates
  (vot-toolkit's own conversion), not the box of equal area that some trackers start from;
- a mask ``m x,y,w,h,run,run,...`` (VOT2020 on), 0-based, runs of 0 and 1 by turns: its box covers
  its pixels, so it is a pixel wider and higher than vot-toolkit's conversion;
- nan, or a mask without a pixel: the target is absent;
- a single number, vot-toolkit's code for a frame without a label: unlabelled.

A tag is an attribute of the sequence when it is set in any frame. A file with one region only
(VOTS) labels the first frame.
"""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.datasets.readers.files import find_images, folder_name, subfolders
from lg_tracker_ros.datasets.readers.text import (
    extend_first,
    make_sequence,
    numbers,
    read_lines,
    read_text,
    to_truth,
)
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np

EXPECTS = 'list.txt, NAME/groundtruth.txt and NAME/color/00000001.jpg'


def _fits(folder: Path) -> bool:
    return bool(_label_files(folder)) and (
        (folder / 'sequence').is_file() or (folder / 'color').is_dir()
        or (folder / '00000001.jpg').is_file())


def _label_files(folder: Path) -> list[Path]:
    several = [p for p in sorted(folder.glob('groundtruth_*.txt'))
               if not p.name.startswith('groundtruth_rect')]  # OTB's
    return several or [p for p in [folder / 'groundtruth.txt'] if p.is_file()]


def _root(folder: Path) -> Path:
    return folder / 'sequences' if (folder / 'sequences').is_dir() else folder


def _places(folder: Path) -> list[Path]:
    """List the folders of the sequences: those in list.txt, else those that look like one."""
    if _fits(folder):
        return [folder]
    root = _root(folder)
    if (root / 'list.txt').is_file():
        return [root / name for name in read_lines(root / 'list.txt') if name]
    return [f for f in subfolders(root) if _fits(f)]


def recognise(folder: Path) -> bool:
    """Tell whether the folder is a sequence of VOT, a data set or a vot-toolkit workspace."""
    return any(map(_fits, _places(folder)))


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read a VOT data set, a workspace's sequences, or one sequence's folder.

    Raises ValueError, naming file and line, for a listed sequence that isn't there, an odd
    region or a number of images that doesn't match.
    """
    found = [s for place in _places(folder) for s in _read_one(place)]
    return sorted(found, key=lambda s: s.name)


def _read_one(folder: Path) -> list[LabelledSequence]:
    files = _label_files(folder)
    if not files:
        raise ValueError(f'{folder / "groundtruth.txt"} does not exist; list.txt names '
                         f'{folder.name}')
    base = folder_name(folder)
    images = find_images(_image_folder(folder))
    tags = sorted(p.stem for p in folder.iterdir() if p.suffix in ('.tag', '.label')
                  and '1' in read_text(p).split())
    found = []
    for labels in files:
        regions = [_region(text, f'{labels}:{line}')
                   for line, text in enumerate(read_lines(labels), 1)]
        rows = extend_first(np.array([box for box, _ in regions]), len(images))
        absent = np.zeros(len(rows), bool)
        absent[:len(regions)] = [gone for _, gone in regions]
        name = base + labels.stem.removeprefix('groundtruth')
        found.append(make_sequence(labels, name, to_truth(rows, absent), images,
                                   source=f'VOT/{base}', attributes=tuple(tags)))
    return found


def _image_folder(folder: Path) -> Path:
    """Return the folder of the colour images: where ``sequence`` says, color/, or beside."""
    described = folder / 'sequence'
    lines = read_lines(described) if described.is_file() else []
    pairs = {key.strip(): value.strip() for key, _, value in (x.partition('=') for x in lines)}
    if 'channels.color' in pairs:
        pattern = folder / pairs['channels.color'].replace('\\', '/')
        return pattern.parent if pattern.suffix else pattern
    return folder / 'color' if (folder / 'color').is_dir() else folder


def _region(text: str, where: str) -> tuple[list[float], bool]:
    """Return a region's box, 0-based x, y, w, h (nan: none), and whether the target is absent."""
    nothing = [np.nan] * 4
    if text.startswith('m'):
        box = _mask_box(numbers(text[1:], where), where)
        return box or nothing, not box
    values = numbers(text, where)
    if np.isnan(values).any():
        return nothing, True
    if len(values) == 1:
        return nothing, False
    if len(values) == 4:
        x, y, w, h = values
        return [x - 1, y - 1, w, h], False
    if len(values) < 6 or len(values) % 2:
        raise ValueError(f'{where}: expected x,y,w,h, a polygon of 3 points or more, a mask or '
                         f'nan, got {len(values)} numbers: {text[:60]!r}')
    x, y = min(values[::2]), min(values[1::2])
    return [x - 1, y - 1, max(values[::2]) - x, max(values[1::2]) - y], False


def _mask_box(values: list[float], where: str) -> list[float]:
    """Return the box of a mask's pixels, x, y, w, h; nothing for a mask without any."""
    if (len(values) < 5 or not all(v.is_integer() for v in values) or min(values[2:]) < 0
            or sum(values[4:]) > values[2] * values[3]):
        raise ValueError(f'{where}: expected a mask mx,y,w,h,run,run,... with runs of w x h '
                         'pixels in all')
    x, y, w = values[:3]
    runs = np.array(values[4:], np.int64)
    pixels = np.flatnonzero(np.repeat(np.arange(len(runs)) % 2, runs))
    if not pixels.size:
        return []
    rows, columns = pixels // w, pixels % w
    return [float(v) for v in (x + columns.min(), y + rows.min(), np.ptp(columns) + 1,
                               np.ptp(rows) + 1)]
