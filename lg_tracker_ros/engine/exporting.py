"""Networks as ONNX: exporting one, its name on disk, keeping it, packing several to ship."""

from __future__ import annotations

import hashlib
import inspect
import io
from pathlib import Path
from typing import Any, NamedTuple, Sequence
import warnings

import lg_tracker_ros
from lg_tracker_ros.engine.config import here
from lg_tracker_ros.engine.pytorch import Array
from lg_tracker_ros.files import replace_file
import torch
from torch import nn

OPSET = 17
BATCH = 'n'
"""What the size of the batch is called in exported networks."""
KEPT = 20
"""Networks that are kept in a cache: the last ones written."""


class FileName(NamedTuple):
    """
    Names of a network's file.

    ``shipped``: by the module's class, its weights and the shapes of its inputs. ``kept``: by the
    versions of this package and of PyTorch too.
    """

    shipped: str
    kept: str


def file_name(module: nn.Module, example: Sequence[Array], shared: Sequence[int]) -> FileName:
    """Name the file of an exported network; arguments as compile_network's."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    digest.update(repr([(a.shape, str(a.dtype)) for a in example]).encode())
    digest.update(repr((list(shared), OPSET)).encode())
    stem = f'{type(module).__name__}-{digest.hexdigest()[:16]}'
    return FileName(f'{stem}.onnx',
                    f'{stem}-{lg_tracker_ros.__version__}-torch-{torch.__version__}.onnx')


def export(module: nn.Module, example: Sequence[Array], shared: Sequence[int], outputs: int
           ) -> bytes:
    """
    Export a network of ``outputs`` outputs; arguments else as compile_network's.

    Raises ValueError, in one line, where the package ``onnx`` is missing, which PyTorch needs.
    """
    if not here('onnx'):
        raise ValueError(f'{type(module).__name__} with these weights does not ship as ONNX, and '
                         'exporting it needs the Python package onnx: pip install onnx, or use '
                         "engine 'torch'")
    names = [f'in{i}' for i in range(len(example))]
    outs = [f'out{i}' for i in range(outputs)]
    axes = {n: {0: BATCH} for i, n in enumerate(names) if i not in shared}
    # the argument came with PyTorch 2.5; the default changed with 2.9
    known = inspect.signature(torch.onnx.export).parameters
    options: dict[str, Any] = {'dynamo': False} if 'dynamo' in known else {}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the exporter warns about its own future
        torch.onnx.export(
            module.cpu(), tuple(torch.from_numpy(a) for a in example),
            buffer,  # type: ignore[arg-type]
            opset_version=OPSET, input_names=names, output_names=outs,
            dynamic_axes={**axes, **{n: {0: BATCH} for n in outs}} if axes else None, **options)
    return buffer.getvalue()


def keep(path: Path, model: bytes) -> None:
    """Write a network whole or not at all, and drop the oldest of more than KEPT."""
    try:
        replace_file(path, model)
        found = sorted(path.parent.glob('*.onnx'), key=lambda p: p.stat().st_mtime)
        for old in found[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        pass  # a full disk or a home that can't be written costs the next start a second


def pack(models: dict[str, bytes], folder: Path) -> None:
    """
    Write networks by name into ``folder``, each weight once: those of all lie in weights.bin.

    Replaces the networks that ``folder`` held; SHA256SUMS lists all. Needs the package ``onnx``.
    """
    import onnx
    from onnx.external_data_helper import set_external_data
    weights, known = bytearray(), dict[bytes, int]()
    files: dict[str, bytes] = {}
    for name, model in sorted(models.items()):
        graph = onnx.load_from_string(model)
        for tensor in graph.graph.initializer:
            raw = tensor.raw_data
            if len(raw) < 1024:
                continue
            if raw not in known:
                known[raw] = len(weights)
                weights += raw
            set_external_data(tensor, 'weights.bin', known[raw], len(raw))
            tensor.ClearField('raw_data')
        files[name] = graph.SerializeToString()
    files['weights.bin'] = bytes(weights)
    files['SHA256SUMS'] = ''.join(f'{hashlib.sha256(content).hexdigest()}  {name}\n'
                                  for name, content in sorted(files.items())).encode()
    for old in folder.glob('*.onnx'):
        old.unlink()
    for name, content in files.items():
        replace_file(folder / name, content)
