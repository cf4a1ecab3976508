"""A detector's boxes as values, and which of them is to be followed."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Callable, Mapping, Sequence

from lg_tracker_ros.types import Box


@dataclass(frozen=True)
class Detection:
    """
    One box of a detector, in pixels of the image as it came.

    ``label`` (the class) and ``name`` (the id) are the detector's own, '' where it gives none;
    ``score`` is in [0, 1] as a rule, 1 where it gives none.
    """

    box: Box
    label: str = ''
    score: float = 1.0
    name: str = ''


@dataclass(frozen=True)
class Selection:
    """
    Which detections count, and which one becomes the target when there is none.

    ``classes``: the labels that count, joined by commas, empty: all; ``score``: the least score.
    ``select``: one of SELECT; ``name`` (a detection's id) and the point ``x, y`` in pixels are
    for those that ask for them. ``age``: seconds by the images' stamps after which a detection is
    too old for a search.
    """

    classes: str = ''
    score: float = 0.0
    age: float = 0.5
    select: str = 'none'
    name: str = ''
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't choose: raises ValueError in one line."""
        if self.select not in SELECT:
            raise ValueError(f'select must be one of {", ".join(SELECT)}, got {self.select!r}')
        if self.select == 'id' and not self.name:
            raise ValueError("select is 'id', but select_id is empty; set it to the id that the "
                             'detector gives to the target')

    @property
    def labels(self) -> frozenset[str]:
        """The classes that count; none: all do."""
        return frozenset(c.strip() for c in self.classes.split(',') if c.strip())

    def counting(self, detections: Sequence[Detection]) -> list[Detection]:
        """Return those that count, the best scores first."""
        labels = self.labels
        counting = [d for d in detections
                    if (not labels or d.label in labels) and d.score >= self.score]
        return sorted(counting, key=lambda d: -d.score)

    def choose(self, counting: Sequence[Detection]) -> Detection | None:
        """Choose the target among those that count; of equal ones the first; None for none."""
        rank = SELECT[self.select]
        ranked = [(value, d) for d in counting if (value := rank(self, d)) is not None]
        return max(ranked, key=lambda r: r[0])[1] if ranked else None


def _distance(selection: Selection, detection: Detection) -> float:
    box = detection.box
    return math.hypot(box.cx - selection.x, box.cy - selection.y)


SELECT: Mapping[str, Callable[[Selection, Detection], float | None]] = {
    'none': lambda s, d: None,
    'best': lambda s, d: d.score,
    'largest': lambda s, d: d.box.w * d.box.h,
    'nearest': lambda s, d: -_distance(s, d),
    'id': lambda s, d: d.score if d.name == s.name else None,
}
"""Ways to choose, by name: how much a detection is preferred, None: not at all."""
