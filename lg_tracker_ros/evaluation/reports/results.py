"""The figures of a run, computed from what it left on disk; tables and pictures start here."""

from __future__ import annotations

from dataclasses import dataclass
import json
import os
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

from lg_tracker_ros.evaluation.experiments.records import read_labels, read_records
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics


@dataclass(frozen=True, eq=False)
class Results:
    """
    Everything a report shows.

    ``labels`` are those of the sequences that at least one tracker ran on. ``own`` holds each
    tracker's figures over its own sequences (see metrics.summary.tracker_metrics) and ``made``.
    ``compared`` holds them over ``common``, the sequences that every tracker ran on, and is the
    same as ``own`` where all ran on all of them, or where no sequence is common. ``missing`` are
    the sequences that were to be run and have no result: those that failed, say. ``unlabelled``
    are those of which only the given first box is known, as in test splits: they are in nothing
    else here, unless there are no others.
    """

    labels: Mapping[str, Labels]
    records: Mapping[str, Mapping[str, Record]]
    own: Mapping[str, dict[str, Any]]
    compared: Mapping[str, dict[str, Any]]
    common: tuple[str, ...]
    missing: tuple[str, ...]
    unlabelled: tuple[str, ...] = ()

    @property
    def differ(self) -> bool:
        """Whether the trackers ran on different sets of sequences."""
        return any(set(r) != set(self.common) for r in self.records.values())

    def ranked(self, key: str = 'auc', part: str = 'mean') -> list[str]:
        """Trackers by a figure of ``part``, the highest first; those without one come last."""
        figures = {t: (c[part] or {}).get(key) for t, c in self.compared.items()}
        return sorted(figures, key=lambda t: (figures[t] is None, -(figures[t] or 0), t))

    def shown(self) -> str:
        """Name the tracker whose runs are pictured: ``default``, else the best."""
        return 'default' if 'default' in self.records else self.ranked()[0]


def among(kind: str, names: Sequence[str], known: Iterable[str]) -> None:
    """Refuse what there are no results of; ``kind`` says what is named."""
    there = list(known)
    for name in names:
        if name not in there:
            shown = ', '.join(there[:8]) + (', ...' if there[8:] else '')
            raise ValueError(f'no results of {kind} {name!r}; expected one of {shown}')


def made_by(records: Sequence[Record]) -> dict[str, Any]:
    """
    Join the sidecars of a tracker: one value where all agree, else a list of the values.

    The sizes of image files, which tell one sequence's from another's, are left out.
    """
    joined: dict[str, Any] = {}
    for name in sorted({name for r in records for name in r.made} - {'images'}):
        values = {json.dumps(r.made[name], sort_keys=True): r.made[name]
                  for r in records if name in r.made}
        joined[name] = (next(iter(values.values())) if len(values) == 1
                        else [values[text] for text in sorted(values)])
    return joined


def compute(out: Path) -> Results:
    """
    Read OUT and compute every figure.

    Raises ValueError when OUT holds no results, or sequences of more than one protocol, which no
    mean may mix.
    """
    labels = read_labels(out)
    records = {t: r for t, r in read_records(out).items() if r}
    if not records:
        raise ValueError(f'{out} holds no results: expected {out}/<tracker>/<sequence>.csv for '
                         'the sequences of dataset.json; run `eval run` first')
    run = set().union(*records.values())
    missing = tuple(sorted({*labels} - run))
    labels = {name: labels[name] for name in sorted(run)}
    unlabelled = tuple(name for name, of in labels.items() if not _says_more(of))
    if len(unlabelled) < len(labels):
        labels = {name: of for name, of in labels.items() if name not in unlabelled}
        records = {t: kept for t, r in records.items()
                   if (kept := {name: r[name] for name in r if name in labels})}
    protocols = sorted({s.protocol for s in labels.values()})
    if len(protocols) > 1:
        raise ValueError(f'{out} holds the protocols {" and ".join(protocols)}, which must not be '
                         'mixed; give each its own --out')
    common = tuple(name for name in labels if all(name in r for r in records.values()))
    own = {t: {**tracker_metrics(r), 'made': made_by(list(r.values()))}
           for t, r in records.items()}
    compared = own
    if common and any(len(r) > len(common) for r in records.values()):
        compared = {t: tracker_metrics({name: r[name] for name in common})
                    for t, r in records.items()}
    return Results(labels, records, own, compared, common, missing, unlabelled)


def _says_more(labels: Labels) -> bool:
    """Tell whether a frame behind the given one, in which every tracker is right, is labelled."""
    return bool((labels.present | labels.absent)[labels.start + 1:].any())


def as_json(results: Results) -> str:
    """
    Write the figures as JSON: ``{tracker: {"mean": ..., "sequences": {name: ...}, ...}}``.

    ``mean`` is over the tracker's own sequences; where the trackers' sets differ, ``common``
    names the sequences that all ran on and holds the means over these.
    """
    figures = {}
    for tracker, own in results.own.items():
        figures[tracker] = dict(own)
        if results.differ:
            over = results.compared[tracker] if results.common else {}
            figures[tracker]['common'] = {
                'sequences': list(results.common), 'mean': over.get('mean'),
                'where_targets_leave': over.get('where_targets_leave')}
    return json.dumps(figures, indent=1, sort_keys=True, allow_nan=False) + '\n'


def data_folder(labels: Mapping[str, Labels]) -> str:
    """Name the folder that holds the pictures of all sequences; '' where that isn't known."""
    folders = set()
    for name, label in labels.items():
        path = Path(label.path)
        above = [p.parent for p in (path, *path.parents) if p.name == name]
        if label.path:
            folders.add(str(above[0] if above else path))
    if len({os.path.isabs(f) for f in folders}) != 1:
        return ', '.join(sorted(folders))
    return os.path.commonpath(folders)
