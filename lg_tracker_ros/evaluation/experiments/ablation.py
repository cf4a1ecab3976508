"""
``train ablation``: papers' studies of training, with our data and over seeds.

TANet's Table IV and Fig. 7, the conference version's Table 1, GlobalTrack's Table 3.

All runs learn from one ring of samples. A row whose discriminators take turns gets as many more
steps as its generator needs to have ``steps`` turns, so that rows differ in the loss alone.

    OUT/samples/                     the ring
    OUT/SETTINGS/SEED/best.pt ...    a run of ``train fit``; studies share their runs
    OUT/SETTINGS/SEED/judged.json    its figures on the data sets of --judge
    OUT/SETTINGS/SEED/tracked/DATA/  the tracker's rows on those of --track, as of `eval run`
    OUT/baseline/tracked/DATA/       those of the local tracker alone
    OUT/STUDY.md, OUT/STUDY.csv      means and spread; every run
    OUT/STUDY.png                    the same as a picture
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
import io
import json
import math
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Iterable, Mapping, Sequence

from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.one_pass import plan_runs, run_jobs
from lg_tracker_ros.evaluation.experiments.planned import one_protocol
from lg_tracker_ros.evaluation.experiments.proposals import make_redetector, measure
from lg_tracker_ros.evaluation.experiments.records import read_records, write_labels
from lg_tracker_ros.evaluation.experiments.trackers import folder_name, settings_of
from lg_tracker_ros.evaluation.figures.study import draw_study
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.reports.proposal_results import AT, COLUMNS, figures
from lg_tracker_ros.evaluation.tables.rows import theirs
from lg_tracker_ros.evaluation.tables.training_studies import LONG_TERM, STUDIES
from lg_tracker_ros.files import replace_file, table
from lg_tracker_ros.provenance import seen_in_training
from lg_tracker_ros.reading.plain import read_object
from lg_tracker_ros.training.adversarial.algorithm1 import AdversarialTraining, steps_for
from lg_tracker_ros.training.loop.checkpoints import read_run, set_values
from lg_tracker_ros.training.loop.distributed import find_place, Place
from lg_tracker_ros.training.loop.fit import (
    add_shared,
    ahead_of,
    check_seconds,
    find_network,
    Samples,
)
from lg_tracker_ros.training.loop.optim import check_config
from lg_tracker_ros.training.loop.train import fit
from lg_tracker_ros.training.networks.network import Batch, Network, Training
from lg_tracker_ros.training.networks.registry import NETWORKS
from lg_tracker_ros.training.samples.ring import replay, Ring
from lg_tracker_ros.words.arguments import at_least
import numpy as np

HELD = ('r1', 'r3', 'loss', 'iou')
"""On what is held out, as far as the network says it."""
JUDGED = {'recall_1': 'R@1', 'recall_3': 'R@3', 'auc': 'AUC'}


@dataclass(frozen=True, eq=False)
class Trial:
    """One training run of a row."""

    row: str
    seed: int
    config: Training
    folder: Path

    @cached_property
    def done(self) -> int:
        """Steps that it has been trained for; read once, for the file may be large."""
        return int(read_run(self.folder / 'last.pt')['step'])


def trials(study: str, base: Training, seeds: Sequence[int], out: Path) -> list[Trial]:
    """List the runs of a study, seed by seed."""
    found = []
    for seed in seeds:
        for row, settings in STUDIES[study].rows.items():
            c = replace(base, seed=seed, **settings)
            name = ','.join(f'{key}={value}' for key, value in sorted(settings.items()))
            if isinstance(c, AdversarialTraining):
                c = replace(c, steps=steps_for(c.steps, c))
            found.append(Trial(row, seed, c, out / name / str(seed)))
    return found


def train(network: Network[Any, Any], name: str, trial: Trial, ring: Ring, samples: Samples,
          place: Place, seconds: float) -> None:
    """Train a run to its end or for ``seconds``, or find it there."""
    c = trial.config

    def source(steps: range, rank: int, world: int) -> Iterable[Batch]:
        return replay(ring, c.seed, c.batch, steps, rank, world, ahead_of(place))
    fit(network, c, source, partial(samples.held.batches, 64), trial.folder, name,
        trained_on=sorted({*network.seen, *samples.trained_on()}), place=place, seconds=seconds)


def unseen(data: Path, known: Sequence[str], option: str) -> list[LabelledSequence]:
    """Read the sequences of a data set that aren't among ``known``; ValueError for none."""
    sequences = [s for s in read_dataset(data) if not seen_in_training(s.source, known)]
    if not sequences:
        raise ValueError(f'{option} {data}: every sequence was trained on')
    return sequences


def judge(name: str, checkpoint: Path, data: Path, every: int) -> dict[str, Any]:
    """Ask a trained re-detector along a data set, as ``eval attention`` does; gives the means."""
    sequences = unseen(data, read_run(checkpoint)['trained_on'], '--judge')
    redetector = make_redetector(f'{name}@redetector_weights={checkpoint}')
    rows = {}
    for s in sequences:
        noted = np.array(measure(redetector, s, every, max(AT)), np.float64)
        rows[s.name] = dict(zip(COLUMNS, noted.reshape(-1, len(COLUMNS)).T))
    return dict(figures(rows)['mean'])


@dataclass(frozen=True)
class Tracking:
    """
    The whole tracker over data sets, by ``jobs`` processes.

    ``local`` is LOCAL, perhaps with @parameter=value; sequences among ``known``, which training
    has seen, are left out for the local tracker alone as well.
    """

    local: str
    data: Sequence[Path]
    known: Sequence[str]
    jobs: int = 1
    shown: Mapping[str, str] = field(default_factory=lambda: LONG_TERM)

    def name(self, redetector: str, weights: Path | None = None) -> str:
        """Name the tracker with a re-detector, as ``eval run`` takes it."""
        local, at, rest = self.local.partition('@')
        given = f'@redetector_weights={weights}' if weights else ''
        return f'{local}+{redetector}{at}{rest}{given}'

    def figures(self, tracker: str, folder: Path) -> dict[str, float | None]:
        """
        Run ``tracker`` over the data sets, or find it done; gives its figures by column.

        Raises ValueError as ``unseen``, and where a run fails.
        """
        found: dict[str, float | None] = {}
        for data in self.data:
            out = folder / 'tracked' / data.name
            sequences = unseen(data, self.known, '--track')
            one_protocol(sequences, out)
            jobs, marks = plan_runs([tracker], sequences, out, None, seen=False)
            write_labels(out, sequences, marks)
            if failed := run_jobs(jobs, self.jobs):
                raise ValueError(f'--track {data}: {failed} of {len(jobs)} runs of {tracker} '
                                 'failed; call the command again')
            mean = tracker_metrics(read_records(out)[folder_name(tracker)])['mean']
            found.update({f'{title} {data.name}': mean[k] for k, title in self.shown.items()})
        return found


def results(name: str, trial: Trial, judges: Sequence[Path], every: int,
            tracking: Tracking) -> dict[str, float | None]:
    """Give a trained run's figures by column; what was judged before isn't judged again."""
    report = read_run(trial.folder / 'best.pt')['report']
    found: dict[str, float | None] = {key: report[key] for key in HELD if key in report}
    file = trial.folder / 'judged.json'
    done = read_object(file) if file.exists() else {}
    for data in judges:
        key = f'{data.resolve()} every {every}'
        if key not in done:
            done[key] = judge(name, trial.folder / 'best.pt', data, every)
            replace_file(file, json.dumps(done, indent=1))
        found.update({f'{title} {data.name}': done[key][k] for k, title in JUDGED.items()})
    weights = trial.folder / 'best.pt'
    return {**found, **tracking.figures(tracking.name(name, weights), trial.folder)}


def spread(values: Sequence[float | None]) -> str:
    """Write the mean, and the standard deviation where there are several."""
    known = [v for v in values if v is not None]
    if not known:
        return '-'
    return f'{mean(known):.3f}' + (f' ± {stdev(known):.3f}' if len(known) > 1 else '')


def write(study: str, found: Sequence[tuple[Trial, Mapping[str, float | None]]], out: Path,
          baseline: Mapping[str, float | None]) -> str:
    """
    Write OUT/STUDY.csv, a line for each run, and OUT/STUDY.md; returns the latter.

    ``baseline`` are the figures of the local tracker alone, {} where nothing was tracked.
    """
    columns = list(found[0][1])
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([
        ['row', 'seed', 'steps', *columns],
        *([t.row, t.seed, t.done, *f.values()] for t, f in found)])
    replace_file(out / f'{study}.csv', text.getvalue())
    lines = [['baseline', '-', '-', *(spread([baseline.get(c)]) for c in columns)]
             ] if baseline else []
    for row in STUDIES[study].rows:
        own = [(t, f) for t, f in found if t.row == row]
        if own:
            lines.append([row, str(len(own)), str(round(mean(t.done for t, _ in own))),
                          *(spread([f[c] for _, f in own]) for c in columns)])
    page = '\n'.join([*table([study, 'seeds', 'steps', *columns], lines), '',
                      "Mean and standard deviation over seeds. Those before the data sets' are "
                      'on what is held out of the training data'
                      + ('; baseline: the local tracker alone.' if baseline else '.'), '',
                      *(line for p in STUDIES[study].published
                        for line in theirs(p.title, p.head, p.table))])
    replace_file(out / f'{study}.md', page)
    return page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train ablation``."""
    add_shared(parser)
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='runs and tables; what is there goes on')
    parser.add_argument('--seconds', type=float, default=math.inf, metavar='N',
                        help='stop each run after N seconds of training')
    parser.add_argument('--study', choices=list(STUDIES), default='losses',
                        help='what is varied')
    parser.add_argument('--seeds', type=at_least(0), nargs='+', default=[0, 1, 2], metavar='N',
                        help='a run for each')
    parser.add_argument('--judge', type=Path, nargs='+', default=[], metavar='DIR',
                        help='data sets on which each run is judged, as by `eval attention`')
    parser.add_argument('--every', type=at_least(1), default=10, metavar='N',
                        help='ask there at every N-th frame')
    parser.add_argument('--track', type=Path, nargs='+', default=[], metavar='DIR',
                        help='data sets over which each run tracks, as by `eval run`: its F, as '
                        'in the paper')
    parser.add_argument('--local', default='pixelwise', metavar='LOCAL',
                        help='the local tracker there, perhaps with @parameter=value '
                        '(siamrpnpp@backbone=alexnet@tracker_weights=FILE)')
    parser.add_argument('--jobs', type=at_least(1), default=1, metavar='N',
                        help='processes there')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')


def run(args: argparse.Namespace) -> int:
    """Run ``train ablation``; the table is written anew after each run."""
    network = find_network(args.network)
    study = STUDIES[args.study]
    if not study.needs <= {f.name for f in fields(network.defaults)}:
        takers = [name for name, n in NETWORKS.items()
                  if study.needs <= {f.name for f in fields(n.defaults)}]
        raise ValueError(f'--study {args.study} is for {" and ".join(takers)}, whose settings '
                         f'are {", ".join(sorted(study.needs))}; got {args.network}')
    base = set_values(replace(network.defaults, **study.samples), args.set)
    place = find_place(args.device)
    check_config(base, place.world)
    samples = Samples(network, base, args.ring or args.out / 'samples', args.data, args.workers,
                      args.clips, args.without)
    check_seconds(args.seconds)
    samples.hold_out()
    ring = samples.ring()
    samples.fill(ring, False, base.capacity, 'samples')
    tracking = Tracking(args.local, args.track, samples.trained_on(), args.jobs,
                        study.tracked)
    settings_of(tracking.name(args.network))  # a wrong name should say so at once
    baseline = tracking.figures(tracking.name('none'), args.out / 'baseline')
    found = []
    page = ''
    for trial in trials(args.study, base, args.seeds, args.out):
        train(network, args.network, trial, ring, samples, place, args.seconds)
        found.append((trial, results(args.network, trial, args.judge, args.every, tracking)))
        page = write(args.study, found, args.out, baseline)
    draw_study(args.out / f'{args.study}.csv', args.out / f'{args.study}.png', baseline)
    print(page)
    return 0
