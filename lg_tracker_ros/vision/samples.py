"""What online learners keep of the frames that they learned from: places and their weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class SampleWeights:
    """
    Weights of the samples of a memory of fixed size, and which place a new one takes.

    A new sample weighs 1 / (1 - rate) times as much as the one before it, the first new one
    ``rate`` (1 - ``rate``) times as much as all before it: older ones decay (as in ECO, Danelljan
    et al. 2017). The ``first`` ones, those of the first frame, keep at least ``least`` together
    and are never replaced; free places fill first, then the sample of the smallest weight goes.
    The sum of all is 1, or a little more while the first ones have ``least``, as in ATOM's code.
    """

    def __init__(self, size: int, first: int, least: float = 0.25) -> None:
        """Begin with ``first`` samples of equal weight; ValueError where they don't fit."""
        if not 0 < first < size:
            raise ValueError(f'a memory of {size} has no room for {first} first samples and more')
        self.first, self.least, self.used = first, least, first
        self.values: npt.NDArray[np.float64] = np.zeros(size)
        self.values[:first] = 1 / first
        self._last: int | None = None

    def add(self, rate: float) -> int:
        """Give a new sample its weight; returns its place."""
        w = self.values
        new = rate * (1 - rate) if self._last is None else w[self._last] / (1 - rate)
        if self.used < len(w):
            place = self.used
            self.used += 1
        else:
            place = self.first + int(np.argmin(w[self.first:]))
        w[place], self._last = new, place
        w /= w.sum()
        if w[:self.first].sum() < self.least:
            w /= self.least + w[self.first:].sum()
            w[:self.first] = self.least / self.first
        return place
