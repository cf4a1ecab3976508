"""MCAP files without an end: a recorder that was killed had no time to write it."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

MAGIC = b'\x89MCAP0\r\n'
_HEAD = 9  # a record is its kind, a byte, and its length, eight
_DATA_END = b'\x0f' + (4).to_bytes(8, 'little') + bytes(4)
_FOOTER = b'\x02' + (20).to_bytes(8, 'little') + bytes(20)  # of a file without a summary
END = _DATA_END + _FOOTER + MAGIC


def has_end(path: Path) -> bool:
    """Tell whether the file ends as MCAP does; raises OSError where it can't be read."""
    with path.open('rb') as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - len(MAGIC), 0))
        return file.read() == MAGIC and size > len(MAGIC)


def whole_part(path: Path) -> int:
    """
    Return for how many bytes the file holds whole records of data; 0: it is no MCAP.

    Only the records' lengths are read. A record of kind 0, which MCAP doesn't have, is space that
    was never written to.
    """
    with path.open('rb') as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            return 0
        at = len(MAGIC)
        while len(head := file.read(_HEAD)) == _HEAD and head[:1] not in (b'\0', _DATA_END[:1]):
            after = at + _HEAD + int.from_bytes(head[1:], 'little')
            if after > size:
                break
            at = file.seek(after)
    return at


class Mended(type(Path())):  # type: ignore[misc]  # the class of this system's paths
    """The path of a file without an end; what is opened has one behind its whole records."""

    def open(self, *unused: Any, **unused_too: Any) -> Any:  # noqa: A003
        """Open it for reading bytes."""
        return io.BufferedReader(_Ended(Path(self)))


class _Ended(io.RawIOBase):
    """The whole part of a file, and END behind it."""

    def __init__(self, path: Path) -> None:
        self._data = whole_part(path)
        self._file = path.open('rb', buffering=0)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._data + len(END)}
        self._at = start[whence] + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer)
        if self._at < self._data:
            self._file.seek(self._at)
            got = self._file.read(min(wanted, self._data - self._at))
        else:
            got = END[self._at - self._data:][:wanted]
        buffer[:len(got)] = got
        self._at += len(got)
        return len(got)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
