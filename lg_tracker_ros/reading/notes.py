"""What a file of weights says of itself: what it was trained on, and as what."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.state_dicts import read_pickled, READERS
from lg_tracker_ros.reading.tensors import read_metadata


def trained_on(path: Path) -> tuple[str, ...]:
    """
    Read what a file of weights says it was trained on: ``DATA SET/SEQUENCE``, ``*`` for all.

    The names are a JSON list under ``trained_on`` in the metadata of a safetensors header (8
    bytes of length, then JSON); no tensor is read. A file of another kind, or without the list,
    says nothing: (). Raises as ``read_note``.
    """
    names = read_note(path, 'trained_on') or []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise refused(path, "is damaged: 'trained_on' in its header should be a list of names, "
                            f'got {names!r}')
    return tuple(names)


def read_note(path: Path, name: str) -> Any:
    """
    Read the JSON under ``name`` in the header of a safetensors file; None: it isn't there.

    A file of another kind has none. Raises FileNotFoundError without a file, ValueError for a
    damaged one.
    """
    if path.suffix != '.safetensors':
        return None
    metadata = read_metadata(path)
    with reading(path, 'a readable safetensors file'):
        return json.loads(metadata.get(name, 'null'))


def said_by_training(path: Path) -> dict[str, Any]:
    """
    Read ``network`` and ``config``, which ``train`` leaves in its files; {} where there is none.

    Raises as ``read_note`` and ``read_pickled``.
    """
    names = ('network', 'config')
    data = {n: read_note(path, n) for n in names} if path.suffix in READERS else read_pickled(path)
    found = {n: data[n] for n in names if n in data} if isinstance(data, Mapping) else {}
    return found if isinstance(found.get('config'), dict) else {}
