"""What somebody may have meant by a name that is wrong."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Collection


def meant(name: object, known: Collection[str], before: str = '') -> str:
    """
    Ask whether one of ``known`` near ``name`` was meant, three at most; '' where none is near.

    ``before`` is put before each: what all of them begin with would make them alike.
    """
    lower = {k.lower(): k for k in known}
    close = get_close_matches(str(name).strip().lower(), lower, 3, 0.6)
    return f'did you mean {" or ".join(before + lower[c] for c in close)}?' if close else ''


def not_there(path: Path | str) -> str:
    """Say that nothing has this path and, where something near by has nearly its name, what."""
    parent = Path(path).parent
    try:
        near = meant(Path(path).name, [p.name for p in parent.iterdir()])
    except OSError:  # no folder either, or a closed one
        near = ''
    return f'{path} does not exist' + (f'; {near}' if near else '')
