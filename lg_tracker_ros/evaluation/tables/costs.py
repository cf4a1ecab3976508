"""
``bench --published``: what the papers' networks cost, on random weights: nobody's file is needed.

A network is written as a file and built from it as a user's checkpoint is, so that what is counted
is what ``track`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Any, NamedTuple

from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.evaluation.tables.summary import networks
from lg_tracker_ros.files import table
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.mdnet.published import BUILDERS, SCHEDULES
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.types import Box, Frame, LocalTracker, Redetector, Region
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

Part = LocalTracker | Redetector
PROPOSALS = 5
FEW: Mapping[str, Any] = {'first_positives': 50, 'first_negatives': 50, 'first_iterations': 1,
                          'mined': 50, 'regression': 50}
"""What MDNet's kin do in the first frame takes minutes and isn't what is asked here."""
THRESHOLD = 5 / 255


class Published(NamedTuple):
    """A network (its name in ``eval summary``), and what makes a part of its file."""

    network: str
    build: Callable[[str, EngineConfig], Part]
    first: bool = True
    """Whether its first frame is done as it is in use."""


class Cost(NamedTuple):
    """Multiply-adds, and seconds of processor time, of the first frame and of a later one."""

    first: tuple[float, float]
    later: tuple[float, float]


def _local(name: str, backbone: str = '') -> Callable[[str, EngineConfig], Part]:
    return lambda path, engine: LOCAL_TRACKERS[name].build(path, backbone, engine)


def _redetector(name: str) -> Callable[[str, EngineConfig], Part]:
    def build(path: str, engine: EngineConfig) -> Part:
        made = REDETECTORS[name].build(path, THRESHOLD, engine)
        assert made is not None  # 'none' isn't listed
        return made
    return build


def _mdnet(name: str) -> Callable[[str, EngineConfig], Part]:
    return lambda path, engine: BUILDERS[name](Path(path), engine,
                                               replace(SCHEDULES[name], **FEW))


PUBLISHED: Mapping[str, Published] = {
    'globaltrack': Published('globaltrack', _redetector('globaltrack')),
    'globaltrack_640': Published('globaltrack', _redetector('globaltrack_640')),
    'tanet': Published('tanet', _redetector('tanet')),
    'dimp50': Published('dimp50', _local('dimp50')),
    'superdimp': Published('dimp50', _local('superdimp')),
    'mdnet': Published('mdnet', _mdnet('mdnet'), False),
    'rtmdnet': Published('rtmdnet', _mdnet('rtmdnet'), False),
    'siamrpnpp/resnet50': Published('siamrpnpp/resnet50', _local('siamrpnpp', 'resnet50')),
    'siamrpnpp/resnet50_lt': Published('siamrpnpp/resnet50_lt',
                                       _local('siamrpnpp', 'resnet50_lt')),
    'siamrpnpp/mobilenet_v2': Published('siamrpnpp/mobilenet_v2',
                                        _local('siamrpnpp', 'mobilenet_v2')),
    'siamrpnpp/alexnet': Published('siamrpnpp/alexnet', _local('siamrpnpp', 'alexnet')),
    'siammask': Published('siammask', _local('siammask')),
    'siamfcpp/alexnet_published': Published('siamfcpp/alexnet_published',
                                            _local('siamfcpp', 'alexnet_published')),
    'siamfcpp/googlenet_published': Published('siamfcpp/googlenet_published',
                                              _local('siamfcpp', 'googlenet_published')),
}


class Counter(TorchDispatchMode):
    """
    Counts the multiply-adds of convolutions and matrix products.

    PyTorch's FlopCounterMode counts by the same table, but follows modules as well and so fails
    where gradients are asked for by ``torch.autograd.grad``, as trackers that learn do.
    """

    def __init__(self) -> None:
        """Begin at 0."""
        super().__init__()
        self.macs = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator and count it, or those that it is made of."""
        kwargs = kwargs or {}
        known = flop_registry.get(func._overloadpacket)
        if known is None:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        if known is not None:
            self.macs += known(*args, **kwargs, out_val=out) / 2
        return out


def counted(do: Callable[[], Any]) -> tuple[float, float]:
    """
    Count the multiply-adds of convolutions and matrix products, and seconds of processor time.

    Learning's backward passes count as well. The time is that of this one call.
    """
    start = time.process_time()
    with Counter() as counter:
        do()
    return counter.macs, time.process_time() - start


def cost(name: str, frames: Sequence[Frame], box: Box) -> Cost:
    """
    Start a network, with random weights, on a frame's box, then ask it about two more.

    The second of these counts. One thread of the CPU. ``frames`` are three at least.
    """
    published = PUBLISHED[name]
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        path = f'{folder}/model.pth'
        torch.save(networks()[published.network].make().state_dict(), path)
        part = published.build(path, EngineConfig('cpu', 'torch', threads=1).resolve())
    image = torch.zeros(1, 3, 9, 9)
    counted(lambda: torch.conv2d(image, image))  # what is loaded once is nobody's cost
    first = counted(lambda: part.init(frames[0], box))

    def look(i: int) -> object:
        if isinstance(part, Redetector):
            clip = frames[max(i + 1 - part.history, 0):i + 1]
            return part.propose(clip, (box.w, box.h), PROPOSALS)
        return part.track(frames[i], [Region(box)])
    look(1)
    return Cost(first, counted(lambda: look(2)))


def costs(names: Sequence[str], frames: Sequence[Frame], box: Box) -> list[str]:
    """Write a table of networks' costs; ValueError for an unknown name."""
    unknown = [n for n in names if n not in PUBLISHED]
    if unknown:
        raise ValueError(f'unknown network {unknown[0]!r}; expected one of {", ".join(PUBLISHED)}')
    rows = []
    for name in names or PUBLISHED:
        found = cost(name, frames, box)
        first = found.first if PUBLISHED[name].first else None
        rows.append([name, *(cell for c in (first, found.later) for cell in (
            ['-', '-'] if c is None else [f'{c[0] / 1e9:.1f}', f'{c[1]:.2f}']))])
    return table(['network', 'GMAC first frame', 's', 'GMAC a frame', 's'], rows, 1)
