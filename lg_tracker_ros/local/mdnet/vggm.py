"""The layers of VGG-M that MDNet and its kin stand on, by the names of their checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.local.mdnet.classifier import Classifier, Head, Samples
from lg_tracker_ros.local.mdnet.schedule import Schedule
from lg_tracker_ros.local.mdnet.tracker import Make
from lg_tracker_ros.reading.state_dicts import read_state_dict
import torch
from torch import nn, Tensor
import torch.nn.functional as F

GREY = 128
"""What is taken off every channel."""
SIDE, WIDTH = 107, 512
"""Pixels of a sample, and channels of its map at the end, of 3 x 3 cells."""
FEATURES = WIDTH * 3 * 3
UNUSED = tuple('0123456789')
"""How layers of a .mat begin that nobody needs here: by their numbers."""


class Norm(NamedTuple):
    """
    Local response normalisation: x / (k + alpha · Σ x²)^.75, over ``size`` channels around it.

    Three go by the same name in the authors' code; weights fit their own.
    """

    size: int
    alpha: float
    k: float

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise N x C x h x w."""
        # flat: a GPU averages 3-D maps so that their gradient isn't the same each time
        return F.local_response_norm(x.flatten(2), self.size, self.alpha * self.size, 0.75,
                                     self.k).view_as(x)


VGG_M = Norm(5, 1e-4, 2.0)
"""VGG-M, MDNet in MATLAB and DAT."""
PY_MDNET = Norm(2, 0.5e-4, 1.0)
"""MDNet's authors in Python: of a channel and the one before it."""
RT_MDNET = Norm(1, 1e-4, 2.0)
"""RT-MDNet: each channel by itself."""


class VggM(nn.Module):
    """
    The convolutions: 107² pixels to 3 x 3 cells at stride 16 or, dense, any scene at stride 8.

    Dense as in RT-MDNet: there is no second pooling, and the last convolution is dilated by 3.
    """

    def __init__(self, norm: Norm, dense: bool = False) -> None:
        """Build with random weights."""
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 96, 7, 2))
        self.conv2 = nn.Sequential(nn.Conv2d(96, 256, 5, 2))
        self.conv3 = nn.Sequential(nn.Conv2d(256, WIDTH, 3, dilation=3 if dense else 1))
        self._norm, self._dense = norm, dense

    def first(self, images: Tensor) -> Tensor:
        """
        N x 3 x H x W, uint8 RGB, to the map that DAT asks for attention, 96 channels.

        It is what goes into the first ReLU: where that is shut there is no attention.
        """
        found: Tensor = self.conv1(images.float() - GREY)
        return found

    def rest(self, x: Tensor) -> Tensor:
        """Take that map to the end: N x 512 x h x w."""
        x = F.max_pool2d(self._norm(F.relu(x)), 3, 2)
        x = self._norm(F.relu(self.conv2(x)))
        return F.relu(self.conv3(x if self._dense else F.max_pool2d(x, 3, 2)))

    def forward(self, images: Tensor) -> Tensor:
        """N x 3 x H x W, uint8 RGB, to N x 512 x h x w."""
        return self.rest(self.first(images))


class Shared(VggM):
    """The convolutions and the two layers behind them that MDNet learned offline."""

    def __init__(self, norm: Norm, dense: bool, matlab: bool) -> None:
        """Build with random weights; in MATLAB these layers are convolutions, too."""
        super().__init__(norm, dense)
        self.fc4 = nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 3) if matlab
                                 else nn.Linear(FEATURES, WIDTH))
        self.fc5 = nn.Sequential(nn.Identity(), nn.Conv2d(WIDTH, WIDTH, 1) if matlab
                                 else nn.Linear(WIDTH, WIDTH))

    def learned(self) -> list[tuple[Tensor, Tensor]]:
        """Return weight and bias of both layers, flat."""
        named = dict(self.named_parameters())
        return [(named[f'{name}.weight'].detach().flatten(1), named[f'{name}.bias'].detach())
                for name in ('fc4.0', 'fc5.1')]


class Start(NamedTuple):
    """
    What a file gives: convolutions and, if it has them, weight and bias of two more layers.

    ``python``: it is in the layout of MDNet's authors in Python.
    """

    net: VggM
    layers: list[tuple[Tensor, Tensor]]
    python: bool = False

    def head(self, dropout: tuple[float, ...], chance: torch.Generator, uniform: bool = False
             ) -> Head:
        """
        Make a classifier of these layers and a new last one; what isn't there is drawn.

        ``uniform``: as Head has it.
        """
        head = Head((FEATURES, WIDTH, WIDTH, 2), dropout, chance, uniform=uniform)
        with torch.no_grad():
            for layer, (weight, bias) in zip(head.layers, self.layers):
                for given, own in zip((weight, bias), layer.parameters()):
                    own.copy_(given)
        return head


def learner(start: Start, dropout: tuple[float, ...], schedule: Schedule,
            device: torch.device | str, maps: Callable[[Samples], Tensor] | None = None,
            rest: Callable[[Tensor], Tensor] | None = None, uniform: bool = False) -> Make:
    """
    Make what makes a classifier for a new target.

    ``maps`` and ``rest`` as Classifier has, ``uniform`` as Head.
    """
    def make(chance: torch.Generator, positives: Samples, negatives: Samples) -> Classifier:
        head = start.head(dropout, chance, uniform).to(device)
        return Classifier(head, schedule, maps, rest, chance)
    return make


def read_start(path: Path, norm: Norm | None = None, dense: bool = False, begun: bool = True
               ) -> Start:
    """
    Read VGG-M, MDNet or RT-MDNet in the layout of its authors (reading/layouts.py).

    ``norm`` None: that of who made the file, MDNet's authors in Python for their layout, VGG-M
    for any other. ``begun``: take the two layers behind the convolutions, if they are there.
    Raises as load_checkpoint.
    """
    fc4 = read_state_dict(path).get('fc4.0.weight')
    python = fc4 is not None and fc4.ndim == 2
    norm = norm or (PY_MDNET if python else VGG_M)
    if fc4 is None or not begun:
        net = VggM(norm, dense)
        load_checkpoint(net, path, (*UNUSED, 'fc4.', 'fc5.'))
        return Start(net, [], python)
    shared = Shared(norm, dense, not python)
    load_checkpoint(shared, path, UNUSED)
    return Start(shared, shared.learned(), python)
