"""Which of the training processes this is: alone, or one of those that ``torchrun`` started."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
import os
from typing import Iterator

import torch
from torch import distributed


@dataclass(frozen=True)
class Place:
    """``rank`` of ``world`` processes, the ``local``-th of its machine, and where it computes."""

    rank: int
    world: int
    local: int
    device: torch.device


def find_place(device: str = 'auto') -> Place:
    """
    Read torchrun's variables; without them there is one process.

    ``device``: 'auto' (a GPU where there is one), 'cpu', 'cuda' (the ``local``-th) or 'cuda:N'.
    Raises ValueError for a GPU that isn't there.
    """
    rank, world, local = (int(os.environ.get(name, default)) for name, default in (
        ('RANK', 0), ('WORLD_SIZE', 1), ('LOCAL_RANK', 0)))
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cuda':
        device = f'cuda:{local}'
    try:
        where = torch.device(device)
    except RuntimeError as e:
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}"
                         ) from e
    if where.type == 'cuda' and (where.index or 0) >= torch.cuda.device_count():
        raise ValueError(f'device {device!r}: PyTorch sees {torch.cuda.device_count()} GPUs here')
    return Place(rank, world, local, where)


@contextmanager
def joined(place: Place) -> Iterator[None]:
    """Join the other processes, if any: over nccl for GPUs, gloo for CPUs."""
    if place.world == 1:
        yield
        return
    cuda = place.device.type == 'cuda'
    if cuda:
        torch.cuda.set_device(place.device)
    # the first validates while the others wait
    distributed.init_process_group('nccl' if cuda else 'gloo', timeout=timedelta(hours=1),
                                   rank=place.rank, world_size=place.world)
    try:
        yield
        distributed.barrier()  # who leaves first takes the store with it
    finally:
        distributed.destroy_process_group()
