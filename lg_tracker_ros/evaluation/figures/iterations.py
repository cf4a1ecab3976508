"""``eval iterations``: what a classifier looks at while it learns the target (DAT's Fig. 2)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal, NamedTuple, Sequence

import cv2
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.experiments.trackers import local_of, make_runner
from lg_tracker_ros.evaluation.figures.maps import Map, over
from lg_tracker_ros.evaluation.figures.tiles import board, heading, tile, write_image
from lg_tracker_ros.local.mdnet.classifier import Classifier, Samples
from lg_tracker_ros.local.mdnet.patches import MARGIN
from lg_tracker_ros.local.mdnet.reciprocative import spread_and_mean
from lg_tracker_ros.local.mdnet.tracker import MdnetTracker
from lg_tracker_ros.types import Box, Frame, Image
import numpy as np
import torch

FOLDER = '_iterations'
AT = (0, 5, 15, 30, 50)
"""Steps on the first frame after which attention is drawn; those of the schedule are the last."""
BOXES, WIDTH = 32, 180
"""Boxes on the target that are asked; width of a tile in pixels."""


class Attention(NamedTuple):
    """The target score's mean attention, its highest value 1, and how uneven it is."""

    values: Map
    uneven: float
    whole: bool
    """Whether it covers the box alone; else its context, too."""


class Watched(Classifier):
    """A classifier that says after some steps on the first frame what it looks at."""

    def __init__(self, classifier: Classifier, seen: dict[int, Attention]) -> None:
        """Share everything with ``classifier``; ``seen`` gets attention by steps (AT)."""
        vars(self).update(vars(classifier))
        self._seen, self._steps = seen, 0
        self._positives: Samples | None = None

    def learn(self, positives: Samples, negatives: Samples, when: Literal['first', 'later']
              ) -> None:
        """Learn as ever."""
        self._positives = positives if when == 'first' else None
        super().learn(positives, negatives, when)
        self._look()
        self._positives = None

    def hardest(self, features: torch.Tensor, count: int) -> torch.Tensor:
        """Choose as ever; that is done once before each step."""
        self._look()
        self._steps += 1
        return super().hardest(features, count)

    def _look(self) -> None:
        if self._positives is None or self._steps not in AT:
            return
        asked = self._positives[:BOXES]
        with torch.enable_grad():
            found = self.attention(asked)[0].detach()
        spread, mean = (float(v) for v in spread_and_mean(found))
        values = found.mean(0).cpu().numpy()
        self._seen[self._steps] = Attention(values / max(values.max(), 1e-30), spread / mean,
                                            asked.inputs is None)


def watch(name: str, frame: Frame, box: Box) -> dict[int, Attention]:
    """
    Let tracker ``name`` learn a target; gives its attention by the steps it has made.

    Raises ValueError for one that has no such classifier.
    """
    mdnet = local_of(make_runner(name))
    if not isinstance(mdnet, MdnetTracker):
        raise ValueError(f'{name} learns no classifier whose attention could be asked; expected '
                         'one as dat_lite+none')
    seen: dict[int, Attention] = {}
    make = mdnet.make
    mdnet.make = lambda *first: Watched(make(*first), seen)
    mdnet.init(frame, box)
    return seen


def patch(image: Image, box: Box, whole: bool) -> Image:
    """Cut out what attention is of: the box, or the box with its context."""
    k = 1.0 if whole else 1 + 2 * MARGIN
    size = max(round(box.w * k), 1), max(round(box.h * k), 1)
    return np.asarray(cv2.getRectSubPix(image, size, (box.cx - 0.5, box.cy - 0.5)), np.uint8)


def draw(image: Image, box: Box, seen: dict[int, Attention]) -> list[Image]:
    """Draw the target, and attention on it step by step with its spread over its mean."""
    tiles: list[Image] = []
    for steps, a in seen.items():
        target = cv2.resize(patch(image, box, a.whole), (WIDTH, WIDTH))
        text = f'{steps} steps, uneven {a.uneven:.2f}'
        tiles += [tile(np.asarray(t, np.uint8), [], WIDTH, WIDTH, words_) for t, words_ in (
            [(target, 'the target')] if not tiles else []) + [(over(target, a.values), text)]]
    return tiles


def sheet(sequence: LabelledSequence, trackers: Sequence[str]) -> Image:
    """Draw a row for each tracker, of the first frame of a sequence."""
    frame, box = next(sequence.frames(sequence.start)), Box(*sequence.truth[sequence.start])
    rows = []
    for name in trackers:
        tiles = draw(frame.image, box, watch(name, frame, box))
        rows += [[heading(name, sum(t.shape[1] for t in tiles))], tiles]
    return board(rows)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval iterations``."""
    add_data(parser)
    parser.add_argument('--trackers', default='mdnet_lite+none,dat_lite+none', metavar='A,B',
                        help='MDNet and its kin')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the pictures')


def run(args: argparse.Namespace) -> int:
    """Run ``eval iterations``; prints what it wrote."""
    for sequence in read_data(args):
        path = args.out / FOLDER / f'{sequence.name}.jpg'
        write_image(path, sheet(sequence, words(args.trackers)))
        print(path)
    return 0
