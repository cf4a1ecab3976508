"""
A network in ONNX Runtime, some three times faster on a CPU than eager PyTorch.

A network is taken as it was exported at release, else as it was kept after an earlier start,
else it is exported now, which takes a second. What lies on disk is used only where it computes
what the module computes: files that are damaged, or of other code, are passed over.
"""

from __future__ import annotations

import importlib
from typing import Any, Sequence

from lg_tracker_ros.engine.config import EngineConfig
from lg_tracker_ros.engine.exporting import export, file_name, keep
from lg_tracker_ros.engine.pytorch import Array, Runner, torch_runner
import numpy as np
from torch import nn

TOLERANCE = {'cpu': 1e-3, 'cuda': 1e-2}
"""How far outputs may be apart from PyTorch's, of the largest one; a GPU may round to 11 bits."""


def onnx_runner(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                shared: Sequence[int]) -> Runner:
    """Return a function of arrays that runs ``module``; arguments as compile_network's."""
    ort = importlib.import_module('onnxruntime')
    providers = _providers(ort, config)
    probe = _probe(example)
    want = torch_runner(module.cpu(), EngineConfig('cpu'))(*probe)

    def open_model(model: str | bytes) -> Runner:
        session = ort.InferenceSession(model, _options(ort, config.threads), providers=providers)
        names, types = [i.name for i in session.get_inputs()], [a.dtype for a in example]

        def run(*inputs: Array) -> list[Array]:
            feed = {n: np.ascontiguousarray(a, t) for n, a, t in zip(names, inputs, types)}
            return list(session.run(None, feed))
        return run

    name = file_name(module, example, shared)
    places = [folder / file for folder, file in (
        (config.shipped, name.shipped), (config.cache, name.kept)) if folder is not None]
    for path in places:
        if path.is_file():
            try:
                run = open_model(str(path))
                if _agree(run(*probe), want, TOLERANCE[config.device.partition(':')[0]]):
                    return run
            except Exception:  # ONNX Runtime's exceptions have no base of their own
                continue
    model = export(module, example, shared, len(want))
    if config.cache is not None:
        keep(config.cache / name.kept, model)
    return open_model(model)


def _probe(example: Sequence[Array]) -> list[Array]:
    """Make inputs of the example's shapes and types that a constant output doesn't survive."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, a.shape).astype(a.dtype) if a.dtype == np.uint8
            else rng.random(a.shape).astype(a.dtype) for a in example]


def _agree(got: Sequence[Array], want: Sequence[Array], tolerance: float) -> bool:
    return len(got) == len(want) and all(
        a.shape == b.shape and float(np.abs(a - b).max()) <= tolerance * float(np.abs(b).max())
        for a, b in zip(got, want))


def _options(ort: Any, threads: int) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what can't be opened is an exception
    if threads:
        options.intra_op_num_threads = threads
    # threads that spin between two layers save a fifth of a frame; between two frames they would
    # take the cores from the ROS executor
    options.add_session_config_entry('session.intra_op.allow_spinning', '1')
    options.add_session_config_entry('session.force_spinning_stop', '1')
    return options


def _providers(ort: Any, config: EngineConfig) -> list[Any]:
    if config.device == 'cpu':
        return ['CPUExecutionProvider']
    index = int(config.device.partition(':')[2] or 0)
    wanted: list[Any] = [('CUDAExecutionProvider', {'device_id': index})]
    if config.engine == 'tensorrt':
        options: dict[str, Any] = {'device_id': index,
                                   'trt_fp16_enable': config.precision == 'fp16'}
        if config.cache is not None:
            # a TensorRT engine takes minutes to build: keep it between starts
            config.cache.mkdir(parents=True, exist_ok=True)
            options |= {'trt_engine_cache_enable': True,
                        'trt_engine_cache_path': str(config.cache)}
        wanted.insert(0, ('TensorrtExecutionProvider', options))
    have = ort.get_available_providers()
    for name, _ in wanted:
        if name not in have:
            raise ValueError(f'onnxruntime has no {name} here (it has {", ".join(have)}); '
                             'pip install onnxruntime-gpu, or use engine torch')
    return wanted
