"""``eval sweep``: parameter studies, as the paper's tables VI and VII."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any, Mapping, Sequence

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments import one_pass
from lg_tracker_ros.evaluation.experiments.planned import one_protocol, words
from lg_tracker_ros.evaluation.experiments.records import read_records, write_labels
from lg_tracker_ros.evaluation.experiments.trackers import folder_name, settings_of
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.papers import tanet
from lg_tracker_ros.evaluation.reports.markdown import number, titled
from lg_tracker_ros.evaluation.tables.rows import theirs
from lg_tracker_ros.evaluation.tables.studies import STUDIES
from lg_tracker_ros.files import replace_file, table

STUDY = ('beta1=0.6,0.7,0.8,0.9,0.95', 'beta2=3,5,8,10,13')
LADDER = ('', 'size_guard', 'absence', 'sizes', 'confirmation', 'lock_on', 'hold', 'few_at_once')
"""In which order ``--ladder`` adds the rules of the joint policy."""
LADDER_SHOWN = ('auc', 'f', 'tnr', 'claimed_when_absent', 'false_reacquisitions_per_hour')
SHOWN = ('f', 'auc', 'f_reported', 'claimed_when_absent', 'global_share')


def parameter(text: str) -> tuple[str, list[str]]:
    """Read ``name=value,value``; ArgumentTypeError for another form."""
    name, equals, values = text.partition('=')
    found = words(values)
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
        return [*table([*names, key], [[*v, c] for v, c in cells.items()], len(names)), '']
    rows, columns = (list(dict.fromkeys(v[i] for v in cells)) for i in (0, 1))
    return [f'{key}: {names[0]} down, {names[1]} across', '',
            *table(['', *columns], [[r, *(cells.get((r, c), '-') for c in columns)]
                                    for r in rows]), '']


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval sweep``: those of ``eval run`` and what to vary."""
    one_pass.add_arguments(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument('--vary', type=parameter, action='append', metavar='NAME=V,V',
                      help=f'a parameter and its values; default: {" and ".join(STUDY)}')
    what.add_argument('--ladder', action='store_true',
                      help="from the paper's policy to ours instead, one rule at a time")
    what.add_argument('--table', choices=list(STUDIES),
                      help="a paper's own rows instead: " + '; '.join(
                          f'{name}: {study.title}' for name, study in STUDIES.items()))


def carried_out(args: argparse.Namespace, trackers: Sequence[str]
                ) -> tuple[list[LabelledSequence], int]:
    """Run trackers as ``eval run`` does; returns on what, and how many jobs failed."""
    sequences = one_pass.chosen(args)
    one_protocol(sequences, args.out)
    jobs, marks = one_pass.plan_runs(trackers, sequences, args.out, args.peers, args.seen,
                                     args.jitter)
    write_labels(args.out, sequences, marks)
    return sequences, one_pass.run_jobs(jobs, args.jobs, args.again, args.ray)


def measured(args: argparse.Namespace, trackers: Mapping[str, list[str]]
             ) -> tuple[list[dict[str, Any]], str]:
    """
    Run trackers (name: values) as ``eval run`` does; their figures, and on what, in words.

    Raises ValueError where a job failed: rows would be of different sequences.
    """
    sequences, failed = carried_out(args, list(trackers))
    if failed:
        raise ValueError(f'{failed} of the runs failed, as said above; the others are in '
                         f'{args.out}, and the same command tries these again')
    records = read_records(args.out)
    results = [{'tracker': t, 'values': v, 'mean': tracker_metrics(
        {s.name: records[folder_name(t)][s.name] for s in sequences})['mean']}
        for t, v in trackers.items()]
    n = len(sequences)
    return results, (f'{n} sequence{"s" * (n > 1)} of {args.data.name}, '
                     f'protocol {sequences[0].protocol}'
                     + (f', --jitter {args.jitter}.' if args.jitter else '.'))


def steps(base: str) -> dict[str, list[str]]:
    """
    Name a tracker for each step from ``policy: paper`` to ``joint``, one rule after the other.

    Until the last step the whole image is searched as often as in the paper.
    """
    beta2 = settings_of(base).beta2
    found = {f'{base}@policy=paper': ['paper: Algorithm 2 as written']}
    on: list[str] = []
    for rule in LADDER:
        on += [rule] if rule else []
        name = f'{base}@rules={"+".join(on) or "none"}@retry_frames={beta2}'
        found[name] = [f'+ {rule}' if rule else 'joint without any rule']
    found[base] = ['+ a lost target is searched every retry_frames']
    return found


def run_ladder(args: argparse.Namespace, base: str) -> int:
    """Run ``eval sweep --ladder``: what each addition to the paper's policy is worth."""
    results, about = measured(args, steps(base))
    replace_file(args.out / 'ladder.json', json.dumps(results, indent=1, sort_keys=True) + '\n')
    rows = [[*r['values'], *(number(r['mean'][key]) for key in LADDER_SHOWN)] for r in results]
    lines = [f'# From Algorithm 2 to the joint policy, one rule at a time: {base}', '', about, '',
             *table(['', *LADDER_SHOWN], rows)]
    replace_file(args.out / 'ladder.md', '\n'.join([*lines, '']))
    print('\n'.join(lines))
    return 0


def run_table(args: argparse.Namespace, base: str, name: str) -> int:
    """Run ``eval sweep --table``: the rows of a paper's table, ours; the paper's below."""
    study = STUDIES[name]
    study.check(base)
    trackers = study.trackers(base)
    results, about = measured(args, {t: list(cells) for cells, t in trackers.items()})
    replace_file(args.out / f'{name}.json', json.dumps(results, indent=1, sort_keys=True) + '\n')
    rows = [[*r['values'], *(number(r['mean'][c.key], c.digits) for c in study.shown)]
            for r in results]
    lines = [f'# {study.title}', '', f'{base}: {about}', '',
             *titled('Ours', [*study.told_by, *(c.title for c in study.shown)], rows),
             *(line for p in study.published for line in theirs(p.title, p.head, p.table))]
    replace_file(args.out / f'{name}.md', '\n'.join(lines))
    print('\n'.join(lines))
    return 0


def run_sweep(args: argparse.Namespace) -> int:
    """Run ``eval sweep``; resumes like ``eval run``, then writes OUT/sweep.json and sweep.md."""
    bases = words(args.trackers)
    if len(bases) != 1:
        raise ValueError(f'a sweep varies one tracker, got {args.trackers!r}')
    if args.ladder:
        return run_ladder(args, bases[0])
    if args.table:
        return run_table(args, bases[0], args.table)
    if not args.vary and '@policy=' not in bases[0]:
        bases = [f'{bases[0]}@policy=paper']  # the paper's tables are of the paper's policy
    study = args.vary or [parameter(text) for text in STUDY]
    names = [name for name, _ in study]
    if len(set(names)) != len(names):
        raise ValueError(f'each parameter must be varied once, got {" ".join(names)}')
    results, about = measured(args, combinations(bases[0], study))
    replace_file(args.out / 'sweep.json', json.dumps(
        {'parameters': names, 'results': results}, indent=1, sort_keys=True) + '\n')
    lines = [f'# {" × ".join(names)} of {bases[0]}', '', about, '']
    for key in SHOWN:
        lines += markdown(names, results, key)
    for title, figures in (('beta2, AO on GOT-10k', tanet.BETA2_GOT10K),
                           ('beta1, AO on GOT-10k', tanet.BETA1_GOT10K),
                           ('beta2, F on VOT2018-LT', tanet.BETA2_VOT),
                           ('beta1, F on VOT2018-LT', tanet.BETA1_VOT)):
        if title.split(',')[0] in names:
            lines += theirs(title, [title.split(',')[0], title.split(', ')[1].split(' ')[0]],
                            figures)
    replace_file(args.out / 'sweep.md', '\n'.join(lines))
    print('\n'.join(lines))
    return 0
