"""
``train calibrate``: make confidence mean P(IoU > .5), for every local tracker alike.

A logistic is fitted to what a tracker's score and the look say on held-out generated sequences,
stills and clips, and on real sequences (Platt, Probabilistic Outputs for SVMs, 1999).
"""

from __future__ import annotations

import argparse
from itertools import chain
import json
import math
from pathlib import Path
import sys
from typing import Any, Iterable, Iterator, Mapping, Sequence, TypeVar

from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.metrics.calibration import calibration_error, reliability
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.files import table
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.spec import BACKBONES
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.notes import said_by_training
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.recognition.calibrated import CalibratedTracker
from lg_tracker_ros.recognition.confidence import Confidence, platt
from lg_tracker_ros.training.calibration.observations import (
    as_table,
    Evidence,
    gather,
    made,
    recorded,
)
from lg_tracker_ros.training.data.material import read_material
from lg_tracker_ros.training.export import write_weights
from lg_tracker_ros.training.networks.validation import area_under_roc
from lg_tracker_ros.words.arguments import at_least
import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

Rows = npt.NDArray[np.float64]
T = TypeVar('T')

EPISODES: Mapping[str, int] = {'generated': 120, 'photographed': 600, 'filmed': 40}
"""Of each source; as many again to judge by."""

REAL = 0.75
"""
Weight of what was recorded, where there is any.

A tracker's score is surer of what looks like its training, and the generator is harder than life.
Of .5, .75, .9 and 1 this gave pixelwise the least calibration error on DAVIS, which nothing was
fitted on; NanoTrack's hardly changes, VitTrack's is least at 1.
"""

RIDGE = 1e-5
"""Weight of the squared constants: keeps them finite where a tracker never errs."""


def features(rows: Rows) -> Rows:
    """From rows of Evidence to N x 3: log odds of the score, look, 1."""
    return np.concatenate([rows[:, :2], np.ones((len(rows), 1))], axis=1)


def fit_confidence(rows: Rows, weight: Rows, steps: int = 50) -> Confidence:
    """
    Fit the logistic by Newton's method; evidence that would count against itself is left out.

    ``rows`` are Evidence's, N x 4; ``weight`` (N) how much each counts. Raises ValueError when
    they hold only hits, or none.
    """
    x, y = features(rows), (rows[:, 2] > 0.5).astype(np.float64)
    if not 0 < y.sum() < len(y):
        raise ValueError(f'{int(y.sum())} of {len(y)} boxes are right: nothing to tell apart; '
                         'use more --data or more --episodes')
    used, theta = [0, 1, 2], np.zeros(3)
    while True:
        theta[:] = 0
        theta[used] = newton(x[:, used], y, weight / weight.sum(), steps)
        against = [i for i in used[:-1] if theta[i] < 0]
        if not against:
            return platt(*(round(float(v), 2) for v in theta))
        used.remove(min(against, key=lambda i: theta[i]))


def newton(x: Rows, y: Rows, weight: Rows, steps: int, known: Rows | float = 0.0) -> Rows:
    """
    Minimise the weighted cross-entropy of a logistic; the last column of ``x`` is 1.

    ``known`` are log odds (N) to which ``x`` adds.
    """
    theta = np.zeros(x.shape[1])
    ridge = RIDGE * (np.arange(x.shape[1]) < x.shape[1] - 1)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(known + x @ theta, -50, 50)))
        gradient = x.T @ (weight * (p - y)) + ridge * theta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-9)
        theta -= np.linalg.solve(hessian, gradient)
    return theta


def balanced(parts: Mapping[str, Sequence[Evidence]]) -> tuple[Rows, Rows]:
    """Join the sources' rows, with weights: REAL in sum for what was recorded."""
    tables = {source: as_table(evidence) for source, evidence in parts.items()}
    real = sum(len(t) for source, t in tables.items() if source == 'recorded')
    rest = sum(len(t) for t in tables.values()) - real
    return np.concatenate(list(tables.values())), np.concatenate(
        [np.full(len(t), REAL / real if source == 'recorded' else (1 - REAL) / rest)
         for source, t in tables.items()])


def judge_confidence(confidence: Confidence, rows: Rows) -> tuple[float, float]:
    """Return the area under the ROC curve and the expected calibration error on ``rows``."""
    value = np.array([confidence({'score': score, 'look': look}) for score, look in rows[:, :2]])
    right = rows[:, 2] > 0.5
    return area_under_roc(value[right], value[~right]), calibration_error(
        reliability(value, right)) or 0.0


def report(name: str, recognizer: CalibratedTracker, fitted: Confidence,
           parts: Mapping[str, Sequence[Evidence]]) -> list[list[str]]:
    """Make rows of a table: a tracker on each source, before and after."""
    out = []
    for source, evidence in parts.items():
        rows = as_table(evidence)
        before, after = (judge_confidence(c, rows) for c in (recognizer.confidence, fitted))
        out.append([name, source, str(len(rows)), f'{(rows[:, 2] > 0.5).mean():.2f}',
                    f'{before[0]:.3f}', f'{after[0]:.3f}', f'{before[1]:.3f}', f'{after[1]:.3f}'])
    return out


def counted(items: Iterable[T], bar: Any) -> Iterator[T]:
    """Pass items on and count them."""
    for item in items:
        yield item
        bar.update()


def write_confidence(path: Path, confidence: Confidence) -> Path:
    """
    Put the constants into the header of a safetensors file, where the tracker looks first.

    Of another file of weights, such as its authors published, one is made beside it; returns
    which was written. Raises ValueError for a checkpoint of ours, and where that one is there.
    """
    constants = {'confidence': json.dumps({**confidence.weights, 'offset': confidence.offset})}
    if path.suffix != '.safetensors':
        beside = path.with_suffix('.safetensors')
        if said_by_training(path):
            raise ValueError(f'--write {path}: train export makes a .safetensors file of it first')
        if beside.exists():
            raise ValueError(f'--write {path}: {beside} is there already; name that, or move it')
        write_weights(beside, {name: value.clone(memory_format=torch.contiguous_format)
                               for name, value in read_state_dict(path).items()}, constants)
        return beside
    try:
        from safetensors import safe_open
    except ImportError as e:
        raise ValueError('train calibrate --write needs safetensors: pip install safetensors'
                         ) from e
    with safe_open(path, 'pt') as file:
        about = dict(file.metadata() or {})
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    write_weights(path, tensors, {**about, **constants})
    return path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train calibrate``."""
    parser.add_argument('trackers', nargs='+', metavar='TRACKER', help=', '.join(LOCAL_TRACKERS))
    parser.add_argument('--data', type=Path, nargs='+', required=True, metavar='DIR',
                        help='as for `train fit`; the tenth that is held out there is used')
    parser.add_argument('--without', nargs='+', default=[], metavar='DATA SET',
                        help='stills of these data sets in --data are left out')
    parser.add_argument('--real', type=Path, nargs='+', default=[], metavar='DIR',
                        help='labelled sequences to calibrate on, in any layout that eval reads')
    parser.add_argument('--judge', type=Path, metavar='DIR',
                        help='labelled sequences to judge by only')
    parser.add_argument('--weights', type=Path, metavar='FILE',
                        help='weights of a single tracker; default: those that ship')
    parser.add_argument('--backbone', default=Settings.backbone, choices=BACKBONES,
                        metavar='NAME', help='as the parameter backbone: ' + ', '.join(BACKBONES))
    parser.add_argument('--peers', type=Path, metavar='DIR',
                        help="where NanoTrack's and VitTrack's ONNX files lie")
    parser.add_argument('--write', action='store_true',
                        help='put the constants into the header of --weights; of another kind of '
                        'file than .safetensors, one is made beside it')
    parser.add_argument('--episodes', type=float, default=1.0, metavar='SHARE',
                        help='of the usual number of episodes')
    parser.add_argument('--seed', type=at_least(0), default=0, metavar='SEED',
                        help='of what is drawn')


def run(args: argparse.Namespace) -> int:
    """Run ``train calibrate``."""
    if args.weights and len(args.trackers) > 1:
        raise ValueError('--weights is for one tracker, got ' + ', '.join(args.trackers))
    if args.write and not args.weights:
        raise ValueError('--write needs --weights: the file to write into')
    if not 0 < args.episodes < math.inf:
        raise ValueError('--episodes is a share of the usual number: expected above 0, got '
                         f'{args.episodes:g}')
    recognizers = {}
    for name in args.trackers:
        weights = args.weights or LOCAL_TRACKERS[name].found_below(args.peers)
        settings = Settings(tracker=name, redetector='none', threads=1, backbone=args.backbone,
                            tracker_weights=str(weights), recognition='first_look')
        recognizers[name] = make_local(settings, settings.engine_config())
    material = read_material(args.data, validation=True, without=args.without)
    counts = {source: max(round(n * args.episodes), 1) for source, n in EPISODES.items()}
    real = [s for folder in args.real for s in read_dataset(folder)]
    judges = read_dataset(args.judge) if args.judge else []
    with tqdm(total=2 * sum(counts.values()) + len(real) + len(judges), unit='episode',
              file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

        def evidence(seed: int, sequences: Sequence[LabelledSequence]
                     ) -> dict[str, dict[str, list[Evidence]]]:
            episodes = chain(made(material, counts, seed), recorded(sequences))
            return gather(recognizers, counted(episodes, bar), seed)
        learned, judged = evidence(2 * args.seed, real), evidence(2 * args.seed + 1, judges)
    rows = []
    for name, recognizer in recognizers.items():
        fitted = fit_confidence(*balanced(learned[name]))
        rows += report(name, recognizer, fitted, judged[name])
        print(f"'{name}': {fitted}")
        if args.write:
            print(f'written into {write_confidence(args.weights, fitted)}')
    print('\n'.join(table(('tracker', 'source', 'boxes', 'right', 'AUC before', 'after',
                           'ECE before', 'after'), rows, 2)))
    return 0
