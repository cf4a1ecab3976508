"""``eval spread``: mean and spread of the head figures over runs with different first boxes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Mapping, Sequence

from lg_tracker_ros.evaluation.metrics.summary import Figures
from lg_tracker_ros.evaluation.reports.columns import Column, HEAD
from lg_tracker_ros.evaluation.reports.markdown import number
from lg_tracker_ros.evaluation.reports.results import compute, Results
from lg_tracker_ros.files import replace_file, table

PARTS = {'mean': 'All sequences', 'where_targets_leave': 'Where targets leave'}


def cell(column: Column, figures: Sequence[Figures]) -> str:
    """
    Write one figure of several runs as ``mean ± spread``, the spread being (max - min) / 2.

    A column with ``of`` ends in `` of y`` as in the reports. A dash: a run has no such figure.
    """
    values = [f[column.key] for f in figures]
    if any(v is None for v in values) or (column.of and not figures[0][column.of]):
        return '-'
    if column.best == 0:
        return number(values[0], column.digits)
    digits = max(column.digits, 1)
    mean, half = sum(values) / len(values), (max(values) - min(values)) / 2
    written = f'{number(mean, digits)} ± {number(half, digits)}'
    return f'{written} of {figures[0][column.of]}' if column.of else written


def seed(out: Path, results: Results) -> int:
    """Return the jitter of a folder; ValueError where it holds several."""
    found = sorted({r.made.get('jitter', 0) for of in results.records.values()
                    for r in of.values()})
    if len(found) > 1:
        raise ValueError(f'{out} holds runs of --jitter {" and ".join(map(str, found))}; give '
                         'each its own --out')
    return int(found[0])


def compared(runs: Mapping[Path, Results]) -> list[str]:
    """
    Name the trackers of all runs, in the first one's order of F as reported.

    Raises ValueError, in one line, when the runs can't be compared: the same first boxes twice,
    other sequences, labels, settings or weights.
    """
    if len(runs) < 2:
        raise ValueError('a spread needs two runs or more: the --out of `eval run --jitter 1`, of '
                         '`--jitter 2` and so on, each once')
    first, *others = runs
    seeds: dict[int, Path] = {}
    for out, results in runs.items():
        known = seeds.setdefault(seed(out, results), out)
        if known != out:
            raise ValueError(f'{known} and {out} have the same first boxes; give runs of '
                             'different --jitter')
    for out in others:
        for tracker, records in runs[out].records.items():
            mine = runs[first].records.get(tracker, {})
            if set(mine) != set(records):
                raise ValueError(f'{out} has {tracker} on other sequences than {first}; run both '
                                 'on the same')
            for name, record in records.items():
                a, b = (json.dumps([r.made.get('settings'), r.made.get('weights'),
                                    r.labels.protocol, r.labels.truth.tolist()], sort_keys=True)
                        for r in (record, mine[name]))
                if a != b:
                    raise ValueError(f'{out} has {tracker} on {name} with other settings, weights '
                                     f'or labels than {first}; run both alike')
        missing = [t for t in runs[first].records if t not in runs[out].records]
        if missing:
            raise ValueError(f'{out} lacks {", ".join(missing)}, which {first} has; run it there')
    return runs[first].ranked('f_reported')


def markdown(runs: Mapping[Path, Results]) -> list[str]:
    """Write a table of the head figures for all sequences, and one for where targets leave."""
    trackers = compared(runs)
    lines = [f'mean ± (max - min) / 2 of {len(runs)} runs, --jitter '
             f'{", ".join(str(seed(out, r)) for out, r in runs.items())}', '']
    shown: dict[str, Any] = {}
    for part, title in PARTS.items():
        figures = {t: [r.own[t][part] for r in runs.values()] for t in trackers}
        figures = {t: f for t, f in figures.items() if all(f)}
        if not figures or figures == shown:
            continue  # targets leave in none, or in all
        shown = figures
        rows = [[cell(c, f) for c in HEAD] for f in figures.values()]
        kept = [i for i in range(len(HEAD)) if any(row[i] != '-' for row in rows)]
        lines += [f'{title}:', '', *table(
            ['tracker', *(HEAD[i].title for i in kept)],
            [[t, *(row[i] for i in kept)] for t, row in zip(figures, rows)]), '']
    return lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval spread``."""
    parser.add_argument('outs', type=Path, nargs='+', metavar='OUT',
                        help='the --out of an `eval run`, each with another --jitter')
    parser.add_argument('--to', type=Path, metavar='FILE.md', help='instead of standard output')


def run(args: argparse.Namespace) -> int:
    """Run ``eval spread``."""
    text = '\n'.join(markdown({out: compute(out) for out in args.outs}))
    if args.to:
        replace_file(args.to, text)
    else:
        print(text)
    return 0
