"""Settings as users write them: a parameter file, and ``name=value`` words on top."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
import re
from typing import Any, Sequence

from lg_tracker_ros.parameters.description import unknown
from lg_tracker_ros.parameters.node import NODE_PARAMETERS, of_ros
from lg_tracker_ros.parameters.tracker import RENAMED, renamed, Settings
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.plain import read_yaml_file
from lg_tracker_ros.words.lines import one_line

NODE = '/lg_tracker'
"""The node whose parameters a file holds, unless it names one in a namespace."""

Values = dict[Any, Any]


def read_yaml(path: Path, known_elsewhere: Sequence[str] = ()) -> Settings:
    """
    Read settings from a ROS parameter file (or a plain mapping), as the node would.

    Every section that fits the node counts, with ROS's wildcards and in the file's order; where
    none does and there is only one, that one; sections of one name are joined. Names in
    ``known_elsewhere`` (the node's own parameters) and those that every node has are passed over.
    Raises ValueError with the file's name.
    """
    found = read_yaml_file(path)
    if not isinstance(found, dict):
        got = 'nothing' if found is None else type(found).__name__
        raise refused(path, f'is wrong: expected parameters as name: value, got {got}')
    with reading(path, 'a valid set of parameters'):
        sections = _sections(found)
        data = _fitting(sections) if sections else found
        values = {k: v for k, v in data.items() if k not in known_elsewhere and not of_ros(str(k))}
        loose = [k for k, v in found.items() if not isinstance(v, dict)] if sections else []
        if loose:  # ROS refuses it, too
            raise ValueError(f'{loose[0]!r} must stand below ros__parameters:')
        below = [k for k, v in values.items() if isinstance(v, dict)]
        if below:
            raise ValueError(f'{below[0]!r} holds names; expected one value, or, if it is a '
                             "node's name, ros__parameters: below it")
        return Settings().changed(values, known_elsewhere)


def unread(path: Path, node: str) -> str:
    """Say that ROS takes nothing of a parameter file for a node of this full name, else ''."""
    try:
        found = read_yaml_file(path)
        names = [name for name, _ in _sections(found)] if isinstance(found, dict) else []
    except ValueError:  # ROS has read it, by rules that are less strict
        return ''
    if not names or any(_pattern(name).fullmatch(node) for name in names):
        return ''
    return one_line(f'{path} has nothing for {node}, only for {", ".join(dict.fromkeys(names))}: '
                    'its values are not used; name the section so, or /** for every node')


def _sections(data: Values, above: str = '') -> list[tuple[str, Values]]:
    """List the nodes' patterns (/ns/name, /**) and their parameters, in the file's order."""
    found = []
    for key, below in data.items():
        if key == 'ros__parameters' and below is None:
            raise ValueError(f'{above!r} names no parameter; expected name: value under '
                             'ros__parameters: below it')
        if not isinstance(below, dict):
            continue
        if key == 'ros__parameters':
            found.append((above or '/**', below))
        else:
            found += _sections(below, f"{above}/{str(key).strip('/')}")
    return found


def _fitting(sections: Sequence[tuple[str, Values]]) -> Values:
    """Put together what is said for our node; ValueError where that isn't clear."""
    named = list(dict.fromkeys(n for n, _ in sections
                               if n.endswith(NODE) and '*' not in n))
    if len(named) > 1 and NODE not in named:
        raise ValueError(f'parameters for {" and ".join(named)}; keep those of one in the file')
    me = NODE if NODE in named or not named else named[0]
    fitting = [values for name, values in sections if _pattern(name).fullmatch(me)]
    if not fitting and len(sections) > 1:
        raise ValueError(f'no parameters for {NODE}, only for '
                         f'{", ".join(dict.fromkeys(n for n, _ in sections))}')
    merged: Values = {}
    for values in fitting or [sections[0][1]]:
        merged.update(values)
    return merged


def _pattern(name: str) -> re.Pattern[str]:
    """Make of a node's name with wildcards what it fits: ``*`` one part, ``**`` any number."""
    parts = name.strip('/').split('/')
    return re.compile(''.join(
        '(/[^/]+)*' if p == '**' else '/[^/]+' if p == '*' else f'/{re.escape(p)}'
        for p in parts))


def read_settings(config: str | None, params: Sequence[str]) -> Settings:
    """Read the YAML file and put ``name=value`` words on top; ValueError for a wrong one."""
    settings = read_yaml(Path(config), NODE_PARAMETERS) if config else Settings()
    known = {f.name for f in fields(settings)}
    values: dict[str, Any] = {}
    for word in params:
        name, equals, text = word.partition('=')
        if name in RENAMED:
            raise ValueError(renamed(name))
        if not equals:
            raise ValueError(f'--param takes name=value, got {word!r}')
        if name in NODE_PARAMETERS:
            raise ValueError(f'{name} is for the node alone; leave it out here')
        if name not in known:
            raise ValueError(f'--param {word!r}: {unknown(name, known)}')
        kind = type(getattr(settings, name))
        try:
            values[name] = kind(text)
        except ValueError as e:
            raise ValueError(f'{name} must be {kind.__name__}, got {text!r}') from e
    return settings.changed(values)
