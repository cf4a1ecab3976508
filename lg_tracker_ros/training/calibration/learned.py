"""
``train recogniser``: the confidence that asks what was learned of target and rivals.

It is fitted on what the whole tracker meets on real sequences while it learns from its own
decisions: on clean labels a classifier against rivals would be trusted too much.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Iterator, Sequence

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.metrics.calibration import calibration_error, reliability
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.files import table
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.recognition.confidence import Confidence
from lg_tracker_ros.recognition.recogniser import KNOWN, LOOKS, OnlineRecogniser
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.training.calibration.fit import newton, Rows
from lg_tracker_ros.types import Box
import numpy as np

CUES = ('score', *LOOKS)


def closed_loop(tracker: LongTermTracker, sequence: LabelledSequence
                ) -> Iterator[tuple[list[float], float, bool]]:
    """
    Follow a sequence's target; gives a row for each box that was found in a labelled frame.

    A row is CUES times the trust, the trust, and the log odds that are known without them; with
    it come the confidence and whether the box is right (IoU > .5). Raises ValueError for a
    tracker that doesn't learn.
    """
    local, start = tracker.local, sequence.start
    if not isinstance(local, OnlineRecogniser):
        raise ValueError('nothing is learned without recognition: online')
    for i, frame in enumerate(sequence.frames(start), start):
        if i == start:
            tracker.init(frame, Box(*sequence.truth[i]))
            continue
        track, = tracker.step([frame])
        if not (sequence.present[i] or sequence.absent[i]) or not local.trust:
            continue
        box = Box(*sequence.truth[i]) if sequence.present[i] else None
        for output in track.found:
            known = ((1 - local.trust) * local.confidence.log_odds(output.cues)
                     + KNOWN.log_odds(output.cues))
            yield ([*(local.trust * output.cues[c] for c in CUES), local.trust, known],
                   output.confidence, box is not None and iou(output.box, box) > 0.5)


def fit_learned(parts: Sequence[Rows]) -> Confidence:
    """
    Fit an online confidence to sequences' rows as of ``closed_loop``, with 1 for right at the end.

    Each sequence weighs by the square root of its length.
    """
    rows = np.concatenate(parts)
    weight = np.concatenate([np.full(len(p), len(p) ** -0.5) for p in parts if len(p)])
    theta = newton(rows[:, :-2], rows[:, -1], weight / weight.sum(), 50, rows[:, -2])
    *weights, offset = (round(float(v), 2) for v in theta)
    return Confidence(dict(zip(CUES, weights)), offset)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train recogniser``."""
    parser.add_argument('trackers', nargs='+', metavar='TRACKER', help=', '.join(LOCAL_TRACKERS))
    parser.add_argument('--real', type=Path, nargs='+', required=True, metavar='DIR',
                        help='labelled sequences, in any layout that eval reads')
    parser.add_argument('--only', default='', metavar='SEQ,SEQ', help='these sequences')
    parser.add_argument('--peers', type=Path, metavar='DIR',
                        help="where NanoTrack's and VitTrack's ONNX files lie")


def run(args: argparse.Namespace) -> int:
    """Run ``train recogniser``: fits one confidence for all the trackers together; prints it."""
    only = [n for n in args.only.split(',') if n]
    sequences = [s for folder in args.real for s in read_dataset(folder, '', only)]
    parts, lines = [], []
    for name in args.trackers:
        tracker = build_tracker(Settings(tracker=name, threads=1, tracker_weights=str(
            LOCAL_TRACKERS[name].found_below(args.peers))))
        for s in sequences:
            found = list(closed_loop(tracker, s))
            if not found:
                continue
            cues, confidence, right = (np.array(column, np.float64) for column in zip(*found))
            parts.append(np.concatenate([cues, right[:, None]], axis=1))
            error = calibration_error(reliability(confidence, right > 0)) or 0.0
            lines.append([name, s.name, str(len(right)), f'{right.mean():.2f}', f'{error:.3f}'])
    if not parts:
        raise ValueError('nothing was learned on these sequences; --real must hold longer ones')
    print('\n'.join(table(('tracker', 'sequence', 'boxes', 'right', 'ECE now'), lines, 2)))
    print(f'online = {fit_learned(parts)}')
    return 0
