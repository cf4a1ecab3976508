"""SiamRPN++ (Li et al., CVPR 2019), the worked example of the TANet paper, as a LocalTracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lg_tracker_ros.checkpoint import checked_file, load_checkpoint
from lg_tracker_ros.crops import mean_color
from lg_tracker_ros.engine import EngineConfig, plain_torch
from lg_tracker_ros.local.online.host import Fill, Host
from lg_tracker_ros.local.online.nets import OpenSiamRPN
from lg_tracker_ros.local.siamese.anchors import best_anchor, Peak, Search
from lg_tracker_ros.local.siamese.rpn import Template
from lg_tracker_ros.local.siamrpnpp_net import (
    SiamRPNConstants,
    SiamRPNNet,
    target_scores,
    VARIANTS,
)
from lg_tracker_ros.local.spec import chosen, CONSTANTS, LocalSpec, OWN
from lg_tracker_ros.recognition.confidence import UNFITTED
from lg_tracker_ros.types import Box, Frame, Image, Kind, Region, TrackerOutput
import numpy as np
import torch
from torch import nn, Tensor


@dataclass(frozen=True, eq=False)
class _Target:
    """What is known of the target; the only state of the tracker."""

    template: Template
    fill: Fill


class SiamRPNpp:
    """
    A LocalTracker: compares anchors in the search region with the first frame's template.

    Where it looks and the size that it smooths from come with the region; it keeps the template
    only. ``confidence`` and ``score`` are the softmax score, without penalties, of the anchor
    that wins with penalties.
    """

    def __init__(self, net: nn.Module, device: torch.device | str,
                 constants: SiamRPNConstants, threads: int = 0) -> None:
        """
        Wrap a network that is on ``device`` already; puts it into evaluation mode.

        It has SiamRPNNet's ``template`` and ``forward``. ``threads``: those of the CPU, 0 for as
        many as PyTorch takes.
        """
        self._net: Any = net.eval()
        self._device, self._threads = torch.device(device), threads
        self._near = Search(constants)
        self._target: _Target | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""
        fill = mean_color(frame.image)
        crop = self._near.cut_template(frame.image, box, fill)
        with plain_torch(self._threads), torch.inference_mode():
            self._target = _Target(self._net.template(self._to_tensor([crop.image])), fill)

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Search around each region, as one batch.

        Raises RuntimeError before the first ``init``.
        """
        if self._target is None:
            raise RuntimeError('SiamRPN++ has no target: call init first')
        if not regions:
            return []
        searches = [self._search(r) for r in regions]
        found: dict[int, TrackerOutput] = {}
        for search in dict.fromkeys(searches):  # as one batch where all are of one size
            rows = [i for i, s in enumerate(searches) if s is search]
            outputs = self._track(frame, [regions[i].box for i in rows], search)
            found.update(zip(rows, outputs))
        return [found[i] for i in range(len(regions))]

    def _search(self, region: Region) -> Search:
        """Say how to search a region."""
        return self._near

    def _track(self, frame: Frame, places: Sequence[Box], search: Search) -> list[TrackerOutput]:
        """Search around each place, as one batch."""
        assert self._target is not None
        crops = [search.cut(frame.image, b, self._target.fill).image for b in places]
        with plain_torch(self._threads), torch.inference_mode():
            cls, loc, *more = self._net(self._target.template, self._to_tensor(crops))
            maps = search.read(target_scores(cls).cpu().numpy(), loc.float().cpu().numpy())
            peaks = [best_anchor(search, *row) for row in zip(places, *maps)]
            return self._outputs(frame, search, peaks, more)

    def _outputs(self, frame: Frame, search: Search, peaks: Sequence[Peak],
                 more: Sequence[Any]) -> list[TrackerOutput]:
        """Make the outputs; ``more`` is what the network gives beyond the RPN's two maps."""
        return [TrackerOutput(search.box(frame, p), confidence=p.score, score=p.score)
                for p in peaks]

    def _to_tensor(self, images: Sequence[Image]) -> Tensor:
        """Stack crops as N x 3 x side x side, BGR, 0-255, on the network's device."""
        batch = torch.from_numpy(np.stack(images)).to(self._device)
        return batch.permute(0, 3, 1, 2).float()


class LongTermSiamRPNpp(SiamRPNpp):
    """
    An OnlineTracker: the same, which searches wider where it lost the target (PySOT's long-term).

    Below the score ``enter`` the followed target counts as lost, until one above ``leave``; it is
    then sought in ``instance`` pixels around its last place, and stays there below ``enter``. What
    it learns is only that: one flag.
    """

    def __init__(self, net: nn.Module, device: torch.device | str,
                 constants: SiamRPNConstants, threads: int = 0) -> None:
        """Wrap a network as SiamRPNpp does; the constants say how to seek a lost target."""
        super().__init__(net, device, constants, threads)
        assert constants.lost is not None
        self._rule = constants.lost
        self._far = Search(replace(constants, instance=self._rule.instance,
                                   window=self._rule.window))
        self._restart()

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from its first box; forgets the one before."""
        super().init(frame, box)
        self._restart()

    def _restart(self) -> None:
        """Know the first frame only."""
        self.lost, self._followed = False, 1.0

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search around each region; below ``enter`` a followed target stays where it was."""
        outputs = super().track(frame, regions)
        for i, region in enumerate(regions):
            if region.kind is Kind.LOCAL:
                self._followed = outputs[i].score
                if self._followed < self._rule.enter:
                    outputs[i] = replace(outputs[i], box=region.box)
        return outputs

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Take the score of what the search policy believes."""
        self._note(accepted.score)

    def miss(self, frame: Frame) -> None:
        """Take the score of where the target was followed last."""
        self._note(self._followed)

    def disown(self) -> None:
        """Forget that anything was lost: what was followed last is not the target."""
        self._restart()

    def own(self) -> None:
        """Take an operator's word that what was followed last is the target: it isn't lost."""
        self.lost = False

    def _note(self, score: float) -> None:
        if score < self._rule.enter:
            self.lost = True
        elif score > self._rule.leave:
            self.lost = False

    def _search(self, region: Region) -> Search:
        return self._far if self.lost and region.kind is Kind.LOCAL else self._near


def build(backbone: str, weights: Path, device: torch.device | str = 'cpu',
          threads: int = 0, **constants: float) -> SiamRPNpp:
    """
    Make the tracker with trained weights: our own, or a checkpoint of the PySOT family.

    ``constants`` as ``with_constants`` takes them. Raises ValueError, in one line, for an unknown
    backbone or a file that does not fit.
    """
    net, own = _variant(backbone)
    load_checkpoint(net, weights)
    kind = LongTermSiamRPNpp if own.lost else SiamRPNpp
    return kind(net.to(device), device, with_constants(own, **constants), threads)


def with_constants(own: SiamRPNConstants, penalty_k: float = OWN, window_influence: float = OWN,
                   size_rate: float = OWN) -> SiamRPNConstants:
    """Put the constants in that a user chose (see CONSTANTS of spec.py)."""
    return replace(own, **chosen(penalty_k=penalty_k, window=window_influence, lr=size_rate))


def _variant(backbone: str) -> tuple[SiamRPNNet, SiamRPNConstants]:
    if backbone not in VARIANTS:
        raise ValueError(f'SiamRPN++ has the backbones {", ".join(VARIANTS)}, got {backbone!r}')
    make, constants = VARIANTS[backbone]
    return make(), constants


def _make(weights: str, backbone: str, engine: EngineConfig, **constants: float) -> SiamRPNpp:
    return build(backbone, checked_file(weights, SPEC.file(backbone)), engine.device,
                 engine.threads, **constants)


def _open(weights: str, backbone: str, engine: EngineConfig, **constants: float) -> Host:
    net, own = _variant(backbone)
    load_checkpoint(net, checked_file(weights, SPEC.file(backbone)))
    search = Search(with_constants(own, **constants))
    # in PyTorch, as the tracker itself
    return Host(search, OpenSiamRPN(net), replace(engine, engine='torch'),
                light=backbone == 'efficientnet_lite0')


SPEC = LocalSpec('siamrpnpp', 'SiamRPN++ (Li et al. 2019), also PySOT checkpoints', _make,
                 UNFITTED, 'siamrpnpp_{backbone}.safetensors', tuple(VARIANTS),
                 host=_open, parameters=CONSTANTS)
