"""``eval tables``: the paper's tables with our figures beside theirs, never mixed up."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Mapping, Sequence

from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.metrics.record import Record
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.papers import Table, tanet
from lg_tracker_ros.evaluation.reports.markdown import number, titled
from lg_tracker_ros.files import replace_file
from lg_tracker_ros.local import LOCAL_TRACKERS

Results = Mapping[str, Mapping[str, Record]]
Metrics = Mapping[str, Any]

ABLATION = ('pixelwise+none', 'pixelwise+correlation', 'pixelwise+tanet_lite')


def origin(records: Mapping[str, Record], data: str) -> str:
    """Say of a row where its figures come from: data, weights, commit, machine."""
    made = [r.made for r in records.values()]
    weights = sorted({f'{name} {digest[:8]}' for m in made
                      for name, digest in m.get('weights', {}).items()})
    commits = sorted({str(m.get('commit', 'unknown'))[:12] for m in made})
    machines = sorted({str(m.get('machine', {}).get('cpu', 'unknown')) for m in made})
    return (f'{data}; {", ".join(weights) or "no weights"}; commit {", ".join(commits)}; '
            f'{", ".join(machines)}')


def with_search(results: Results, name: str, redetector: str) -> str:
    """Name the run of local tracker ``name`` with ``redetector``: the default's is ``default``."""
    full = f'{name}+{redetector}'
    return 'default' if full not in results and full == 'pixelwise+tanet_lite' else full


def theirs(title: str, head: Sequence[str], table: Table, digits: int = 3) -> list[str]:
    """Write a table of the paper."""
    return titled(f'{title} (the paper)', head,
                  [[name, *(number(v, digits) for v in row)] for name, row in table.items()])


def gain(before: float | None, after: float | None) -> str:
    """Write a difference with its sign."""
    return '-' if before is None or after is None else f'{after - before:+.3f}'


def generalisation(outs: Mapping[str, Results], redetector: str) -> list[str]:
    """Table VIII: every local tracker without and with the global search."""
    lines = ['## Table VIII: generalisation', '']
    for data, results in outs.items():
        rows = []
        for local in LOCAL_TRACKERS:
            pair = f'{local}+none', with_search(results, local, redetector)
            if not all(p in results for p in pair):
                continue
            common = results[pair[0]].keys() & results[pair[1]].keys()
            before, after = (tracker_metrics({k: results[p][k] for k in sorted(common)})['mean']
                             for p in pair)
            cells = [f'{number(before[k])} → {number(after[k])} ({gain(before[k], after[k])})'
                     for k in ('auc', 'f', 'f_reported')]
            rows.append([local, *cells, str(len(common)), origin(results[pair[1]], data)])
        lines += titled(f'Without → with {redetector}, {data} (ours)',
                        ['local tracker', 'success AUC', 'F', 'F as reported', 'sequences',
                         'data; weights; commit; machine'], rows)
    missing = [t for t in LOCAL_TRACKERS if not any(f'{t}+none' in r for r in outs.values())]
    if missing:
        lines += [f'Not run: {", ".join(missing)}.', '']
    head = ['tracker', 'without', 'with TANet']
    return [*lines, *theirs('AO on GOT-10k', head, tanet.GENERALISATION_GOT10K),
            *theirs('F on VOT2018-LT', head, tanet.GENERALISATION_VOT)]


def ablation(outs: Mapping[str, Results], names: Sequence[str]) -> list[str]:
    """Table IV: what each part of the global search adds."""
    lines = ['## Table IV: ablation', '']
    for data, results in outs.items():
        rows = []
        for name in (with_search(results, *n.split('+', 1)) if '+' in n else n for n in names):
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
        for local in LOCAL_TRACKERS:
            pair = f'{local}+none', with_search(results, local, redetector)
            if all(p in results for p in pair):
                before, after = (tracker_metrics(results[p])['mean'] for p in pair)
                rows.append([local, number(before['fps'], 0), number(after['fps'], 0),
                             number(after['ms_median_in_local'], 1),
                             number(after['ms_median_in_global'], 1),
                             origin(results[pair[1]], data)])
        lines += titled(f'{data}, CPU, one thread (ours)',
                        ['local tracker', 'frames/s without', f'with {redetector}', 'ms LOCAL',
                         'ms GLOBAL', 'data; weights; commit; machine'], rows)
    return [*lines, *theirs('OTB2015, GPU', ['tracker', 'frames/s without', 'with TANet'],
                            tanet.EFFICIENCY, 0)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval tables``."""
    parser.add_argument('outs', type=Path, nargs='+', metavar='OUT',
                        help='the --out of an `eval run`; several are put one under the other')
    parser.add_argument('--redetector', default='tanet_lite', help='which is compared with none')
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
             *ablation(outs, [w for w in args.ablation.split(',') if w]),
             *efficiency(outs, args.redetector)]
    text = '\n'.join(lines)
    if args.to:
        replace_file(args.to, text)
    else:
        print(text)
    return 0
