"""Files that are written whole, their sums, places and owners, and tables that can be read."""

from __future__ import annotations

from contextlib import contextmanager
import fcntl
import hashlib
import os
from pathlib import Path
import shutil
from typing import Iterator, Sequence


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an OSError say of which file it is: that of a write, on a full disk, doesn't."""
    try:
        yield
    except OSError as e:
        e.filename = e.filename or str(path)
        raise


def replace_file(path: Path, content: str | bytes) -> None:
    """
    Write a file whole or not at all, so that a broken run leaves no half of one.

    Raises OSError, a full disk's say; nothing is left of it then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with _named(path):
            part.write_bytes(content.encode() if isinstance(content, str) else content)
            part.replace(path)
    except BaseException:  # a signal's, too; what is left of it would never be looked at again
        part.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex; takes no more memory for a large file."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def network_cache() -> Path:
    """Return the folder in which networks that were exported here are kept; it need not exist."""
    return cache_folder() / 'networks'


def cache_folder() -> Path:
    """
    Return the folder for what can be had again, ``$XDG_CACHE_HOME`` or ``~/.cache`` below.

    An empty or relative ``XDG_CACHE_HOME`` doesn't count (XDG Base Directory Specification).
    For a user without a home the folder can't be made, and nothing is found there.
    """
    given = Path(os.environ.get('XDG_CACHE_HOME', ''))
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a number that the system has no user for: a container
        home = Path(os.devnull)
    return (given if given.is_absolute() else home / '.cache') / 'lg_tracker_ros'


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """
    Own an output folder, and make it where it isn't there; another process is told to wait.

    The system ends the ownership with the process, however that ends. Raises ValueError when
    another one owns it. A folder into which nothing was written is gone afterwards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / '.owner', 'a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            file.seek(0)
            raise ValueError(f'{folder} is being written by process {file.read(20).strip()}; wait '
                             'for its end or give another --out') from e
        file.truncate(0)
        with _named(folder):
            file.write(f'{os.getpid()}\n')
            file.flush()
        try:
            yield
        finally:
            if [p.name for p in folder.iterdir()] == ['.owner']:
                shutil.rmtree(folder)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """Write a Markdown table of padded cells: ``words`` columns of words, then figures."""
    cells = [[c.replace('|', '\\|') for c in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ['| ' + ' | '.join(c.ljust(w) if i < words else c.rjust(w)
                               for i, (c, w) in enumerate(zip(row, widths))) + ' |'
             for row in cells]
    rule = [('-' if i < words else ':').rjust(w + 2, '-') for i, w in enumerate(widths)]
    return [lines[0], f'|{"|".join(rule)}|', *lines[1:]]
