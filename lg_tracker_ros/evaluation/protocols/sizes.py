"""
``eval sizes``: re-detectors by themselves, for targets of given sizes that leave and return.

A cut-out of a video with masks is shown over another video's frame among four others of about the
same size, learned there, and sought in a later frame, where all of them are elsewhere: once in its
first size and once larger or smaller, while the re-detector is told its first size. All
re-detectors see the same scenes (protocols/pasted.py).

    OUT/_sizes/<redetector>/<N>px.csv     COLUMNS, a row for each scene and size
    OUT/_sizes/<redetector>/<N>px.json    how it was made
    OUT/_sizes/sizes.md                   the table
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Mapping, Sequence

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
from lg_tracker_ros.evaluation.experiments.jobs import over_processes
from lg_tracker_ros.evaluation.experiments.planned import (
    described,
    Job,
    Marks,
    plan,
    remaining,
    words,
)
from lg_tracker_ros.evaluation.experiments.progress import carry_out
from lg_tracker_ros.evaluation.experiments.proposals import (
    judge,
    make_redetector,
    redetector_settings,
)
from lg_tracker_ros.evaluation.experiments.trackers import folder_name
from lg_tracker_ros.evaluation.protocols.pasted import (
    LEAST,
    make_scene,
    MOST,
    read_video,
    Scene,
    Video,
)
from lg_tracker_ros.evaluation.reports.markdown import number
from lg_tracker_ros.files import replace_file, table
from lg_tracker_ros.reading.guard import reading
from lg_tracker_ros.types import Redetector
import numpy as np

FOLDER = '_sizes'
AT = (1, 3, 10)
COLUMNS = ('scene', 'factor', 'x', 'y', 'w', 'h', 'rank')
"""
``factor``: the target's size over its first one; its box; ``rank``: the first proposal, from 1,
whose centre lies in it, 0: none of max(AT).
"""


@lru_cache(maxsize=1)
def read_videos(sequences: tuple[LabelledSequence, ...]) -> list[Video]:
    """Read those that scenes can be made of; ValueError where there are fewer than three."""
    found = [v for v in map(read_video, sequences) if v]
    if len(found) < 3:
        raise ValueError('scenes need three videos or more, with masks and the target in six '
                         f'frames or more, as DAVIS has them; --data has {len(found)}')
    return found


def ask(redetector: Redetector, scene: Scene, name: int) -> list[list[str]]:
    """Ask a re-detector about a scene; returns its rows of COLUMNS."""
    redetector.init(scene.frame, scene.box)
    rows = []
    for later in scene.later:
        found = redetector.propose([later.frame], (scene.box.w, scene.box.h), max(AT))
        box = (later.box.x, later.box.y, later.box.w, later.box.h)
        rank = judge(found.boxes, np.array(box), ())[0]
        rows.append([str(name), f'{later.factor:g}', *(f'{v:g}' for v in box), f'{rank:.0f}'])
    return rows


@dataclass(frozen=True, eq=False)
class Asking(Job):
    """One re-detector about all scenes of one size."""

    px: int
    change: float
    trials: int
    seed: int


def follow(job: Asking) -> int:
    """Do a job; returns the number of scenes."""
    redetector, videos = make_redetector(job.tracker), read_videos(job.members)
    rows = [row for i in range(job.trials) for row in ask(
        redetector, make_scene(videos, job.px, job.change, i, job.seed), i)]
    job.keep([COLUMNS, *rows])
    return job.trials


def described_asking(name: str, change: float, trials: int, seed: int) -> dict[str, Any]:
    """Say what makes the results of re-detector ``name``, for the sidecar."""
    made = described(redetector_settings(name))
    made['settings'] |= {'change': change, 'trials': trials, 'seed': seed}
    return made


def recall(path: Path) -> list[float]:
    """
    Compute R@K of a file of rows for K of AT, where the size stayed and then where it changed.

    Raises ValueError, in one line, for a file of another kind.
    """
    with reading(path, 'results of `eval sizes`'), open(path, newline='') as file:
        rows = list(csv.DictReader(file))
        stayed, changed = ([int(r['rank']) for r in rows if (r['factor'] == '1') == same]
                           for same in (True, False))
        return [sum(0 < rank <= k for rank in ranks) / len(ranks)
                for ranks in (stayed, changed) for k in AT]


def size_table(jobs: Sequence[Asking], change: float, marks: Mapping[str, Sequence[str]]
               ) -> list[str]:
    """Write R@K of what was done, a row for each size and re-detector, and the remarks."""
    head = ['re-detector', 'px', *(f'R@{k}' for k in AT), *(f'×{change:g}: R@{k}' for k in AT)]
    done = sorted((j for j in jobs if j.path.is_file()), key=lambda j: j.px)
    lines = table(head, [[folder_name(j.tracker), str(j.px),
                          *(number(v, 2) for v in recall(j.path))] for j in done])
    noted = dict.fromkeys(mark for said in marks.values() for mark in said)
    return [*lines, *(f'\n{mark.removesuffix(" it")} what the scenes are made of.'
                      for mark in noted)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval sizes``."""
    add_data(parser, 'a data set with masks, as DAVIS')
    parser.add_argument('--redetectors', default='tanet_lite,globaltrack_lite', metavar='A,B',
                        help='each perhaps with @parameter=value, as @redetector_weights=FILE')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the results; what is there stays')
    parser.add_argument('--sizes', default='8,12,16,24,48,96', metavar='N,N',
                        help="root of the area of the target's box, in pixels of 640x480")
    parser.add_argument('--change', type=float, default=2.0, metavar='FACTOR',
                        help='by which it returns larger, or, in every second scene, smaller')
    parser.add_argument('--trials', type=int, default=80, metavar='N', help='scenes of each size')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='decides the scenes')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='processes')
    parser.add_argument('--again', action='store_true', help='do again what is there')
    parser.add_argument('--seen', action='store_true',
                        help='also weights that were trained on this data set, marked')


def read_sizes(text: str, change: float) -> list[int]:
    """Read --sizes; ValueError, in one line, for what no scene can show."""
    try:
        sizes = [int(word) for word in words(text)]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < LEAST or max(sizes) * change > MOST or len({*sizes}) < len(sizes):
        raise ValueError(f'--sizes must be whole numbers of at least {LEAST:g}, each once, times '
                         f'--change at most {MOST:g}, got {text!r}')
    return sizes


def run(args: argparse.Namespace) -> int:
    """Run ``eval sizes``; status 1 when a job failed, the others' results stay."""
    for option, value, least in (('--change', args.change, 1), ('--trials', args.trials, 1),
                                 ('--seed', args.seed, 0)):
        if not value >= least:
            raise ValueError(f'{option} must be at least {least}, got {value}')
    if args.change == 1:
        raise ValueError('--change must be more than 1: every target is shown unchanged as well')
    sizes = read_sizes(args.sizes, args.change)
    made = {'change': args.change, 'trials': args.trials, 'seed': args.seed}
    sequences = tuple(s for s in read_data(args) if s.masks)
    read_videos(sequences)
    jobs: list[Asking] = []
    marks: Marks = {}
    for px in sizes:
        more, marks = plan(words(args.redetectors), {f'{px}px': sequences},
                           partial(described_asking, **made),
                           partial(Asking, folder=args.out / FOLDER, px=px, **made), args.seen)
        jobs += more
    todo = remaining(jobs, args.again)
    todo.sort(key=lambda j: j.tracker)
    failed = carry_out(over_processes(follow, todo, args.jobs), todo, 'size')
    text = '\n'.join(size_table(jobs, args.change, marks))
    if jobs:
        replace_file(args.out / FOLDER / 'sizes.md', text + '\n')
        print(text)
    return 1 if failed else 0
