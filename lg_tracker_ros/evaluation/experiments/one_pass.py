"""``eval run``: trackers over sequences, to disk; what is there already is not done again."""

from __future__ import annotations

import argparse
import csv
from dataclasses import asdict, dataclass
from functools import lru_cache
import io
import json
from pathlib import Path
import sys
import time
from typing import Any, Mapping, Sequence

from lg_tracker_ros.datasets.readers import read_dataset, READERS
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.jitter import add_jitter, first_box
from lg_tracker_ros.evaluation.experiments.jobs import over_processes, over_ray
from lg_tracker_ros.evaluation.experiments.progress import carry_out
from lg_tracker_ros.evaluation.experiments.records import read_labels, write_labels
from lg_tracker_ros.evaluation.experiments.trackers import (
    folder_name,
    make_runner,
    peer_weights,
    PEERS,
    Runner,
    settings_of,
)
from lg_tracker_ros.files import replace_file
from lg_tracker_ros.provenance import peer_files, seen_in_training, weights_of, what_made_it
from lg_tracker_ros.reading.plain import read_object
from lg_tracker_ros.rows import COLUMNS, PLACE, place_row, track_row


@dataclass(frozen=True, eq=False)
class Job:
    """One tracker over one sequence; ``made``, its jitter with it, goes into the sidecar."""

    tracker: str
    sequence: LabelledSequence
    out: Path
    weights: Path | None
    made: dict[str, Any]

    @property
    def label(self) -> str:
        """What to call it."""
        return f'{self.tracker} on {self.sequence.name}'

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.sequence.truth) - self.sequence.start


@lru_cache(maxsize=1)
def _runner(name: str, weights: Path | None) -> Runner:
    """Keep the last tracker: to build one takes as long as fifty frames."""
    return make_runner(name, weights)


def follow(job: Job) -> int:
    """
    Do a job, from the first frame with a box to the end; returns the number of frames.

    The sidecar is written first and the lines last, each whole, so that a file of lines on disk
    means a finished job.
    """
    runner, s = _runner(job.tracker, job.weights), job.sequence
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow([*COLUMNS, *PLACE])
    n, box = len(s.truth), first_box(s, job.made['jitter'])
    stages: dict[str, list[float | None]] = {}
    for i, frame in enumerate(s.frames(s.start), s.start):
        begin = time.perf_counter()
        track = runner.init(frame, box) if i == s.start else runner.step(frame)
        ms = 1e3 * (time.perf_counter() - begin)
        writer.writerow([*track_row(i, frame.stamp, track, ms), *place_row(track)])
        for stage, value in track.ms.items():
            stages.setdefault(stage, [None] * n)[i] = round(value, 3)
    path = result_path(job.out, job.tracker, s.name)
    sidecar = json.dumps({**job.made, 'stages': stages}, sort_keys=True)
    replace_file(path.with_suffix('.json'), sidecar + '\n')
    replace_file(path, text.getvalue())
    return job.frames


def result_path(out: Path, tracker: str, sequence: str) -> Path:
    """Say where the lines of a job go."""
    return out / folder_name(tracker) / f'{sequence}.csv'


def described(tracker: str, weights: Path | None = None, jitter: int = 0) -> dict[str, Any]:
    """
    Say what makes a tracker's results, for the sidecar; ValueError for an unknown name.

    ``jitter`` is the seed by which first boxes are moved (jitter.py).
    """
    if tracker in PEERS:
        files = peer_files(tracker, peer_weights(tracker, weights))
        return {'settings': {'peer': tracker}, 'jitter': jitter, **what_made_it(tracker, files)}
    settings = settings_of(tracker, weights)
    return {'settings': asdict(settings), 'jitter': jitter,
            **what_made_it(settings.tracker, weights_of(settings))}


def is_done(path: Path, made: Mapping[str, Any], again: bool) -> bool:
    """
    Whether the results of a job are in ``path``, made as ``made`` says.

    Raises ValueError when those there come from other settings, other weights or other first
    boxes: nobody could tell afterwards which lines are whose.
    """
    sidecar = path.with_suffix('.json')
    if again or not path.is_file() or not sidecar.is_file():
        return False
    old = {'jitter': 0, **read_object(sidecar)}  # older ones don't say
    for what in ('settings', 'weights', 'jitter'):
        if old.get(what) != json.loads(json.dumps(made[what])):
            raise ValueError(f'{path} was made with other {what}; use another --out, or --again '
                             'to replace it')
    return True


def plan(trackers: Sequence[str], sequences: Sequence[LabelledSequence], out: Path,
         weights: Path | None, seen: bool, jitter: int = 0) -> tuple[list[Job], dict[str, list[str]]]:
    """
    List the jobs, and the remarks that a report must carry, by sequence.

    A sequence that a tracker's weights were trained on is left out for that tracker, with a line
    on stderr, unless ``seen``; then it is remarked on.
    """
    names = [folder_name(t) for t in trackers]
    if len(set(names)) != len(names):
        raise ValueError(f'each tracker must be named once, got {" ".join(trackers)}')
    jobs, marks = [], {s.name: list[str]() for s in sequences}
    for tracker in trackers:
        made = described(tracker, weights, jitter)
        for s in sequences:
            known = seen_in_training(s.source, made['trained_on'])
            if known and not seen:
                print(f'{s.name} is left out for {tracker}: its weights were trained on {known}; '
                      '--seen runs it, marked', file=sys.stderr)
                continue
            if known:
                marks[s.name].append(f'{folder_name(tracker)} was trained on it')
            jobs.append(Job(tracker, s, out, weights, made))
    return jobs, marks


def run_jobs(jobs: Sequence[Job], workers: int, again: bool = False, ray: str = '') -> int:
    """Do what isn't done yet, with a progress bar; returns how many jobs failed."""
    todo = [j for j in jobs
            if not is_done(result_path(j.out, j.tracker, j.sequence.name), j.made, again)]
    if len(jobs) > len(todo):
        print(f'{len(jobs) - len(todo)} of {len(jobs)} are done already', file=sys.stderr)
    # trackers in the order asked for, so that a worker need not build another; of each the
    # longest sequences first, so that no worker is left alone with one at the end
    order = {name: i for i, name in enumerate(dict.fromkeys(j.tracker for j in jobs))}
    todo.sort(key=lambda j: (order[j.tracker], -len(j.sequence.truth)))
    done = over_ray(follow, todo, ray) if ray else over_processes(follow, todo, workers)
    return carry_out(done, sum(j.frames for j in todo), 'frame', lambda j: j.frames)


def one_protocol(sequences: Sequence[LabelledSequence], out: Path) -> None:
    """Refuse to put sequences of two protocols into one folder: no mean may mix them."""
    protocols = {s.protocol for s in sequences}
    if (out / 'dataset.json').exists():
        protocols |= {labels.protocol for labels in read_labels(out).values()}
    if len(protocols) > 1:
        raise ValueError(f'{out} would hold the protocols {" and ".join(sorted(protocols))}; give '
                         'each its own --out')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval run``."""
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='the data set, in a layout that people have on disk')
    parser.add_argument('--layout', default='', choices=['', *READERS],
                        help='its layout; default: recognised')
    parser.add_argument('--trackers', default='default', metavar='A,B',
                        help="'default', NAME.yaml, LOCAL+REDETECTOR, each perhaps with "
                        '@parameter=value; or ' + ', '.join(PEERS))
    parser.add_argument('--out', type=Path, required=True, metavar='OUT')
    parser.add_argument('--only', default='', metavar='SEQ,SEQ', help='these sequences')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='processes')
    parser.add_argument('--ray', default='', metavar='ADDRESS',
                        help="over a Ray cluster instead; 'local' starts one here")
    parser.add_argument('--peers', type=Path, metavar='DIR',
                        help='where the ONNX files of NanoTrack and VitTrack are')
    parser.add_argument('--again', action='store_true', help='do again what is there')
    parser.add_argument('--seen', action='store_true',
                        help='also sequences that the weights were trained on, marked')
    add_jitter(parser)


def words(text: str) -> list[str]:
    """Split ``A,B``."""
    return [w for w in text.split(',') if w]


def run(args: argparse.Namespace) -> int:
    """Run ``eval run``; status 1 when a job failed, the others' results stay."""
    if args.jobs < 1:
        raise ValueError(f'--jobs must be at least 1, got {args.jobs}')
    sequences = read_dataset(args.data, args.layout, words(args.only))
    one_protocol(sequences, args.out)
    jobs, marks = plan(words(args.trackers), sequences, args.out, args.peers, args.seen,
                       args.jitter)
    for tracker in words(args.trackers):
        make_runner(tracker, args.peers)  # what can't be had here should say so at once
    write_labels(args.out, sequences, marks)
    failed = run_jobs(jobs, args.jobs, args.again, args.ray)
    print(f'{len(jobs) - failed} of {len(jobs)} results are in {args.out}', file=sys.stderr)
    return 1 if failed else 0
