"""Recall over the number of proposals (GlobalTrack's Fig. 4 and 5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, TYPE_CHECKING

from lg_tracker_ros.evaluation.reports.canvas import (
    array,
    finish,
    new_figure,
    save,
    score,
    styles,
)

if TYPE_CHECKING:  # see canvas
    from matplotlib.figure import Figure

PLOTS = (('ar', 'Average recall AR@k', 'over IoU .5 to .95'),
         ('recall', 'R@k', 'share with a centre in the target'))


def recall(means: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Write the picture of ``drawn``."""
    save(drawn(means), path)


def drawn(means: Mapping[str, Mapping[str, Any]]) -> Figure:
    """
    Draw AR@k and R@k of each re-detector over k, the last value in the legend.

    ``means`` are by name what ``proposal_results.figures`` gives as such: ``ar_K`` and
    ``recall_K``.
    """
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    figure, axes = new_figure(6, 7.2, len(PLOTS))
    style = styles(list(means))
    for ax, (kind, title, y) in zip(axes, PLOTS):
        ends = {}
        for name, mean in means.items():
            values = {int(key.removeprefix(f'{kind}_')): mean[key] for key in mean
                      if key.removeprefix(f'{kind}_').isdigit()}
            ends[name] = sorted(values.items())
        for name, ending in sorted(ends.items(), key=lambda e: -(e[1][-1][1] or 0)):
            s = style[name]
            ax.plot([k for k, _ in ending], array([v for _, v in ending]), s.line, color=s.color,
                    marker=s.marker, ms=4, lw=1.8, label=f'{score(ending[-1][1])}  {name}')
        ax.set_xscale('log')
        ax.xaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_ylim(0, 1.01)
        finish(ax, title, 'proposals k', y)
    figure.tight_layout()
    return figure
