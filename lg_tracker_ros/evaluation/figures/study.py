"""A study of trainings as a picture: its figures by row, with their spread (TANet's Fig. 7a)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Mapping, TYPE_CHECKING

from lg_tracker_ros.evaluation.reports.canvas import array, new_figure, save
from lg_tracker_ros.reading.guard import reading
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # see canvas
    from matplotlib.figure import Figure

Runs = dict[str, dict[str, npt.NDArray[np.float64]]]
"""By figure and row the values of its runs, nan where one has none."""


def read_study(path: Path) -> Runs:
    """Read STUDY.csv of ``train ablation``; ValueError where it isn't that."""
    with reading(path, 'a study of `train ablation`'), open(path, newline='') as file:
        head, *lines = csv.reader(file)
        if head[:3] != ['row', 'seed', 'steps'] or any(len(x) != len(head) for x in lines):
            raise ValueError('expected the columns row,seed,steps and figures')
        rows = dict.fromkeys(line[0] for line in lines)
        return {key: {row: array([float(x[i]) if x[i] else None for x in lines if x[0] == row])
                      for row in rows} for i, key in enumerate(head) if i > 2}


def draw_study(source: Path, path: Path,
               baseline: Mapping[str, float | None] | None = None) -> None:
    """Write the picture of a STUDY.csv, see ``drawn``."""
    save(drawn(read_study(source), baseline or {}), path)


def drawn(runs: Runs, baseline: Mapping[str, float | None]) -> Figure:
    """
    Draw each figure over the rows of the study: its mean, standard deviation and single runs.

    ``baseline`` is, by figure, that of the local tracker alone: a dashed line.
    """
    figure, axes = new_figure(8, 1.7 * len(runs) + 0.8, len(runs))
    for ax, (key, rows) in zip(axes, runs.items()):
        known = [values[np.isfinite(values)] for values in rows.values()]
        means = array([float(v.mean()) if len(v) else None for v in known])
        spread = array([float(v.std(ddof=1)) if len(v) > 1 else 0.0 for v in known])
        x = np.arange(len(rows))
        ax.errorbar(x, means, spread, color='#0072B2', marker='o', lw=1.4, capsize=3)
        for i, values in enumerate(known):
            ax.plot(np.full(len(values), i), values, '.', color='0.5', ms=4, zorder=0)
        alone = baseline.get(key)
        if alone is not None:
            ax.axhline(alone, color='#D55E00', ls='--', lw=1.2)
        ax.set_ylabel(key, fontsize=9)
        ax.set_xlim(-0.5, len(rows) - 0.5)
        ax.set_xticks(x, list(rows) if ax is axes[-1] else [''] * len(rows), fontsize=9,
                      rotation=30, ha='right')
        ax.tick_params(axis='y', labelsize=8)
        ax.grid(alpha=0.3)
    if any(v is not None for v in baseline.values()):
        axes[0].plot([], [], '--', color='#D55E00', lw=1.2, label='the local tracker alone')
        axes[0].legend(loc='lower right', bbox_to_anchor=(1.0, 1.0), fontsize=9, frameon=False)
    figure.tight_layout()
    return figure
