"""What sequences for the absent protocol are made of: a target's way, and what is cut away to."""

from pathlib import Path

import cv2
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np

SIZE = (200, 150)


def round_and_round(count):
    """Return boxes N x 4 of a target that goes round in a picture of SIZE."""
    turn = np.arange(count) / 25
    x, y = 90 + 70 * np.cos(turn), 60 + 40 * np.sin(turn)
    return np.stack([x, y, np.full(count, 16.0), np.full(count, 12.0)], axis=1).round()


def grey(name='grey', count=200, folder=None):
    """Make a sequence of grey pictures to cut away to; written where ``folder`` is given."""
    path = (folder or Path('/nowhere')) / f'{name}.png'
    if folder is not None:
        cv2.imwrite(str(path), np.full((90, 160, 3), 128, np.uint8))
    return LabelledSequence(name, round_and_round(count), np.zeros(count, bool), (path,) * count)


def stretches(flags):
    """Return (from, to) of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2]))
