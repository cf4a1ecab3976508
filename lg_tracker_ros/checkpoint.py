"""Reading a file of weights into a network: the one place that trusts no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
import pickle

import torch
from torch import nn, Tensor


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """
    Read the tensors of a checkpoint: ``.safetensors`` by its suffix, else torch's own format.

    A state dict nested under ``state_dict`` is taken out and the prefix ``module.`` (left by
    DataParallel) is stripped. Only tensors are unpickled, never code. Raises FileNotFoundError
    when there is no such file and ValueError, in one line, when it holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no file of weights at {path}')
    if path.suffix == '.safetensors':
        try:
            from safetensors import SafetensorError
            from safetensors.torch import load_file
        except ImportError as e:
            raise ValueError(f'{path}: reading it needs the Python package safetensors') from e
        try:
            data: object = load_file(path, device='cpu')
        except SafetensorError as e:
            raise ValueError(f'{path} is not a readable safetensors file') from e
    else:
        try:
            data = torch.load(path, map_location='cpu', weights_only=True)
        except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as e:
            # torch's own words run over many lines and advise to trust the file
            raise ValueError(f'{path} is not a readable checkpoint: damaged, not written by '
                             'torch.save, or holding more than tensors') from e
    if isinstance(data, Mapping) and isinstance(data.get('state_dict'), Mapping):
        data = data['state_dict']
    if not isinstance(data, Mapping) or not data or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in data.items()):
        raise ValueError(f'{path} holds no state dict (a mapping of names to tensors)')
    return {k.removeprefix('module.'): v for k, v in data.items()}


def load_checkpoint(net: nn.Module, path: str | Path, ignore: Sequence[str] = ()) -> None:
    """
    Load the weights of a file into ``net``, all of them or none.

    ``ignore`` lists prefixes of keys that a file may hold and the network has no use for.
    Raises ValueError, in one line, with the first key that doesn't fit and both shapes.
    """
    state = {k: v for k, v in read_state_dict(path).items() if not k.startswith(tuple(ignore))}
    expected = net.state_dict()
    for key, value in expected.items():
        if key not in state:
            # files written before PyTorch 0.4.1 lack this counter, which inference never reads
            if key.endswith('num_batches_tracked'):
                continue
            raise ValueError(f'{path} does not fit {type(net).__name__}: missing key {key}, '
                             f'expected shape {tuple(value.shape)}')
        if state[key].shape != value.shape:
            raise ValueError(
                f'{path} does not fit {type(net).__name__}: {key} expected shape '
                f'{tuple(value.shape)}, actual shape {tuple(state[key].shape)}')
    for key, value in state.items():
        if key not in expected:
            raise ValueError(f'{path} does not fit {type(net).__name__}: unexpected key {key}, '
                             f'actual shape {tuple(value.shape)}')
    net.load_state_dict(state, strict=False)
