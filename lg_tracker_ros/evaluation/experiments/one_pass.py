"""``eval run``: trackers over sequences, to disk; what is there already is not done again."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
import sys
import time
from typing import Sequence

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
from lg_tracker_ros.evaluation.experiments.detections import (
    add_detections,
    detector_of,
    digest,
)
from lg_tracker_ros.evaluation.experiments.jitter import add_jitter, first_box
from lg_tracker_ros.evaluation.experiments.jobs import over_processes, over_ray
from lg_tracker_ros.evaluation.experiments.planned import (
    described,
    Job,
    Marks,
    one_protocol,
    plan,
    remaining,
    words,
)
from lg_tracker_ros.evaluation.experiments.progress import carry_out
from lg_tracker_ros.evaluation.experiments.records import write_labels
from lg_tracker_ros.evaluation.experiments.trackers import (
    make_runner,
    Ours,
    PEERS,
    Runner,
    settings_of,
)
from lg_tracker_ros.rows import COLUMNS, PLACE, place_row, track_row


@dataclass(frozen=True, eq=False)
class Run(Job):
    """One tracker over one sequence; ``weights`` as in peer_weights, ``detections`` a folder."""

    weights: Path | None
    detections: Path | None = None

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return len(self.sequence.truth) - self.sequence.start


@lru_cache(maxsize=1)
def _runner(name: str, weights: Path | None) -> Runner:
    """Keep the last tracker: to build one takes as long as fifty frames."""
    return make_runner(name, weights)


def follow(job: Run) -> int:
    """Do a job, from the first frame with a box to the end; returns the number of frames."""
    runner, s = _runner(job.tracker, job.weights), job.sequence
    rows = [[*COLUMNS, *PLACE]]
    n, box = len(s.truth), first_box(s, job.made['jitter'])
    stages: dict[str, list[float | None]] = {}
    detector = None
    if isinstance(runner, Ours):
        settings = settings_of(job.tracker, job.weights)
        detector = detector_of(job.detections, [s], settings.selection())
        detector.assist(runner.tracker)
    for i, frame in enumerate(s.frames(s.start), s.start):
        begin = time.perf_counter()
        if detector is not None:
            detector.show(i * s.every, [frame])  # its tables count all frames
        track = runner.init(frame, box) if i == s.start else runner.step(frame)
        ms = 1e3 * (time.perf_counter() - begin)
        rows.append([*track_row(i, frame.stamp, track, ms), *place_row(track)])
        for stage, value in track.ms.items():
            stages.setdefault(stage, [None] * n)[i] = round(value, 3)
    job.keep(rows, stages=stages)
    return job.frames


def plan_runs(trackers: Sequence[str], sequences: Sequence[LabelledSequence], out: Path,
              weights: Path | None, seen: bool, jitter: int = 0,
              detections: Path | None = None) -> tuple[list[Run], Marks]:
    """List the jobs, and the remarks that a report must carry; as ``planned.plan``."""
    return plan(trackers, {s.name: [s] for s in sequences},
                partial(described, weights=weights, jitter=jitter,
                        detections=digest(detections, sequences)),
                partial(Run, folder=out, weights=weights, detections=detections), seen)


def run_jobs(jobs: Sequence[Run], workers: int, again: bool = False, ray: str = '') -> int:
    """Do what isn't done yet, with a progress bar; returns how many jobs failed."""
    todo = remaining(jobs, again)
    if len(jobs) > len(todo):
        print(f'{len(jobs) - len(todo)} of {len(jobs)} are done already', file=sys.stderr)
    # trackers in the order asked for, so that a worker need not build another; of each the
    # longest sequences first, so that no worker is left alone with one at the end
    order = {name: i for i, name in enumerate(dict.fromkeys(j.tracker for j in jobs))}
    todo.sort(key=lambda j: (order[j.tracker], -len(j.sequence.truth)))
    done = over_ray(follow, todo, ray) if ray else over_processes(follow, todo, workers)
    return carry_out(done, todo, 'frame', lambda j: j.frames)


TRACKERS = ("'default', NAME.yaml, LOCAL+REDETECTOR, each perhaps with @parameter=value; or "
            + ', '.join(PEERS))
"""What ``--trackers`` takes, as its help."""


def add_arguments(parser: argparse.ArgumentParser, trackers: str = 'default',
                  trackers_help: str = TRACKERS) -> None:
    """Declare the options of ``eval run``; ``trackers`` are those of ``--trackers`` unasked."""
    add_data(parser)
    parser.add_argument('--trackers', default=trackers, metavar='A,B', help=trackers_help)
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the results; what is there stays')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='processes')
    parser.add_argument('--ray', default='', metavar='ADDRESS',
                        help="over a Ray cluster instead; 'local' starts one here")
    parser.add_argument('--peers', type=Path, metavar='DIR',
                        help='where the ONNX files of NanoTrack and VitTrack are')
    parser.add_argument('--again', action='store_true', help='do again what is there')
    parser.add_argument('--seen', action='store_true',
                        help='also sequences that the weights were trained on, marked')
    parser.add_argument('--every', type=int, default=1, metavar='N',
                        help='one frame of N, as from a slower camera')
    add_jitter(parser)
    add_detections(parser)


def chosen(args: argparse.Namespace) -> list[LabelledSequence]:
    """Read the sequences that the options name; ValueError for options that leave none."""
    if args.every < 1:
        raise ValueError(f'--every must be at least 1, got {args.every}')
    return [s.thinned(args.every) for s in read_data(args)]


def run(args: argparse.Namespace) -> int:
    """Run ``eval run``; status 1 when a job failed, the others' results stay."""
    if args.jobs < 1:
        raise ValueError(f'--jobs must be at least 1, got {args.jobs}')
    sequences = chosen(args)
    one_protocol(sequences, args.out)
    jobs, marks = plan_runs(words(args.trackers), sequences, args.out, args.peers, args.seen,
                            args.jitter, args.detections)
    for tracker in words(args.trackers):
        make_runner(tracker, args.peers)  # what can't be had here should say so at once
    write_labels(args.out, sequences, marks)
    failed = run_jobs(jobs, args.jobs, args.again, args.ray)
    print(f'{len(jobs) - failed} of {len(jobs)} results are in {args.out}', file=sys.stderr)
    return 1 if failed else 0
