"""From a PyTorch module to a function of arrays, on whatever engine."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.engine.config import EngineConfig
from lg_tracker_ros.engine.cuda import cuda_runner
from lg_tracker_ros.engine.exporting import file_name
from lg_tracker_ros.engine.onnx_runtime import onnx_runner
from lg_tracker_ros.engine.pytorch import Array, cpu_threads, Runner, torch_runner
from torch import nn

BATCHES = (1, 5, 10)
"""Sizes of batch of a tracker's networks: the local search, candidates, twice as many."""


def compile_network(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                    shared: Sequence[int] = (), batches: Sequence[int] = ()) -> Runner:
    """
    Make a callable of NumPy arrays from a network; an input may be a Picture as well.

    ``example`` holds one array for each input, with the batch first; inputs named by position in
    ``shared`` are the same for the whole batch (their first axis is fixed), and an array of them
    may be taken for unchanged while it is the same object. Outputs come back as
    a list of arrays in the module's order. ``config`` must be resolved.

    On a GPU the network is made ready for the sizes of ``batches``: others are filled up or
    divided. Without them any size runs as it comes. When the memory of the GPU runs out, then or
    later, all goes on on the CPU, and ``config.memory`` tells.

    Raises ValueError, in one line, when the engine can't be had here.
    """
    module = module.eval()
    known = config.compiled
    if known is None:
        return _guarded(module, example, config, shared, batches)
    key = file_name(module, example, shared).shipped, tuple(batches)
    if key not in known:
        known[key] = _guarded(module, example, config, shared, batches)
    return known[key]


def _guarded(module: nn.Module, example: Sequence[Array], config: EngineConfig,
             shared: Sequence[int], batches: Sequence[int]) -> Runner:
    """Make it, on a GPU so that it goes on on the CPU when memory runs out."""
    def on_cpu() -> Runner:
        if config.uploads is not None:
            config.uploads.clear()
        try:
            return _compile(module, example, config.on_cpu('auto'), shared, ())
        except ValueError:  # weights of a user's own, and no package to export them
            return _compile(module, example, config.on_cpu('torch'), shared, ())

    if config.device == 'cpu':
        return _compile(module, example, config, shared, batches)
    return config.memory.guard(
        lambda: _compile(module, example, config, shared, batches), on_cpu, config.device)


def _compile(module: nn.Module, example: Sequence[Array], config: EngineConfig,
             shared: Sequence[int], batches: Sequence[int]) -> Runner:
    if config.engine != 'torch':
        with cpu_threads(1):  # a busy robot's other processes need the cores
            run = onnx_runner(module, example, config, shared, batches)
    elif config.device == 'cpu':
        run = torch_runner(module, config.threads)
    else:
        run = cuda_runner(module, example, config, shared, batches)
    run(*example)  # the first run is slow: better now than on the first frame that matters
    return run
