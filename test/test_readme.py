"""README's tables say what the specs, the settings and the tests do."""

from dataclasses import asdict, fields
from pathlib import Path
import re

from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.search import RULES
import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text()


def table(head):
    """Give the rows of the table under a line of three headings, as three texts each."""
    lines = README[README.index(head):].split('\n\n')[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]


def rows():
    """Give the rows of the table of parameters: names, defaults, text."""
    for names, defaults, text in table('| parameter | default | what |'):
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
    setup = (ROOT / 'setup.py').read_text()
    listed = setup[setup.index('extras_require'):].split('},')[0]
    named = re.search(r'extras: ([\w, ]+)\n', README)[1].split(', ')
    assert sorted(named) == sorted(re.findall(r"'(\w+)': \[", listed))


def test_every_optional_part_is_there_with_its_test():
    parts = table('| part | how | test |')
    for part, how, shown in parts:
        tests = re.findall(r'`(test/[\w/.]+)`', shown)
        assert how and tests, part
        for name in tests:
            path = ROOT / name
            assert 'def test_' in ''.join(p.read_text() for p in [path, *path.rglob('test_*.py')]
                                          if p.is_file()), name
    asked = set(re.findall(r'`(\w+)[:`]', ' '.join(how for _, how, _ in parts)))
    switches = {f.name for f in fields(NodeOptions) if f.default is False or f.default == ''}
    details = {'images_rectified', 'detections_camera', 'target_frame', 'ui_token'}
    assert switches - details <= asked, switches - details - asked
