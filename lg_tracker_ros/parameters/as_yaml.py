"""
``config/tracker.yaml``, written from what the parameters say about themselves.

``python -m lg_tracker_ros.parameters.as_yaml > config/tracker.yaml`` makes the file anew.
"""

from __future__ import annotations

from dataclasses import Field, fields
import sys
import textwrap
from typing import Any, Iterable

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
import yaml

HEAD = """\
# Parameters of lg_tracker, each with its default. Used by the node (ros2 launch, ros2 run
# --params-file) and by `python -m lg_tracker_ros track --config`. Written from the package, see
# lg_tracker_ros/parameters/as_yaml.py.
/**:
  ros__parameters:
"""
INDENT = '    '
COLUMNS = 92


def as_yaml() -> str:
    """Return the text of the parameter file: every parameter with its default, commented."""
    return '\n'.join([HEAD, *_part('The node', fields(NodeOptions)),
                      *_part('The tracker', fields(Settings))])


def comment(f: Field[Any]) -> str:
    """Describe a parameter: its text, range, choices and when it may be changed."""
    words, limits = [f.metadata['text']], f.metadata['limits']
    if limits is not None:
        words.append(f'{limits.low:g} to {limits.high:g}.')
    if f.metadata['choices']:
        words.append('One of: ' + ', '.join(f.metadata['choices']) + '.')
    if f.metadata.get('rebuild'):
        words.append('Needs cleanup and configure.')
    if f.metadata.get('when'):
        words.append(f"Changed only {f.metadata['when']}.")
    return ' '.join(words)


def _part(title: str, parameters: Iterable[Field[Any]]) -> list[str]:
    """Return a part of the file, a text for each parameter with an empty line behind it."""
    texts = [f'{INDENT}# -- {title} '.ljust(COLUMNS - 12, '-') + '\n']
    for f in parameters:
        default = list(f.default) if isinstance(f.default, tuple) else f.default
        value = yaml.safe_dump([default], default_flow_style=True, width=1000).strip()[1:-1]
        lines = textwrap.wrap(comment(f), COLUMNS, initial_indent=INDENT + '# ',
                              subsequent_indent=INDENT + '# ', break_on_hyphens=False)
        texts.append('\n'.join([*lines, f'{INDENT}{f.name}: {value}\n']))
    return texts


if __name__ == '__main__':
    sys.stdout.write(as_yaml())
