"""A network in plain PyTorch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]
Runner = Callable[..., 'list[Array]']


def torch_runner(module: nn.Module, threads: int = 0) -> Runner:
    """
    Return a function of arrays that runs ``module`` (in eval mode) on the CPU.

    ``threads``: CPU threads, 0 for as many as PyTorch takes.
    """
    module = module.cpu()

    def run(*inputs: Array) -> list[Array]:
        with plain_torch(threads), torch.inference_mode():
            out = module(*(torch.from_numpy(np.ascontiguousarray(a)) for a in inputs))
            return [t.float().numpy() for t in as_tuple(out)]
    return run


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Let PyTorch work with ``count`` CPU threads meanwhile; 0: with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exact() -> Iterator[None]:
    """
    Let a GPU keep all bits meanwhile, and give the same each time.

    By default cuDNN rounds what it convolves to 11 of 24 bits (TF32), and may sum gradients in any
    order.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    cudnn.allow_tf32, cudnn.deterministic = False, True
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic = before


@contextmanager
def plain_torch(threads: int) -> Iterator[None]:
    """Let PyTorch compute in fp32, wherever it does, as ``cpu_threads`` and ``exact`` say."""
    with cpu_threads(threads), exact():
        yield


def as_tuple(out: Any) -> tuple[Any, ...]:
    """Return what a module gave as a tuple."""
    return tuple(out) if isinstance(out, (tuple, list)) else (out,)
