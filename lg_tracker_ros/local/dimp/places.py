"""Where the target is in a map of DiMP's scores, and whether something else is taken for it."""

from __future__ import annotations

from dataclasses import dataclass
import enum

import numpy as np
import numpy.typing as npt

MISSING, RIVAL, HARD, MASK, FAR = 0.25, 0.8, 0.5, 2.2, 0.8
"""
Score under which the target isn't found; shares of the first peak from which a second one is a
rival, and a hard negative; side of what is masked around the first, in sides of the target;
distance from the last place, in halves of the search crop, from which a peak is far.
"""

Map = npt.NDArray[np.float32]


class Finding(enum.Enum):
    """What a map of scores says."""

    CLEAR = 'clear'
    RIVALLED = 'rivalled'
    """Found, and something else that is like it: to be learned at once."""
    UNCERTAIN = 'uncertain'
    """One of two, nobody knows which: nothing to learn from."""
    MISSING = 'missing'


@dataclass(frozen=True)
class Peak:
    """A place in a map, row and column, its score, and what the map says of it."""

    row: int
    column: int
    score: float
    finding: Finding


def _around(place: np.intp, side: float) -> slice:
    """Take the cells that the mask covers, along one side; it is rounded at either end."""
    half = MASK * side / 2
    return slice(max(round(float(place) - half), 0), round(float(place) + half + 1))


def locate(scores: Map, target: tuple[float, float], last: tuple[float, float]) -> Peak:
    """
    Find the target in H x W scores.

    ``target``: its width and height, ``last``: its last place as row and column, in cells.
    """
    first = np.unravel_index(int(np.argmax(scores)), scores.shape)
    best = float(scores[first])

    def peak(at: tuple[np.intp, ...], finding: Finding) -> Peak:
        return Peak(int(at[0]), int(at[1]), float(scores[at]), finding)
    if best < MISSING:
        return peak(first, Finding.MISSING)
    rest = scores.copy()
    rest[_around(first[0], target[1]), _around(first[1], target[0])] = -np.inf
    second = np.unravel_index(int(np.argmax(rest)), scores.shape)
    other = float(rest[second])
    far = FAR * scores.shape[0] / 2
    away = [float(np.hypot(at[0] - last[0], at[1] - last[1])) > far for at in (first, second)]
    if other > RIVAL * best:
        if away[0] != away[1]:  # only one of them is where the target can be
            return peak(second if away[0] else first, Finding.RIVALLED)
        return peak(first, Finding.UNCERTAIN)
    rivalled = other > HARD * best and other > MISSING
    return peak(first, Finding.RIVALLED if rivalled else Finding.CLEAR)
