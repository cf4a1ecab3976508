"""The data set that a command is about, and which of its sequences."""

from __future__ import annotations

import argparse
from pathlib import Path

from lg_tracker_ros.datasets.readers import read_dataset, READERS
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.planned import words


def add_data(parser: argparse.ArgumentParser,
             what: str = 'the data set, in a layout that people have on disk',
             only: str = 'these sequences') -> None:
    """Declare ``--data``, ``--layout`` and ``--only``; ``what`` and ``only`` are their help."""
    parser.add_argument('--data', type=Path, required=True, metavar='DIR', help=what)
    parser.add_argument('--layout', default='', choices=READERS, metavar='NAME',
                        help=f'its layout, of {", ".join(READERS)}; default: recognised')
    parser.add_argument('--only', default='', metavar='SEQ,SEQ', help=only)


def read_data(args: argparse.Namespace) -> list[LabelledSequence]:
    """Read the sequences that these options name; raises as ``read_dataset``."""
    return read_dataset(args.data, args.layout, words(args.only))
