"""
``eval attention``: re-detectors by themselves, without a local tracker or a search policy.

Each learns the target from its first box and is then asked at every N-th frame in which the
target is present, given the frames up to that one and the size of the last true box before it: a
tracker would have to know that size by itself. So the figures say what the map and the proposals
are worth, not what a lost tracker finds.

    OUT/_attention/dataset.json                    the labels
    OUT/_attention/<redetector>/<sequence>.csv     COLUMNS, a line for each frame asked
    OUT/_attention/<redetector>/<sequence>.json    how it was made
    OUT/_attention/<redetector>/<sequence>.jpg     some frames with their maps
"""

from __future__ import annotations

import argparse
from collections import deque
import csv
from dataclasses import dataclass
from functools import lru_cache
import io
import json
from pathlib import Path
import sys
import time
from typing import Any, Sequence

import cv2
from lg_tracker_ros.evaluation.jobs import over_processes
from lg_tracker_ros.evaluation.markdown import number, table
from lg_tracker_ros.evaluation.metrics.attention import map_auc, map_iou
from lg_tracker_ros.evaluation.metrics.overlap import overlaps
from lg_tracker_ros.evaluation.metrics.redetection import COCO_AT
from lg_tracker_ros.evaluation.pictures import attention_picture
from lg_tracker_ros.evaluation.provenance import seen_in_training
from lg_tracker_ros.evaluation.readers import read_dataset, READERS
from lg_tracker_ros.evaluation.records import (
    read_labels,
    replace_file,
    tracker_folders,
    write_labels,
)
from lg_tracker_ros.evaluation.run import described, is_done, one_protocol, words
from lg_tracker_ros.evaluation.sequence import LabelledSequence
from lg_tracker_ros.evaluation.trackers import settings_of, WEIGHTS
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.types import Box, Frame, Redetector
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

FOLDER = '_attention'
AT = (1, 3, 5, 10)
COLUMNS = ('frame', 'rank', 'rank_iou', *(f'iou_{k}' for k in AT), 'auc', 'iou', 'ms')
"""
``rank``: the first proposal, from 1, whose centre lies in the true box, 0: none; ``rank_iou``: the
first with IoU >= .5. ``iou_K``: the best IoU among the first K. ``auc``, ``iou``: the map against
the mask, or the filled box where there is none; nan where that isn't defined. ``ms``: propose().
"""
MAP_LEVEL = 0.5
"""
Share of a map's own maximum above which a cell counts for its IoU: a re-detector's values may be
of any height, for the proposals only their order counts.
"""
SHOWN = 4


def redetector_settings(name: str) -> str:
    """
    Return the tracker name whose re-detector ``name`` is (``tanet_lite@threshold=0.1``).

    Raises ValueError when there is no such re-detector.
    """
    base = name.partition('@')[0]
    if REDETECTORS.get(base) is None:
        known = ', '.join(n for n, make in REDETECTORS.items() if make)
        raise ValueError(f'unknown re-detector {name!r}; expected one of {known}, perhaps with '
                         '@parameter=value')
    return f'opencv_mil+{name}'  # a local tracker without weights, which isn't made


@lru_cache(maxsize=1)
def make_redetector(name: str) -> Redetector:
    """Build a re-detector of one thread, and keep the last; ValueError when it can't be had."""
    settings = settings_of(redetector_settings(name))
    make = REDETECTORS[settings.redetector]
    assert make is not None  # redetector_settings has seen to that
    return make(settings, settings.engine_config())


def asked(sequence: LabelledSequence, every: int) -> list[int]:
    """List the frames, ``every`` apart from the first box on, in which the target is present."""
    return [i for i in range(sequence.start + every, len(sequence.truth), every)
            if sequence.present[i]]


def judge(boxes: Sequence[Box], truth: npt.NDArray[np.float64]) -> list[float]:
    """Give rank, rank_iou and the iou_K of COLUMNS for proposals, best first."""
    rows = np.array([(b.x, b.y, b.w, b.h) for b in boxes], np.float64).reshape(-1, 4)
    away = rows[:, :2] + rows[:, 2:] / 2 - truth[:2]
    inside = ((away >= 0) & (away < truth[2:])).all(axis=1)
    iou = overlaps(rows, np.broadcast_to(truth, rows.shape))
    ranks = [float(np.argmax(hit)) + 1 if hit.any() else 0.0 for hit in (inside, iou >= 0.5)]
    return [*ranks, *(float(iou[:k].max(initial=0)) for k in AT)]


def target_mask(sequence: LabelledSequence, frame: Frame, i: int) -> npt.NDArray[np.uint8]:
    """
    Return the mask of frame ``i`` (height x width, not 0: target); without one the filled box.

    Raises ValueError when the mask's file can't be read.
    """
    if sequence.masks:
        mask = cv2.imread(str(sequence.masks[i]), cv2.IMREAD_UNCHANGED)
        if mask is None:
            raise ValueError(f'{sequence.masks[i]} cannot be read as an image')
        return np.asarray(mask if mask.ndim == 2 else mask[..., :3].max(axis=2), np.uint8)
    x, y, w, h = sequence.truth[i]
    filled = np.zeros((frame.height, frame.width), np.uint8)
    filled[max(round(y), 0):max(round(y + h), 0), max(round(x), 0):max(round(x + w), 0)] = 1
    return filled


def measure(redetector: Redetector, sequence: LabelledSequence, every: int, k: int,
            picture: Path | None = None) -> list[list[str]]:
    """
    Ask a re-detector along a sequence; returns the rows of COLUMNS.

    ``k`` proposals are asked for; ``picture`` gets SHOWN frames with their maps, where there are
    maps.
    """
    wanted = asked(sequence, every)
    shown = {wanted[j] for j in np.linspace(0, len(wanted) - 1, SHOWN).astype(int)} \
        if wanted else set()
    rows: list[list[str]] = []
    tiles: list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32],
                      npt.NDArray[np.float64]]] = []
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
                if i in shown:
                    tiles.append((frame.image, found.attention, truth))
            rank, rank_iou, *best = judge(found.boxes, truth)
            rows.append([str(i), f'{rank:.0f}', f'{rank_iou:.0f}', *(f'{v:.6f}' for v in best),
                         *('nan' if v is None else f'{v:.6f}' for v in (auc, iou)), f'{ms:.2f}'])
        if sequence.present[i]:
            size = float(truth[2]), float(truth[3])
    if picture is not None and tiles:
        images, maps, boxes = zip(*tiles)
        attention_picture(images, maps, np.array(boxes), picture)
    return rows


def read_rows(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Read a CSV of COLUMNS by column; raises ValueError with file and line for an odd row."""
    with open(path, newline='') as file:
        head, *lines = csv.reader(file)
    if tuple(head) != COLUMNS:
        raise ValueError(f'{path}:1: expected the columns {",".join(COLUMNS)}')
    values = np.empty((len(lines), len(COLUMNS)))
    for line, row in enumerate(lines):
        try:
            values[line] = [float(v) for v in row]
        except ValueError as e:
            raise ValueError(f'{path}:{line + 2}: expected {len(COLUMNS)} numbers ({e})') from e
    return dict(zip(COLUMNS, values.T))


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def sequence_figures(rows: dict[str, npt.NDArray[np.float64]]) -> dict[str, float | int | None]:
    """
    Compute the figures of one sequence; None where no frame has the value.

    ``recall_K``: share of frames with a proposal's centre in the true box among the first K;
    ``recall_iou_K``: with an IoU >= .5; ``ar_K``: GlobalTrack's AR@K (metrics.redetection).
    """
    found: dict[str, float | int | None] = {'frames': len(rows['frame'])}
    for k in AT:
        for name, rank in (('recall', rows['rank']), ('recall_iou', rows['rank_iou'])):
            found[f'{name}_{k}'] = _mean(((rank >= 1) & (rank <= k)).astype(np.float64))
        found[f'ar_{k}'] = _mean((rows[f'iou_{k}'][:, None] >= COCO_AT).mean(axis=1))
    found.update({key: _mean(rows[key]) for key in ('auc', 'iou')})
    found['ms_median'] = float(np.median(rows['ms'])) if rows['ms'].size else None
    return found


def results(out: Path) -> dict[str, Any]:
    """
    Compute ``{redetector: {'mean': {...}, 'sequences': {name: {...}}}}`` from OUT; {} without any.

    Both hold sequence_figures. The mean is over sequences, each as heavy as another, but for
    ``frames``, which is summed, and ``ms_median``, which is that of all frames.
    """
    if not (out / FOLDER).is_dir():
        return {}
    found: dict[str, Any] = {}
    for folder in tracker_folders(out / FOLDER):
        rows = {path.stem: read_rows(path) for path in sorted(folder.glob('*.csv'))}
        own = {name: sequence_figures(r) for name, r in rows.items()}
        keys = next(iter(own.values()))
        mean: dict[str, float | int | None] = {
            key: _mean(np.array([s[key] for s in own.values()], np.float64)) for key in keys}
        ms = np.concatenate([r['ms'] for r in rows.values()])
        mean.update(frames=sum(int(s['frames'] or 0) for s in own.values()),
                    ms_median=float(np.median(ms)) if ms.size else None)
        found[folder.name] = {'mean': mean, 'sequences': own}
    return found


def section(out: Path) -> list[str]:
    """Write the part of the report; no line where there is nothing."""
    found = results(out)
    if not found:
        return []
    lines = ['## Re-detectors by themselves', '',
             'Asked at every N-th frame in which the target is present, with the size of the last '
             'true box before it. R@K: share of frames in which the centre of one of the first K '
             "proposals lies in the true box; AR@K: GlobalTrack's average recall over IoU .5 to "
             f'.95; AUC (ROC) and IoU (above {MAP_LEVEL:g} of its maximum) of the map against the '
             'mask or, where there is none, the true box. Means over sequences.', '']
    keys = [*(f'recall_{k}' for k in AT), *(f'ar_{k}' for k in AT), 'auc', 'iou']
    lines += table(
        ['re-detector', *(f'R@{k}' for k in AT), *(f'AR@{k}' for k in AT), 'AUC', 'IoU', 'ms',
         'seq.', 'frames'],
        [[name, *(number(f['mean'][key], 3) for key in keys), number(f['mean']['ms_median'], 1),
          str(len(f['sequences'])), str(f['mean']['frames'])] for name, f in found.items()])
    noted = [f'{label.name}: {mark}.' for label in read_labels(out / FOLDER).values()
             for mark in label.marks]
    lines += ['', *(line for mark in noted for line in (mark, ''))]
    for name in found:
        for path in sorted((out / FOLDER / name).glob('*.jpg'))[:SHOWN]:
            lines += [f'{name} on {path.stem}: frames, and below its attention; truth green', '',
                      f'![{name} on {path.stem}]({path.relative_to(out).as_posix()})', '']
    return lines


@dataclass(frozen=True, eq=False)
class Job:
    """One re-detector along one sequence; ``made`` goes into the sidecar."""

    redetector: str
    sequence: LabelledSequence
    folder: Path
    every: int
    k: int
    made: dict[str, Any]

    @property
    def path(self) -> Path:
        """Where its rows go."""
        return self.folder / self.redetector / f'{self.sequence.name}.csv'


def follow(job: Job) -> int:
    """Do a job; files are written whole, the rows last. Returns the number of frames asked."""
    rows = measure(make_redetector(job.redetector), job.sequence, job.every, job.k,
                   job.path.with_suffix('.jpg'))
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([COLUMNS, *rows])
    replace_file(job.path.with_suffix('.json'), json.dumps(job.made, sort_keys=True) + '\n')
    replace_file(job.path, text.getvalue())
    return len(rows)


def plan(args: argparse.Namespace, sequences: Sequence[LabelledSequence]
         ) -> tuple[list[Job], dict[str, list[str]]]:
    """
    List the jobs, and the remarks on sequences that the report must carry.

    A sequence that the weights were trained on is left out, unless ``--seen``; then it is
    remarked on.
    """
    jobs: list[Job] = []
    marks: dict[str, list[str]] = {}
    for name in words(args.redetectors):
        made = described(redetector_settings(name), WEIGHTS)
        made['settings'] |= {'every': args.every, 'k': args.k, 'map_level': MAP_LEVEL}
        for s in sequences:
            known = seen_in_training(s.source, made['trained_on'])
            if known and not args.seen:
                print(f'{s.name} is left out for {name}: its weights were trained on {known}; '
                      '--seen measures it, marked', file=sys.stderr)
                continue
            if known:
                marks.setdefault(s.name, []).append(f'{name} was trained on it')
            jobs.append(Job(name, s, args.out / FOLDER, args.every, args.k, made))
    return jobs, marks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval attention``."""
    parser.add_argument('--data', type=Path, required=True, metavar='DIR', help='the data set')
    parser.add_argument('--layout', default='', choices=['', *READERS],
                        help='its layout; default: recognised')
    parser.add_argument('--redetectors', default='tanet_lite,correlation', metavar='A,B',
                        help='each perhaps with @parameter=value')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT')
    parser.add_argument('--every', type=int, default=10, metavar='N',
                        help='ask at every N-th frame')
    parser.add_argument('--k', type=int, default=max(AT), metavar='K', help='proposals')
    parser.add_argument('--only', default='', metavar='SEQ,SEQ', help='these sequences')
    parser.add_argument('--jobs', type=int, default=1, metavar='N', help='processes')
    parser.add_argument('--again', action='store_true', help='do again what is there')
    parser.add_argument('--seen', action='store_true',
                        help='also sequences that the weights were trained on, marked')


def run(args: argparse.Namespace) -> int:
    """Run ``eval attention``; status 1 when a job failed, the others' results stay."""
    for option, value, least in (('--every', args.every, 1), ('--k', args.k, max(AT))):
        if value < least:
            raise ValueError(f'{option} must be at least {least}, got {value}')
    sequences = read_dataset(args.data, args.layout, words(args.only))
    one_protocol(sequences, args.out / FOLDER)
    jobs, marks = plan(args, sequences)
    write_labels(args.out / FOLDER, sequences, marks)
    todo = [j for j in jobs if not is_done(j.path, j.made, args.again)]
    failed = []
    bar = tqdm(total=len(todo), unit='sequence', file=sys.stderr,
               disable=not sys.stderr.isatty())
    for job, _, error in over_processes(follow, todo, args.jobs):
        if error:
            failed.append(f'{job.redetector} on {job.sequence.name}: {error}')
        bar.update()
    bar.close()
    for line in failed:
        print(f'lg_tracker_ros: {line}', file=sys.stderr)
    print('\n'.join(section(args.out)))
    return 1 if failed else 0
