"""The images of a folder, in the order in which they were taken."""

from __future__ import annotations

from contextlib import suppress
import os
from pathlib import Path
import re
from typing import Sequence

IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')
VIDEOS = ('.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg')

Key = list[str | list[tuple[int, str]]]

_NUMBER = re.compile(r'([0-9]+(?:\.[0-9]+)*)')
_DAY_FIRST = re.compile(
    r'(?<![0-9])(0?[1-9]|[12][0-9]|3[01])([-_.])(0?[1-9]|[12][0-9]|3[01])\2((?:19|20)[0-9]{2})'
    r'(?![0-9])')


def natural(name: str) -> Key:
    """
    Return a key that sorts names as people count: 2 before 10, 1.25 before 1.5.

    One dot between digits is a decimal's (SEC.USEC, whatever the width); of more (2024.1.15) each
    part counts by itself.
    """
    key: Key = []
    for i, part in enumerate(_NUMBER.split(name)):
        if not i % 2:
            key.append(part.casefold())
            continue
        first, *rest = part.split('.')
        if len(rest) == 1:
            key.append([(int(first), rest[0].rstrip('0'))])
        else:
            key.append([(int(p), '') for p in (first, *rest)])
    return key


def in_order(names: Sequence[str]) -> list[str]:
    """
    Sort file names naturally; where every one holds a date with its year last, by year first.

    Such a date is day, month, year, unless some name has a second number above 12.
    """
    stems = [os.path.splitext(n)[0] for n in names]
    dates = [_DAY_FIRST.search(s) for s in stems]
    if names and all(dates):
        found = [d for d in dates if d is not None]
        order = r'\4\2\1\2\3' if any(int(d[3]) > 12 for d in found) else r'\4\2\3\2\1'
        stems = [_DAY_FIRST.sub(order, s, count=1) for s in stems]
    keys = [(natural(s), n) for s, n in zip(stems, names)]
    return [name for _, name in sorted(keys)]


def list_images(folder: Path) -> list[Path]:
    """
    List a folder's images in order; what is hidden (``._1.jpg`` of macOS) or no file is left out.

    No file are links that lead nowhere or in a circle, too.

    Raises ValueError, which names what in the folder may be meant, when it holds none.
    """
    names = [e.name for e in os.scandir(folder) if e.name[0] != '.'
             and os.path.splitext(e.name)[1].lower() in IMAGES and Path(e.path).is_file()]
    if not names:
        raise ValueError(f'{folder} holds no images; expected {", ".join(IMAGES)}'
                         f'{_meant(folder)}')
    return [folder / n for n in in_order(names)]


def _meant(folder: Path) -> str:
    """Name what in a folder without images may be meant: a video, or a folder with images."""
    for path in sorted(folder.iterdir()):
        with suppress(OSError):  # a folder that is closed to us
            if path.suffix.lower() in VIDEOS or (path.is_dir() and any(
                    p.suffix.lower() in IMAGES for p in path.iterdir())):
                return f'; did you mean {path}?'
    return ''
