"""Weights for a network: those that ship or those given, checked, and read into it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
import re

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.files import sha256
from lg_tracker_ros.reading.guard import reading, refused
from lg_tracker_ros.reading.notes import read_note
from lg_tracker_ros.reading.state_dicts import read_state_dict
import torch
from torch import nn, Tensor

FOLDER = Path(__file__).resolve().parent / 'weights'
SHIPPED_NETWORKS = FOLDER / 'onnx'
"""The networks with these weights, as ONNX."""
MOST_HEADS = 32
"""Heads of a file of weights, at most: each is a network to build, and to run in every frame."""
CONSTANT = 1e6
"""Constants of Confidence lie between both signs of it."""


def load_checkpoint(net: nn.Module, path: str | Path, ignore: Sequence[str] = ()) -> None:
    """
    Load the weights of a file into ``net``, all of them or none.

    ``ignore`` lists prefixes of keys that a file may hold and the network has no use for. Of a
    network of several heads, ``heads.0`` and on, a file may hold one alone without its number.
    Raises ValueError, in one line, with the first key that doesn't fit and both shapes or types,
    or whose values aren't finite.
    """
    def unfit(words: str) -> ValueError:
        return refused(path, f'does not fit {type(net).__name__}: {words}')

    state = {k: v for k, v in read_state_dict(path).items() if not k.startswith(tuple(ignore))}
    expected = net.state_dict()
    if all(k.startswith('heads.') for k in expected) and not any(
            k.startswith('heads.') for k in state):
        state = {f'heads.0.{k}': v for k, v in state.items()}
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


def count_heads(path: Path) -> int:
    """
    Count the heads in a file of weights, 1 where none has a number.

    Raises as read_state_dict, and ValueError for more than MOST_HEADS.
    """
    count = len({name.split('.')[1] for name in read_state_dict(path)
                 if name.startswith('heads.')})
    if count > MOST_HEADS:
        raise refused(path, f'holds {count} heads, expected at most {MOST_HEADS}')
    return max(count, 1)


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
