"""JSON and YAML files."""

from __future__ import annotations

import json
from pathlib import Path
import re
from typing import Any

from lg_tracker_ros.reading.guard import reading
import yaml

YAML_BYTES = 1 << 18
"""At most: parameters of a whole robot take a tenth of it."""


def read_object(path: Path) -> dict[str, Any]:
    """Read a file of one JSON object; ValueError, in one line, for another."""
    with reading(path, 'a file of one JSON object'):
        data = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(data, dict):
            raise ValueError(f'it holds {type(data).__name__}')
        return data


class _Loader(yaml.SafeLoader):
    """
    Reads trees only: an alias may run in a circle, or stand for a text without end.

    What stands twice is one section, and 5e-1 is a number, as ROS's own parser has it.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse an alias, as ROS does."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ValueError(f'line {mark.line + 1}: aliases (*name) are not taken, as in ROS; '
                             'write the value out')
        return super().compose_node(parent, index)

    def get_single_node(self) -> yaml.Node | None:
        """Join the sections of one name; PyYAML alone keeps the last."""
        root = super().get_single_node()
        if isinstance(root, yaml.MappingNode):
            _join(root)
        return root


# YAML 1.1 wants a dot and a sign in the exponent
_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float', re.compile(r'[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$'),
    list('-+.0123456789'))


def _join(node: yaml.MappingNode) -> None:
    """Make one of the mappings that have the same name, at any depth."""
    sections: dict[str, yaml.MappingNode] = {}
    pairs = []
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode) and isinstance(value, yaml.MappingNode):
            if key.value in sections:
                sections[key.value].value += value.value
                continue
            sections[key.value] = value
        pairs.append((key, value))
    node.value = pairs
    for section in sections.values():
        _join(section)


def read_yaml_file(path: Path) -> Any:
    """
    Read one YAML document without aliases, of at most YAML_BYTES; None where it is empty.

    Raises ValueError, in one line with the file's name, for another file.
    """
    with reading(path, 'a readable YAML file'):
        if path.stat().st_size > YAML_BYTES:
            raise ValueError(f'expected at most {YAML_BYTES} bytes, got {path.stat().st_size}')
        return yaml.load(path.read_text(encoding='utf-8'), _Loader)  # a SafeLoader
