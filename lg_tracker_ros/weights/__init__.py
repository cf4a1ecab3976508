"""The weights that ship, and reading them."""

from __future__ import annotations

import json
from pathlib import Path

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

    Raises ValueError, in one line, when the file is missing or doesn't fit.
    """
    path = weights_file(given, shipped)
    try:
        load_checkpoint(net, path)
    except FileNotFoundError as e:
        raise ValueError(f'{e}; name yours in `weights` (`redetector_weights` for a re-detector) '
                         'or train one, see docs/training.md') from e
    net.eval()


def trained_on(path: Path) -> tuple[str, ...]:
    """
    Read what a file of weights says it was trained on: ``DATA SET/SEQUENCE``, ``*`` for all.

    The names are a JSON list under ``trained_on`` in the metadata of a safetensors header (8
    bytes of length, then JSON); no tensor is read. A file of another kind, or without the list,
    says nothing: (). Raises FileNotFoundError without a file, ValueError for a damaged one.
    """
    if path.suffix != '.safetensors':
        return ()
    with open(path, 'rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        try:
            header = json.loads(file.read(min(length, 100_000_000)))
            names = json.loads(header.get('__metadata__', {}).get('trained_on', '[]'))
            return tuple(str(n) for n in names)
        except (ValueError, AttributeError, TypeError) as e:
            raise ValueError(f'{path} is not a readable safetensors file ({e})') from e


def shared_backbone() -> EfficientNetLite0:
    """Return EfficientNet-Lite0 with the ImageNet weights that ship."""
    net = EfficientNetLite0()
    read_into(net, '', 'efficientnet_lite0.safetensors')
    return net
