"""``train fit`` and ``train pack``: samples are made by worker processes, the loop runs beside."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
import json
import math
import os
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

from lg_tracker_ros.files import replace_file
from lg_tracker_ros.reading.notes import trained_on
from lg_tracker_ros.training.data.material import read_material
from lg_tracker_ros.training.loop.checkpoints import read_run, set_values
from lg_tracker_ros.training.loop.distributed import find_place, Place
from lg_tracker_ros.training.loop.optim import check_config
from lg_tracker_ros.training.loop.train import fit
from lg_tracker_ros.training.networks.network import Batch, C, Network, Training
from lg_tracker_ros.training.networks.registry import NETWORKS
from lg_tracker_ros.training.samples.ring import MakeSampler, replay, Ring, stream
from lg_tracker_ros.training.samples.writers import Writers
from lg_tracker_ros.words.nearest import meant
import torch

VALIDATION = 0x5EED
"""Added to the seed for what is held out."""


def find_network(name: str) -> Network[Any, Any]:
    """Look up a network; ValueError, in one line, for an unknown name."""
    if name not in NETWORKS:
        raise ValueError(f'there is no network {name!r} to train; ' + (
            meant(name, NETWORKS) or f'there are {", ".join(NETWORKS)}'))
    return NETWORKS[name]


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Declare what both commands take."""
    parser.add_argument('network', metavar='NETWORK', help=', '.join(NETWORKS))
    parser.add_argument('--data', type=Path, nargs='+', default=[], metavar='DIR',
                        help='stills in COCO form, labelled clips, cut-outs as PNG, or folders of '
                        'those; a tenth, by name, is held out')
    parser.add_argument('--clips', type=float, default=0.2, metavar='SHARE',
                        help='how many of the samples come from labelled clips')
    parser.add_argument('--without', nargs='+', default=[], metavar='DATA SET',
                        help='stills of these data sets in --data are left out')
    parser.add_argument('--ring', type=Path, metavar='DIR',
                        help='where samples are kept, some GB; default: OUT/samples; `train '
                        'pack`, which has no OUT, needs it')
    parser.add_argument('--workers', type=int, default=1, metavar='N',
                        help='processes that make samples, for each training process; 0: none, '
                        'the ring is enough (or the loop makes them itself)')
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE',
                        help='one setting, such as steps=20000; may be repeated')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train fit``."""
    add_shared(parser)
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='checkpoints and log; a run that is there goes on')
    parser.add_argument('--weights', type=Path, metavar='FILE', help='weights to begin with')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--seconds', type=float, default=math.inf, metavar='N',
                        help='stop after N seconds of training (not over several GPUs); the same '
                        'command goes on')


def add_pack_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train pack``."""
    add_shared(parser)
    parser.add_argument('--count', type=int, metavar='N',
                        help='samples to have in the end; default: as many as the ring holds')


def check(workers: int, clips: float) -> None:
    """Raise ValueError for a number of processes, or a share of clips, that can't be."""
    if workers < 0:
        raise ValueError(f'--workers must be at least 0, got {workers}')
    if not 0 <= clips <= 1:
        raise ValueError(f'--clips is a share: expected 0 to 1, got {clips}')


def check_seconds(seconds: float) -> None:
    """Raise ValueError for a time that training can't last."""
    if not seconds > 0:  # of nan, too: it would never be over
        raise ValueError(f'--seconds must be above 0, got {seconds:g}')


class Samples:
    """The rings of a network, the material they are filled from, and who fills them."""

    def __init__(self, network: Network[Any, Any], c: Training, folder: Path, data: Sequence[Path],
                 workers: int, clips: float = 0.2, without: Sequence[str] = ()) -> None:
        """Map the rings; raises ValueError for what can't be."""
        check(workers, clips)
        self.network, self.config, self.workers = network, c, workers
        self.folder, self.fields = folder, network.fields(c)
        self.data, self.clips, self.without = data, clips, without
        self.held = Ring(folder / 'held_out', self.fields, c.held_out).attach()
        self.names = folder / 'trained_on.json'

    def maker(self, validation: bool) -> MakeSampler:
        """Read the material and return what makes a sampler of it; notes what is trained on."""
        if not self.data:
            raise ValueError(f'no data: {self.folder} holds too few samples and --data is missing')
        material = read_material(self.data, validation, self.clips, self.without,
                                 self.network.composed)
        if not validation:
            replace_file(self.names, json.dumps(
                sorted({*self.trained_on(), *material.names}), indent=0))
        return partial(self.network.make_sampler, material, self.config)

    def trained_on(self) -> list[str]:
        """Name what the training samples were made of."""
        return list(json.loads(self.names.read_text())) if self.names.exists() else []

    def hold_out(self) -> None:
        """Fill the ring of held-out samples, unless it is full."""
        self.fill(self.held, True, self.config.held_out, 'held-out samples')

    def fill(self, ring: Ring, validation: bool, count: int, what: str) -> None:
        """Bring ``ring`` to ``count`` samples."""
        if len(ring) < count:
            make = self.maker(validation)
            seed = self.config.seed + VALIDATION * validation
            with Writers(ring, make, seed, max(self.workers, 1), count) as writers:
                writers.wait(count, what)

    def ring(self) -> Ring:
        """Map the ring of training samples."""
        return Ring(self.folder / 'train', self.fields, self.config.capacity).attach()


def watched(batches: Iterable[Batch], writers: Writers) -> Iterator[Batch]:
    """Pass batches on, as long as those who make the samples are well."""
    for batch in batches:
        writers.check()
        yield batch


def ahead_of(place: Place) -> int:
    """Say how many batches are read while one is learned from: a CPU has no hands free."""
    return 2 if place.device.type == 'cuda' else 0


def run(args: argparse.Namespace) -> int:
    """Run ``train fit``."""
    train_network(args.network, args.data, args.out, settings=args.set, weights=args.weights,
                  ring=args.ring, clips=args.clips, without=args.without, workers=args.workers,
                  device=args.device, seconds=args.seconds)
    return 0


def train_network(name: str, data: Sequence[Path], out: Path, *, settings: Sequence[str] = (),
                  weights: Path | None = None, ring: Path | None = None, clips: float = 0.2,
                  without: Sequence[str] = (), workers: int = 1, device: str = 'auto',
                  seconds: float = math.inf) -> None:
    """
    Train the network ``name`` on the material in ``data``; a run that is in ``out`` goes on.

    ``settings`` are NAME=VALUE, ``weights`` those to begin with, ``ring`` the folder of samples
    (default: OUT/samples), ``clips`` the share of samples from labelled clips; stills of the
    data sets ``without`` are left out. It stops after ``seconds``. Raises ValueError, in one line,
    for what can't be.
    """
    check_seconds(seconds)
    network = find_network(name)
    c = begun_with(network, set_values(network.defaults, settings), weights)
    place = find_place(device)
    check_config(c, place.world)
    samples = Samples(network, c, ring or out / 'samples', data, workers, clips, without)
    # one process of a machine sees to the samples; the others wait for it where all of them join
    leads = place.local == 0
    makers = workers if leads and data else 0
    if place.device.type == 'cpu':
        share = max((os.cpu_count() or 1) - workers, 1)
        torch.set_num_threads(min(torch.get_num_threads(), share))
    before = trained_before(weights)
    if place.rank == 0:
        samples.hold_out()
    with ExitStack() as stack:
        if c.fresh:
            make = samples.maker(False)

            def source(steps: range, rank: int, world: int) -> Iterable[Batch]:
                return stream(make, samples.fields, c.seed, c.batch, steps, rank, world,
                              workers)
        else:
            kept = samples.ring()
            writers = stack.enter_context(Writers(
                kept, samples.maker(False) if makers else None, c.seed, makers))
            if leads:
                writers.wait(min(c.warmup, c.capacity), 'samples')

            def source(steps: range, rank: int, world: int) -> Iterable[Batch]:
                return watched(replay(kept, c.seed, c.batch, steps, rank, world,
                                      ahead_of(place)), writers)
        fit(network, c, source, partial(samples.held.batches, 64), out, name, weights,
            sorted({*network.seen, *samples.trained_on(), *before}), place, seconds)


def begun_with(network: Network[Any, C], c: C, start: Path | None) -> C:
    """
    Set what the weights to begin with ask for.

    Raises ValueError, in one line, where something else than that, or than the default, is set.
    """
    asked = {} if start is None else network.asked_by(start)
    for name, value in asked.items():
        if getattr(c, name) not in (value, getattr(network.defaults, name)):
            raise ValueError(f'{name}={getattr(c, name)} does not fit {start}: it has {value}')
    return replace(c, **asked)


def trained_before(start: Path | None) -> list[str]:
    """Name what the weights to begin with have seen: who begins with them has seen it too."""
    if start is None:
        return []
    return list(trained_on(start) if start.suffix == '.safetensors'
                else read_run(start)['trained_on'])


def run_pack(args: argparse.Namespace) -> int:
    """Run ``train pack``."""
    network = find_network(args.network)
    c = set_values(network.defaults, args.set)
    if args.ring is None:
        raise ValueError('train pack needs --ring: where to put the samples')
    if args.count is not None and args.count < 1:
        raise ValueError(f'--count must be at least 1, got {args.count}')
    samples = Samples(network, c, args.ring, args.data, args.workers, args.clips,
                      args.without)
    samples.hold_out()
    samples.fill(samples.ring(), False, min(args.count or c.capacity, c.capacity), 'samples')
    return 0
