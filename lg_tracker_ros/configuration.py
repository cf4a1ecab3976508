"""Settings as users write them: a parameter file, and ``name=value`` words on top."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, Sequence

from lg_tracker_ros.ros.options import NODE_PARAMETERS
from lg_tracker_ros.settings import read_yaml, Settings


def read_settings(config: str | None, params: Sequence[str]) -> Settings:
    """Read the YAML file and put ``name=value`` words on top; ValueError for a wrong one."""
    others = (*NODE_PARAMETERS, 'use_sim_time')
    settings = read_yaml(Path(config), others) if config else Settings()
    known = {f.name for f in fields(settings)}
    values: dict[str, Any] = {}
    for word in params:
        name, equals, text = word.partition('=')
        if not equals or name not in known:
            raise ValueError(f'--param takes name=value with a name of tracker.yaml, got {word!r}')
        kind = type(getattr(settings, name))
        try:
            values[name] = kind(text)
        except ValueError as e:
            raise ValueError(f'{name} must be {kind.__name__}, got {text!r}') from e
    return settings.changed(values)
