"""From a PyTorch module to a function of arrays, on whatever engine."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.engine.config import EngineConfig
from lg_tracker_ros.engine.onnx_runtime import onnx_runner
from lg_tracker_ros.engine.pytorch import Array, cpu_threads, Runner, torch_runner
from torch import nn


def compile_network(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                    shared: Sequence[int] = ()) -> Runner:
    """
    Make a callable of NumPy arrays from a network.

    ``example`` holds one array for each input, with the batch first; inputs named by position in
    ``shared`` are the same for the whole batch (their first axis is fixed). Outputs come back as
    a list of arrays in the module's order. ``config`` must be resolved.

    Raises ValueError, in one line, when the engine can't be had here.
    """
    module = module.eval()
    if config.engine == 'torch':
        run = torch_runner(module, config)
    else:
        with cpu_threads(1):  # a busy robot's other processes need the cores
            run = onnx_runner(module, example, config, shared)
    run(*example)  # the first run is slow: better now than on the first frame that matters
    return run
