"""``eval sweep``: parameter studies, as the paper's tables VI and VII."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any, Sequence

from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.evaluation.experiments import one_pass
from lg_tracker_ros.evaluation.experiments.records import read_records, write_labels
from lg_tracker_ros.evaluation.experiments.trackers import folder_name
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.reports import paper
from lg_tracker_ros.evaluation.reports.tables import number, theirs
from lg_tracker_ros.files import replace_file

STUDY = ('beta1=0.6,0.7,0.8,0.9,0.95', 'beta2=3,5,8,10,13')
SHOWN = ('f', 'auc', 'f_reported', 'claimed_when_absent', 'global_share')


def parameter(text: str) -> tuple[str, list[str]]:
    """Read ``name=value,value``; ArgumentTypeError for another form."""
    name, equals, values = text.partition('=')
    found = [v for v in values.split(',') if v]
    if not equals or not found:
        raise argparse.ArgumentTypeError(f'expected name=value,value, got {text!r}')
    return name, found


def combinations(base: str, study: Sequence[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Name a tracker for each combination of values: ``{tracker: [value of each parameter]}``."""
    names = [name for name, _ in study]
    return {'@'.join([base, *map('='.join, zip(names, values))]): list(values)
            for values in itertools.product(*(v for _, v in study))}


def markdown(names: Sequence[str], results: Sequence[dict[str, Any]], key: str) -> list[str]:
    """Write one figure: one parameter as a row, two as rows and columns, more as a list."""
    cells = {tuple(r['values']): number(r['mean'][key]) for r in results}
    if len(names) != 2:
        return [f'| {" | ".join(names)} | {key} |', '|---' * (len(names) + 1) + '|',
                *(f'| {" | ".join(v)} | {c} |' for v, c in cells.items()), '']
    rows, columns = (list(dict.fromkeys(v[i] for v in cells)) for i in (0, 1))
    return [f'{key}: {names[0]} down, {names[1]} across', '',
            '| | ' + ' | '.join(columns) + ' |', '|---' * (len(columns) + 1) + '|',
            *('| ' + ' | '.join([r, *(cells.get((r, c), '-') for c in columns)]) + ' |'
              for r in rows), '']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval sweep``: those of ``eval run`` and what to vary."""
    one_pass.add_arguments(parser)
    parser.add_argument('--vary', type=parameter, action='append', metavar='NAME=V,V',
                        help=f'a parameter and its values; default: {" and ".join(STUDY)}')


def run_sweep(args: argparse.Namespace) -> int:
    """Run ``eval sweep``; resumes like ``eval run``, then writes OUT/sweep.json and sweep.md."""
    study = args.vary or [parameter(text) for text in STUDY]
    names = [name for name, _ in study]
    if len(set(names)) != len(names):
        raise ValueError(f'each parameter must be varied once, got {" ".join(names)}')
    bases = one_pass.words(args.trackers)
    if len(bases) != 1:
        raise ValueError(f'a sweep varies one tracker, got {args.trackers!r}')
    trackers = combinations(bases[0], study)
    sequences = read_dataset(args.data, args.layout, one_pass.words(args.only))
    one_pass.one_protocol(sequences, args.out)
    jobs, marks = one_pass.plan(list(trackers), sequences, args.out, args.peers, args.seen)
    write_labels(args.out, sequences, marks)
    if one_pass.run_jobs(jobs, args.jobs, args.again, args.ray):
        return 1
    records = read_records(args.out)
    results = [{'tracker': t, 'values': v, 'mean': tracker_metrics(
        {s.name: records[folder_name(t)][s.name] for s in sequences})['mean']}
        for t, v in trackers.items()]
    replace_file(args.out / 'sweep.json', json.dumps(
        {'parameters': names, 'results': results}, indent=1, sort_keys=True) + '\n')
    lines = [f'# {" × ".join(names)} of {bases[0]}', '',
             f'{len(sequences)} sequences of {args.data.name}, protocol {sequences[0].protocol}.',
             '']
    for key in SHOWN:
        lines += markdown(names, results, key)
    for title, table in (('beta2, AO on GOT-10k', paper.BETA2_GOT10K),
                         ('beta1, AO on GOT-10k', paper.BETA1_GOT10K),
                         ('beta2, F on VOT2018-LT', paper.BETA2_VOT),
                         ('beta1, F on VOT2018-LT', paper.BETA1_VOT)):
        if title.split(',')[0] in names:
            lines += theirs(title, [title.split(',')[0], title.split(', ')[1].split(' ')[0]],
                            table)
    replace_file(args.out / 'sweep.md', '\n'.join(lines))
    print('\n'.join(lines))
    return 0
