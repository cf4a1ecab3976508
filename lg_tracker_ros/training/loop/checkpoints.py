"""What a training run leaves on disk: checkpoints of tensors and plain values, never code."""

from __future__ import annotations

from dataclasses import fields, replace
import json
import os
from pathlib import Path
from typing import Any, Mapping, Sequence, TypeVar

from lg_tracker_ros.reading.guard import refused
from lg_tracker_ros.reading.state_dicts import read_pickled
from lg_tracker_ros.training.networks.network import Training
from lg_tracker_ros.words.nearest import meant
import torch

C = TypeVar('C', bound=Training)
MAY_CHANGE = frozenset({'patience', 'log_every', 'validate_every', 'warmup'})
"""Settings that another run may go on with; any other would make two runs of one."""


def save(path: Path, data: Mapping[str, Any]) -> None:
    """Write a checkpoint whole or not at all: a killed run leaves the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.{os.getpid()}')
    torch.save(dict(data), part)
    part.replace(path)


def read_run(path: Path) -> dict[str, Any]:
    """Read a checkpoint of ``save``; FileNotFoundError without one, ValueError for another."""
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path}')
    state = read_pickled(path)
    if not isinstance(state, dict) or not {'network', 'config', 'step'} <= set(state):
        raise refused(path, 'is not a checkpoint of `train fit`: it says neither which network it '
                            'holds nor how that was trained')
    return state


def check_same(path: Path, state: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Raise ValueError when the run in ``path`` is of another network or configuration."""
    if state['network'] != about['network']:
        raise ValueError(f'{path} holds {state["network"]}, not {about["network"]}: '
                         'use another --out')
    old, new = state['config'], about['config']
    for name in sorted(set(old) | set(new)):
        if name not in MAY_CHANGE and old.get(name) != new.get(name):
            raise ValueError(f'{path} was made with {name}={old.get(name)!r}, now it is '
                             f'{new.get(name)!r}: use another --out, or --set the old value')


def set_values(config: C, assignments: Sequence[str]) -> C:
    """
    Change a configuration by ``NAME=VALUE`` texts; mappings are written in JSON.

    Raises ValueError, in one line, for an unknown name or a value of another type.
    """
    known = {f.name: getattr(config, f.name) for f in fields(config)}
    changed: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = text.partition('=')
        if not equals:
            raise ValueError(f'--set {text}: expected NAME=VALUE')
        if name not in known:
            raise ValueError(f'--set {name}: there is no such setting; ' + (
                meant(name, known) or f'there are {", ".join(known)}'))
        changed[name] = _parsed(name, value, known[name])
    return replace(config, **changed)


def _parsed(name: str, text: str, default: Any) -> Any:
    kind = type(default)
    if kind is str:
        return text
    try:
        value = json.loads(text.lower() if kind is bool else text)
    except json.JSONDecodeError:
        value = None
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        what = {bool: 'true or false', int: 'a whole number', float: 'a number',
                dict: 'JSON such as {"backbone.": 0.1}'}.get(kind, kind.__name__)
        raise ValueError(f'--set {name}={text}: expected {what}')
    return value
