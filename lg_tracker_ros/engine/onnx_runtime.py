"""
A network in ONNX Runtime, some three times faster on a CPU than eager PyTorch.

A network is taken as it was exported at release, else as it was kept after an earlier start,
else it is exported now, which takes a second. What lies on disk is used only where it computes
what the module computes: files that are damaged, or of other code, are passed over.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from lg_tracker_ros.engine import tensorrt
from lg_tracker_ros.engine.config import EngineConfig, load_onnx_runtime
from lg_tracker_ros.engine.exporting import BATCH, export, file_name, keep
from lg_tracker_ros.engine.memory import out_of_memory
from lg_tracker_ros.engine.pytorch import Array, Runner, torch_runner
from lg_tracker_ros.threads import shared_pool
import numpy as np
from torch import nn

TOLERANCE = {'cpu': 1e-3, 'cuda': 1e-2, 'fp16': 1e-1}
"""
How far outputs may be apart from PyTorch's, of the largest one.

A GPU may round to 11 bits; with fp16 all of a network does.
"""


def onnx_runner(module: nn.Module, example: Sequence[Array], config: EngineConfig,
                shared: Sequence[int], batches: Sequence[int] = ()) -> Runner:
    """Return a function of arrays that runs ``module``; arguments as compile_network's."""
    ort = load_onnx_runtime()
    name = file_name(module, example, shared)
    providers = _providers(ort, config, name.kept)
    probe = _probe(example)
    want = torch_runner(module)(*probe)

    def open_session(model: str | bytes, size: int = 0) -> Runner:
        options = _options(ort, config)
        if size:
            options.add_free_dimension_override_by_name(BATCH, size)
        session = ort.InferenceSession(model, options, providers=providers)
        _check_taken(session.get_providers(), providers)
        names, types = [i.name for i in session.get_inputs()], [a.dtype for a in example]

        def run(*inputs: Array) -> list[Array]:
            feed = {n: np.ascontiguousarray(a, t) for n, a, t in zip(names, inputs, types)}
            return list(session.run(None, feed))
        return run

    def open_model(model: str | bytes) -> Runner:
        if config.device == 'cpu':
            return at_once(open_session(model), shared, config.at_once)
        if not batches:
            return open_session(model)
        if config.engine == 'tensorrt':  # an engine for each size: with fixed shapes it is fastest
            return in_sizes({size: open_session(model, size) for size in batches}, shared)
        return in_sizes(dict.fromkeys(batches, open_session(model)), shared)

    places = [folder / file for folder, file in (
        (config.shipped, name.shipped), (config.cache, name.kept)) if folder is not None]
    for path in places:
        if path.is_file():
            try:
                run = open_model(str(path))
                if _agree(run(*probe), want, _tolerance(config)):
                    return run
            except Exception as e:  # ONNX Runtime's exceptions have no base of their own
                if config.device != 'cpu' and (isinstance(e, ValueError) or out_of_memory(e)):
                    raise  # not the file's fault
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


def _options(ort: Any, config: EngineConfig) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what can't be opened is an exception
    if config.threads:
        options.intra_op_num_threads = config.threads
    # threads that spin between two layers save a fifth of a frame where all cores are theirs;
    # where others compute too, that costs twice the processor time, and the frame takes longer.
    # Between two frames they would take the cores from the ROS executor
    spin = str(int(not config.threads))
    options.add_session_config_entry('session.intra_op.allow_spinning', spin)
    options.add_session_config_entry('session.force_spinning_stop', '1')
    return options


def _tolerance(config: EngineConfig) -> float:
    return TOLERANCE['fp16' if config.precision == 'fp16' else config.device.partition(':')[0]]


def at_once(run: Runner, shared: Sequence[int], count: int) -> Runner:
    """
    Let ``run`` see each row of a batch by itself, ``count`` rows at the same time.

    On a CPU a batch takes as long as its rows one after the other, and each row's result is the
    same, bit for bit. A thread that gets no core holds up one row and not each layer of all.
    """
    if count < 2:
        return run

    def some(*inputs: Array) -> list[Array]:
        rows = next((len(a) for i, a in enumerate(inputs) if i not in shared), 1)
        if rows < 2:
            return run(*inputs)

        def one(row: int) -> list[Array]:
            return run(*(a if i in shared else a[row:row + 1] for i, a in enumerate(inputs)))
        found = shared_pool('lg_tracker network', count).map(one, range(rows))
        return [np.concatenate(parts) for parts in zip(*found)]
    return some


def in_sizes(runs: Mapping[int, Runner], shared: Sequence[int]) -> Runner:
    """
    Let each of ``runs`` see batches of its size only: others are filled up, or divided.

    For engines that prepare themselves for every new shape, in the frame in which it comes.
    """
    ordered = sorted(runs)

    def padded(array: Array, size: int) -> Array:
        return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])

    def some(*inputs: Array) -> list[Array]:
        count = next((len(a) for i, a in enumerate(inputs) if i not in shared), 1)
        parts = []
        for start in range(0, count, ordered[-1]):
            stop = min(start + ordered[-1], count)
            size = next(s for s in ordered if s >= stop - start)
            found = runs[size](*(a if i in shared else padded(a[start:stop], size)
                                 for i, a in enumerate(inputs)))
            parts.append([a[:stop - start] for a in found])
        return [np.concatenate(p) for p in zip(*parts)] if len(parts) > 1 else parts[0]
    return some


def _check_taken(have: Sequence[str], wanted: Sequence[Any]) -> None:
    """Refuse a session that quietly runs elsewhere: where CUDA's libraries are missing, say."""
    first = wanted[0] if isinstance(wanted[0], str) else wanted[0][0]
    if not have or have[0] != first:
        raise ValueError(f'onnxruntime could not start its {first} and took {", ".join(have)}; '
                         'are the CUDA, cuDNN and TensorRT versions there that it was built '
                         "for? Or use engine 'torch'")


def _providers(ort: Any, config: EngineConfig, network: str) -> list[Any]:
    if config.device == 'cpu':
        return ['CPUExecutionProvider']
    index = int(config.device.partition(':')[2] or 0)
    names = ['CUDAExecutionProvider']
    if config.engine == 'tensorrt':
        names.insert(0, 'TensorrtExecutionProvider')
    have = ort.get_available_providers()
    for name in names:
        if name not in have:
            raise ValueError(f'onnxruntime has no {name} here (it has {", ".join(have)}); '
                             'pip install onnxruntime-gpu, or use engine torch')
    wanted: list[Any] = [('CUDAExecutionProvider', {
        'device_id': index,
        # the default tries every algorithm for every new shape
        'cudnn_conv_algo_search': 'HEURISTIC'})]
    if config.engine == 'tensorrt':
        folder = None if config.cache is None else tensorrt.engine_folder(
            config.cache, network, config.precision, tensorrt.versions(index))
        wanted.insert(0, tensorrt.provider(config.precision, index, folder))
    return wanted
