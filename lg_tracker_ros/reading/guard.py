"""Whatever a reader throws at a file's content comes out as one line with the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
import logging
from pathlib import Path

from lg_tracker_ros.words.lines import LONGEST, one_line
from lg_tracker_ros.words.nearest import not_there

POINTER = b'version https://git-lfs'
"""The first bytes of a pointer of Git LFS, which any file of a repository may be."""
LOG = logging.getLogger('lg_tracker_ros')
"""Goes to stderr; the node passes it on to ROS."""


def refused(path: Path | str, words: object) -> ValueError:
    """Make the error that says of a file what ``words`` do; of a long path its end is named."""
    where = str(path)
    where = where if len(where) <= LONGEST // 2 else '…' + where[1 - LONGEST // 2:]
    return ValueError(one_line(f'{where} {words}'))


def refuse_pointer(path: Path, kind: str) -> None:
    """Raise ValueError for what Git LFS leaves in place of a file (which must be there)."""
    with path.open('rb') as file:
        if file.read(len(POINTER)) == POINTER:
            raise refused(path, 'is the pointer that a clone without Git LFS leaves, expected '
                                f"{kind}: run 'git lfs pull' there")


@cache
def tell_once(words: str) -> None:
    """Say of a file, or of what it was taken for, what its user should know; once in a process."""
    LOG.warning(one_line(words))


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """
    Name the file in what the block throws at its content; ``kind`` is what it should be.

    Raises ValueError (``refused``) for any such error, and for what is no regular file: nobody
    may ever write into a FIFO. Raises OSError, with the file's name, where it can't be had.
    """
    if not path.exists():
        raise FileNotFoundError(one_line(not_there(path)))
    if not path.is_file():
        raise refused(path, f'is no regular file, expected {kind}')
    refuse_pointer(path, kind)
    try:
        yield
    except ValueError as e:
        if str(e).startswith(str(path)):  # it names the file already, and the line in it
            raise
        raise refused(path, f'is not {kind}: {e}') from e
    except OSError as e:
        if e.filename is None:
            raise refused(path, f'cannot be read: {e}') from e
        raise
    except Exception as e:  # readers of others' formats throw anything at damaged bytes
        raise refused(path, f'is not {kind}: {type(e).__name__}: {e}') from e
