"""``eval tables``: the paper's tables with our figures beside theirs, never mixed up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Mapping, Sequence

from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.papers import tanet
from lg_tracker_ros.evaluation.reports.markdown import number, titled
from lg_tracker_ros.evaluation.tables.hosts import add_redetector, generalisation
from lg_tracker_ros.evaluation.tables.rows import host_of, origin, pairs, Results, run_of, theirs
from lg_tracker_ros.files import replace_file

ABLATION = ('pixelwise+none', 'pixelwise+correlation', 'pixelwise+tanet_lite')


def ablation(outs: Mapping[str, Results], names: Sequence[str]) -> list[str]:
    """Table IV: what each part of the global search adds."""
    lines = ['## Table IV: ablation', '']
    for data, results in outs.items():
        rows = []
        for name in (run_of(results, n) for n in names):
            if name in results:
                mean = tracker_metrics(results[name])['mean']
                rows.append([name, number(mean['f']), number(mean['auc']),
                             origin(results[name], data)])
        lines += titled(f'{data} (ours)', ['configuration', 'F', 'success AUC',
                                           'data; weights; commit; machine'], rows)
    return [*lines, *theirs('F on VOT2018-LT', ['configuration', 'F'], tanet.ABLATION)]


def efficiency(outs: Mapping[str, Results], redetector: str) -> list[str]:
    """Table V: frames a second without and with the global search."""
    lines = ['## Table V: efficiency', '']
    for data, results in outs.items():
        rows = []
        for pair in pairs(results, redetector):
            before, after = (tracker_metrics(results[p])['mean'] for p in pair)
            rows.append([host_of(pair[0]), number(before['fps'], 0), number(after['fps'], 0),
                         number(after['ms_median_in_local'], 1),
                         number(after['ms_median_in_global'], 1), origin(results[pair[1]], data)])
        lines += titled(f'{data}, CPU, one thread (ours)',
                        ['local tracker', 'frames/s without', f'with {redetector}', 'ms LOCAL',
                         'ms GLOBAL', 'data; weights; commit; machine'], rows)
    return [*lines, *theirs('OTB2015, GPU', ['tracker', 'frames/s without', 'with TANet'],
                            tanet.EFFICIENCY, 0)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval tables``."""
    parser.add_argument('outs', type=Path, nargs='+', metavar='OUT',
                        help='the --out of an `eval run`; several are put one under the other')
    add_redetector(parser)
    parser.add_argument('--ablation', default=','.join(ABLATION), metavar='A,B',
                        help='trackers for Table IV, in order')
    parser.add_argument('--to', type=Path, metavar='FILE.md', help='instead of standard output')


def run(args: argparse.Namespace) -> int:
    """Run ``eval tables``."""
    outs: dict[str, Results] = {}
    for out in args.outs:
        results = read_records(out)
        labels = next((r.labels for t in results.values() for r in t.values()), None)
        if labels is None:
            raise ValueError(f'{out} holds no results; run `eval run --out {out}` first')
        outs[f'{out.name}, protocol {labels.protocol}'] = results
    lines = ["# The paper's tables", '',
             "Ours and the paper's stand apart: other data, other trackers, other machines.", '',
             *generalisation(outs, args.redetector),
             *ablation(outs, words(args.ablation)),
             *efficiency(outs, args.redetector)]
    text = '\n'.join(lines)
    if args.to:
        replace_file(args.to, text)
    else:
        print(text)
    return 0
