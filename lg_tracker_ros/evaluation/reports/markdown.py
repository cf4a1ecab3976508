"""A run's figures as Markdown; its tables are padded, so that a terminal shows them as well."""

from __future__ import annotations

from collections import Counter
import json
import os
from typing import Any, Mapping, Sequence

from lg_tracker_ros.evaluation.metrics.record import Labels
from lg_tracker_ros.evaluation.reports.columns import (
    Column,
    HEAD,
    LEAVING,
    LONG_TERM,
    MAIN,
    RETURNS,
    SPEED,
    TWINS,
)
from lg_tracker_ros.evaluation.reports.results import data_folder, Results
from lg_tracker_ros.files import table
import numpy as np


def number(value: float | None, digits: int = 3) -> str:
    """Write a figure, or a dash for one that isn't there."""
    return '-' if value is None else f'{value:.{digits}f}'


def titled(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write a table under a heading, which says so where there are no rows."""
    return [f'### {title}', '', *(table(head, rows) if rows else ['Not run.']), '']


def bold_best(values: Sequence[float | None], digits: int, best: int) -> list[str]:
    """Write figures, those equal to the best one as written in bold, unless all are equal."""
    written = [number(v, digits) for v in values]
    known = [v for v in values if v is not None]
    if not best or len(set(written)) < 2 or len(known) < 2:
        return written
    top = number(max(known) if best > 0 else min(known), digits)
    return [f'**{w}**' if w == top else w for w in written]


def figures(columns: Sequence[Column], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write the table of ``rows`` (name: figures); a column without a figure is left out."""
    kept = [c for c in columns if any(r.get(c.key) is not None and (not c.of or r.get(c.of))
                                      for r in rows.values())]
    written = [bold_best([r.get(c.key) for r in rows.values()], c.digits, c.best) for c in kept]
    written = [[f'{w} of {r[c.of]}' for w, r in zip(column, rows.values())] if c.of else column
               for c, column in zip(kept, written)]
    return table(['tracker', *(c.title for c in kept)],
                 [[name, *cells] for name, *cells in zip(rows, *written)])


def across(corner: str, trackers: Sequence[str],
           rows: Mapping[str, Sequence[float | None]]) -> list[str]:
    """Write a table with a column for each tracker, the best of each row in bold."""
    return table([corner, *trackers],
                 [[name, *bold_best(values, 3, 1)] for name, values in rows.items()])


def head_tables(results: Results) -> list[str]:
    """
    Write the figures that every report begins with: of all sequences, and where targets leave.

    Both tables have the highest F as reported first; where targets leave in all, one will do.
    """
    lines = figures(HEAD, {t: results.compared[t]['mean'] for t in results.ranked('f_reported')})
    leaving = {t: where for t in results.ranked('f_reported', 'where_targets_leave')
               if (where := results.compared[t]['where_targets_leave'])}
    if leaving and any(w != results.compared[t]['mean'] for t, w in leaving.items()):
        lines = ['All sequences:', '', *lines, '', 'Where targets leave:', '',
                 *figures(HEAD, leaving)]
    return [*lines, '']


def main_table(results: Results) -> list[str]:
    """Write the main table, the highest AUC first."""
    return figures(MAIN, {t: results.compared[t]['mean'] for t in results.ranked()})


def remark(results: Results) -> list[str]:
    """Say what has no result, and that the trackers ran on different sequences."""
    lines = []
    if results.missing:
        lines = [f'Without any result, and so in no figure: {len(results.missing)} of '
                 f'{len(results.missing) + len(results.labels)} sequences, '
                 f'{_listed(results.missing)}.', '']
    if results.unlabelled:
        so = ('no figure here says anything' if results.unlabelled[0] in results.labels
              else 'they are in no figure')
        lines += [f'Of {len(results.unlabelled)} sequences only the first box is labelled, so '
                  f'{so}: {_listed(results.unlabelled)}. `eval submit` writes what their '
                  'benchmark scores.', '']
    if not results.differ:
        return lines
    total = len(results.labels)
    counts = ', '.join(f'{t} on {len(r)}' for t, r in results.records.items() if len(r) < total)
    over = (f'Means and curves are over the {len(results.common)} that all ran on.'
            if results.common else 'None is common to all, so the means do not compare.')
    return [*lines, f'Not every tracker ran on all of the {total} sequences: {counts}. {over}', '']


def _listed(names: Sequence[str]) -> str:
    return ', '.join(names[:8]) + (', ...' if names[8:] else '')


def portable(path: str) -> str:
    """Write a path, or a word, for other machines: of an absolute path the last part."""
    return os.path.basename(path) if os.path.isabs(path) else path


def said(value: Any) -> str:
    """Write a value of a sidecar in a line."""
    if isinstance(value, Mapping):
        return ', '.join(f'{k} {said(v)}' for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return '; '.join(map(said, value))
    return 'none' if value == '' else portable(str(value))


def data_sets(trained_on: Any) -> str:
    """Shorten what weights were trained on to the data sets, with how many sequences of each."""
    counts = Counter(str(name).partition('/')[0] for name in trained_on)
    whole = {str(name).partition('/')[0] for name in trained_on if str(name).endswith('/*')}
    return ', '.join(d if d in whole else f'{d} ({n})' for d, n in sorted(counts.items()))


def made_table(results: Results) -> list[str]:
    """Say what made each tracker's results; settings that all trackers share stand apart."""
    made = {t: own['made'] for t, own in results.own.items()}
    settings = {t: m['settings'] if isinstance(m.get('settings'), dict) else {}
                for t, m in made.items()}
    ours = [s for s in settings.values() if 'peer' not in s and s]
    shared = {k: v for k, v in ours[0].items() if all(s.get(k) == v for s in ours)} if ours else {}
    rows = []
    for tracker, m in made.items():
        own = {k: v for k, v in settings[tracker].items() if k not in shared}
        trained = [data_sets(m.get('trained_on', ())),
                   *(f'{name}: not declared' for name in m.get('undeclared', ()))]
        rows.append([tracker, said(own) or '-', said(m.get('weights', {})) or '-',
                     '; '.join(filter(None, trained)) or '-', said(m.get('commit', '-'))])
    head = ['tracker', 'settings', 'weights', 'trained on', 'commit']
    lines = table(head, rows, len(head))
    if shared:
        lines += ['', f'Settings of all but the peers: {said(shared)}.']
    machines = {json.dumps(m.get('machine', 'unknown'), sort_keys=True): m.get('machine')
                for m in made.values()}
    return [*lines, '', f'Machine: {said([machines[k] or "unknown" for k in sorted(machines)])}.',
            '']


def made_with(command: str) -> list[str]:
    """Name the command that made the report, if that is known."""
    return ['Made by', '', f'    {command}', ''] if command else []


def title(labels: Mapping[str, Labels]) -> str:
    """Name the data and its protocol."""
    protocols = sorted({label.protocol for label in labels.values()})
    data = portable(data_folder(labels)) or 'Results'
    return f'# {data}, protocol {" and ".join(map(repr, protocols))}'


def sections_only(labels: Mapping[str, Labels], sections: Sequence[str], command: str) -> str:
    """Write the report of a folder in which no tracker ran over single sequences."""
    return '\n'.join([title(labels), '', *made_with(command), *sections]).rstrip() + '\n'


def opening(results: Results, command: str) -> list[str]:
    """Say which data, protocol and command the report is of."""
    absent = [int(s.absent.sum()) for s in results.labels.values()]
    frames = sum(len(s.truth) for s in results.labels.values())
    lines = [title(results.labels), '',
             f'{len(absent)} sequences of {frames} frames; the target is absent in {sum(absent)} '
             f'of them, in {np.count_nonzero(absent)} sequences.', '']
    moved = sorted({r.made.get('jitter', 0) for of in results.records.values()
                    for r in of.values()} - {0})
    if moved:
        lines += [f'First boxes are moved and scaled: --jitter {", ".join(map(str, moved))}.', '']
    return [*lines, *made_with(command), *remark(results)]


def sequence_rows(results: Results, trackers: Sequence[str]) -> dict[str, list[float | None]]:
    """Give each sequence's AUC by every tracker; the row's name carries the marks."""
    return {f'{name} ({", ".join(label.marks)})' if label.marks else name:
            [results.own[t]['sequences'].get(name, {}).get('auc') for t in trackers]
            for name, label in results.labels.items()}


def attribute_rows(results: Results, trackers: Sequence[str],
                   key: str) -> dict[str, list[float | None]]:
    """Give figure ``key`` of each attribute by every tracker; rows say of how many sequences."""
    found = [results.compared[t]['attributes'] for t in trackers]
    counts = {tag: max(f[tag]['sequences'] for f in found if tag in f)
              for tag in sorted(set().union(*found))}
    return {f'{tag} ({count})': [f.get(tag, {}).get(key) for f in found]
            for tag, count in counts.items()}


def markdown(results: Results, command: str = '', pictures: Mapping[str, str] | None = None,
             sections: Sequence[str] = ()) -> str:
    """
    Write the report.

    ``command`` made it; ``pictures`` are those in OUT/pictures with their captions, in order;
    ``sections`` are lines of other parts of the evaluation, which go before the notes.
    """
    ranked = results.ranked()
    means = {t: results.compared[t]['mean'] for t in ranked}
    lines = [*opening(results, command), *head_tables(results), '## Short term', '',
             *main_table(results), '']
    lines += ['## Long term', '']
    lines += [*figures(LONG_TERM, {t: means[t] for t in results.ranked('f')}), '']
    leaving = {t: where for t in results.ranked('f', 'where_targets_leave')
               if (where := results.compared[t]['where_targets_leave'])}
    if leaving:
        lines += ['Where targets leave:', '', *figures(LEAVING, leaving), '',
                  *figures(RETURNS, leaving), '']
    twins = {t: m for t, m in means.items() if any(m[c.key] is not None for c in TWINS)}
    if twins:
        lines += ['With a look-alike:', '', *figures(TWINS, twins), '']
    lines += ['## Speed', '', 'Times compare within one run only: same machine, same load.', '',
              *figures(SPEED, {t: means[t] for t in results.ranked('fps')}), '']
    lines += ['## AUC of each sequence', '',
              *across('sequence', ranked, sequence_rows(results, ranked)), '']
    for key, title_ in (('auc', 'AUC'), ('precision_20', 'Precision at 20 px')):
        if rows := attribute_rows(results, ranked, key):
            lines += [f'## {title_} by attribute', '',
                      *across('attribute (sequences)', ranked, rows), '']
    if pictures:
        lines += ['## Pictures', '']
        for file, caption in pictures.items():
            lines += [caption, '', f'![{caption}](pictures/{file})', '']
    lines += [*sections, '## What made it', '', *made_table(results), '## Columns', '']
    groups = (HEAD, MAIN, LONG_TERM, LEAVING, RETURNS, TWINS if twins else (), SPEED)
    explained = dict.fromkeys(c for group in groups for c in group if c.text)
    lines += [f'- {c.title}: {c.text}' for c in explained]
    return '\n'.join([*lines, '', 'Bold is the best of its column, in the tables by sequence or '
                      'attribute of its row. A dash means that there is no such figure.']) + '\n'
