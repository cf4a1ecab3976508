"""``eval scores``: what an online module makes of its host's score maps, and its templates."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Sequence

import cv2
from lg_tracker_ros.crops import Crop
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.experiments.trackers import folder_name
from lg_tracker_ros.evaluation.figures.maps import Map, over
from lg_tracker_ros.evaluation.figures.tiles import (
    board,
    BOXES,
    heading,
    legend,
    tile,
    TRUTH,
    write_image,
)
from lg_tracker_ros.evaluation.figures.watching import Log, Made, watched
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.vision.cells import Array
import numpy as np
import numpy.typing as npt

FOLDER = '_scores'
SHOWN, TEMPLATES, ROW = 4, 16, 8
"""Frames with their maps; templates, and how many of them in a row."""
WIDTH, SMALL = 240, 127
"""Of a tile in pixels: a crop that was searched, a template."""


def watch(tracker: str, sequence: LabelledSequence, wanted: Sequence[int]) -> Log:
    """Run a tracker over a sequence; gives the templates, and the maps of ``wanted``."""
    runner, log = watched(tracker, frozenset(wanted))
    for i, frame in enumerate(sequence.frames(sequence.start), sequence.start):
        log.frame = i
        if i == sequence.start:
            runner.init(frame, Box(*sequence.truth[i]))
        else:
            runner.step(frame)
    return log


def spread(crop: Crop, scores: Array, points: npt.NDArray[np.float64]) -> Map:
    """Bring a map, g x g at ``points`` of a crop (pixels), to all of its pixels; 0 around it."""
    step = float(points[1] - points[0])
    # pixel p of the crop is cell (p - first) / step of the map
    matrix = np.array([[1 / step, 0, -points[0] / step], [0, 1 / step, -points[0] / step]])
    return np.asarray(cv2.warpAffine(
        np.asarray(scores, np.float32), matrix, (crop.size, crop.size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.float32)


def in_crop(crop: Crop, box: Box) -> npt.NDArray[np.float64]:
    """Give a box of the image in pixels of a crop: x, y, w, h."""
    b = crop.to_crop(box)
    return np.array([b.x, b.y, b.w, b.h])


def maps_sheet(tracker: str, log: Log, sequence: LabelledSequence) -> Image:
    """Draw what was searched, and below it the host's scores and those with the module."""
    rows: list[list[Image]] = [[], [], []]
    for s in log.scored.values():
        boxes = [(in_crop(s.crop, s.box), BOXES[0])]
        if sequence.present[s.frame]:
            boxes.insert(0, (in_crop(s.crop, Box(*sequence.truth[s.frame])), TRUTH))
        images = [s.crop.image, *(over(s.crop.image, spread(s.crop, m, log.points))
                                  for m in (s.host, s.fused))]
        for row, image, text in zip(rows, images, (f'frame {s.frame}', '', '')):
            row.append(tile(image, boxes, WIDTH, WIDTH, text))
    wide = sum(t.shape[1] for t in rows[0])
    names = legend({'truth': TRUTH, tracker: BOXES[0]}, wide)
    return board([[names], rows[0], [heading("the host's scores", wide)], rows[1],
                  [heading('with the module', wide)], rows[2]])


def templates_sheet(made: Sequence[Made]) -> Image:
    """Draw templates in their order: the frame in which each was made, and the one it shows."""
    chosen = sorted({int(i) for i in np.linspace(0, len(made) - 1, min(len(made), TEMPLATES))})
    tiles = [tile(m.image, [], SMALL, SMALL, f'{m.frame}: of {m.of}')
             for m in (made[i] for i in chosen)]
    return board([tiles[i:i + ROW] for i in range(0, len(tiles), ROW)])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval scores``."""
    add_data(parser)
    parser.add_argument('--tracker', default='default@online_module=drol', metavar='NAME',
                        help='one with an online module')
    add_pictures(parser)


def add_pictures(parser: argparse.ArgumentParser) -> None:
    """Declare where pictures go, ``--out``, and of which frames they are, ``--at``."""
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the pictures')
    parser.add_argument('--at', default='', metavar='I,J',
                        help=f'frames whose maps are drawn; default: {SHOWN} over the sequence')


def asked(sequence: LabelledSequence, at: str) -> list[int]:
    """Read --at; ValueError for what is no frame after the first box."""
    first, last = sequence.start + 1, len(sequence.truth) - 1
    if not at:
        return sorted({int(i) for i in np.linspace(first, last, SHOWN + 1)[1:]})
    try:
        frames = [int(word) for word in words(at)]
    except ValueError:
        frames = []
    if not frames or min(frames) < first or max(frames) > last:
        raise ValueError(f'--at must be frames of {sequence.name}, {first} to {last}, got {at!r}')
    return sorted(set(frames))


def run(args: argparse.Namespace) -> int:
    """Run ``eval scores``; prints what it wrote."""
    sequences = read_data(args)
    wanted = {s.name: asked(s, args.at) for s in sequences}
    for s in sequences:
        log = watch(args.tracker, s, wanted[s.name])
        sheets = {'templates': templates_sheet(log.made)}
        if log.scored:
            sheets['maps'] = maps_sheet(args.tracker, log, s)
        for kind, image in sheets.items():
            path = args.out / FOLDER / folder_name(args.tracker) / f'{s.name}_{kind}.jpg'
            write_image(path, image)
            print(path)
    return 0
