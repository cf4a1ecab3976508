"""The command line's words: what help tells of defaults, and what errors say was meant."""

import argparse

from lg_tracker_ros import __version__
from lg_tracker_ros.cli import main, make_parser
from lg_tracker_ros.words.arguments import Parser
import pytest


def parsers(parser, name=''):
    """Give the parser of every command, with its name."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield name, parser
    for word, child in (pair for a in below for pair in a.choices.items()):
        yield from parsers(child, f'{name} {word}'.strip())


COMMANDS = dict(parsers(make_parser()))


@pytest.mark.parametrize('name', COMMANDS)
def test_help_explains_every_word_and_names_every_default(name):
    parser = COMMANDS[name]
    assert parser.format_help().startswith(f'usage: python -m lg_tracker_ros {name} ')
    for action in parser._actions:
        assert action.help, action.dest
        has_default = action.option_strings and action.default not in (None, False, '')
        if has_default and action.default != [] and action.dest != 'help':
            text = parser._get_formatter()._expand_help(action)
            value = action.default
            value = ' '.join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            assert f'default: {value}' in text or 'default: ' in (action.help or ''), text


@pytest.mark.parametrize('words, said', [
    ('trak', "trak'; did you mean track or train?"),
    ('eval rn', "eval: error: command knows no 'rn'; did you mean run?"),
    ('eval magic', "command knows no 'magic'; there are run, report,"),
    ('track a.mp4 --intt 1,2,3,4', 'track: error: there is no option --intt; did you mean --init'),
    ('eval run --dta x', 'eval run: error: there is no option --dta; did you mean --data?'),
    ('train fit pixelwise --out o --zzz=1', 'there is no option --zzz; --help names all'),
    ('eval run --data x --out y --layout oxuv', "--layout knows no 'oxuv'; did you mean oxuva?"),
    *((f'{c} {o} -1', f'{o}: must be a whole number of at least {n}, got -1') for c, o, n in (
        ('eval absent --data d --out o', '--seed', 0), ('train preview --data d', '--seed', 0),
        ('train calibrate ncc --data d', '--seed', 0),
        ('train ablation tanet_lite --out o', '--seeds', 0),
        ('train ablation tanet_lite --out o', '--every', 1),
        ('train ablation tanet_lite --out o', '--jobs', 1))),
    ('train ablation tanet_lite --out o --jobs nan', 'a whole number of at least 1, got nan'),
    ('eval report a b', "eval report: error: 'b' is one word too many"),
])
def test_a_wrong_word_is_told_by_its_command_with_what_was_meant(words, said, capsys):
    with pytest.raises(SystemExit) as end:
        main(words.split())
    line = capsys.readouterr().err.splitlines()[-1]
    assert end.value.code == 2 and said in line and line.startswith('python -m lg_tracker_ros')


def test_what_is_no_option_is_no_error():
    parser = Parser(prog='p')
    parser.add_argument('--name')
    parser.add_argument('words', nargs='*')
    assert parser.parse_args(['--name=--x', '--', '--y']) == argparse.Namespace(
        name='--x', words=['--y'])
    assert parser.parse_args(['--na', '-3']).name == '-3'  # shortened, and a number


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(['--version'])
    assert end.value.code == 0 and capsys.readouterr().out == f'lg_tracker_ros {__version__}\n'
