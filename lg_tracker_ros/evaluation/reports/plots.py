"""Plots that compare trackers; each draws one picture, for the width of a README."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, TYPE_CHECKING

from lg_tracker_ros.evaluation.metrics.overlap import (
    NORMALISED_AT,
    PRECISION_AT,
    SUCCESS_AT,
)
from lg_tracker_ros.evaluation.reports.canvas import (
    array,
    finish,
    new_figure,
    save,
    score,
    Style,
    styles,
)
from lg_tracker_ros.evaluation.reports.results import Results
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # see canvas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = 8
"""Trackers in the attributes' picture: more bars side by side can't be told apart."""
LABELLED = 60
"""Sequences up to which the heat map has room for names and figures."""
PLACES = tuple((8.0, y) for y in (-3.0, 6.0, -12.0, 15.0, -21.0, 24.0, -30.0, 33.0, -39.0))
"""Where a point's name may stand, in typographic points from it."""


def curve(results: Results, path: Path, name: str, key: str, x: npt.NDArray[np.float64],
          words: tuple[str, str, str]) -> None:
    """Draw curve ``name`` of every tracker over ``x``, ranked by figure ``key``; words: titles."""
    figure, (ax,) = new_figure(6, 4.2)
    style = styles(list(results.compared))
    for tracker in results.ranked(key):
        c, s = results.compared[tracker], style[tracker]
        ax.plot(x, array(c['curves'][name]), s.line, color=s.color, lw=1.8,
                label=f'{score(c["mean"][key])}  {tracker}')
    ax.set_xlim(float(x[0]), float(x[-1]))
    ax.set_ylim(0, 1.01)
    finish(ax, *words)
    save(figure, path)


def success(results: Results, path: Path) -> None:
    """Draw the success plot (OTB), AUC in the legend."""
    curve(results, path, 'success', 'auc', SUCCESS_AT,
          ('Success', 'IoU threshold', 'share of frames above it'))


def precision(results: Results, path: Path) -> None:
    """Draw the precision plot (OTB), precision at 20 px in the legend."""
    curve(results, path, 'precision', 'precision_20', PRECISION_AT,
          ('Precision', 'centre error threshold, px', 'share of frames within it'))


def normalised_precision(results: Results, path: Path) -> None:
    """Draw the precision plot in units of the target's size (LaSOT), its area in the legend."""
    curve(results, path, 'normalised_precision', 'normalised_precision', NORMALISED_AT,
          ('Normalised precision', "centre error threshold in the target's sides",
           'share of frames within it'))


def longterm(results: Results, path: Path) -> None:
    """Draw tracking precision over recall (VOT-LT) with the best F marked, F in the legend."""
    figure, (ax,) = new_figure(6, 4.8)
    style = styles(list(results.compared))
    recall = np.linspace(0.01, 1, 200)
    for f in (0.2, 0.4, 0.6, 0.8):
        p = np.where(2 * recall > f, f * recall / np.maximum(2 * recall - f, 1e-9), np.nan)
        ax.plot(recall, np.where(p <= 1, p, np.nan), color='0.8', lw=0.8, zorder=0)
        ax.text(1.0, f / (2 - f), f'F {f:g} ', color='0.5', fontsize=8, ha='right', va='bottom')
    for tracker in results.ranked('f'):
        c, s = results.compared[tracker], style[tracker]
        p, r, scores = (array(c['curves']['longterm'][k]) for k in 'prf')
        found = r > 0  # a threshold above every confidence leaves nothing to be precise about
        ax.plot(r[found], p[found], s.line, color=s.color, lw=1.8)
        best = int(np.argmax(np.nan_to_num(scores))) if len(scores) else 0
        ax.plot(r[best:best + 1], p[best:best + 1], s.line, marker=s.marker, color=s.color, ms=8,
                mec='white', label=f'{score(c["mean"]["f"])}  {tracker}')
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.01)
    finish(ax, 'Long term; the mark is at the best F', 'tracking recall', 'tracking precision')
    save(figure, path)


def attributes(results: Results, path: Path) -> None:
    """Draw the AUC of each attribute (the paper's Fig. 6), if any."""
    by_attribute(results, path, 'auc', 'AUC')


def attributes_precision(results: Results, path: Path) -> None:
    """Draw the precision at 20 px of each attribute (the paper's Fig. 6), if any."""
    by_attribute(results, path, 'precision_20', 'P@20')


def by_attribute(results: Results, path: Path, key: str, name: str) -> None:
    """Draw figure ``key``, called ``name``, of each attribute as bars, six a row."""
    ranked = results.ranked(key)
    shown = [t for i, t in enumerate(ranked) if i < BARS or t == results.shown()]
    tags = sorted({tag for t in shown for tag in results.compared[t]['attributes']})
    if not tags:
        return
    rows = [tags[i:i + 6] for i in range(0, len(tags), 6)]
    figure, axes = new_figure(8, 2.4 * len(rows) + 0.4, len(rows))
    style, width = styles(ranked), 0.84 / len(shown)
    for ax, row in zip(axes, rows):
        for i, t in enumerate(shown):
            found: Mapping[str, Any] = results.compared[t]['attributes']
            x = np.arange(len(row)) + (i - (len(shown) - 1) / 2) * width
            ax.bar(x, array([found.get(tag, {}).get(key) for tag in row]), width,
                   color=style[t].color, label=t, hatch='//' if style[t].line != '-' else None,
                   edgecolor='white', linewidth=0.4)
        counts = [max(results.compared[t]['attributes'].get(tag, {}).get('sequences', 0)
                      for t in shown) for tag in row]
        ax.set_xticks(range(len(row)), [f'{tag}\n({n})' for tag, n in zip(row, counts)],
                      fontsize=9)
        ax.set_xlim(-0.6, 5.6 if len(rows) > 1 else len(row) - 0.4)
        ax.set_ylim(0, 1)
        ax.set_ylabel(name)
        ax.grid(axis='y', alpha=0.3)
        ax.set_axisbelow(True)
    axes[0].set_title(f'{name} by attribute (number of sequences)' + (
        f', the {len(shown)} best trackers' if len(shown) < len(ranked) else ''), fontsize=11)
    axes[0].legend(loc='upper left', bbox_to_anchor=(1.01, 1.0), fontsize=9, frameon=False)
    figure.tight_layout()
    save(figure, path)


def sequences(results: Results, path: Path) -> None:
    """Draw each sequence's AUC by every tracker as a heat map; * stands for remarks on one."""
    trackers, names = results.ranked(), list(results.labels)
    auc = np.stack([array([results.own[t]['sequences'].get(name, {}).get('auc') for t in trackers])
                    for name in names])
    labelled = len(names) <= LABELLED
    figure, (ax,) = new_figure(2 + 0.55 * len(trackers),
                               1 + (0.25 * len(names) if labelled else 10))
    shown = ax.imshow(auc, cmap='cividis', vmin=0, vmax=1, aspect='auto')
    ax.set_xticks(range(len(trackers)), trackers, rotation=45, ha='right', fontsize=9)
    if labelled:
        marked = [f'* {n}' if label.marks else n for n, label in results.labels.items()]
        ax.set_yticks(range(len(names)), marked, fontsize=9)
        for (i, j), value in np.ndenumerate(auc):
            ax.text(j, i, '-' if np.isnan(value) else f'{value:.2f}', ha='center', va='center',
                    fontsize=8, color='white' if value < 0.55 else 'black')
    else:
        ax.set_ylabel(f'{len(names)} sequences, by name')
    figure.colorbar(shown, ax=ax, label='AUC', fraction=0.05, pad=0.02)
    save(figure, path)


def reliability(results: Results, path: Path) -> None:
    """Draw the share of right boxes over the confidence, ECE in the legend."""
    figure, (ax,) = new_figure(6, 4.8)
    style = styles(list(results.compared))
    ax.plot([0, 1], [0, 1], color='0.6', lw=1, label='confidence means what it says')
    for tracker in sorted(style, key=lambda t: (t != 'default', t)):
        c, s = results.compared[tracker], style[tracker]
        bins = c['curves']['reliability']
        x, y = array(bins['confidence']), array(bins['accuracy'])
        full = np.isfinite(x) & np.isfinite(y)
        count = np.asarray(bins['count'], np.float64)[full]
        ax.plot(x[full], y[full], s.line, color=s.color, lw=1.2)
        ax.scatter(x[full], y[full], 8 + 90 * count / max(count.sum(), 1), color=s.color,
                   marker=s.marker, label=f'{score(c["mean"]["ece"])}  {tracker}')
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    finish(ax, 'Reliability (ECE); a mark grows with its share of the frames', 'confidence',
           'share of boxes with IoU above .5')
    save(figure, path)


def name_points(figure: Figure, ax: Axes, points: Mapping[str, tuple[float, float]],
                style: Mapping[str, Style]) -> None:
    """Write each point's name beside it, at the first of a few places where nothing else is."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    centres = ax.transData.transform(list(points.values()))
    taken = [np.concatenate([c - 6, c + 6]) for c in centres]
    for name, point in points.items():
        text = ax.annotate(name, point, PLACES[0], textcoords='offset points', fontsize=9,
                           color=style[name].color)
        free = None
        for place in PLACES:
            text.set_position(place)
            box = np.asarray(text.get_window_extent(renderer).extents)
            if not any((box[:2] < b[2:]).all() and (b[:2] < box[2:]).all() for b in taken):
                free = place
                break
        text.set_position(free or PLACES[0])
        taken.append(np.asarray(text.get_window_extent(renderer).extents))


def speed(results: Results, path: Path) -> None:
    """Draw accuracy over time a frame, every point named where it hides no other name."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure, (ax,) = new_figure(8, 4.8)
    style = styles(list(results.compared))
    means = {t: results.compared[t]['mean'] for t in results.ranked()}
    points = {t: (m['ms_median'], m['auc']) for t, m in means.items()
              if m['ms_median'] and m['auc'] is not None}
    for t, (x, y) in points.items():
        ax.plot(x, y, style[t].marker, color=style[t].color, ms=8)
    ax.set_xscale('log')
    ax.margins(0.12)
    if points:
        times = [x for x, _ in points.values()]
        ax.set_xlim(min(times) / 1.4, max(times) * 2.8)  # room for the names on the right
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel('median time a frame, ms (log)')
    ax.set_ylabel('AUC')
    ax.set_title('Speed against accuracy', fontsize=11)
    ax.grid(alpha=0.3)
    name_points(figure, ax, points, style)
    save(figure, path)
