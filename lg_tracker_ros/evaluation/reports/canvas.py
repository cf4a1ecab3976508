"""How the pictures are drawn: styles of the trackers, figures without global state."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # Matplotlib takes most of a second, which `track` need not wait for
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ('#D55E00', '#0072B2', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#000000')
"""Okabe and Ito (2008): told apart with any colour vision; their yellow is too pale on white."""
LINES = ('-', '--', ':', '-.')
MARKERS = 'osD^vP'


class Style(NamedTuple):
    """How a tracker is drawn in every picture."""

    color: str
    line: str
    marker: str


def styles(trackers: Sequence[str]) -> dict[str, Style]:
    """Give each tracker its style; by name, so that no ranking changes it, ``default`` first."""
    order = sorted(trackers, key=lambda t: (t != 'default', t))
    turns = [divmod(i, len(COLORS)) for i in range(len(order))]
    return {t: Style(COLORS[i], LINES[turn % len(LINES)], MARKERS[turn % len(MARKERS)])
            for t, (turn, i) in zip(order, turns)}


@contextmanager
def as_written() -> Iterator[None]:
    """Draw names as they are: by themselves, two ``$`` make a formula of what is between them."""
    from matplotlib import rc_context
    with rc_context({'text.parse_math': False}):
        yield


def new_figure(width: float, height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """Make a figure of so many inches with ``rows`` plots below each other; no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes: npt.NDArray[Any] = figure.subplots(rows, 1, squeeze=False)
    return figure, list(axes[:, 0])


def save(figure: Figure, path: Path) -> None:
    """Write a PNG that holds all of the figure, and nothing of when or by what it was made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, bbox_inches='tight', metadata={'Software': None})


def finish(ax: Axes, title: str, x: str, y: str) -> None:
    """Name a plot and its axes; its legend stands to the right, where it hides nothing."""
    ax.set_title(title, fontsize=11)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(alpha=0.3)
    ax.legend(loc='upper left', bbox_to_anchor=(1.01, 1.0), fontsize=9, frameon=False)


def array(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    """Turn a list of figures into numbers, nan for one that isn't there."""
    return np.array([np.nan if v is None else v for v in values], np.float64)


def score(value: float | None) -> str:
    """Write a figure for a legend."""
    return '-' if value is None else f'{value:.3f}'
