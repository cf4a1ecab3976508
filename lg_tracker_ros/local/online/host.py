"""
A Siamese tracker opened at its features and at its score maps, for what learns online on them.

A host is a selector (where to cut, which point to take) and a network in its parts; the boxes of
``Host.search`` and ``pick`` are those of the tracker itself (but for what that learned of its
bias on the first frame), bit for bit, in PyTorch. In another engine what runs in every frame is
exported as two networks: features, and matching.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, Sequence

from lg_tracker_ros.crops import Crop
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig, plain_torch, Runner
from lg_tracker_ros.types import Box, Frame, Image, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array
import numpy as np
import numpy.typing as npt
import torch
from torch import nn, Tensor

Fill = tuple[float, float, float]
Floats = npt.NDArray[np.floating]
Maps = list[Tensor]
Template = tuple[Tensor, ...]
"""What a network makes of a template; only the network itself looks into it."""


class Pick(NamedTuple):
    """What was taken of a score map, and how well it ranked, penalties and window included."""

    output: TrackerOutput
    rank: float


class Selector(Protocol):
    """
    What a tracker does without its network.

    ``instance``: side of the search crop in pixels. ``points``: where the columns and rows of a
    score map lie in it. ``online_window``: weight of the cosine window where scores are fused.
    A map has P values: anchor by anchor, then row by row.
    """

    instance: int
    points: npt.NDArray[np.float64]
    online_window: float

    def cut_template(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut a template crop around the target."""

    def cut(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut the crop that is searched around ``box``."""

    def read(self, scores: Array, geometry: Array) -> tuple[Array, Array]:
        """Turn the network's maps of N crops into N x P scores in [0, 1] and N x 4 x P boxes."""

    def rank(self, crop: Crop, around: Box, scores: Array, geometry: Array,
             beside: Array | None = None, share: float = 0.0) -> Floats:
        """
        Tell how P points compare: score times penalty, and the window.

        ``beside`` (P) gets ``share`` of it, the penalised score the rest; ``online_window`` is the
        window's weight then.
        """

    def pick(self, frame: Frame, crop: Crop, around: Box, scores: Array, geometry: Array,
             ranks: Floats | None = None) -> Pick:
        """Take the best of P, by ``ranks`` where they are given."""


class OpenNet(Protocol):
    """A tracker's network in its parts; tensors are on the network's device."""

    @property
    def module(self) -> nn.Module:
        """The network as a whole, to be moved to a device."""

    def features(self, images: Tensor) -> Maps:
        """Run the costly part on N x s x s x 3 uint8 BGR."""

    def learnable(self, maps: Maps) -> Tensor:
        """Choose the features that a classifier learns on: N x C x h x w."""

    def template(self, maps: Maps, box: Box) -> Template:
        """Make a template of the features of one template crop and the target's box in it."""

    def match(self, maps: Maps, template: Template) -> tuple[Tensor, Tensor]:
        """Give what the selector's ``read`` takes, for N crops."""


class FeatureNet(nn.Module):
    """What an engine runs on search crops."""

    def __init__(self, net: OpenNet) -> None:
        """Share the network."""
        super().__init__()
        self.module, self._net = net.module, net

    def forward(self, images: Tensor) -> Maps:
        """N x s x s x 3 uint8 to maps."""
        return self._net.features(images)


class MatchNet(nn.Module):
    """What an engine runs on their maps and a template's tensors."""

    def __init__(self, net: OpenNet, maps: int) -> None:
        """Share the network, which makes so many maps."""
        super().__init__()
        self.module, self._net, self._maps = net.module, net, maps

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Match maps, the first tensors, with a template's, the rest: what ``match`` gives."""
        return self._net.match(list(tensors[:self._maps]), tensors[self._maps:])


@dataclass(frozen=True)
class Searched:
    """Search crops of one frame, the boxes that they were cut around, and their features."""

    crops: list[Crop]
    around: list[Box]
    maps: Maps


class Host:
    """A tracker opened; holds nothing of the target."""

    def __init__(self, selector: Selector, net: OpenNet, engine: EngineConfig,
                 light: bool = False) -> None:
        """
        Put the network on ``engine``'s device (resolved); compiles unless it is torch.

        ``light``: a network for a CPU, on which what learns should start in about a second.
        """
        self.selector, self.net, self.engine, self.light = selector, net, engine, light
        self.device = torch.device(engine.device)
        net.module.to(self.device).eval()
        self._exported = None if engine.engine == 'torch' else self._export()

    def _export(self) -> tuple[Runner, Runner]:
        """Compile what runs in every frame: features of search crops, and matching."""
        size = self.selector.instance
        images = np.zeros((1, size, size, 3), np.uint8)
        box = Box(16, 16, 32, 32)
        crop = self.selector.cut_template(np.zeros((64, 64, 3), np.uint8), box, (0, 0, 0))
        with torch.no_grad():
            maps = self._features([images[0]])
            template = self.net.template(self._features([crop.image]), crop.to_crop(box))
        inputs = [t.cpu().numpy() for t in (*maps, *template)]
        shared = range(len(maps), len(inputs))
        seek = compile_network(FeatureNet(self.net), [images], self.engine, batches=BATCHES)
        match = compile_network(MatchNet(self.net, len(maps)), inputs, self.engine,
                                shared=shared, batches=BATCHES)
        self.net.module.to(self.device)
        return seek, match

    def features(self, images: Sequence[Image]) -> Maps:
        """Run the costly part on N search crops; gradients flow through none of it."""
        if self._exported is None:
            return self._features(images)
        return [torch.from_numpy(m).to(self.device) for m in self._exported[0](np.stack(images))]

    def _features(self, images: Sequence[Image]) -> Maps:
        """Run it in PyTorch, on crops of any size."""
        with plain_torch(self.engine.threads), torch.no_grad(), self._precision():
            return self.net.features(torch.from_numpy(np.stack(images)).to(self.device))

    def learnable(self, maps: Maps) -> Tensor:
        """Choose the features that a classifier learns on: N x C x h x w, float32."""
        with plain_torch(self.engine.threads), torch.no_grad():
            return self.net.learnable(maps).float()

    def template(self, crop: Crop, box: Box) -> tuple[Template, Tensor]:
        """Make a template of a crop; with its learnable features, 1 x C x h x w."""
        maps = self._features([crop.image])
        with plain_torch(self.engine.threads), torch.no_grad(), self._precision():
            return self.net.template(maps, crop.to_crop(box)), self.learnable(maps)

    def search(self, frame: Frame, regions: Sequence[Region], fill: Fill) -> Searched:
        """Cut a crop around each region and compute its features, as one batch."""
        around = [r.box for r in regions]
        crops = [self.selector.cut(frame.image, box, fill) for box in around]
        return Searched(crops, around, self.features([c.image for c in crops]))

    def match(self, searched: Searched, template: Template) -> tuple[Array, Array]:
        """Match with a template: N x P scores in [0, 1] and N x 4 x P boxes for ``pick``."""
        if self._exported is not None:
            return self.selector.read(*self._exported[1](*(
                t.cpu().numpy() for t in (*searched.maps, *template))))
        with plain_torch(self.engine.threads), torch.no_grad(), self._precision():
            scores, geometry = self.net.match(searched.maps, template)
            maps = scores.float().cpu().numpy(), geometry.float().cpu().numpy()
        return self.selector.read(*maps)

    def _precision(self) -> torch.autocast:
        return torch.autocast('cuda', enabled=self.engine.precision == 'fp16')
