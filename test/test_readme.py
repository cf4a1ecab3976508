"""README's table of parameters says what the specs and the settings do."""

from dataclasses import asdict
from pathlib import Path
import re

from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.search import RULES
import pytest

README = (Path(__file__).resolve().parents[1] / 'README.md').read_text()


def rows():
    """Give the table's rows: names, defaults, text."""
    table = README[README.index('| parameter | default | what |'):].split('\n\n')[0]
    for line in table.splitlines()[2:]:
        names, defaults, text = (cell.strip() for cell in line.strip('|').split('|'))
        yield re.findall(r'`(\w+)`', names), defaults.split(', '), text


def test_defaults_are_those_of_the_settings():
    named = {name: default for names, defaults, _ in rows()
             for name, default in zip(names, defaults, strict=True)}
    assert named.pop('rules') == 'all seven' and len(RULES) == 7
    values = {**asdict(NodeOptions()), **asdict(Settings())}
    assert named == {
        name: str(values[name]).replace('False', 'false') for name in named}
    assert {'tracker', 'redetector', 'beta1', 'beta2'} < set(named)


@pytest.mark.parametrize('parameter, registry', [
    ('tracker', LOCAL_TRACKERS), ('redetector', REDETECTORS)])
def test_every_part_is_named_once(parameter, registry):
    text = next(text for names, _, text in rows() if names == [parameter])
    others = {'backbone', 'tracker_weights', 'redetector_weights'}
    assert sorted(n for n in re.findall(r'`(\w+)`', text) if n not in others) == sorted(registry)


def test_every_extra_is_named():
    setup = (Path(__file__).resolve().parents[1] / 'setup.py').read_text()
    listed = setup[setup.index('extras_require'):].split('},')[0]
    named = re.search(r'extras: ([\w, ]+)\n', README)[1].split(', ')
    assert sorted(named) == sorted(re.findall(r"'(\w+)': \[", listed))
