"""
A network in PyTorch on a GPU, recorded as CUDA graphs.

The networks are small: a GPU takes longer to be told what to do, kernel by kernel, than to do it.
A graph is told at once. It has one shape, so a network is recorded for a few sizes of batch, and
a batch between two of them is filled up.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
import copy
import logging
import threading
from typing import Any, Callable, Sequence

from lg_tracker_ros.engine.config import EngineConfig
from lg_tracker_ros.engine.memory import out_of_memory
from lg_tracker_ros.engine.pytorch import Array, as_tuple, exact, Runner
from lg_tracker_ros.engine.uploads import made_there, Picture, tensor, Uploads
import numpy as np
import torch
from torch import nn, Tensor

log = logging.getLogger(__name__)

WARM_UP = 3
"""Runs before a graph is recorded: libraries choose their kernels in the first ones."""


def cuda_runner(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                shared: Sequence[int], batches: Sequence[int]) -> Runner:
    """
    Return a function of arrays that runs a copy of ``module`` on ``config.device``.

    Arguments as compile_network's. Without ``batches`` nothing is recorded and a batch has any
    size. What is recorded allocates nothing when it runs.
    """
    net = placed(module, config)
    if not batches:
        return _eager(net, config)
    try:
        network = Recorded(net, example, config, shared, batches)
    except RuntimeError as e:  # CUDA's own: something in the network can't be recorded
        if out_of_memory(e):
            raise
        log.warning('%s runs kernel by kernel, slower, for it could not be recorded: %s',
                    type(module).__name__, ' '.join(str(e).split())[:120])
        return _eager(net, config)
    return network.run


def placed(module: nn.Module, config: EngineConfig) -> nn.Module:
    """
    Copy a network to its device; for fp16 the weights of its convolutions are cast there, once.

    The rest (normalisation, sums, exponentials) stays fp32: ``autocast`` knows what may be halved.
    """
    net = copy.deepcopy(module).to(config.device).eval().requires_grad_(False)
    if config.precision == 'fp16':
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear)):
                layer.half()
    return net


def mixed(config: EngineConfig) -> AbstractContextManager[Any]:
    """Return the context in which networks of ``config.precision`` run."""
    if config.precision == 'fp32':
        return exact()
    # what it caches of weights would be of a recorded graph's own memory
    return torch.autocast(torch.device(config.device).type, torch.float16, cache_enabled=False)


def _eager(net: nn.Module, config: EngineConfig) -> Runner:
    device = torch.device(config.device)

    def run(*inputs: Array | Picture) -> list[Array]:
        with torch.inference_mode():
            tensors = [tensor(a, config.uploads, device) for a in inputs]
            with mixed(config):
                return [t.float().cpu().numpy() for t in as_tuple(net(*tensors))]
    return run


class Recorded:
    """
    A network, recorded for each size of batch.

    Inputs go through pinned memory; what the batch shares is sent again only when it is another
    array; outputs come back as one copy, and that is the only wait. One thread at a time.
    """

    def __init__(self, net: nn.Module, example: Sequence[Array], config: EngineConfig,
                 shared: Sequence[int], batches: Sequence[int]) -> None:
        """Record; ``net`` is on its device. Arguments else as compile_network's."""
        self._device, self._shared = torch.device(config.device), frozenset(shared)
        self._net = net  # a graph knows the places of its weights, and doesn't keep them
        self._lock = threading.Lock()
        self._sent: dict[int, Array | Picture] = {}
        with self._here():
            fixed = {i: torch.from_numpy(np.ascontiguousarray(example[i])).to(self._device)
                     for i in self._shared}
            self._fixed = fixed
            self._plans = {}
            for size in sorted(batches):
                inputs = {i: _Input(a.shape[1:], size, a.dtype, self._device, config.uploads)
                          for i, a in enumerate(example) if i not in self._shared}
                tensors = [fixed[i] if i in fixed else inputs[i].there
                           for i in range(len(example))]
                self._plans[size] = _Plan(inputs, *_record(net, tensors, config, self._device))

    def _here(self) -> AbstractContextManager[Any]:
        return torch.cuda.device(self._device) if self._device.type == 'cuda' else nullcontext()

    def run(self, *inputs: Array | Picture) -> list[Array]:
        """Run on arrays and pictures; more than the largest batch goes in several."""
        count = next((len(a) for i, a in enumerate(inputs) if i not in self._shared), 1)
        sizes = list(self._plans)
        with self._lock, self._here(), torch.inference_mode():
            for i, there in self._fixed.items():
                if self._sent.get(i) is not inputs[i]:
                    there.copy_(torch.from_numpy(np.ascontiguousarray(inputs[i])))
                    self._sent[i] = inputs[i]
            parts = []
            for start in range(0, count, sizes[-1]):
                some = min(count - start, sizes[-1])
                plan = self._plans[next(s for s in sizes if s >= some)]
                parts.append(plan.run([a if i in self._shared else a[start:start + some]
                                       for i, a in enumerate(inputs)], some))
        return [np.concatenate(p) for p in zip(*parts)] if len(parts) > 1 else parts[0]


class _Input:
    """An input of one plan: where it is filled, and where the network reads it."""

    def __init__(self, shape: tuple[int, ...], size: int, dtype: Any, device: torch.device,
                 uploads: Uploads | None) -> None:
        """Allocate both; zeros, since a batch is filled up with what was there before."""
        kind = torch.from_numpy(np.zeros(1, dtype)).dtype
        self.here = torch.zeros((size, *shape), dtype=kind, pin_memory=device.type == 'cuda')
        self.there = torch.zeros((size, *shape), dtype=kind, device=device)
        self.view, self._uploads = self.here.numpy(), uploads

    def send(self, rows: Array | Picture) -> None:
        """Begin to bring ``rows`` to the first ones."""
        count, made = len(rows), made_there(rows, self._uploads, self.there.device)
        if made is not None:
            self.there[:count].copy_(made)
            return
        self.view[:count] = np.asarray(rows)
        self.there[:count].copy_(self.here[:count], non_blocking=True)


class _Plan:
    """A network for one size of batch."""

    def __init__(self, inputs: dict[int, _Input], replay: Callable[[], Tensor],
                 shapes: Sequence[torch.Size]) -> None:
        """Take what ``_record`` gave."""
        self._inputs, self._replay, self._shapes = inputs, replay, shapes
        total = sum(s.numel() for s in shapes)
        self._back = torch.zeros(total, pin_memory=next(
            (i.there.is_cuda for i in inputs.values()), False))

    def run(self, arrays: Sequence[Array | Picture], count: int) -> list[Array]:
        """Run on ``count`` rows."""
        for i, place in self._inputs.items():
            place.send(arrays[i])
        flat = self._replay()
        self._back.copy_(flat, non_blocking=True)
        if flat.is_cuda:
            torch.cuda.current_stream().synchronize()
        values, outputs, start = self._back.numpy(), [], 0
        for shape in self._shapes:
            stop = start + shape.numel()
            # a copy: the next run writes over these
            outputs.append(values[start:stop].reshape(shape)[:count].copy())
            start = stop
        return outputs


def _record(net: nn.Module, tensors: Sequence[Tensor], config: EngineConfig,
            device: torch.device) -> tuple[Callable[[], Tensor], list[torch.Size]]:
    """Return what runs ``net`` on ``tensors`` as they are then, and its outputs' shapes."""
    shapes: list[torch.Size] = []

    def forward() -> Tensor:
        with torch.inference_mode(), mixed(config):
            outputs = as_tuple(net(*tensors))
            shapes[:] = [t.shape for t in outputs]
            return torch.cat([t.float().reshape(-1) for t in outputs])

    if device.type != 'cuda':  # nothing to record: for tests of all else
        forward()
        return forward, shapes
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            forward()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode='thread_local'):
        flat = forward()

    def replay() -> Tensor:
        graph.replay()
        return flat
    return replay, shapes
