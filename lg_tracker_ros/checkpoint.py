"""Files of weights: those that ship, reading them into a network, what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
import json
from pathlib import Path
import re
from typing import Any

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.files import sha256
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.layouts import unwrapped
from lg_tracker_ros.reading.matlab import read_matconvnet
from lg_tracker_ros.reading.pickles import check_checkpoint
from lg_tracker_ros.reading.stand_ins import with_stand_ins
from lg_tracker_ros.reading.tensors import read_metadata, read_safetensors
import torch
from torch import nn, Tensor

FOLDER = Path(__file__).resolve().parent / 'weights'
SHIPPED_NETWORKS = FOLDER / 'onnx'
"""The networks with these weights, as ONNX."""
CONSTANT = 1e6
"""Constants of Confidence lie between both signs of it."""


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """
    Read the tensors of a checkpoint: ``.safetensors``, ``.mat``, else torch's own format.

    The state dict is taken out of what others wrap it in, with the names that it has here
    (reading/layouts.py). Only tensors are unpickled, never code: other people's classes become
    inert stand-ins. Raises FileNotFoundError when there is no such file and ValueError, in one
    line, when it holds no state dict.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no file of weights at {path}')
    data = unwrapped(READERS.get(path.suffix, read_pickled)(path))
    if not isinstance(data, Mapping) or not data or not all(
            isinstance(k, str) and isinstance(v, Tensor) for k, v in data.items()):
        raise refused(path, 'holds no state dict (a mapping of names to tensors)')
    for key, value in data.items():
        # a view may say more elements than there are bytes, a sparse tensor too
        if value.layout is not torch.strided or value.is_quantized or value.device.type != 'cpu' \
                or value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise refused(path, f'holds {key}, no plain tensor that has all of its elements')
    return dict(data)


def read_pickled(path: Path) -> Any:
    """
    Read what ``torch.save`` wrote: tensors, plain values and stand-ins, never code.

    Sizes are compared with the file's before memory is taken. Raises FileNotFoundError without
    a file and ValueError, in one line, for another.
    """
    with reading(path, 'a readable checkpoint of tensors'):
        stand_ins = with_stand_ins(check_checkpoint(path))
        try:
            with stand_ins:
                return torch.load(path, map_location='cpu', weights_only=True)
        except Exception as e:  # torch's words run over many lines and advise to trust the file
            raise ValueError(f'damaged, or not written by torch.save ({type(e).__name__})') from e


READERS: Mapping[str, Callable[[Path], Any]] = {
    '.safetensors': read_safetensors, '.mat': read_matconvnet}
"""By suffix; any other file is one of ``torch.save``."""


def load_checkpoint(net: nn.Module, path: str | Path, ignore: Sequence[str] = ()) -> None:
    """
    Load the weights of a file into ``net``, all of them or none.

    ``ignore`` lists prefixes of keys that a file may hold and the network has no use for.
    Raises ValueError, in one line, with the first key that doesn't fit and both shapes or types,
    or whose values aren't finite.
    """
    def unfit(words: str) -> ValueError:
        return refused(path, f'does not fit {type(net).__name__}: {words}')

    state = {k: v for k, v in read_state_dict(path).items() if not k.startswith(tuple(ignore))}
    expected = net.state_dict()
    for key, value in expected.items():
        if key not in state:
            # files written before PyTorch 0.4.1 lack this counter, which inference never reads
            if key.endswith('num_batches_tracked'):
                continue
            raise unfit(f'missing key {key}, expected shape {tuple(value.shape)}')
        got = state[key]
        if got.shape != value.shape:
            raise unfit(f'{key} expected shape {tuple(value.shape)}, '
                        f'actual shape {tuple(got.shape)}')
        if got.is_complex() or got.is_floating_point() != value.is_floating_point():
            raise unfit(f'{key} expected {value.dtype}, actual {got.dtype}')
        if not torch.isfinite(got.to(value.dtype)).all():
            raise unfit(f'{key} has values that are NaN or infinite')
    for key, value in state.items():
        if key not in expected:
            raise unfit(f'unexpected key {key}, actual shape {tuple(value.shape)}')
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


def must_be_there(path: Path) -> None:
    """Raise ValueError, which says what to do, where a file of weights is missing."""
    if not path.is_file():
        archive = next((p for p in path.parents if p.is_file()), None)
        if archive is not None:  # the package may be run from one: python -m, zipapp
            raise ValueError(f'{path.name} lies in the archive {archive}, out of which no weights '
                             'are read; unpack it, or install the package with pip')
        raise ValueError(f'no file of weights at {path}; name yours in `tracker_weights` '
                         '(`redetector_weights` for a re-detector) or train one, see '
                         'docs/training.md')


def checked_file(given: str, shipped: str) -> Path:
    """
    Return the file of the weights ``given`` (see weights_file), or of those that ship.

    Raises ValueError, in one line, when it is missing, or ships and isn't what it was.
    """
    path = weights_file(given, shipped)
    must_be_there(path)
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
    known = read_sums(sums)
    if path.name in known and sha256(path) != known[path.name]:
        raise refused(path, f'is not what {sums.name} beside it says: damaged (install the '
                            f'package again), or new (then make {sums.name} anew with sha256sum)')


def read_sums(path: Path) -> dict[str, str]:
    """
    Read what sha256sum writes, ``SUM  NAME`` or, for ``--binary``, ``SUM *NAME``: {name: sum}.

    Raises ValueError, in one line, for a line of another form, for it would check nothing.
    """
    known = {}
    with reading(path, 'a list of sha256sum'):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.fullmatch(r'([0-9a-fA-F]{64}) [ *](.+)', line)
            if not found:
                raise ValueError(f'line {number}: expected SUM, two spaces and NAME, got {line!r}')
            known[found[2]] = found[1].lower()
    return known


def trained_on(path: Path) -> tuple[str, ...]:
    """
    Read what a file of weights says it was trained on: ``DATA SET/SEQUENCE``, ``*`` for all.

    The names are a JSON list under ``trained_on`` in the metadata of a safetensors header (8
    bytes of length, then JSON); no tensor is read. A file of another kind, or without the list,
    says nothing: (). Raises as ``read_note``.
    """
    names = read_note(path, 'trained_on') or []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise refused(path, "is damaged: 'trained_on' in its header should be a list of names, "
                            f'got {names!r}')
    return tuple(names)


def confidence_of(given: str, shipped: str) -> tuple[dict[str, float], float] | None:
    """
    Read the constants of Confidence that ``train calibrate`` left in a file of weights.

    Names as in ``weights_file``; returns weights by cue and the offset, None where there are
    none. Three numbers in a row are those of score and look, and the offset. Raises as
    ``read_note``, and ValueError when they are of another form.
    """
    path = weights_file(given, shipped)
    note = read_note(path, 'confidence') if path.is_file() else None
    if note is None:
        return None
    if isinstance(note, list) and len(note) == 3:
        note = dict(zip(('score', 'look', 'offset'), note))
    if not isinstance(note, dict) or 'offset' not in note or not all(
            type(v) in (int, float) and abs(v) < CONSTANT for v in note.values()):
        raise refused(path, "is damaged: 'confidence' in its header should be three numbers, or "
                            f'numbers by name with an offset, within {CONSTANT:g}, got {note!r}')
    values = {name: float(value) for name, value in note.items()}
    return values, values.pop('offset')


def read_note(path: Path, name: str) -> Any:
    """
    Read the JSON under ``name`` in the header of a safetensors file; None: it isn't there.

    A file of another kind has none. Raises FileNotFoundError without a file, ValueError for a
    damaged one.
    """
    if path.suffix != '.safetensors':
        return None
    metadata = read_metadata(path)
    with reading(path, 'a readable safetensors file'):
        return json.loads(metadata.get(name, 'null'))


def said_by_training(path: Path) -> dict[str, Any]:
    """
    Read ``network`` and ``config``, which ``train`` leaves in its files; {} where there is none.

    Raises as ``read_note`` and ``read_pickled``.
    """
    names = ('network', 'config')
    data = {n: read_note(path, n) for n in names} if path.suffix in READERS else read_pickled(path)
    found = {n: data[n] for n in names if n in data} if isinstance(data, Mapping) else {}
    return found if isinstance(found.get('config'), dict) else {}


@lru_cache(maxsize=1)
def _imagenet() -> dict[str, Tensor]:
    """Read the ImageNet weights that ship: three parts of a tracker want them."""
    net = EfficientNetLite0()
    read_into(net, '', 'efficientnet_lite0.safetensors')
    return net.state_dict()


def shared_backbone() -> EfficientNetLite0:
    """
    Return EfficientNet-Lite0 with the ImageNet weights that ship.

    They are read once in a process and shared by all that this returns: who trains one copies
    its weights. Each may move to a device of its own. Raises as ``read_into``.
    """
    with torch.device('meta'):  # no random weights first
        net = EfficientNetLite0()
    net.load_state_dict(_imagenet(), assign=True)
    return net.eval()
