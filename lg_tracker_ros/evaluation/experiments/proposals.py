"""
``eval attention``: re-detectors by themselves, without a local tracker or a search policy.

Each learns the target from its first box and is then asked at every N-th frame in which the
target is present, given the frames up to that one and the size of the last true box before it: a
tracker would have to know that size by itself. So the figures say what the map and the proposals
are worth, not what a lost tracker finds.

    OUT/_attention/dataset.json                    the labels
    OUT/_attention/<redetector>/<sequence>.csv     COLUMNS, see proposal_results
    OUT/_attention/<redetector>/<sequence>.json    how it was made
    OUT/_attention/<redetector>/<sequence>.jpg     some frames with their maps
    OUT/_attention/<redetector>/<sequence>.npz     these maps
    OUT/_attention/recall.png                      recall over the number of proposals
    OUT/_attention/_beside/<sequence>.jpg          all re-detectors' maps below the same frames
"""

from __future__ import annotations

import argparse
from collections import deque
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
import time
from typing import Any, Sequence

from lg_tracker_ros import factory
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
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
from lg_tracker_ros.evaluation.experiments.records import write_labels
from lg_tracker_ros.evaluation.experiments.trackers import settings_of
from lg_tracker_ros.evaluation.figures.maps import (
    attention_picture,
    beside,
    keep_maps,
    Look,
    read_maps,
)
from lg_tracker_ros.evaluation.metrics.attention import map_auc, map_iou
from lg_tracker_ros.evaluation.metrics.overlap import overlaps
from lg_tracker_ros.evaluation.reports.proposal_results import (
    AT,
    BESIDE,
    columns,
    depths,
    draw,
    FOLDER,
    MAP_LEVEL,
    section,
)
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.types import Box, Frame, Redetector
from lg_tracker_ros.words.nearest import meant
import numpy as np
import numpy.typing as npt

SHOWN = 4
"""Frames of a picture."""


def redetector_settings(name: str) -> str:
    """
    Return the tracker name whose re-detector ``name`` is (``tanet_lite@attention_threshold=0.1``).

    Raises ValueError when there is no such re-detector.
    """
    base = name.partition('@')[0]
    known = [n for n in REDETECTORS if n != 'none']
    if base not in known:
        raise ValueError(f'unknown re-detector {name!r}; ' + (
            meant(base, known)
            or f'expected one of {", ".join(known)}, perhaps with @parameter=value'))
    return f'opencv_mil+{name}'  # a local tracker without weights, which isn't made


@lru_cache(maxsize=1)
def make_redetector(name: str) -> Redetector:
    """Build a re-detector of one thread, and keep the last; ValueError when it can't be had."""
    settings = settings_of(redetector_settings(name))
    made = factory.make_redetector(settings, settings.engine_config())
    assert made is not None  # redetector_settings has seen to that
    return made


def asked(sequence: LabelledSequence, every: int) -> list[int]:
    """List the frames, ``every`` apart from the first box on, in which the target is present."""
    return [i for i in range(sequence.start + every, len(sequence.truth), every)
            if sequence.present[i]]


def judge(boxes: Sequence[Box], truth: npt.NDArray[np.float64],
          noted: Sequence[int] = AT) -> list[float]:
    """Give rank, rank_iou and the iou_K of COLUMNS for proposals, best first."""
    rows = np.array([(b.x, b.y, b.w, b.h) for b in boxes], np.float64).reshape(-1, 4)
    away = rows[:, :2] + rows[:, 2:] / 2 - truth[:2]
    inside = ((away >= 0) & (away < truth[2:])).all(axis=1)
    iou = overlaps(rows, np.broadcast_to(truth, rows.shape))
    ranks = [float(np.argmax(hit)) + 1 if hit.any() else 0.0 for hit in (inside, iou >= 0.5)]
    return [*ranks, *(float(iou[:k].max(initial=0)) for k in noted)]


def target_mask(sequence: LabelledSequence, frame: Frame, i: int) -> npt.NDArray[np.uint8]:
    """
    Return the mask of frame ``i`` (height x width, not 0: target); without one the filled box.

    Raises ValueError when the mask's file can't be read.
    """
    if sequence.masks:
        return sequence.mask(i)
    x, y, w, h = sequence.truth[i]
    filled = np.zeros((frame.height, frame.width), np.uint8)
    filled[max(round(y), 0):max(round(y + h), 0), max(round(x), 0):max(round(x + w), 0)] = 1
    return filled


def measure(redetector: Redetector, sequence: LabelledSequence, every: int, k: int,
            looks: list[Look] | None = None) -> list[list[str]]:
    """
    Ask a re-detector along a sequence; returns the rows of ``columns(depths(k))``.

    ``k`` proposals are asked for; ``looks`` gets SHOWN frames with their maps, where there are
    maps.
    """
    wanted = asked(sequence, every)
    shown = {wanted[j] for j in np.linspace(0, len(wanted) - 1, SHOWN).astype(int)} \
        if wanted else set()
    rows: list[list[str]] = []
    clip: deque[Frame] = deque(maxlen=redetector.history)
    size = (0.0, 0.0)
    for i, frame in enumerate(sequence.frames(sequence.start), sequence.start):
        clip.append(frame)
        truth = sequence.truth[i]
        if i == sequence.start:
            redetector.init(frame, Box(*truth))
        elif i in wanted:
            begin = time.perf_counter()
            found = redetector.propose(list(clip), size, k)
            ms = 1e3 * (time.perf_counter() - begin)
            auc = iou = None
            if found.attention is not None:
                mask = target_mask(sequence, frame, i)
                auc = map_auc(found.attention, mask)
                iou = map_iou(found.attention, mask, MAP_LEVEL * found.attention.max())
                if i in shown and looks is not None:
                    looks.append(Look(i, frame.image, found.attention, truth))
            rank, rank_iou, *best = judge(found.boxes, truth, depths(k))
            rows.append([str(i), f'{rank:.0f}', f'{rank_iou:.0f}', *(f'{v:.6f}' for v in best),
                         *('nan' if v is None else f'{v:.6f}' for v in (auc, iou)), f'{ms:.2f}'])
        if sequence.present[i]:
            size = float(truth[2]), float(truth[3])
    return rows


@dataclass(frozen=True, eq=False)
class Asking(Job):
    """One re-detector along one sequence."""

    every: int
    k: int

    @property
    def maps(self) -> Path:
        """Where its maps go."""
        return self.path.with_suffix('.npz')


def follow(job: Asking) -> int:
    """Do a job; returns the number of frames asked."""
    looks: list[Look] = []
    rows = measure(make_redetector(job.tracker), job.sequence, job.every, job.k, looks)
    if looks:
        attention_picture(looks, job.path.with_suffix('.jpg'))
    keep_maps(looks, job.maps)
    job.keep([columns(depths(job.k)), *rows])
    return len(rows)


def draw_beside(jobs: Sequence[Asking], folder: Path) -> None:
    """Draw every re-detector's maps below the same frames, a sheet for each sequence."""
    for subject in dict.fromkeys(job.subject for job in jobs):
        own = [job for job in jobs if job.subject == subject and job.maps.is_file()]
        if own:
            beside(own[0].sequence, {job.tracker: read_maps(job.maps) for job in own},
                   folder / f'{subject}.jpg')


def described_asking(name: str, every: int, k: int) -> dict[str, Any]:
    """Say what makes the results of re-detector ``name``, for the sidecar."""
    made = described(redetector_settings(name))
    made['settings'] |= {'every': every, 'k': k, 'map_level': MAP_LEVEL}
    return made


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval attention``."""
    add_data(parser)
    parser.add_argument('--redetectors', default='tanet_lite,correlation', metavar='A,B',
                        help='each perhaps with @parameter=value')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the results; what is there stays')
    parser.add_argument('--every', type=int, default=10, metavar='N',
                        help='ask at every N-th frame')
    parser.add_argument('--k', type=int, default=max(AT), metavar='K',
                        help='proposals; with many, up to 1000, recall.png goes as far')
    parser.add_argument('--beside', action='store_true',
                        help="all re-detectors' maps below the same frames, for each sequence")
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='processes')
    parser.add_argument('--again', action='store_true', help='do again what is there')
    parser.add_argument('--seen', action='store_true',
                        help='also sequences that the weights were trained on, marked')


def run(args: argparse.Namespace) -> int:
    """Run ``eval attention``; status 1 when a job failed, the others' results stay."""
    for option, value, least in (('--every', args.every, 1), ('--k', args.k, max(AT))):
        if value < least:
            raise ValueError(f'{option} must be at least {least}, got {value}')
    sequences = read_data(args)
    one_protocol(sequences, args.out / FOLDER)
    jobs, marks = plan(words(args.redetectors), {s.name: [s] for s in sequences},
                       partial(described_asking, every=args.every, k=args.k),
                       partial(Asking, folder=args.out / FOLDER, every=args.every, k=args.k),
                       args.seen)
    write_labels(args.out / FOLDER, sequences, marks)
    todo = remaining(jobs, args.again)
    if args.beside:  # results of before there were maps
        todo += [job for job in jobs if job not in todo and not job.maps.is_file()]
    failed = carry_out(over_processes(follow, todo, args.jobs), todo, 'sequence')
    if args.beside:
        draw_beside(jobs, args.out / FOLDER / BESIDE)
    draw(args.out)
    print('\n'.join(section(args.out)))
    return 1 if failed else 0
