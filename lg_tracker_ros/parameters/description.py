"""How a parameter is described: its range, choices and text."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Collection

from lg_tracker_ros.words.nearest import meant


@dataclass(frozen=True)
class Range:
    """Inclusive bounds of a number."""

    low: float
    high: float


def described(default: Any, text: str, limits: Range | None, choices: Collection[str],
              **more: Any) -> Any:
    """
    Make a dataclass field that carries its description; ``more`` is its table's own.

    ``choices`` is kept as it is: what is registered later counts too.
    """
    return field(default=default, metadata={
        'text': text, 'limits': limits, 'choices': choices, **more})


def out_of_range(parameters: Any) -> list[str]:
    """Name every field whose value is none of its choices or outside its limits, a line each."""
    wrong = []
    for f in fields(parameters):
        value, meta = getattr(parameters, f.name), f.metadata
        if meta['choices'] and value not in meta['choices']:
            near = meant(value, meta['choices'])
            wrong.append(f'{f.name} has no choice {value!r}; {near}' if near else
                         f"{f.name} must be one of {', '.join(meta['choices'])}, got {value!r}")
        limits = meta['limits']
        if limits is not None and not limits.low <= value <= limits.high:
            wrong.append(f'{f.name} must be in {limits.low:g}..{limits.high:g}, got {value}')
    return wrong


def unknown(name: object, known: Collection[str]) -> str:
    """Say, in one line, that no parameter has this name, and which may be meant."""
    return f'unknown parameter {name!r}; ' + (
        meant(name, known) or 'config/tracker.yaml has all names')
