"""A replay buffer on disk that one process fills and another learns from."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Field:
    """Shape and dtype of one array of a sample."""

    shape: tuple[int, ...]
    dtype: str = 'float16'


class Ring:
    """
    Fixed number of samples in memory-mapped files; the oldest are overwritten.

    One writer, any number of readers. ``written`` counts samples ever written.
    """

    def __init__(self, folder: Path, fields: Mapping[str, Field], capacity: int) -> None:
        """Describe the ring; ``attach`` makes or maps its files."""
        self.folder, self.fields, self.capacity = folder, dict(fields), capacity
        self.arrays: dict[str, Array] = {}

    def attach(self) -> Ring:
        """Map the files, making those that are missing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, f in self.fields.items():
            path, shape = self.folder / f'{name}.bin', (self.capacity, *f.shape)
            size = int(np.prod(shape)) * np.dtype(f.dtype).itemsize
            if not path.exists() or path.stat().st_size != size:
                with path.open('wb') as out:
                    out.truncate(size)
            self.arrays[name] = np.memmap(path, np.dtype(f.dtype), 'r+', shape=shape)
        return self

    @property
    def written(self) -> int:
        """Samples written so far, over all runs."""
        path = self.folder / 'written.json'
        return int(json.loads(path.read_text())) if path.exists() else 0

    def write(self, sample: Mapping[str, Array | float]) -> None:
        """Add one sample; every field must be there."""
        n = self.written
        for name, array in self.arrays.items():
            array[n % self.capacity] = sample[name]
        temporary = self.folder / 'written.tmp'
        temporary.write_text(json.dumps(n + 1))
        temporary.replace(self.folder / 'written.json')

    def batch(self, rng: np.random.Generator, size: int) -> dict[str, Array]:
        """Draw ``size`` samples at random from those present."""
        index = np.sort(rng.integers(min(self.written, self.capacity), size=size))
        return {name: np.asarray(a[index]) for name, a in self.arrays.items()}
