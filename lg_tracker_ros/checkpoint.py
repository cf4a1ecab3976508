"""Files of weights: those that ship, reading them into a network, what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import hashlib
import json
from pathlib import Path
import pickle
from typing import Any

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
import torch
from torch import nn, Tensor

FOLDER = Path(__file__).resolve().parent / 'weights'
SHIPPED_NETWORKS = FOLDER / 'onnx'
"""The networks of the default tracker with these weights, as ONNX."""


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


def weights_file(given: str, shipped: str) -> Path:
    """
    Return the file that ``given`` names, or where that is empty the one that ships.

    A folder stands for the one ``.safetensors`` file in it or, as training leaves it, for its
    ``best.pt``; raises ValueError, in one line, when it holds neither, or several of the first.
    Any other file need not exist.
    """
    path = Path(given) if given else FOLDER / shipped
    if not path.is_dir():
        return path
    found = sorted(path.glob('*.safetensors')) or sorted(path.glob('best.pt'))
    if len(found) != 1:
        names = ', '.join(p.name for p in found) or 'neither'
        raise ValueError(f'weights: expected one .safetensors file, or best.pt, in the folder '
                         f'{path}, got {names}; name the file itself')
    return found[0]


def read_into(net: nn.Module, given: str, shipped: str) -> None:
    """
    Load the weights ``given`` (see weights_file), or those that ship, into ``net``.

    Raises as ``checked_file``, and ValueError, in one line, when the file doesn't fit.
    """
    load_checkpoint(net, checked_file(given, shipped))
    net.eval()


def checked_file(given: str, shipped: str) -> Path:
    """
    Return the file of the weights ``given`` (see weights_file), or of those that ship.

    Raises ValueError, in one line, when it is missing, or ships and isn't what it was.
    """
    path = weights_file(given, shipped)
    if not path.is_file():
        raise ValueError(f'no file of weights at {path}; name yours in `tracker_weights` '
                         '(`redetector_weights` for a re-detector) or train one, see '
                         'docs/training.md')
    check_sum(path)
    return path


def check_sum(path: Path) -> None:
    """
    Compare a file with the line of its name in SHA256SUMS beside it, where there is one.

    Raises ValueError, in one line, for another sum.
    """
    sums = path.with_name('SHA256SUMS')
    if not sums.is_file() or not path.is_file():
        return
    known = {name: digest for digest, name in map(str.split, sums.read_text().splitlines())}
    if path.name in known and hashlib.sha256(path.read_bytes()).hexdigest() != known[path.name]:
        raise ValueError(f'{path} is not what {sums.name} beside it says: damaged (install the '
                         f'package again), or new (then make {sums.name} anew with sha256sum)')


def trained_on(path: Path) -> tuple[str, ...]:
    """
    Read what a file of weights says it was trained on: ``DATA SET/SEQUENCE``, ``*`` for all.

    The names are a JSON list under ``trained_on`` in the metadata of a safetensors header (8
    bytes of length, then JSON); no tensor is read. A file of another kind, or without the list,
    says nothing: (). Raises as ``read_note``.
    """
    return tuple(str(n) for n in read_note(path, 'trained_on') or ())


def confidence_of(given: str, shipped: str) -> tuple[float, float, float] | None:
    """
    Read the constants of Confidence that ``train calibrate`` left in a file of weights.

    Names as in ``weights_file``; None where there are none. Raises as ``read_note``, and
    ValueError when they aren't three numbers.
    """
    path = weights_file(given, shipped)
    note = read_note(path, 'confidence') if path.is_file() else None
    if note is None:
        return None
    try:
        score, look, offset = (float(v) for v in note)
    except (TypeError, ValueError) as e:
        raise ValueError(f"{path}: 'confidence' in its header should be three numbers, got "
                         f'{note!r}') from e
    return score, look, offset


def read_note(path: Path, name: str) -> Any:
    """
    Read the JSON under ``name`` in the header of a safetensors file; None: it isn't there.

    A file of another kind has none. Raises FileNotFoundError without a file, ValueError for a
    damaged one.
    """
    if path.suffix != '.safetensors':
        return None
    with open(path, 'rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        try:
            header = json.loads(file.read(min(length, 100_000_000)))
            return json.loads(header.get('__metadata__', {}).get(name, 'null'))
        except (ValueError, AttributeError, TypeError) as e:
            raise ValueError(f'{path} is not a readable safetensors file ({e})') from e


def shared_backbone() -> EfficientNetLite0:
    """Return EfficientNet-Lite0 with the ImageNet weights that ship."""
    net = EfficientNetLite0()
    read_into(net, '', 'efficientnet_lite0.safetensors')
    return net
