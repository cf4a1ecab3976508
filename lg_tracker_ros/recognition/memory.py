"""What was learned of the target's looks and of those of its rivals; NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Sequence

from lg_tracker_ros.recognition.diversity import worth_replacing
from lg_tracker_ros.vision.cells import Array
import numpy as np


def rows(features: Array, cover: Array, seen: Array | None = None) -> Array:
    """
    Describe crops by the mean feature of each row of cells: N x C x H x W to N x (H C).

    ``cover`` (H x W) is the share of each cell that belongs to the target. Each row is scaled to
    unit length and weighs by its share of the cover, so that the inner product of two is a cosine
    in [-1, 1]. It forgives shifts along a row: the legs of someone who walks. ``seen``
    (N x H x W): the share of each crop's cells that a mask says are the target's; in a row where
    it leaves some, they alone count.
    """
    share = cover.sum(1)
    if seen is None:
        mean = np.einsum('ncij,ij->nic', features, cover / np.maximum(share[:, None], 1e-6))
    else:
        both = cover * seen
        left = both.sum(2, keepdims=True)
        weight = np.where(left > 1e-3, both / np.maximum(left, 1e-6), cover)
        mean = np.einsum('ncij,nij->nic', features, weight)
    mean /= np.maximum(np.linalg.norm(mean, axis=2, keepdims=True), 1e-6)
    mean *= np.sqrt(share / max(float(share.sum()), 1e-6))[:, None]
    return np.asarray(mean.reshape(len(features), -1), np.float32)


@dataclass(frozen=True)
class MemoryConfig:
    """
    The memory's constants.

    ``lasting`` and ``recent``: looks that are kept for long, and of late. ``rivals``: looks of
    others. ``every``: accepted looks between two that are kept. ``alike``: inner product from
    which two rivals count as one. ``ridge``: weight of the squared filter. ``least``: of each
    kind before the ridge has a say. ``diverse``: whether the lasting looks are those that span
    the largest volume (THOR's rule) among those that are like the first one by ``like_first`` at
    least, not looks from the whole time, evenly.
    """

    lasting: int = 12
    recent: int = 12
    rivals: int = 48
    every: int = 3
    alike: float = 0.95
    ridge: float = 0.15
    least: int = 3
    diverse: bool = False
    like_first: float = 0.5


@dataclass
class Memory:
    """
    The first look for ever, a gallery of accepted looks, and the looks of rejected places.

    A look is a unit-length vector. ``gallery`` is the mean similarity to the accepted ones,
    ``ridge`` a closed-form ridge classifier of accepted against rejected, about +1 for the target
    and -1 for a rival (kernel ridge regression with the inner product plus one, each class
    weighing a half).
    """

    first: Array
    config: MemoryConfig = field(default_factory=MemoryConfig)
    lasting: tuple[Array, ...] = ()
    recent: tuple[Array, ...] = ()
    rivals: tuple[Array, ...] = ()
    vetoed: tuple[Array, ...] = ()
    accepted: int = 0
    _kept: int = 0
    _interval: int = 1
    _filter: Array | None = None
    _mean: Array | None = None
    _nearest: float | None = None

    def copy(self) -> Memory:
        """Return the same memory; looks are shared, for they never change."""
        return replace(self)

    def accept(self, look: Array, span: int = 1) -> None:
        """
        Learn a look of the target; it counts for ``span`` accepted frames.

        Every few go to the recent ones, and what drops out of those, thinned evenly over the
        whole time or by diversity, to the lasting ones.
        """
        c = self.config
        before, self.accepted = self.accepted, self.accepted + span
        if (self.accepted - 1) // c.every == (before - 1) // c.every:
            return
        self._kept += 1
        self.recent += (look,)
        if len(self.recent) > c.recent:
            old, self.recent = self.recent[0], self.recent[1:]
            if c.diverse:
                self._keep_diverse(old)
            else:
                self._keep_evenly(old)
        self._filter = self._mean = self._nearest = None

    def _keep_evenly(self, look: Array) -> None:
        """Thin the lasting looks over the whole time."""
        c = self.config
        if (self._kept - 1) % self._interval == 0:
            self.lasting += (look,)
        if len(self.lasting) > c.lasting:
            self.lasting, self._interval = self.lasting[::2], 2 * self._interval

    def _keep_diverse(self, look: Array) -> None:
        """Keep a look where it widens what the first and the lasting ones span."""
        c = self.config
        if look @ self.first < c.like_first:
            return
        if len(self.lasting) < c.lasting:
            self.lasting += (look,)
            return
        slot = worth_replacing(np.stack([self.first, *self.lasting]), look)
        if slot is not None:
            self.lasting = (*self.lasting[:slot - 1], look, *self.lasting[slot:])

    def veto(self, look: Array) -> None:
        """Take somebody's word that a look is not the target's."""
        self.vetoed = (*self.vetoed[1 - self.config.recent:], look)
        self.reject([look])

    def vow(self, look: Array) -> None:
        """Take somebody's word that a look is the target's."""
        self.vetoed = tuple(v for v in self.vetoed if v @ look < self.config.alike)
        self.recent = (*self.recent[1 - self.config.recent:], look)
        self._filter = self._mean = self._nearest = None

    def likeness_to_vetoed(self, looks: Array) -> Array:
        """By how much each of N looks is more like a vetoed one than like the target; or 0."""
        if not self.vetoed:
            return np.zeros(len(looks), np.float32)
        alike = (looks @ np.stack(self.vetoed).T).max(axis=1)
        own = np.maximum(self.gallery(looks), looks @ self.first)
        return np.asarray(np.maximum(alike - own, 0), np.float32)

    def reject(self, looks: Sequence[Array]) -> None:
        """
        Learn looks of what is not the target.

        One that is like another replaces it; when there are too many, the one least like the
        target goes.
        """
        for look in looks:
            self.rivals = (*(r for r in self.rivals if r @ look < self.config.alike), look)
            if len(self.rivals) > self.config.rivals:
                easiest = int(np.argmin(np.stack(self.rivals) @ self.mean))
                self.rivals = self.rivals[:easiest] + self.rivals[easiest + 1:]
            self._filter = self._nearest = None

    @property
    def mean(self) -> Array:
        """The mean of the accepted looks, the first look until there are any."""
        kept = self.lasting + self.recent
        if self._mean is None:  # asked for every frame, changed every few
            self._mean = np.asarray(np.mean(kept, axis=0), np.float32) if kept else self.first
        return self._mean

    @property
    def crowd(self) -> float:
        """How alike the likest rival is to the target, from 0 (hardly) to 1 (as a twin)."""
        return min(max((self._likest - 0.3) / 0.3, 0.0), 1.0)

    @property
    def confusable(self) -> float:
        """
        How easily a rival is taken for the target, from 0 (never) to 1 (as a twin).

        That is ``crowd`` by another measure: how alike the target's own looks are to each other.
        Those of one that turns and bends are less so, and it takes less to be mistaken for it.
        """
        return min(max((self._likest / float(self.mean @ self.mean) - 0.5) / 0.25, 0.0), 1.0)

    @property
    def _likest(self) -> float:
        """The inner product of the likest rival with the mean look."""
        if self._nearest is None:  # changes as seldom as the mean
            self._nearest = max((float(r @ self.mean) for r in self.rivals), default=-1.0)
        return self._nearest

    def gallery(self, looks: Array) -> Array:
        """Compare N looks with the accepted ones: N mean similarities in [-1, 1]."""
        return np.asarray(looks @ self.mean)

    def ridge(self, looks: Array) -> Array:
        """Tell N looks from the rivals': N numbers, 0 until enough of both is known."""
        own = (self.first, *self.lasting, *self.recent)
        if min(len(own), len(self.rivals)) < self.config.least:
            return np.zeros(len(looks), np.float32)
        if self._filter is None:
            self._filter = self._solve(own)
        return np.asarray(looks @ self._filter[:-1] + self._filter[-1])

    def _solve(self, own: Sequence[Array]) -> Array:
        """Solve (K + ridge diag(1/weight)) a = y; return the filter and its bias."""
        x = np.stack([*own, *self.rivals]).astype(np.float64)
        y = np.repeat([1.0, -1.0], [len(own), len(self.rivals)])
        count = np.where(y > 0, len(own), len(self.rivals))
        a = np.linalg.solve(x @ x.T + 1 + self.config.ridge * np.diag(2.0 * count), y)
        return np.append(a @ x, a.sum()).astype(np.float32)
