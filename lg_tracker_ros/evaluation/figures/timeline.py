"""Confidence and IoU over time (TANet's Fig. 4, DROL's 9, GlobalTrack's 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TYPE_CHECKING

from lg_tracker_ros.evaluation.figures.choice import overlaps, spans, telling
from lg_tracker_ros.evaluation.reports.canvas import new_figure, save
from lg_tracker_ros.evaluation.reports.results import Results
from lg_tracker_ros.types import Mode
import numpy as np

if TYPE_CHECKING:  # see canvas
    from matplotlib.figure import Figure

SHOWN = 6
"""Sequences."""
AWAY: dict[str, Any] = {'facecolor': 'none', 'edgecolor': '0.45', 'hatch': '////', 'lw': 0}


def timeline(results: Results, path: Path, beside: str = '') -> None:
    """Write the picture of ``drawn``."""
    save(drawn(results, beside), path)


def drawn(results: Results, beside: str = '') -> Figure:
    """
    Draw confidence and IoU of the tracker that is shown, the mode shaded, one plot a sequence.

    ``beside`` is another tracker, whose IoU is drawn as well where it ran on the sequence.
    """
    other = results.records[beside] if beside else {}
    records = telling(list(results.records[results.shown()].values()))[:SHOWN]
    figure, axes = new_figure(9, 1.45 * len(records) + 0.9, len(records))
    for ax, record in zip(axes, records):
        n = len(record.labels.truth)
        x = np.arange(n)
        for a, b in spans(record.mode == Mode.GLOBAL.name):
            ax.axvspan(a - 0.5, b - 0.5, color='#E69F00', alpha=0.4, lw=0)
        for a, b in spans(record.labels.absent):
            ax.axvspan(a - 0.5, b - 0.5, **AWAY)
        if record.labels.name in other:
            ax.plot(x, overlaps(other[record.labels.name]), color='#CC79A7', lw=1)
        ax.plot(x, overlaps(record), color='#009E73', lw=1)
        ax.plot(x[record.labels.start:], record.confidence[record.labels.start:],
                color='#0072B2', lw=1.4)
        ax.set_xlim(-0.5, n - 0.5)
        ax.set_ylim(0, 1.03)
        ax.set_title(record.labels.name, fontsize=10, loc='left', pad=3)
        ax.tick_params(labelsize=8)
    axes[-1].set_xlabel('frame')
    axes[0].plot([], [], color='#0072B2', lw=1.4, label='confidence')
    axes[0].plot([], [], color='#009E73', lw=1, label='IoU with the truth')
    if beside:
        axes[0].plot([], [], color='#CC79A7', lw=1, label=f'IoU of {beside}')
    axes[0].fill_between([], [], color='#E69F00', alpha=0.4, lw=0, label='global search')
    axes[0].fill_between([], [], label='target absent', **AWAY)
    axes[0].legend(loc='lower right', bbox_to_anchor=(1.0, 1.03), ncol=5, fontsize=9,
                   frameon=False)
    figure.tight_layout()
    return figure
