"""``--detections``: runs with a detector's boxes, a file for each sequence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import hashlib
from pathlib import Path

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.detections.recorded import RecordedDetector
from lg_tracker_ros.detections.selection import Selection


def add_detections(parser: argparse.ArgumentParser) -> None:
    """Declare ``--detections``."""
    parser.add_argument('--detections', type=Path, metavar='DIR',
                        help='a detector helps the global search: DIR/SEQUENCE.csv as for `track`')


def table_of(folder: Path, sequence: LabelledSequence) -> Path:
    """Return the file of a sequence; ValueError where there is none."""
    path = folder / f'{sequence.name}.csv'
    if not path.is_file():
        raise ValueError(f'{path} is missing; --detections needs a table for each sequence')
    return path


def digest(folder: Path | None, sequences: Sequence[LabelledSequence]) -> str:
    """Name the content of the sequences' tables, for the sidecar; '' without a folder."""
    if folder is None:
        return ''
    whole = hashlib.sha256()
    for sequence in sorted(sequences, key=lambda s: s.name):
        whole.update(table_of(folder, sequence).read_bytes())
    return whole.hexdigest()[:16]


def detector_of(folder: Path | None, sequences: Sequence[LabelledSequence],
                selection: Selection) -> RecordedDetector:
    """Read the tables of a group's members; without a folder a detector that sees nothing."""
    return RecordedDetector([table_of(folder, s) for s in sequences] if folder else [], selection)
