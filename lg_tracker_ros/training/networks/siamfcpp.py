"""Train the anchor-free tracker with depth-wise correlation, end to end above a frozen part."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping

from lg_tracker_ros.local.siamfcpp_net import Maps, SiamFCppNet, VARIANTS
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.anchor_free import loss_of, read_best
from lg_tracker_ros.training.networks.network import Batch, Field, Network, Sampler
from lg_tracker_ros.training.networks.siamese import (
    levels,
    load_backbone,
    pair_fields,
    pair_sampler,
    SiameseTraining,
)
from lg_tracker_ros.training.networks.validation import judge
import torch
from torch import Tensor

DEFAULTS = SiameseTraining(batch=32, steps=20_000, rate=1e-3, patience=10, ema=0.999)


def make_model(config: SiameseTraining) -> SiamFCppNet:
    """Build the network on pretrained features; raises ValueError as load_backbone does."""
    net = SiamFCppNet(VARIANTS[config.backbone])
    load_backbone(net.backbone, config)
    return net


def fields(config: SiameseTraining) -> Mapping[str, Field]:
    """Describe a sample."""
    grid = VARIANTS[config.backbone].grid
    return pair_fields(config, grid.exemplar, grid.instance)


def make_sampler(material: Material, config: SiameseTraining) -> Sampler:
    """Make pairs of the variant's sizes."""
    grid = VARIANTS[config.backbone].grid
    return pair_sampler(material, config, grid.exemplar, grid.instance)


def points_of(model: SiamFCppNet, device: torch.device) -> Tensor:
    """Return the columns of the maps in search pixels (g)."""
    return torch.as_tensor(model.variant.grid.points, dtype=torch.float32, device=device)


def match(model: SiamFCppNet, batch: Batch) -> Maps:
    """Run the network on a batch; returns what its forward does."""
    prepare = model.variant.prepare
    kernels = model.kernels(levels(model.backbone, prepare, batch, 'template'))
    return model.match(levels(model.backbone, prepare, batch, 'search'), *kernels)


def losses(model: SiamFCppNet, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the loss of a batch (see loss_of)."""
    cls, quality, ltrb = match(model, batch)
    return loss_of(cls, quality, ltrb, batch['box'], points_of(model, batch['box'].device))


def validate(model: SiamFCppNet, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge by IoU, and by hits told from misses."""
    def results() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for b in batches:
            cls, quality, ltrb = match(model, b)
            found = read_best(cls, quality, ltrb, points_of(model, b['box'].device))
            yield *found, b['box']
    report, _ = judge(results())
    return report['iou'] + report['auc'], report


NETWORK = Network(DEFAULTS, fields, make_model, make_sampler, losses, validate)
