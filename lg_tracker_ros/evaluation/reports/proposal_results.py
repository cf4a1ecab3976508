"""What ``eval attention`` left on disk, its figures, and its part of the report."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Mapping, Sequence

from lg_tracker_ros.evaluation.experiments.records import read_labels, tracker_folders
from lg_tracker_ros.evaluation.figures.recall import recall
from lg_tracker_ros.evaluation.metrics.redetection import COCO_AT
from lg_tracker_ros.evaluation.reports.markdown import number
from lg_tracker_ros.files import table
from lg_tracker_ros.reading.guard import reading, refused
import numpy as np
import numpy.typing as npt

FOLDER = '_attention'
CURVE = 'recall.png'
BESIDE = '_beside'
"""Folder below it of the sheets with several re-detectors' maps."""
AT = (1, 3, 5, 10)
BEYOND = (20, 50, 100, 200, 500, 1000)
"""More of them for the curve, where so many proposals are asked for."""


def depths(k: int) -> tuple[int, ...]:
    """List the K whose best IoU is noted where ``k`` proposals are asked for."""
    return tuple(sorted({*AT, *(n for n in BEYOND if n <= k), k}))


def columns(noted: Sequence[int] = AT) -> tuple[str, ...]:
    """Name the columns where the best IoU is noted for these K."""
    return ('frame', 'rank', 'rank_iou', *(f'iou_{k}' for k in noted), 'auc', 'iou', 'ms')


COLUMNS = columns()
"""
``rank``: the first proposal, from 1, whose centre lies in the true box, 0: none; ``rank_iou``: the
first with IoU >= .5. ``iou_K``: the best IoU among the first K. ``auc``, ``iou``: the map against
the mask, or the filled box where there is none; nan where that isn't defined. ``ms``: propose().
"""
MAP_LEVEL = 0.5
"""
Share of a map's own maximum above which a cell counts for its IoU: a re-detector's values may be
of any height, for the proposals only their order counts.
"""
PICTURES = 4
"""How many of a re-detector's pictures the report shows."""


Rows = Mapping[str, npt.NDArray[np.float64]]
"""What was noted at the frames of a sequence, by column."""


def read_rows(path: Path) -> Rows:
    """
    Read a CSV of ``columns``, AT and perhaps more, by column.

    Raises ValueError with file and line for an odd row.
    """
    with reading(path, 'results of `eval attention`'), open(path, newline='') as file:
        head, *lines = csv.reader(file)
    noted = [int(name[4:]) for name in head if name[:4] == 'iou_' and name[4:].isdecimal()]
    if tuple(head) != columns(noted) or not set(AT) <= set(noted):
        raise refused(f'{path}:1:', f'expected the columns {",".join(COLUMNS)}')
    values = np.empty((len(lines), len(head)))
    for line, row in enumerate(lines):
        try:
            values[line] = [float(v) for v in row]
        except ValueError as e:
            raise refused(f'{path}:{line + 2}:',
                          f'expected {len(head)} numbers ({e})') from e
    return dict(zip(head, values.T))


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None


def sequence_figures(rows: Rows) -> dict[str, float | int | None]:
    """
    Compute the figures of one sequence; None where no frame has the value.

    ``recall_K``: share of frames with a proposal's centre in the true box among the first K;
    ``recall_iou_K``: with an IoU >= .5; ``ar_K``: GlobalTrack's AR@K (metrics.redetection).
    """
    found: dict[str, float | int | None] = {'frames': len(rows['frame'])}
    for k in (int(name[4:]) for name in rows if name[:4] == 'iou_'):
        for name, rank in (('recall', rows['rank']), ('recall_iou', rows['rank_iou'])):
            found[f'{name}_{k}'] = _mean(((rank >= 1) & (rank <= k)).astype(np.float64))
        found[f'ar_{k}'] = _mean((rows[f'iou_{k}'][:, None] >= COCO_AT).mean(axis=1))
    found.update({key: _mean(rows[key]) for key in ('auc', 'iou')})
    found['ms_median'] = float(np.median(rows['ms'])) if rows['ms'].size else None
    return found


def figures(rows: Mapping[str, Rows]) -> dict[str, Any]:
    """
    Compute ``{'mean': {...}, 'sequences': {name: {...}}}`` of the rows of some sequences.

    Both hold sequence_figures. The mean is over sequences, each as heavy as another, but for
    ``frames``, which is summed, and ``ms_median``, which is that of all frames.
    """
    own = {name: sequence_figures(r) for name, r in rows.items()}
    first, *others = own.values()
    keys = [key for key in first if all(key in s for s in others)]
    mean: dict[str, float | int | None] = {
        key: _mean(np.array([s[key] for s in own.values()], np.float64)) for key in keys}
    ms = np.concatenate([r['ms'] for r in rows.values()])
    mean.update(frames=sum(int(s['frames'] or 0) for s in own.values()),
                ms_median=float(np.median(ms)) if ms.size else None)
    return {'mean': mean, 'sequences': own}


def results(out: Path) -> dict[str, Any]:
    """Compute ``{redetector: figures}`` from what lies in OUT; {} without any."""
    if not (out / FOLDER).is_dir():
        return {}
    return {folder.name: figures({path.stem: read_rows(path)
                                  for path in sorted(folder.glob('*.csv'))})
            for folder in tracker_folders(out / FOLDER)}


def draw(out: Path) -> None:
    """Draw recall over the number of proposals into OUT/FOLDER, where there is anything."""
    if found := results(out):
        recall({name: f['mean'] for name, f in found.items()}, out / FOLDER / CURVE)


def section(out: Path) -> list[str]:
    """Write the part of the report; no line where there is nothing."""
    found = results(out)
    if not found:
        return []
    lines = ['## Re-detectors by themselves', '',
             'Asked at every N-th frame in which the target is present, with the size of the last '
             'true box before it. R@K: share of frames in which the centre of one of the first K '
             "proposals lies in the true box; AR@K: GlobalTrack's average recall over IoU .5 to "
             f'.95; AUC (ROC) and IoU (above {MAP_LEVEL:g} of its maximum) of the map against the '
             'mask or, where there is none, the true box. Means over sequences.', '']
    keys = [*(f'recall_{k}' for k in AT), *(f'ar_{k}' for k in AT), 'auc', 'iou']
    lines += table(
        ['re-detector', *(f'R@{k}' for k in AT), *(f'AR@{k}' for k in AT), 'AUC', 'IoU', 'ms',
         'seq.', 'frames'],
        [[name, *(number(f['mean'][key], 3) for key in keys), number(f['mean']['ms_median'], 1),
          str(len(f['sequences'])), str(f['mean']['frames'])] for name, f in found.items()])
    noted = [f'{label.name}: {mark}.' for label in read_labels(out / FOLDER).values()
             for mark in label.marks]
    lines += ['', *(line for mark in noted for line in (mark, ''))]
    pictures = [(out / FOLDER / CURVE, 'Recall over the number of proposals')]
    pictures += [(path, f'{what} on {path.stem}: frames, and below {whose} attention; truth green')
                 for folder, what, whose in ((BESIDE, 'All', 'their'),
                                             *((name, name, 'its') for name in found))
                 for path in sorted((out / FOLDER / folder).glob('*.jpg'))[:PICTURES]]
    for path, words in pictures:
        if path.is_file():
            lines += [words, '', f'![{words.partition(":")[0]}]'
                      f'({path.relative_to(out).as_posix()})', '']
    return lines
