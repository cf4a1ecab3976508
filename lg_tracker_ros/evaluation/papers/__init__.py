"""Figures that the five papers print, to stand beside ours, never in one column with them."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Sequence

Table = Mapping[str, Sequence[float | None]]
"""By row; None where the paper gives nothing."""


class Published(NamedTuple):
    """A table of a paper: what to call it, the headings of its figures, and its rows."""

    title: str
    head: Sequence[str]
    table: Table


def by_row(columns: str, *rows: str, scale: float = 1.0) -> dict[str, tuple[float | None, ...]]:
    """
    Read a table as a paper prints it across: names of trackers, then a row for each figure.

    Words are parted by commas, '-' is no figure; ``scale`` is what a figure is divided by (100
    for percent). Raises ValueError where a row is not as long as the names.
    """
    names = [n.strip() for n in columns.split(',')]
    cells = [[None if c.strip() == '-' else round(float(c) / scale, 6) for c in r.split(',')]
             for r in rows]
    return {name: tuple(r) for name, *r in zip(names, *cells, strict=True)}
