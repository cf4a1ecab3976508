"""From the folders that a user names to the material they hold, recognised by their files."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from lg_tracker_ros.training.pairs import Material

EXPECTED = ('instances.json beside images/ (stills, COCO form), NAME/NAME.mp4 beside '
            'NAME/groundtruth.txt (clips), or cut-outs as PNG with alpha')


def recognise(folder: Path) -> str | None:
    """Tell what a folder holds: 'stills', 'clips', 'stamps' or None."""
    if (folder / 'instances.json').is_file():
        return 'stills'
    if next(folder.glob('*/groundtruth.txt'), None):
        return 'clips'
    return 'stamps' if next(folder.rglob('*.png'), None) else None


def sort_folders(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """
    Sort folders by what they hold; one that holds several kinds is looked into.

    Raises ValueError for one with nothing to train on.
    """
    found: dict[str, list[Path]] = {'stills': [], 'stamps': [], 'clips': []}
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f'--data {folder}: there is no such folder')
        inside = [p for p in sorted(folder.iterdir()) if p.is_dir()]
        kinds = [(p, recognise(p)) for p in inside]
        own = recognise(folder)
        if own in ('stills', 'clips') or not any(kind in ('stills', 'clips') for _, kind in kinds):
            kinds = [(folder, own)]
        if not any(kind for _, kind in kinds):
            raise ValueError(f'--data {folder} holds nothing to train on: expected {EXPECTED}')
        for path, kind in kinds:
            if kind:
                found[kind].append(path)
    return found


def read_material(folders: Sequence[Path], validation: bool) -> Material:
    """
    Read what the folders hold, the held-out tenth or the rest.

    Raises ValueError where it can't do: scenes need stills with instances and cut-outs.
    """
    found = sort_folders(folders)
    material = Material(found['stills'], found['stamps'], found['clips'], validation)
    if not material.stills or not material.sprites:
        raise ValueError(
            f'--data {" ".join(map(str, folders))}: the {"held-out" if validation else "training"}'
            f' split has {len(material.stills)} stills with instances and '
            f'{len(material.sprites)} cut-outs; at least one of each is needed')
    return material
