"""
Where a network runs: PyTorch (CPU, CUDA) or ONNX Runtime (CPU, CUDA, TensorRT).

The networks are the same PyTorch modules everywhere. On a CPU ONNX Runtime is some three times
faster than eager PyTorch for the light backbones, so ``auto`` takes it where it is installed. The
export happens in memory at start-up (under a second for the light networks).
"""

from __future__ import annotations

from dataclasses import dataclass
import importlib
import importlib.util
import io
import os
from pathlib import Path
from typing import Any, Callable, Sequence
import warnings

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]
Runner = Callable[..., 'list[Array]']

ENGINES = ('auto', 'torch', 'onnx', 'tensorrt')
PRECISIONS = ('fp32', 'fp16')


@dataclass(frozen=True)
class EngineConfig:
    """
    Where and how networks run.

    ``device``: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. ``engine``: one of ENGINES.
    ``precision``: ``fp32`` or, on a GPU, ``fp16``. ``threads``: CPU threads of one network,
    0 = the library's choice.
    """

    device: str = 'auto'
    engine: str = 'auto'
    precision: str = 'fp32'
    threads: int = 0

    def resolve(self) -> EngineConfig:
        """
        Replace ``auto`` by what this machine has.

        Raises ValueError, in one line that says how to mend it, for what it doesn't have.
        """
        device, engine = self.device, self.engine
        if engine not in ENGINES:
            raise ValueError(f'engine must be one of {", ".join(ENGINES)}, got {engine!r}')
        if self.precision not in PRECISIONS:
            raise ValueError(
                f'precision must be one of {", ".join(PRECISIONS)}, got {self.precision!r}')
        if device == 'auto':
            device = 'cuda' if torch.cuda.is_available() else 'cpu'
        if device != 'cpu' and not device.startswith('cuda'):
            raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}")
        if device != 'cpu' and not torch.cuda.is_available():
            raise ValueError(f"device '{device}': PyTorch sees no CUDA GPU here; "
                             "use device 'cpu' or install a CUDA build of PyTorch")
        has_onnx = all(importlib.util.find_spec(m) for m in ('onnxruntime', 'onnx'))
        if engine == 'auto':
            engine = 'onnx' if device == 'cpu' and has_onnx else 'torch'
        if engine in ('onnx', 'tensorrt') and not has_onnx:
            raise ValueError(f"engine '{engine}' needs the Python packages onnx and onnxruntime: "
                             'pip install onnx onnxruntime')
        if engine == 'tensorrt' and device == 'cpu':
            raise ValueError("engine 'tensorrt' needs a CUDA device; use engine 'onnx'")
        if self.precision == 'fp16' and device == 'cpu':
            raise ValueError("precision 'fp16' needs a CUDA device; use 'fp32' on the CPU")
        if self.precision == 'fp16' and engine == 'onnx':
            raise ValueError("engine 'onnx' runs fp32 only; for precision 'fp16' use engine "
                             "'torch' or 'tensorrt'")
        return EngineConfig(device, engine, self.precision, self.threads)


def compile_network(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                    shared: Sequence[int] = ()) -> Runner:
    """
    Make a callable of NumPy arrays from a network.

    ``example`` holds one array for each input, with the batch first; inputs named by position in
    ``shared`` are the same for the whole batch (their first axis is fixed). Outputs come back as
    a list of arrays in the module's order. ``config`` must be resolved.
    """
    module = module.eval()
    run = (_torch_runner(module, config) if config.engine == 'torch'
           else _onnx_runner(module, example, config, shared))
    run(*example)  # the first run is slow: better now than on the first frame that matters
    return run


def _torch_runner(module: nn.Module, config: EngineConfig) -> Runner:
    half = config.precision == 'fp16'
    module = module.to(config.device)
    if config.device == 'cpu' and config.threads:
        torch.set_num_threads(config.threads)

    def run(*inputs: Array) -> list[Array]:
        with torch.inference_mode(), torch.autocast('cuda', enabled=half):
            tensors = [torch.from_numpy(np.ascontiguousarray(a)).to(config.device)
                       for a in inputs]
            out = module(*tensors)
            return [t.float().cpu().numpy() for t in _as_tuple(out)]
    return run


def _as_tuple(out: Any) -> tuple[Any, ...]:
    return tuple(out) if isinstance(out, (tuple, list)) else (out,)


def _onnx_runner(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                 shared: Sequence[int]) -> Runner:
    ort = importlib.import_module('onnxruntime')
    tensors = tuple(torch.from_numpy(a) for a in example)
    with torch.inference_mode():
        count = len(_as_tuple(module(*tensors)))
    names = [f'in{i}' for i in range(len(example))]
    outs = [f'out{i}' for i in range(count)]
    axes = {n: {0: 'n'} for i, n in enumerate(names) if i not in shared}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the exporter warns about its own future
        torch.onnx.export(module.cpu(), tensors, buffer,  # type: ignore[arg-type]
                          dynamo=False, opset_version=17,
                          input_names=names, output_names=outs,
                          dynamic_axes={**axes, **{n: {0: 'n'} for n in outs}} if axes else None)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if config.threads:
        options.intra_op_num_threads = config.threads
    # threads that spin between two layers save a fifth of a frame; between two frames they would
    # take the cores from the ROS executor
    options.add_session_config_entry('session.intra_op.allow_spinning', '1')
    options.add_session_config_entry('session.force_spinning_stop', '1')
    session = ort.InferenceSession(buffer.getvalue(), options, providers=_providers(ort, config))
    types = [a.dtype for a in example]

    def run(*inputs: Array) -> list[Array]:
        feed = {n: np.ascontiguousarray(a, t) for n, a, t in zip(names, inputs, types)}
        return list(session.run(None, feed))
    return run


def _providers(ort: Any, config: EngineConfig) -> list[Any]:
    if config.device == 'cpu':
        return ['CPUExecutionProvider']
    index = int(config.device.partition(':')[2] or 0)
    wanted: list[Any] = [('CUDAExecutionProvider', {'device_id': index})]
    if config.engine == 'tensorrt':
        # a TensorRT engine takes minutes to build: keep it between starts
        cache = Path(os.environ.get('XDG_CACHE_HOME', Path.home() / '.cache')) / 'lg_tracker_ros'
        cache.mkdir(parents=True, exist_ok=True)
        wanted.insert(0, ('TensorrtExecutionProvider', {
            'device_id': index, 'trt_fp16_enable': config.precision == 'fp16',
            'trt_engine_cache_enable': True, 'trt_engine_cache_path': str(cache)}))
    have = ort.get_available_providers()
    for name, _ in wanted:
        if name not in have:
            raise ValueError(f'onnxruntime has no {name} here (it has {", ".join(have)}); '
                             'pip install onnxruntime-gpu, or use engine torch')
    return wanted
