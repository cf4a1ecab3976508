"""Networks of MatConvNet in MATLAB's own files, through SciPy where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import struct
from typing import Any
import zlib

from lg_tracker_ros.reading.guard import reading
import numpy as np
import torch
from torch import Tensor

HEADER, TAG = 128, 8
PACKED = 15
"""The type of an element that zlib has packed."""
RATIO = 16
"""Times its size that a file may unpack to: weights are hardly smaller packed."""


def read_matconvnet(path: Path) -> dict[str, dict[str, Tensor]]:
    """
    Read the convolutions: {'layers': {'0.weight': out x in x h x w, '0.bias': out, ...}}.

    Layers without weights have a number, too. Files of before MatConvNet 1.0 call them filters and
    biases, and MDNet's lie in ``net``. Raises ValueError, in one line, without SciPy, and for
    another file.
    """
    with reading(path, 'a readable network of MatConvNet'):
        try:
            from scipy.io import loadmat
        except ImportError as e:
            raise ValueError('reading .mat takes SciPy: pip install scipy') from e
        _check_packed(path)
        found = {}
        data = loadmat(path, variable_names=['layers', 'net'])
        layers = data['net']['layers'].item() if 'net' in data else data['layers']
        for i, layer in enumerate(layers.ravel()):
            if parts := _parts(layer):
                weight, bias = parts
                # h x w x in x out; without trailing sides of 1, as MATLAB keeps them
                weight = weight.reshape(*weight.shape, *[1] * (4 - weight.ndim))
                found[f'{i}.weight'] = _tensor(weight.transpose(3, 2, 0, 1))
                found[f'{i}.bias'] = _tensor(bias.ravel())
        return {'layers': found}


def _parts(layer: Any) -> Sequence[Any]:
    """Return weights and biases of a layer, () where it has none."""
    names = layer.dtype.names
    if 'weights' in names and layer['weights'].item().size:
        return tuple(layer['weights'].item().ravel()[:2])
    return (layer['filters'].item(), layer['biases'].item()) if 'filters' in names else ()


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32, order='C'))


def _check_packed(path: Path) -> None:
    """Raise ValueError where unpacking would take memory without measure."""
    size, total = path.stat().st_size, 0
    with path.open('rb') as file:
        order = '>' if file.read(HEADER)[-2:] == b'MI' else '<'
        while len(tag := file.read(TAG)) == TAG:
            kind, length = struct.unpack(f'{order}II', tag)
            data = file.read(min(length, size))
            if kind != PACKED:
                continue
            unpacker = zlib.decompressobj()
            while data:
                total += len(unpacker.decompress(data, 1 << 20))
                data = unpacker.unconsumed_tail
                if total > RATIO * size:
                    raise ValueError(f'it unpacks to more than {RATIO} times its {size} bytes')
