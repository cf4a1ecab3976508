"""Result files that grow: never over an input, readable at any time, whole rows only."""

from __future__ import annotations

from contextlib import suppress
import csv
import os
from pathlib import Path
import stat
from typing import Iterable, Sequence, TextIO


def refuse_inputs(outputs: Sequence[Path], inputs: Iterable[Path]) -> None:
    """Raise ValueError for an output that is an input (by whatever name) or named twice."""
    known = {_identity(p): p for p in inputs}
    for path in outputs:
        if _identity(path) in known:
            raise ValueError(f'{path} would be written over, and it is {known[_identity(path)]}, '
                             'which is read; give the output another name')
    if len({_identity(p) for p in outputs}) < len(outputs):
        raise ValueError(f'{outputs[0]} is named for two outputs; give each its own')


def _identity(path: Path) -> tuple[int, int] | Path:
    try:
        found = path.stat()
    except OSError:
        return Path(os.path.realpath(path))
    # what is no file (/dev/null, a terminal) can be written twice
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else path / '..'


class Growing:
    """
    A result file.

    A new one grows under its own name. One that replaces another grows beside it, as
    ``NAME.partPID.SUFFIX``, so that the old one is whole until ``keep``.
    """

    def __init__(self, path: Path) -> None:
        """Make the file, and its folder; raises OSError where that is not allowed."""
        self.path = Path(os.path.realpath(path))  # resolve() minds links in a circle
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._new = not self.path.exists()
        self.working = self.path
        if self.path.is_file():
            self.working = self.path.with_name(
                f'{self.path.stem}.part{os.getpid()}{self.path.suffix}')
        if self._new or self.path.is_file() or self.path.is_dir():
            open(self.working, 'ab').close()
        # else a pipe or a device: whoever reads a pipe would take that for its end

    def keep(self) -> None:
        """Let the file have its name; what it replaces is gone."""
        if self.working != self.path:
            self.working.replace(self.path)

    def drop(self) -> None:
        """Remove the file; what it was to replace stays."""
        if self._new or self.working != self.path:
            self.working.unlink(missing_ok=True)


class Rows:
    """Lines of CSV, each written at once and as a whole."""

    def __init__(self, out: TextIO) -> None:
        """Write to ``out``, which stays open."""
        self._out = out
        self._writer = csv.writer(out, lineterminator='\n')

    def write(self, row: Sequence[str]) -> None:
        """Add a row; raises OSError, and leaves nothing of it, when it can't be written."""
        before = self._size()
        try:
            self._writer.writerow(row)
            self._out.flush()
        except BrokenPipeError:
            raise
        except OSError as e:
            with suppress(OSError, ValueError):  # a test's own stream has no number
                file = self._out.fileno()
                if before is not None:
                    os.ftruncate(file, before)
                # what waits in the buffer would be written when the file is closed
                os.dup2(os.open(os.devnull, os.O_WRONLY), file)
            name = getattr(self._out, 'name', 'the standard output')
            raise OSError(e.errno, f'{e.strerror} (the rows end there)', name) from e

    def _size(self) -> int | None:
        """Return the bytes of a regular file, None for a pipe, a terminal or a test's own."""
        try:
            found = os.fstat(self._out.fileno())
        except (OSError, ValueError):  # io.UnsupportedOperation is both
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None
