"""``eval predictions``: what a classifier looks at and believes, frame by frame (DAT's Fig. 3)."""

from __future__ import annotations

import argparse
from typing import NamedTuple, Sequence

from lg_tracker_ros.crops import Crop, mean_color, square_crop
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.experiments.trackers import local_of, make_runner
from lg_tracker_ros.evaluation.figures.iterations import patch
from lg_tracker_ros.evaluation.figures.maps import Map, over
from lg_tracker_ros.evaluation.figures.scores import add_pictures, asked, in_crop
from lg_tracker_ros.evaluation.figures.tiles import (
    board,
    BOXES,
    heading,
    legend,
    tile,
    TRUTH,
    write_image,
)
from lg_tracker_ros.local.mdnet.classifier import Classifier, Samples
from lg_tracker_ros.local.mdnet.tracker import MdnetTracker
from lg_tracker_ros.types import Box, Frame, Image
import numpy as np
import numpy.typing as npt
import torch

FOLDER = '_predictions'
AROUND, GRID = 3.0, 17
"""Side of what is judged around the last place in sides of the target; places in a row of it."""
BEST = 5
"""Places whose attention is drawn."""
WIDTH = 200
"""Of a tile in pixels."""


class Seen(NamedTuple):
    """
    A frame: what the classifier had of it before it learned from it, and what the tracker found.

    ``confidence`` is of boxes in the target's last size about each of GRID x GRID places in
    ``crop``; ``attention`` that of the target's score on the best of them, its highest value 1,
    over ``looked_at``. ``box`` is None where none is claimed.
    """

    frame: int
    crop: Crop
    confidence: Map
    looked_at: Image
    attention: Map
    box: Box | None


def places(crop: Crop, size: Box) -> npt.NDArray[np.float64]:
    """Lay boxes as large as ``size`` about GRID x GRID places of a crop: N x 4, row by row."""
    steps = ((np.arange(GRID) + 0.5) / GRID - 0.5) * crop.side
    x, y = np.meshgrid(crop.cx + steps, crop.cy + steps)
    return np.stack([x.ravel() - size.w / 2, y.ravel() - size.h / 2,
                     np.full(x.size, size.w), np.full(x.size, size.h)], 1)


def look(mdnet: MdnetTracker, classifier: Classifier, frame: Frame, place: Box
         ) -> tuple[Crop, Map, Image, Map]:
    """
    Ask a classifier about a frame, which it doesn't learn from; see Seen for what is returned.

    Raises ValueError for one whose attention can't be asked.
    """
    side = AROUND * float(np.sqrt(place.w * place.h))
    crop = square_crop(frame.image, place.cx, place.cy, side, WIDTH, mean_color(frame.image))
    boxes = places(crop, place)
    with torch.no_grad():
        samples = mdnet.extract.see(frame.image, [place])[0].samples(boxes)
        odds = classifier.logits(samples.features).softmax(1)[:, 1]
    best = odds.topk(BEST).indices
    with torch.enable_grad():
        attention = classifier.attention(samples[best])[0].detach().mean(0).cpu().numpy()
    first = Box(*map(float, boxes[int(best[0])]))
    return (crop, odds.cpu().numpy().reshape(GRID, GRID),
            patch(frame.image, first, samples.inputs is None),
            attention / max(attention.max(), 1e-30))


def watch(name: str, sequence: LabelledSequence, wanted: Sequence[int]) -> list[Seen]:
    """
    Run a tracker over a sequence up to the last of ``wanted``; gives what was seen in those.

    Raises ValueError for one that has no such classifier.
    """
    runner = make_runner(name)
    mdnet = local_of(runner)
    if not isinstance(mdnet, MdnetTracker):
        raise ValueError(f'{name} learns no classifier whose attention could be asked; expected '
                         'one as dat_lite+none')
    make, made = mdnet.make, list[Classifier]()

    def keep(chance: torch.Generator, positives: Samples, negatives: Samples) -> Classifier:
        made.append(make(chance, positives, negatives))
        return made[-1]
    mdnet.make = keep
    seen: list[Seen] = []
    place = Box(*sequence.truth[sequence.start])
    for i, frame in enumerate(sequence.frames(sequence.start), sequence.start):
        if i == sequence.start:
            runner.init(frame, place)
            continue
        asked_now = look(mdnet, made[-1], frame, place) if i in wanted else None
        track = runner.step(frame)
        place = track.place or place
        if asked_now is not None:
            seen.append(Seen(i, *asked_now, track.box))
        if i >= max(wanted):
            break
    return seen


def rows(name: str, sequence: LabelledSequence, seen: Sequence[Seen]) -> list[list[Image]]:
    """Draw a tracker's attention, confidence and result, a column for each frame."""
    out: list[list[Image]] = [[], [], []]
    for s in seen:
        truth = Box(*sequence.truth[s.frame]) if sequence.present[s.frame] else None
        inside = [(in_crop(s.crop, box), color)
                  for box, color in ((truth, TRUTH), (s.box, BOXES[0])) if box is not None]
        out[0].append(tile(over(s.looked_at, s.attention), [], WIDTH, WIDTH,
                           f'frame {s.frame}'))
        out[1].append(tile(over(s.crop.image, s.confidence), [], WIDTH, WIDTH,
                           f'highest {s.confidence.max():.2f}'))
        out[2].append(tile(s.crop.image, inside, WIDTH, WIDTH))
    wide = sum(t.shape[1] for t in out[0])
    return [[heading(f'{name}: attention, confidence, result', wide)], *out]


def sheet(sequence: LabelledSequence, trackers: Sequence[str], wanted: Sequence[int]) -> Image:
    """Draw the rows of several trackers below each other."""
    drawn = [row for name in trackers
             for row in rows(name, sequence, watch(name, sequence, wanted))]
    names = legend({'truth': TRUTH, 'tracker': BOXES[0]}, drawn[0][0].shape[1])
    return board([[names], *drawn])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval predictions``."""
    add_data(parser)
    parser.add_argument('--trackers', default='mdnet_lite+none,dat_lite+none', metavar='A,B',
                        help="without and with DAT's loss; or others of MDNet's kin")
    add_pictures(parser)


def run(args: argparse.Namespace) -> int:
    """Run ``eval predictions``; prints what it wrote."""
    for sequence in read_data(args):
        path = args.out / FOLDER / f'{sequence.name}.jpg'
        write_image(path, sheet(sequence, words(args.trackers), asked(sequence, args.at)))
        print(path)
    return 0
