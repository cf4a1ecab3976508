"""Settings as users write them: a parameter file, and ``name=value`` words on top."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Sequence

from lg_tracker_ros.parameters.node import NODE_PARAMETERS, of_ros
from lg_tracker_ros.parameters.tracker import RENAMED, renamed, Settings
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.plain import read_yaml_file


def read_yaml(path: Path, known_elsewhere: Sequence[str] = ()) -> Settings:
    """
    Read settings from a ROS parameter file (or a plain mapping).

    The first node's ``ros__parameters`` count; names in ``known_elsewhere`` (the node's own
    parameters), and those of every ROS node, are passed over. Raises ValueError with the
    file's name.
    """
    data = read_yaml_file(path)
    inner = data
    while isinstance(inner, dict) and len(inner) == 1:
        data, inner = inner, next(iter(inner.values()))
    data = inner if isinstance(inner, dict) else data
    if not isinstance(data, dict):
        raise refused(path, f'is wrong: expected parameters as name: value, '
                            f'got {type(data).__name__}')
    with reading(path, 'a valid set of parameters'):
        return Settings().changed({k: v for k, v in data.items()
                                   if k not in known_elsewhere and not of_ros(str(k))})


def read_settings(config: str | None, params: Sequence[str]) -> Settings:
    """Read the YAML file and put ``name=value`` words on top; ValueError for a wrong one."""
    settings = read_yaml(Path(config), NODE_PARAMETERS) if config else Settings()
    known = {f.name for f in fields(settings)}
    values: dict[str, Any] = {}
    for word in params:
        name, equals, text = word.partition('=')
        if name in RENAMED:
            raise ValueError(renamed(name))
        if not equals or name not in known:
            raise ValueError(f'--param takes name=value with a name of tracker.yaml, got {word!r}')
        kind = type(getattr(settings, name))
        try:
            values[name] = kind(text)
        except ValueError as e:
            raise ValueError(f'{name} must be {kind.__name__}, got {text!r}') from e
    return settings.changed(values)
