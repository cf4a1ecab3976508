"""
Where batches come from: a ring on disk that processes fill, or made anew for every step.

Either way chance hangs on numbers alone: sample n of a seed is the same picture whichever process
makes it, and a step's batch is the same whichever process asks. So nothing of a stream has to be
saved to go on where a run stopped, and several training processes share out one batch.
"""

from __future__ import annotations

from contextlib import contextmanager
import fcntl
import json
import os
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

import cv2
from lg_tracker_ros.reading.guard import refused
from lg_tracker_ros.training.networks.network import Array, Field, Sample, Sampler
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

Tensors = Mapping[str, Tensor]
MakeSampler = Callable[[], Sampler]


class Ring:
    """
    A fixed number of samples in memory-mapped files; the oldest are overwritten.

    Sample number n lies in place n % capacity. Any number of processes of one machine write and
    read: a sample goes in and a batch comes out under a lock on a file, so none is torn. The lock
    must work (local file systems; few network ones).
    """

    def __init__(self, folder: Path, fields: Mapping[str, Field], capacity: int) -> None:
        """Describe the ring; ``attach`` makes or maps its files."""
        self.folder, self.fields, self.capacity = folder, dict(fields), capacity
        self.arrays: dict[str, Array] = {}
        self.numbers: np.ndarray[Any, np.dtype[np.int64]] = np.zeros(0, np.int64)

    def attach(self) -> Ring:
        """
        Map the files, making those that are missing.

        Raises ValueError where the folder holds samples of another form, OSError when the disk is
        too small.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        form = json.dumps({'capacity': self.capacity, 'fields': {
            name: [f.dtype, *f.shape] for name, f in self.fields.items()}})
        with self._locked(fcntl.LOCK_EX):
            about = self.folder / 'ring.json'
            if about.exists() and about.read_text() != form:
                raise refused(self.folder, 'holds other samples (its ring.json) than this network '
                              'and these settings make; use another --ring or --out, or delete it')
            for name, f in self.fields.items():
                self.arrays[name] = self._map(name, (self.capacity, *f.shape), f.dtype)
            # one more than a sample's number, so that a file of zeros is an empty ring
            self.numbers = self._map('numbers', (self.capacity,), 'int64')
            about.write_text(form)
        return self

    def _map(self, name: str, shape: tuple[int, ...], dtype: str) -> Array:
        path = self.folder / f'{name}.bin'
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if not path.exists() or path.stat().st_size != size:
            with path.open('wb') as out:
                # a hole in the file that finds no room on the disk later is a crash
                os.posix_fallocate(out.fileno(), 0, size)
        return np.memmap(path, np.dtype(dtype), 'r+', shape=shape)

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with open(self.folder / 'lock', 'w') as file:
            fcntl.flock(file, kind)
            yield

    def __len__(self) -> int:
        """Count the samples present."""
        return int(np.count_nonzero(self.numbers))

    def present(self) -> Array:
        """List the places that hold a sample."""
        # a copy: NumPy counts first, then lists, and refuses an array that changes between
        return np.flatnonzero(self.numbers.copy())

    @property
    def newest(self) -> int:
        """The highest number written, -1 for none."""
        return int(self.numbers.max(initial=0)) - 1

    def has(self, n: int) -> bool:
        """Whether sample number ``n`` is present."""
        return bool(self.numbers[n % self.capacity] == n + 1)

    def write(self, n: int, sample: Sample) -> None:
        """Put sample number ``n`` in its place; ValueError when a field is missing or misfits."""
        row = as_row(sample, self.fields)
        with self._locked(fcntl.LOCK_EX):
            for name, array in self.arrays.items():
                array[n % self.capacity] = row[name]
            self.numbers[n % self.capacity] = n + 1

    def take(self, places: Array) -> dict[str, Tensor]:
        """Copy the samples in ``places``, one row each."""
        with self._locked(fcntl.LOCK_SH):
            return {name: torch.from_numpy(np.asarray(a[places]))
                    for name, a in self.arrays.items()}

    def batches(self, size: int) -> Iterator[dict[str, Tensor]]:
        """Go through all samples present, in order of their places."""
        present = self.present()
        for i in range(0, len(present), size):
            yield self.take(present[i:i + size])


def as_row(sample: Sample, fields: Mapping[str, Field]) -> dict[str, Array]:
    """Bring a sample into the form of ``fields``; ValueError when it doesn't fit."""
    row = {}
    for name, f in fields.items():
        if name not in sample:
            raise ValueError(f'a sample lacks the field {name}; it has {", ".join(sample)}')
        row[name] = np.asarray(sample[name], f.dtype)
        if row[name].shape != f.shape:
            raise ValueError(f'field {name} of a sample: expected shape {f.shape}, '
                             f'got {row[name].shape}')
    return row


class _Drawn(Dataset[Tensors]):
    """By step: a batch drawn from a ring."""

    def __init__(self, ring: Ring, seed: int, batch: int, rank: int, world: int) -> None:
        self.ring, self.key, self.part = ring, (seed, batch), (rank, world)

    def __getitem__(self, step: int) -> Tensors:
        (seed, batch), (rank, world) = self.key, self.part
        present = self.ring.present()
        index = np.random.default_rng((seed, step)).integers(len(present), size=batch)
        return self.ring.take(present[np.sort(index[rank::world])])


class _Made(Dataset[dict[str, Array]]):
    """By number: a sample made for the purpose."""

    def __init__(self, make: MakeSampler, fields: Mapping[str, Field], seed: int) -> None:
        self.make, self.fields, self.seed = make, fields, seed
        self.sample: Sampler | None = None

    def __getitem__(self, n: int) -> dict[str, Array]:
        if self.sample is None:  # in the worker: a compiled backbone doesn't survive a fork
            self.sample = self.make()
        return as_row(self.sample(np.random.default_rng((self.seed, n))), self.fields)


def stack(rows: Sequence[Mapping[str, Array]]) -> dict[str, Tensor]:
    """Make a batch of rows."""
    return {name: torch.from_numpy(np.stack([r[name] for r in rows])) for name in rows[0]}


def one_thread(worker: int = 0) -> None:
    """Keep a worker process to one core: there is one of them for each."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def replay(ring: Ring, seed: int, batch: int, steps: range, rank: int = 0, world: int = 1,
           workers: int = 0) -> Iterable[Tensors]:
    """
    Draw a batch from ``ring`` for each of ``steps``; this process gets every ``world``-th sample.

    ``workers`` processes read ahead. As long as nobody writes, a step's batch depends on ``seed``
    and the step alone.
    """
    return DataLoader(_Drawn(ring, seed, batch, rank, world), batch_size=None, sampler=steps,
                      **_apart(workers))


def stream(make: MakeSampler, fields: Mapping[str, Field], seed: int, batch: int, steps: range,
           rank: int = 0, world: int = 1, workers: int = 0) -> Iterable[Tensors]:
    """
    Make a batch for each of ``steps``; this process gets every ``world``-th sample.

    ``make`` is called once in each of ``workers`` processes (0: in this one). Sample i of step s
    is made from the generator of (``seed``, s * ``batch`` + i), however many workers there are.
    """
    numbers = range(steps.start * batch + rank, steps.stop * batch, world)
    return DataLoader(_Made(make, fields, seed), batch_size=batch // world, sampler=numbers,
                      collate_fn=stack, **_apart(workers))


def _apart(workers: int) -> dict[str, Any]:
    # forked, so that the pictures are in memory once
    return {'num_workers': workers, 'pin_memory': torch.cuda.is_available(), **(
        {'multiprocessing_context': 'fork', 'prefetch_factor': 4, 'worker_init_fn': one_thread}
        if workers else {})}
