"""Where the sequences of a data set lie, and their images in order."""

from __future__ import annotations

import os
from pathlib import Path
import re
from typing import Callable, Iterator

from lg_tracker_ros.media.folder import list_images


def frame_number(path: Path) -> int:
    """Return the number at the end of a file's name, -1 where there is none."""
    found = re.search(r'(\d+)$', path.stem)
    return int(found[1]) if found else -1


def folder_name(folder: Path) -> str:
    """Return a folder's own name, also of ``.``, and of a link rather than what it points to."""
    return os.path.basename(os.path.abspath(folder))


def find_images(folder: Path) -> list[Path]:
    """
    List the images of a sequence in their order, as ``track`` has it.

    Raises ValueError when the folder isn't there or holds none.
    """
    if not folder.is_dir():
        raise ValueError(f'{folder} does not exist; the images of the sequence belong there')
    return list_images(folder)


def subfolders(folder: Path) -> list[Path]:
    """List a folder's folders by name; hidden ones and circles of links are left out."""
    if not folder.is_dir():
        return []
    return sorted(Path(e.path) for e in os.scandir(folder)
                  if e.name[0] != '.' and Path(e.path).is_dir())


def find_folders(folder: Path, fits: Callable[[Path], bool], depth: int = 1) -> Iterator[Path]:
    """Give the folder itself where it fits, else those that do, at most ``depth`` levels below."""
    if fits(folder):
        yield folder
    elif depth:
        for below in subfolders(folder):
            yield from find_folders(below, fits, depth - 1)
