"""The weights that ship, and reading them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.checkpoint import load_checkpoint
from torch import nn

FOLDER = Path(__file__).resolve().parent


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
        raise ValueError(f'no file of weights at {path}; name yours in `weights` '
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
