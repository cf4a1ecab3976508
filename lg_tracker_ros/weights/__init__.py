"""The weights that ship, and reading them."""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.checkpoint import load_checkpoint
from torch import nn

FOLDER = Path(__file__).resolve().parent


def read_into(net: nn.Module, given: str, shipped: str) -> None:
    """
    Load the file ``given``, or where that is empty the one that ships, into ``net``.

    Raises ValueError, in one line, when the file is missing or doesn't fit.
    """
    path = Path(given) if given else FOLDER / shipped
    try:
        load_checkpoint(net, path)
    except FileNotFoundError as e:
        raise ValueError(str(e)) from e
    net.eval()


def shared_backbone() -> EfficientNetLite0:
    """Return EfficientNet-Lite0 with the ImageNet weights that ship."""
    net = EfficientNetLite0()
    read_into(net, '', 'efficientnet_lite0.safetensors')
    return net
