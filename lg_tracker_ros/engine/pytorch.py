"""A network in plain PyTorch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator

from lg_tracker_ros.engine.config import EngineConfig
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]
Runner = Callable[..., 'list[Array]']


def torch_runner(module: nn.Module, config: EngineConfig) -> Runner:
    """Return a function of arrays that runs ``module`` (in eval mode) as ``config`` says."""
    half = config.precision == 'fp16'
    module = module.to(config.device)

    def run(*inputs: Array) -> list[Array]:
        with cpu_threads(config.threads), torch.inference_mode(), torch.autocast(
                'cuda', enabled=half):
            tensors = [torch.from_numpy(np.ascontiguousarray(a)).to(config.device)
                       for a in inputs]
            out = module(*tensors)
            return [t.float().cpu().numpy() for t in as_tuple(out)]
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


def as_tuple(out: Any) -> tuple[Any, ...]:
    """Return what a module gave as a tuple."""
    return tuple(out) if isinstance(out, (tuple, list)) else (out,)
