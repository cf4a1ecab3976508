"""
``train finetune``: weights that know a robot's own pictures, from recordings with first boxes.

Follows the boxes (data/pseudo_labels.py), trains on from the weights that there are with the usual
material kept in so that nothing is forgotten (``train fit --weights``), and measures before and
after on what was held out. Weights that didn't become better are not written.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import json
from pathlib import Path
import shutil
from typing import Any, Sequence

from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.checkpoint import FOLDER, load_checkpoint
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.readers.files import folder_name, subfolders
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.files import sha256
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.plain import read_object
from lg_tracker_ros.training.assets.install import default_folder
from lg_tracker_ros.training.data import pseudo_labels
from lg_tracker_ros.training.data.media import held_out
from lg_tracker_ros.training.data.recordings import BOXES
from lg_tracker_ros.training.export import export
from lg_tracker_ros.training.loop import fit as training
from lg_tracker_ros.training.loop.checkpoints import set_values
from lg_tracker_ros.training.loop.run import to_device
from lg_tracker_ros.training.networks.network import Network, Training
from lg_tracker_ros.training.samples.ring import Ring
from lg_tracker_ros.types import Box, LocalTracker
import numpy as np
import torch

SHORT = ('steps=1500', 'rate=0.0002', 'capacity=4000', 'warmup=1000', 'held_out=600',
         'validate_every=250')
"""A tenth of the usual rate and less of everything; --set goes over it."""

MADE = '.made.json'
"""Beside the tracks: what they were made of, so that a run doesn't go on with others' tracks."""

STRIDE = 3
"""Every third frame is measured on: the teacher, who saw all of them, had it easier."""


@dataclass(frozen=True)
class Measured:
    """
    How good weights are: on held-out samples, and as a tracker on held-out tracks.

    ``quality`` is what ``train fit`` keeps its best weights by; ``report`` its parts. ``iou`` is
    the mean IoU on the tracks and ``followed`` the share of their frames with more than .5; nan
    for a network that is no local tracker.
    """

    quality: float
    report: dict[str, float]
    iou: float
    followed: float

    def better_than(self, other: Measured) -> bool:
        """
        Whether the samples became better and no more of the tracks is lost.

        The mean IoU has no say: the labels are the old tracker's own, who agrees with itself. On
        five tracks with known truth it fell from .885 to .853 while that with the truth rose from
        .769 to .796.
        """
        return self.quality > other.quality and not self.followed < other.followed


def judge_pairs(network: Network[Any, Any], c: Training, weights: Path, held: Ring
                ) -> tuple[float, dict[str, float]]:
    """Validate the weights in a file on a ring of held-out samples."""
    model = network.make_model(c)
    load_checkpoint(model, weights)
    model.eval()
    with torch.no_grad():
        quality, report = network.validate(
            model, (to_device(b, torch.device('cpu')) for b in held.batches(64)))
    return float(quality), dict(report)


def judge_tracks(tracker: LocalTracker, sequences: Sequence[LabelledSequence]
                 ) -> tuple[float, float]:
    """Run over every STRIDE-th frame of each sequence; mean IoU, and share of frames above .5."""
    found = []
    for sequence in sequences:
        truth = sequence.truth[sequence.start::STRIDE]
        frames = list(sequence.frames(sequence.start))[::STRIDE]
        boxes = pseudo_labels.follow(tracker, frames, Box(*truth[0]), 0.0)
        overlaps = iou_pairs([(b.x, b.y, b.w, b.h) for b in boxes], truth)[1:]
        found.append(overlaps[np.isfinite(overlaps)])
    every = np.concatenate(found)
    return float(every.mean()), float((every > 0.5).mean())


def measure(name: str, c: Training, weights: Path, held: Ring,
            sequences: Sequence[LabelledSequence]) -> Measured:
    """Measure the weights in a file of the network ``name``."""
    quality, report = judge_pairs(training.find_network(name), c, weights, held)
    if name not in LOCAL_TRACKERS:
        return Measured(quality, report, float('nan'), float('nan'))
    settings = Settings(tracker=name, tracker_weights=str(weights),
                        backbone=getattr(c, 'backbone', Settings().backbone))
    tracker = make_local(settings, settings.engine_config())
    return Measured(quality, report, *judge_tracks(tracker, sequences))


def made_of(args: argparse.Namespace) -> dict[str, Any]:
    """Say what tracks are made of; of boxes what can be had."""
    return {'step': args.step, 'length': args.length, 'topic': args.topic,
            'teacher': str(args.teacher or ''),
            'boxes': [sha256(f / BOXES) for f in args.recordings if (f / BOXES).is_file()]}


def label_all(args: argparse.Namespace, out: Path) -> None:
    """
    Follow the boxes of every folder; ValueError when too few tracks come out of it.

    Those of a run that goes on stay, corrected perhaps; ValueError where they are of other boxes.
    """
    made, note = made_of(args), out / MADE
    if out.is_dir():
        # to go on, nobody needs the recordings
        if note.is_file() and made['boxes'] and read_object(note) != made:
            raise ValueError(f'{out} was made of other boxes, or with another --step, --length, '
                             f'--topic or --teacher; delete it and {out.with_name("run")}, or '
                             'give another --out')
        return  # a run that goes on
    part, kept, lost = out.with_name(f'{out.name}.part'), 0, 0
    shutil.rmtree(part, ignore_errors=True)  # of a run that was cut off
    follower, least = pseudo_labels.make_teacher(args.teacher)
    for folder in args.recordings:
        found = pseudo_labels.label_given(folder, part / folder_name(folder), follower,
                                          args.length, args.step, least, args.topic, kept)
        kept, lost = kept + found[0], lost + found[1]
    if kept < 2:
        raise ValueError(f'{kept} of {kept + lost} targets could be followed; at least 2 are '
                         'needed, one to learn from and one to measure on: draw more first boxes, '
                         'or try --step 1')
    (part / MADE).write_text(json.dumps(made))
    part.rename(out)
    print(f'{kept} tracks in {out}, {lost} lost', flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train finetune``."""
    parser.add_argument('network', metavar='NETWORK', help='pixelwise, tanet_lite, ...')
    parser.add_argument('recordings', nargs='+', type=Path, metavar='RECORDINGS',
                        help=f'folder of videos or bags with {BOXES}')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='tracks, run and weights; a run that is there goes on')
    parser.add_argument('--weights', type=Path, metavar='FILE',
                        help='to begin with; default: those that ship')
    parser.add_argument('--data', type=Path, nargs='+', metavar='DIR',
                        help='the usual material, against forgetting; default: what `train '
                        'assets` made')
    parser.add_argument('--clips', type=float, default=0.5, metavar='SHARE',
                        help='how many of the samples come from your tracks')
    parser.add_argument('--length', type=int, default=200,
                        help='frames of a track at most')
    pseudo_labels.add_shared(parser)
    parser.add_argument('--workers', type=int, default=1, metavar='N',
                        help='processes that make samples')
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE',
                        help=f'one setting, over {" ".join(SHORT)}; may be repeated')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')


def run(args: argparse.Namespace) -> int:
    """Run ``train finetune``; status 1 when the weights became no better."""
    network, settings = training.find_network(args.network), [*SHORT, *args.set]
    c = set_values(network.defaults, settings)
    shipped = '_'.join(filter(None, (args.network, getattr(c, 'backbone', ''))))
    before = args.weights or FOLDER / f'{shipped}.safetensors'
    if not before.is_file():
        raise ValueError(f'no weights at {before} to begin with; name yours with --weights')
    c = training.begun_with(network, c, before)
    data = args.data or [default_folder()]
    if not all(folder.is_dir() for folder in data):
        raise ValueError('beside your recordings it takes pictures of other things, or the '
                         f'network forgets them, and {" ".join(map(str, data))} is not there: '
                         'run `python -m lg_tracker_ros train assets`, or name a folder of '
                         'cut-outs (PNG with alpha) with --data')
    tracks, out = args.out / 'tracks', args.out / 'run'
    pseudo_labels.check(args)
    training.check(args.workers, args.clips)
    label_all(args, tracks)
    training.train_network(args.network, [tracks, *data], out, settings=settings, weights=before,
                           clips=args.clips, workers=args.workers, device=args.device)
    held = training.Samples(network, c, out / 'samples', [], 0).held
    sequences = [s for folder in subfolders(tracks) for s in read_dataset(folder, 'plain')
                 if held_out(s.name)]
    old, new = (measure(args.network, c, weights, held, sequences)
                for weights in (before, out / 'best.pt'))
    lines = [('quality on held-out samples', old.quality, new.quality),
             *((f'  {k}', old.report[k], new.report[k]) for k in new.report),
             (f'IoU > .5 on {len(sequences)} held-out tracks', old.followed, new.followed),
             ('  mean IoU', old.iou, new.iou)]
    for what, a, b in lines:
        print(f'{what:32s} {a:.4f} before, {b:.4f} after')
    if not new.better_than(old):
        print(f'not better: keep the old weights, {before}')
        return 1
    file = args.out / f'{args.network}.safetensors'
    export([out / 'best.pt'], file)
    kind = 'tracker_weights' if args.network in LOCAL_TRACKERS else 'redetector_weights'
    print(f'better: --param {kind}={file}')
    return 0
