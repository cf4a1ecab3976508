"""The box that a run begins with: as labelled, or about as exact as a person draws one."""

from __future__ import annotations

import argparse
from random import Random

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.types import Box

MOVED = (4.0, 0.1)
"""How far the centre is moved at most, along each axis: pixels, and the share of the side."""
SCALED = 0.1
"""By which share each side is changed at most."""


def first_box(sequence: LabelledSequence, jitter: int = 0) -> Box:
    """
    Return the first box of a sequence, moved and scaled at random; ``jitter`` 0: as labelled.

    ``jitter`` and the sequence's name seed the draws, all uniform: the centre is moved along each
    axis by up to the smaller of MOVED, and each side scaled by 1 - SCALED to 1 + SCALED.
    """
    box = Box(*sequence.truth[sequence.start])
    if not jitter:
        return box
    rng = Random(f'{jitter}/{sequence.name}')
    dx, dy = (rng.uniform(-1, 1) * min(MOVED[0], MOVED[1] * side) for side in (box.w, box.h))
    w, h = (side * rng.uniform(1 - SCALED, 1 + SCALED) for side in (box.w, box.h))
    return Box.from_center(box.cx + dx, box.cy + dy, w, h)


def add_jitter(parser: argparse.ArgumentParser) -> None:
    """Declare ``--jitter``."""
    parser.add_argument('--jitter', type=int, default=0, metavar='SEED',
                        help='move each first box by up to 4 px (at most a tenth of its side) '
                        'and scale each side by up to a tenth, drawn by this seed; default: 0, as '
                        'labelled')
