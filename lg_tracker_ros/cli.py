"""
The command line, without ROS.

``track`` follows a target, ``bench`` times the parts, ``eval`` measures how well they track,
``train`` makes the weights.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import Sequence

from lg_tracker_ros import __version__, bench
from lg_tracker_ros.evaluation import cli as evaluation
from lg_tracker_ros.evaluation.experiments import ablation
from lg_tracker_ros.offline import command
from lg_tracker_ros.training import cli as training
from lg_tracker_ros.words.arguments import Parser
from lg_tracker_ros.words.lines import one_line
from lg_tracker_ros.words.packages import missing

EMPTY = ('--config=', '--data=', '--out=', '--video=')
"""An empty word names no file: Path would take it for the folder that we are in."""


def joined(words: Sequence[str]) -> list[str]:
    """Put ``--init`` and the next word together: argparse takes -5,100,40,60 for an option."""
    out: list[str] = []
    for word in words:
        if out and out[-1] in ('--init', '--box'):
            out[-1] += f'={word}'
        else:
            out.append(word)
    return out


def make_parser() -> argparse.ArgumentParser:
    """Declare every command with its options."""
    parser = Parser(prog='python -m lg_tracker_ros', description=__doc__)
    parser.add_argument('--version', action='version', version=f'lg_tracker_ros {__version__}')
    commands = parser.add_subparsers(dest='command', required=True)
    p = commands.add_parser('track', help='follow a target in a video, without ROS')
    command.add_arguments(p)
    p = commands.add_parser('bench', help='measure the parts side by side on this machine')
    bench.add_arguments(p)
    p.set_defaults(run=bench.run)
    p = commands.add_parser('eval', help='measure trackers on labelled sequences')
    evaluation.add_arguments(p)
    p = commands.add_parser('train', help='train the networks')
    training.add_arguments(p, {
        'ablation': (ablation.add_arguments, ablation.run,
                     'train with and without discriminators over seeds, and compare')})
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; a user's error is one line on stderr and exit status 1."""
    try:
        open_streams()
        args = _parse(joined(sys.argv[1:] if argv is None else argv))
        status: int = args.run(args)
        sys.stdout.flush()  # here, where a full disk can be told
        return status
    except BrokenPipeError:
        # the reader of our output left, as `head` does
        _silence()
        return 0
    except (ValueError, OSError, ImportError) as e:
        words = missing(e) if isinstance(e, ImportError) else e
        print(f'lg_tracker_ros: {one_line(words)}', file=sys.stderr)
        try:
            sys.stdout.flush()
        except OSError:
            _silence()
        return 1
    except KeyboardInterrupt:
        return 130


def _parse(given: Sequence[str]) -> argparse.Namespace:
    """Parse the words of a command line; SystemExit for a wrong one, as argparse has it."""
    parser = make_parser()
    for option, word in zip(given, [*given[1:], None]):
        if f'{option}={word}' in EMPTY or option in EMPTY:
            parser.error(f'{option.rstrip("=")} names nothing; is a variable of the shell empty?')
    return parser.parse_args(given)


def open_streams() -> None:
    """
    Let what is printed go nowhere where a standard stream is closed, as a daemon's may be.

    What the locale can't write (a file's name) is written with escapes instead of raising.
    """
    for name in ('stdin', 'stdout', 'stderr'):
        if getattr(sys, name) is None:  # the next file would get its number, and native words
            setattr(sys, name, open(os.devnull, 'r' if name == 'stdin' else 'w'))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == 'strict':
            stream.reconfigure(errors='backslashreplace')


def _silence() -> None:
    """Let Python's last flush go nowhere: nothing more can be written to the standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
