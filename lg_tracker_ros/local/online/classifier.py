"""
DROL's classifier (Zhou et al., AAAI 2020): compression, attention and a filter, learned online.

All of it is learned on the first frame, the filter alone afterwards, after ATOM (Danelljan et
al., CVPR 2019). Where DROL's paper and its published code differ, the code is followed, for it
gave the figures: nothing follows the compression (paper: a ReLU), the attention is a sigmoid
(paper's figure: a softmax), and the two kinds of it are added.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

from lg_tracker_ros.local.online.gauss_newton import gauss_newton, Tensors
import torch
from torch import Tensor
import torch.nn.functional as F


@dataclass(frozen=True)
class ClassifierConfig:
    """
    DROL's constants.

    ``channels``: after the compression. ``kernel``: side of the filter in cells. ``steps`` and
    ``iterations``: of Gauss-Newton and of conjugate gradients in the first frame; ``later``:
    iterations of an update. ``filter_weight`` and ``other_weight``: of the squared filter, and
    of the squared rest. ``memory``: samples, those of the first frame included, which keep
    ``first_share`` of the weight. ``bend``: slope of the response where it is negative.
    ``attention``: ``after`` the compression, ``before`` it (on all the host's channels) or
    ``none``.
    """

    channels: int = 64
    kernel: int = 4
    steps: int = 6
    iterations: int = 10
    later: int = 5
    filter_weight: float = 0.1
    other_weight: float = 1e-4
    memory: int = 250
    first_share: float = 0.25
    bend: float = 0.05
    attention: str = 'after'


def gaussian(cells: int, x: float, y: float, sigma: float) -> Tensor:
    """Label of a map: cells x cells, 1 at column ``x`` and row ``y`` (cells from 0, fractions)."""
    steps = torch.arange(cells, dtype=torch.float32)
    return torch.outer(torch.exp(-((steps - y) / sigma) ** 2 / 2),
                       torch.exp(-((steps - x) / sigma) ** 2 / 2))


def _attended(z: Tensor, fc1: Tensor, fc2: Tensor) -> Tensor:
    """Weigh features by place and by channel, and add both."""
    place = torch.sigmoid(z.mean(1, keepdim=True))
    channel = torch.sigmoid(F.conv2d(F.relu(F.conv2d(z.mean((2, 3), keepdim=True), fc1)), fc2))
    return z * place + z * channel


class Classifier:
    """One filter that says, for each cell, whether the target's centre is there (1) or not (0)."""

    def __init__(self, config: ClassifierConfig | None = None) -> None:
        """Know nothing yet; call ``start``."""
        self.config = config or ClassifierConfig()

    def start(self, x: Tensor, labels: Tensor) -> None:
        """
        Learn everything from the first frame's samples.

        ``x``: M x C x h x w host's features, ``labels``: M x h x w.
        """
        c, generator = self.config, torch.Generator().manual_seed(0)

        def normal(*shape: int, spread: float) -> Tensor:
            return (torch.randn(shape, generator=generator) * spread).to(x.device)
        channels = x.shape[1]
        wide = channels if c.attention == 'before' else c.channels
        cells = c.channels * c.kernel ** 2
        # the filter starts near 0, where the response still bends little: else it never learns
        parts: Tensors = (normal(1, c.channels, c.kernel, c.kernel, spread=1 / cells),
                          normal(c.channels, channels, 1, 1, spread=channels ** -.5))
        if c.attention != 'none':
            half = wide // 2
            parts += (normal(half, wide, 1, 1, spread=wide ** -.5),
                      normal(wide, half, 1, 1, spread=wide ** -.5))
        share = (1 / len(x)) ** .5

        def residuals(p: Tensors) -> Tensors:
            z = self._extract(x, *p[1:])
            return (share * (self._bent(p[0], z) - labels),
                    c.filter_weight ** .5 * p[0], *(c.other_weight ** .5 * v for v in p[1:]))
        # by its code: the weights of the squares as a preconditioner, in the first frame only
        scales = c.filter_weight, *(c.other_weight for _ in parts[1:])
        self._filter, *frozen = gauss_newton(residuals, parts, c.steps, c.iterations, scales)
        self._frozen = tuple(frozen)
        self._first = self._filter
        self._samples = self._extract(x, *self._frozen)
        self._labels = labels
        self._weights = torch.full((len(x),), 1 / len(x))
        self._kept = len(x)

    def forget(self) -> None:
        """Keep what the first frame taught, and nothing else."""
        self._filter = self._first
        self._samples, self._labels = self._samples[:self._kept], self._labels[:self._kept]
        self._weights = torch.full((self._kept,), 1 / self._kept)

    @property
    def weights(self) -> Tensor:
        """What each sample weighs, oldest first; their sum is 1."""
        return self._weights

    def extract(self, x: Tensor) -> Tensor:
        """Turn host's features, N x C x h x w, into those of this target: N x channels x h x w."""
        return self._extract(x, *self._frozen)

    def respond(self, z: Tensor) -> Tensor:
        """Answer what ``extract`` gave: N x h x w, about 1 at the target, plain (not bent)."""
        return self._respond(self._filter, z)

    def add(self, z: Tensor, label: Tensor, rate: float) -> None:
        """
        Keep a sample, 1 x channels x h x w and h x w; when there are too many the oldest goes.

        It weighs as the one before over 1 - ``rate``, the very first one ``rate``; but the first
        frame's together weigh ``first_share`` at least. Those stay for ever.
        """
        c, k = self.config, self._kept
        last = float(self._weights[-1]) if len(self._weights) > k else rate
        drop = k + int(len(self._samples) >= c.memory)

        def appended(old: Tensor, new: Tensor) -> Tensor:
            return torch.cat([old[:k], old[drop:], new])
        self._samples = appended(self._samples, z)
        self._labels = appended(self._labels, label[None])
        w = appended(self._weights, torch.tensor([last / (1 - rate)]))
        w = w / w.sum()
        if float(w[:k].sum()) < c.first_share:
            w = torch.cat([torch.full((k,), c.first_share / k),
                           w[k:] / w[k:].sum() * (1 - c.first_share)])
        self._weights = w

    def train(self) -> None:
        """Update the filter on all samples that are kept."""
        c = self.config
        share = self._weights.sqrt().to(self._samples.device)[:, None, None]

        def residuals(p: Tensors) -> Tensors:
            return (share * (self._bent(p[0], self._samples) - self._labels),
                    math.sqrt(c.filter_weight) * p[0])
        self._filter, = gauss_newton(residuals, (self._filter,), 1, c.later)

    def _extract(self, x: Tensor, projection: Tensor, *attention: Tensor) -> Tensor:
        if self.config.attention == 'before':
            return F.conv2d(_attended(x, *attention), projection)
        z = F.conv2d(x, projection)
        return _attended(z, *attention) if attention else z

    def _respond(self, kernel: Tensor, z: Tensor) -> Tensor:
        return F.conv2d(z, kernel, padding=self.config.kernel // 2)[
            :, 0, :z.shape[2], :z.shape[3]]

    def _bent(self, kernel: Tensor, z: Tensor) -> Tensor:
        """Give what is learned from: how far below 0 a response is hardly counts."""
        bend = self.config.bend
        return F.elu(F.leaky_relu(self._respond(kernel, z), 1 / bend), bend)
