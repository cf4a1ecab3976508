"""
``eval cameras``: several synchronous streams, scored as one target across cameras.

Sequences whose names differ in ``_cam<digits>`` alone are a group: the same moments, the same
target, absent in some. One tracker gets all frames of a moment, and its best result counts.

    OUT/_cameras/dataset.json              the members' labels
    OUT/_cameras/<tracker>/<group>.csv     the columns of ``track`` and ``camera``, a member's name
    OUT/_cameras/<tracker>/<group>.json    how it was made
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
import re
import time
from typing import Any, Sequence, TypeVar

from lg_tracker_ros.datasets.readers import read_dataset, READERS
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.detections.recorded import RecordedDetector
from lg_tracker_ros.evaluation.experiments.detections import (
    add_detections,
    detector_of,
    digest,
)
from lg_tracker_ros.evaluation.experiments.jitter import add_jitter, first_box
from lg_tracker_ros.evaluation.experiments.jobs import over_processes
from lg_tracker_ros.evaluation.experiments.planned import (
    described,
    Job,
    one_protocol,
    plan,
    remaining,
    words,
)
from lg_tracker_ros.evaluation.experiments.progress import carry_out
from lg_tracker_ros.evaluation.experiments.records import (
    read_labels,
    read_record,
    tracker_folders,
    write_labels,
)
from lg_tracker_ros.evaluation.experiments.trackers import PEERS, settings_of
from lg_tracker_ros.evaluation.metrics.cameras import score
from lg_tracker_ros.evaluation.metrics.record import Labels
from lg_tracker_ros.evaluation.reports.markdown import number
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.files import table
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.rows import COLUMNS, track_row
from lg_tracker_ros.tracker import choose, LongTermTracker
from lg_tracker_ros.types import Track
import numpy as np
import numpy.typing as npt

FOLDER = '_cameras'


S = TypeVar('S', LabelledSequence, Labels)


def groups(sequences: Sequence[S]) -> dict[str, list[S]]:
    """
    Group the sequences whose names differ in ``_cam<digits>`` alone, by name and in its order.

    ``a_cam1_b`` and ``a_cam2_b`` are ``a_cams_b``; a single one is no group. Raises ValueError
    when the members have different numbers of frames: they can't show the same moments.
    """
    found: dict[str, list[S]] = {}
    for s in sorted(sequences, key=lambda s: s.name):
        group = re.sub(r'_cam\d+(?=_|$)', '_cams', s.name, count=1)
        if group != s.name:
            found.setdefault(group, []).append(s)
    found = {name: members for name, members in found.items() if len(members) > 1}
    for name, members in found.items():
        if len({len(m.truth) for m in members}) > 1:
            raise ValueError(f'the cameras of {name} must have the same number of frames, got '
                             + ', '.join(f'{m.name} {len(m.truth)}' for m in members))
    return found


def run_group(tracker: LongTermTracker, members: Sequence[LabelledSequence], jitter: int = 0,
              detector: RecordedDetector | None = None) -> list[list[str]]:
    """
    Follow the target through all members at once; returns a row for each moment, as in the CSV.

    Begins with the box of the member that has the earliest one (the first of these by order),
    moved by the seed ``jitter`` (jitter.py). ``detector`` has a file for each member.
    """
    if detector is not None:
        detector.assist(tracker)
    first = min(members, key=lambda m: m.start)
    rows = []
    last: Track | None = None
    for i, frames in enumerate(zip(*(m.frames(first.start) for m in members)), first.start):
        begin = time.perf_counter()
        if detector is not None:
            detector.show(i, frames)
        if last is None:
            last = tracker.init(frames[members.index(first)], first_box(first, jitter))
        else:
            last = choose(tracker.step(frames))
        ms = 1e3 * (time.perf_counter() - begin)
        rows.append([*track_row(i, frames[0].stamp, last, ms), last.camera])
    return rows


def read_cameras(path: Path, members: Sequence[Labels]) -> npt.NDArray[np.str_]:
    """
    Read the column ``camera`` of a group's CSV: N names, '' before its first frame.

    Raises ValueError with file and line for a name that no member has.
    """
    names = {m.name for m in members}
    found = np.full(len(members[0].truth), '', f'U{max(map(len, names))}')
    with reading(path, 'results of `eval cameras`'), open(path, newline='') as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            if row.get('camera') not in names:
                raise refused(f'{path}:{line}:', 'camera must be one of '
                              f'{", ".join(sorted(names))}, got {row.get("camera")!r}')
            found[int(row['frame'])] = row['camera']
    return found


def results(out: Path) -> dict[str, dict[str, Any]]:
    """Score what is in OUT: ``{tracker: {group: score(...)}}``; {} where there is nothing."""
    folder = out / FOLDER
    if not (folder / 'dataset.json').is_file():
        return {}
    known = groups(list(read_labels(folder).values()))
    found: dict[str, dict[str, Any]] = {}
    for tracker in tracker_folders(folder):
        for path in sorted(tracker.glob('*.csv')):
            members = known.get(path.stem, [])
            if members:
                record = read_record(path, members[0])
                found.setdefault(tracker.name, {})[path.stem] = score(
                    record, read_cameras(path, members), members)
    return found


def section(out: Path) -> list[str]:
    """Write the part of the report; no line where there is nothing."""
    found = results(out)
    if not found:
        return []
    members = groups(list(read_labels(out / FOLDER).values()))
    lines = ['## Several cameras', '',
             'One target in synchronous cameras. Right: a box with IoU > .5 in a camera that has '
             'the target; wrong: another camera or another box; silent: no box though some camera '
             'has the target. AUC counts the IoU in the right camera, else 0.', '']
    for group in sorted({g for of in found.values() for g in of}):
        shown = {t: of[group] for t, of in found.items() if group in of}
        some = next(iter(shown.values()))
        marks = sorted({mark for m in members[group] for mark in m.marks})
        lines += [f'{group}{" (" + ", ".join(marks) + ")" if marks else ""}: '
                  f'{len(members[group])} cameras, {some["frames"]} moments; the target is in one '
                  f'or more in {some["visible"]}, in none in {some["absent"]}.', '']
        lines += table(
            ['tracker', 'AUC', 'right', 'right camera', 'wrong', 'silent', 'claimed while in none',
             'ms'],
            [[t, number(s['auc'], 3), *(_counted(s, key, 'visible') for key in (
                'right', 'right_camera', 'wrong', 'silent')),
              _counted(s, 'claimed_when_absent', 'absent'), number(s['ms_median'], 1)]
             for t, s in shown.items()])
        lines.append('')
    return lines


def _counted(scores: dict[str, Any], key: str, of: str) -> str:
    share = f' ({scores[key] / scores[of]:.1%})' if scores[of] else ''
    return f'{scores[key]}{share}'


@dataclass(frozen=True, eq=False)
class GroupRun(Job):
    """One tracker over one group; ``weights`` as in peer_weights, ``detections`` a folder."""

    weights: Path | None
    detections: Path | None = None


def follow_group(job: GroupRun) -> int:
    """Do a job; returns the number of moments."""
    settings = settings_of(job.tracker, job.weights)
    detector = detector_of(job.detections, job.members, settings.selection())
    rows = run_group(build_tracker(settings), job.members, job.made['jitter'], detector)
    job.keep([[*COLUMNS, 'camera'], *rows])
    return len(rows)


def check_several(trackers: Sequence[str]) -> None:
    """Raise ValueError for a tracker that can't take several cameras."""
    for tracker in trackers:
        if tracker in PEERS:
            raise ValueError(f'{tracker} follows a target in one camera only; give configurations '
                             'of ours to `eval cameras`')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval cameras``."""
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='the data set; sequences NAME_cam1, NAME_cam2, ... are a group')
    parser.add_argument('--layout', default='', choices=READERS, metavar='NAME',
                        help=f'its layout, of {", ".join(READERS)}; default: recognised')
    parser.add_argument('--trackers', default='default', metavar='A,B', help='as for `eval run`')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the results; what is there stays')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='processes')
    parser.add_argument('--peers', type=Path, metavar='DIR',
                        help='as for `eval run`')
    parser.add_argument('--again', action='store_true', help='do again what is there')
    parser.add_argument('--seen', action='store_true',
                        help='also groups that the weights were trained on, marked')
    add_jitter(parser)
    add_detections(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``eval cameras``; status 1 when a job failed, the others' results stay."""
    found = groups(read_dataset(args.data, args.layout))
    if not found:
        raise ValueError(f'{args.data} holds no group of cameras; expected sequences whose names '
                         'differ in _cam<digits> alone, such as hall_cam1 and hall_cam2')
    check_several(words(args.trackers))
    members = [m for of in found.values() for m in of]
    jobs, marks = plan(words(args.trackers), found,
                       partial(described, weights=args.peers, jitter=args.jitter,
                               detections=digest(args.detections, members)),
                       partial(GroupRun, folder=args.out / FOLDER, weights=args.peers,
                               detections=args.detections), args.seen)
    one_protocol(members, args.out / FOLDER)
    write_labels(args.out / FOLDER, members, marks)
    todo = remaining(jobs, args.again)
    failed = carry_out(over_processes(follow_group, todo, args.jobs), todo, 'group')
    print('\n'.join(section(args.out)))
    return 1 if failed else 0
