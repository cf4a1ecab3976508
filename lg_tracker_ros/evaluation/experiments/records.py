"""
What a run leaves on disk, and how it is read back: ``run`` and ``report`` meet only here.

    OUT/dataset.json               the labels of every sequence that was run
    OUT/<tracker>/<sequence>.csv   one line a frame, in the columns of ``track``
    OUT/<tracker>/<sequence>.json  how it was made: settings, weights, commit, machine, stages, and
                                   the rows' sum
"""

from __future__ import annotations

import csv
from dataclasses import replace
import json
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

from lg_tracker_ros.datasets.sequence import Boxes, LabelledSequence
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
from lg_tracker_ros.files import replace_file
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.plain import read_object
from lg_tracker_ros.rows import COLUMNS, PLACE
from lg_tracker_ros.types import Mode
import numpy as np
import numpy.typing as npt


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]


def _rows(boxes: Boxes) -> list[list[float | None] | None]:
    return [row if row[0] is not None else None for row in map(_numbers, boxes)]


def _boxes(rows: Iterable[Sequence[float] | None]) -> Boxes:
    return np.array([r or [np.nan] * 4 for r in rows], np.float64).reshape(-1, 4)


def write_labels(out: Path, sequences: Sequence[LabelledSequence],
                 marks: Mapping[str, Sequence[str]]) -> None:
    """
    Add the labels of ``sequences`` to OUT/dataset.json, beside those that are there.

    ``marks`` are remarks on a sequence that every report must carry. Raises ValueError when a
    sequence of that name with other labels is there: its results would be scored wrongly.
    """
    path = out / 'dataset.json'
    known = read_object(path) if path.exists() else {}
    there = read_labels(out) if known else {}
    for s in sequences:
        where = s.video or s.images[0].parent
        entry = {'truth': _rows(s.truth),
                 'absent': np.flatnonzero(s.absent).tolist(), 'attributes': list(s.attributes),
                 'source': s.source, 'protocol': s.protocol, 'path': str(where),
                 'marks': list(marks.get(s.name, ()))}
        if s.every != 1:
            entry['every'] = s.every  # so that its pictures can be found
        if s.others is not None:
            entry['others'] = _rows(s.others)
        if s.name in there and any(known[s.name].get(k) != entry.get(k)
                                   for k in ('truth', 'absent', 'others')):
            raise refused(path, f'holds other labels for {s.name}; use another --out')
        known[s.name] = entry
    replace_file(path, json.dumps(known, sort_keys=True, separators=(',', ':')) + '\n')


def read_labels(out: Path) -> dict[str, Labels]:
    """Read OUT/dataset.json; ValueError when it isn't there, or is damaged."""
    path = out / 'dataset.json'
    if not path.exists():
        raise refused(path, f'does not exist; is {out} the --out of an `eval run`?')
    entries = read_object(path)
    with reading(path, 'the labels of an `eval run`'):
        return {name: _labels(name, entry) for name, entry in entries.items()}


def _labels(name: str, entry: Mapping[str, Any]) -> Labels:
    """Make the labels of an entry; raises anything where it isn't one."""
    truth = _boxes(entry['truth'])
    if len(truth) != len(entry['truth']):
        raise ValueError(f'{name} has boxes that are not four numbers')
    if (truth[:, 2:] <= 0).any():
        raise ValueError(f'{name} has a box without an area')
    absent = np.isin(np.arange(len(truth)), entry['absent'])
    if absent.sum() != len(entry['absent']):
        raise ValueError(f'{name} has absent frames that are none of 0..{len(truth) - 1}')
    words = [[str(word) for word in entry[key]] for key in ('attributes', 'marks')]
    return Labels(name, truth, absent, tuple(words[0]), str(entry['source']),
                  str(entry['protocol']), str(entry['path']), tuple(words[1]),
                  _boxes(entry['others']) if 'others' in entry else None,
                  int(entry.get('every', 1)))


def read_record(path: Path, labels: Labels) -> Record:
    """
    Read OUT/<tracker>/<sequence>.csv and its sidecar.

    Raises ValueError with file and line for a row that doesn't fit, and for a damaged sidecar.
    """
    made, stages = _sidecar(path.with_suffix('.json'), len(labels.truth))
    with reading(path, 'results of an `eval run`'):
        return replace(_record(path, labels), stages=stages, made=made)


def _record(path: Path, labels: Labels) -> Record:
    n = len(labels.truth)
    boxes, places = np.full((n, 4), np.nan), np.full((n, 4), np.nan)
    confidence, ms = np.zeros(n), np.full(n, np.nan)
    mode = np.full(n, Mode.IDLE.name, 'U8')
    with open(path, newline='') as file:
        rows = csv.reader(file)
        head = tuple(next(rows, ()))
        if head[:len(COLUMNS)] != COLUMNS:
            raise refused(f'{path}:1:', f'expected the columns {",".join(COLUMNS)}')
        placed, last = head[len(COLUMNS):] == PLACE, -1
        for line, row in enumerate(rows, 2):
            try:
                if len(row) != len(head):
                    raise ValueError(f'expected {len(head)} columns, got {len(row)}')
                i, *values = int(row[0]), *map(float, row[2:7])
                if not (i == last + 1 if last >= 0 else 0 <= i <= labels.start) or i >= n:
                    raise ValueError(f'expected one frame after another of 0..{n - 1}, the first '
                                     f'at most {labels.start}, got {i} after {last}')
                last = i
                boxes[i], confidence[i] = values[:4], values[4]
                if not 0 <= confidence[i] <= 1:
                    raise ValueError(f'confidence must be in 0..1, got {confidence[i]}')
                if not (np.isfinite(boxes[i]).all() or np.isnan(boxes[i]).all()):
                    raise ValueError(f'expected a box or four times nan, got {",".join(row[2:6])}')
                if row[8] not in Mode.__members__:
                    raise ValueError(f'mode must be one of {", ".join(Mode.__members__)}, got '
                                     f'{row[8]!r}')
                mode[i], ms[i] = row[8], float(row[9])
                if placed:
                    places[i] = list(map(float, row[len(COLUMNS):]))
            except ValueError as e:
                raise refused(f'{path}:{line}:', e) from e
    if last != n - 1:
        raise ValueError(f'it ends early, with frame {last} of 0..{n - 1}; remove it and run '
                         'again')
    return Record(path.parent.name, labels, boxes, confidence, mode, ms, {}, {}, places)


def _sidecar(path: Path, frames: int) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float64]]]:
    """Read how results were made, and N milliseconds of each stage."""
    if not path.exists():
        return {}, {}
    made = read_object(path)
    with reading(path, 'the making of results of an `eval run`'):
        stages = {name: np.array([np.nan if v is None else v for v in values], np.float64)
                  for name, values in made.pop('stages', {}).items()}
        if any(ms.shape != (frames,) for ms in stages.values()):
            raise ValueError(f'its stages should have {frames} numbers each')
    return made, stages


def tracker_folders(out: Path) -> list[Path]:
    """Folders of OUT that hold a tracker's results, by name; those that begin with _ are ours."""
    return sorted(p for p in out.iterdir()
                  if p.is_dir() and p.name[0] not in '._' and next(p.glob('*.csv'), None))


def read_records(out: Path) -> dict[str, dict[str, Record]]:
    """Read every result of a run: ``{tracker: {sequence: Record}}``, both by name."""
    labels = read_labels(out)
    found: dict[str, dict[str, Record]] = {}
    for folder in tracker_folders(out):
        found[folder.name] = {p.stem: read_record(p, labels[p.stem])
                              for p in sorted(folder.glob('*.csv')) if p.stem in labels}
    return found
