"""
From the folders that a user names to the material they hold, recognised by their files.

Labelled videos are read by the evaluation's readers, so what can be measured on can be trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Callable, Iterable, Iterator, Sequence

from lg_tracker_ros.datasets.readers import LAYOUTS, read_dataset
from lg_tracker_ros.datasets.readers.files import folder_name, subfolders
from lg_tracker_ros.training.assets.render import read_objects
from lg_tracker_ros.training.data.media import (
    Clip,
    cut_sprites,
    held_out,
    make_clip,
    read_coco,
    read_stamps,
    spread,
    Sprite,
    Still,
)
from lg_tracker_ros.training.synthesis.scene import Background

EXPECTED = ('stills in COCO form (instances.json beside images/, or annotations/instances_NAME.'
            'json beside NAME/), a data set of labelled videos that `eval` knows, cut-outs as PNG '
            'with alpha, or what `train assets` made')
DEPTH = 2
"""How many folders deep is looked."""

SPRITES, BACKGROUNDS, OBJECT_SIDE = 4000, 1000, 128
"""At most so many stills are cut up, and so many are kept in memory; side of a rendered view."""


@dataclass(eq=False)
class Material:
    """
    Everything that training pictures are made of; one split of it.

    ``stills`` have instances. ``clip_share`` is how often a sample is taken from ``clips``, where
    there are any. ``names`` are what weights that learn from it have to name.
    """

    stills: list[Still] = field(default_factory=list)
    sprites: list[Sprite] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    backgrounds: list[Background] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    clip_share: float = 0.2


def coco_labels(folder: Path) -> list[tuple[Path, Path]]:
    """List the files of instances in a folder, each with the folder of its images."""
    if (folder / 'instances.json').is_file():
        return [(folder / 'instances.json', folder / 'images')]
    return [(path, folder / path.stem.removeprefix('instances_'))
            for path in sorted(folder.glob('annotations/instances_*.json'))]


def recognise(folder: Path) -> str | None:
    """Tell what a folder holds: 'objects', 'stills', 'clips', 'stamps' or None."""
    kinds: dict[str, Callable[[Path], bool]] = {
        'objects': lambda f: (f / 'models.csv').is_file(),
        'stills': lambda f: bool(coco_labels(f)),
        'clips': lambda f: any(layout.recognise(f) for layout in LAYOUTS.values()),
        'stamps': lambda f: next(f.rglob('*.png'), None) is not None}
    return next((kind for kind, fits in kinds.items() if fits(folder)), None)


def find(folder: Path, depth: int = DEPTH) -> Iterator[tuple[str, Path]]:
    """Give what a folder holds, by kind; one that holds several kinds is looked into."""
    own = recognise(folder)
    inside = [f for sub in subfolders(folder) for f in find(sub, depth - 1)] if depth else []
    # pictures of cut-outs lie in folders by subject; those are one source
    if own == 'stamps' and any(kind != 'stamps' for kind, _ in inside):
        own = None
    if own:
        yield own, folder
    else:
        yield from inside


def data_set(folder: Path) -> str:
    """Name the data set of a folder: by the repository in its SOURCE.txt, else as the folder."""
    about = folder / 'SOURCE.txt'
    named = re.search(r'^repo: \S*/([^/\s]+)$', about.read_text(encoding='utf-8'),
                      re.MULTILINE) if about.is_file() else None
    return named[1] if named else folder_name(folder)


def read_stills(folder: Path) -> list[Still]:
    """Read a folder of stills, all its splits."""
    found = []
    for labels, images in coco_labels(folder):
        year = re.fullmatch(r'instances_(?:train|val)(\d{4})', labels.stem)
        found += read_coco(labels, images, f'COCO {year[1]}' if year else folder_name(folder))
    return found


def read_material(folders: Sequence[Path], validation: bool, clip_share: float = 0.2,
                  without: Sequence[str] = (), composed: bool = True) -> Material:
    """
    Read what the folders hold, the held-out tenth of it (by name) or the rest.

    ``without`` names data sets to leave out, of stills that say theirs (a licence may not suit).
    ``composed``: scenes are made. Raises ValueError for a folder with nothing to train on, and
    where it can't do: scenes need cut-outs and something to put them over.
    """
    m = Material(clip_share=clip_share)
    left_out: set[str] = set()
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f'--data {folder}: there is no such folder')
        found = list(find(folder))
        if not found:
            raise ValueError(f'--data {folder} holds nothing to train on: expected {EXPECTED}')
        for kind, path in found:
            if kind == 'stills':
                left_out |= add_stills(m, path, lambda name: held_out(name) == validation,
                                       without)
            else:
                READERS[kind](m, path, lambda name: held_out(name) == validation)
    if left_out != set(without):
        raise ValueError(f'--without {" ".join(sorted(set(without) - left_out))}: no stills of '
                         'that data set are in --data')
    if composed and not (m.sprites and m.backgrounds):
        raise ValueError(
            f'--data {" ".join(map(str, folders))}: the {"held-out" if validation else "training"}'
            f' split has {len(m.sprites)} cut-outs and {len(m.backgrounds)} photographs; at least '
            'one of each is needed; `train assets` gets them')
    return m


Mine = Callable[[str], bool]


def add_stills(m: Material, folder: Path, mine: Mine, without: Sequence[str]) -> set[str]:
    """Add stills: as they are, cut up, and as backgrounds; returns the sources left out."""
    every = read_stills(folder)
    stills = [s for s in every if mine(s.path.name) and s.source not in without]
    with_instances = [s for s in stills if s.instances]
    m.stills += with_instances
    m.sprites += cut_sprites(spread(with_instances, SPRITES))
    m.backgrounds += [s.image() for s in spread(stills, BACKGROUNDS)]
    m.names |= {f'{s.source}/*' for s in stills}
    return {s.source for s in every} & set(without)


def add_clips(m: Material, folder: Path, mine: Mine) -> None:
    """Add labelled videos; they are backgrounds as well."""
    set_name = data_set(folder)
    clips = [make_clip(s, s.source if '/' in s.source else f'{set_name}/{s.name}')
             for s in read_dataset(folder) if mine(s.name)]
    found = [c for c in clips if c]
    m.clips += found
    m.backgrounds += [c.frames for c in found]
    m.names |= {c.source for c in found}


def add_sprites(m: Material, folder: Path, mine: Mine, sprites: Iterable[Sprite]) -> None:
    """Add cut-outs."""
    m.sprites += [s for s in sprites if mine(s.name)]
    m.names.add(f'{folder_name(folder)}/*')


READERS: dict[str, Callable[[Material, Path, Mine], None]] = {
    'clips': add_clips,
    'stamps': lambda m, folder, mine: add_sprites(m, folder, mine, read_stamps(folder)),
    'objects': lambda m, folder, mine: add_sprites(m, folder, mine,
                                                   read_objects(folder, OBJECT_SIDE)),
}
