"""``eval pictures``: several trackers' boxes in the same frames, and who is surely wrong."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Mapping, Sequence

from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.figures.choice import apart, rightness, sure_but_wrong, telling
from lg_tracker_ros.evaluation.figures.tiles import (
    board,
    Color,
    colours,
    fitting,
    frames_at,
    legend,
    tile,
    TRUTH,
    write_image,
)
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
from lg_tracker_ros.evaluation.reports.results import among, compute, Results
from lg_tracker_ros.types import Image

WIDTH, ROWS = 320, 6
"""Of a tile in pixels; how many sequences are shown where none is named."""
MOST = 65500 // WIDTH
"""Frames of a strip: a JPEG has no more pixels in a row."""


def images_of(labels: Labels, frames: Sequence[int]) -> list[Image]:
    """Read frames of a sequence; none where they aren't there."""
    return frames_at(labels.path, len(labels.truth), frames, labels.every) if frames else []


def strip(records: Mapping[str, Record], color: Mapping[str, Color], count: int) -> list[Image]:
    """Draw one sequence: ``count`` frames in which the trackers differ most, all boxes in each."""
    chosen = apart(list(records.values()), count)
    labels = next(iter(records.values())).labels
    tiles: list[Image] = []
    for i, image in zip(chosen, images_of(labels, chosen)):
        boxes = [(labels.truth[i], TRUTH),
                 *((r.boxes[i], color[t]) for t, r in reversed(list(records.items())))]
        text = [f'{labels.name}: '] if not tiles else []
        text += [f'frame {i}', ', target absent' if labels.absent[i] else '']
        tiles.append(tile(image, boxes, WIDTH, fitting([image], WIDTH), ''.join(text)))
    return tiles


def strips(results: Results, trackers: Sequence[str], only: Sequence[str], count: int,
           path: Path) -> None:
    """
    Write a strip of ``count`` frames for each sequence that all ``trackers`` ran on.

    ``only`` names the sequences; else they are the ROWS that tell most of the first tracker.
    Nothing is written where the pictures aren't there.
    """
    color = colours(trackers)
    runs = [results.records[t] for t in trackers]
    shared = [r for r in runs[0].values() if all(r.labels.name in own for own in runs)]
    rows: list[list[Image]] = []
    for record in telling(shared):
        name = record.labels.name
        if (name in only or not only) and len(rows) < (len(only) or ROWS):
            tiles = strip({t: own[name] for t, own in zip(trackers, runs)}, color, count)
            rows += [tiles] if tiles else []
    if rows:
        names = legend({'truth': TRUTH, **color}, WIDTH * count)
        write_image(path, board([[names], *rows]))


def mistakes(results: Results, trackers: Sequence[str], only: Sequence[str], count: int,
             path: Path) -> None:
    """
    Write a row for each tracker: its ``count`` worst frames that are sure but wrong.

    As ``strips``; nothing is written where nobody is wrong, either.
    """
    rows: list[list[Image]] = []
    for tracker, color in colours(trackers).items():
        records = [r for name, r in results.records[tracker].items() if name in only or not only]
        tiles: list[Image] = []
        for record, i, _ in sure_but_wrong(records, count):
            labels = record.labels
            how = 'absent' if labels.absent[i] else f'IoU {rightness(record)[i]:.2f}'
            text = f'{labels.name} {i}: sure {record.confidence[i]:.2f}, {how}'
            tiles += [tile(image, [(labels.truth[i], TRUTH), (record.boxes[i], color)], WIDTH,
                           fitting([image], WIDTH), text) for image in images_of(labels, [i])]
        if tiles:
            rows += [[legend({tracker: color, 'truth': TRUTH}, WIDTH * count)], tiles]
    if rows:
        write_image(path, board(rows))


PICTURES = {'strips.jpg': strips, 'sure_but_wrong.jpg': mistakes}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval pictures``."""
    parser.add_argument('out', type=Path, metavar='OUT', help='the --out of `eval run`')
    parser.add_argument('--trackers', default='', metavar='A,B',
                        help='whose boxes, each in a colour of its own; default: all')
    parser.add_argument('--only', default='', metavar='SEQ,SEQ', help='these sequences')
    parser.add_argument('--frames', type=int, default=4, metavar='N', help='frames of a strip')


def run(args: argparse.Namespace) -> int:
    """Run ``eval pictures``; prints what it wrote."""
    if not 1 <= args.frames <= MOST:
        raise ValueError(f'--frames must be at least 1, at most {MOST}, got {args.frames}')
    results = compute(args.out)
    trackers, only = words(args.trackers) or list(results.records), words(args.only)
    among('tracker', trackers, results.records)
    among('sequence', only, results.labels)
    written = []
    for name, draw in PICTURES.items():
        path = args.out / 'pictures' / name
        path.unlink(missing_ok=True)
        draw(results, trackers, only, args.frames, path)
        written += [path] if path.is_file() else []
    if not written:
        raise ValueError(f'no picture of these sequences is where {args.out}/dataset.json says; '
                         'is the data set still there?')
    print('\n'.join(map(str, written)))
    return 0
