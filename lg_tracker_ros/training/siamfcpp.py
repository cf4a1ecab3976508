"""Train the anchor-free tracker with depth-wise correlation, end to end above a frozen part."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping

from lg_tracker_ros.local.siamfcpp_net import SiamFCppNet, VARIANTS
from lg_tracker_ros.training.network import Batch, Field, Network, Sampler
from lg_tracker_ros.training.pairs import Material
from lg_tracker_ros.training.pixelwise import giou
from lg_tracker_ros.training.siamese import (
    judge,
    load_backbone,
    pair_fields,
    pair_sampler,
    SiameseTraining,
)
import torch
from torch import Tensor
import torch.nn.functional as F

DEFAULTS = SiameseTraining(batch=32, steps=20_000, rate=1e-3, patience=10, ema=0.999)


def make_model(config: SiameseTraining) -> SiamFCppNet:
    """Build the network on pretrained features; raises ValueError as load_backbone does."""
    net = SiamFCppNet(VARIANTS[config.backbone])
    load_backbone(net.backbone, config)
    return net


def fields(config: SiameseTraining) -> Mapping[str, Field]:
    """Describe a sample."""
    grid = VARIANTS[config.backbone].grid
    return pair_fields(grid.exemplar, grid.instance)


def make_sampler(material: Material, config: SiameseTraining) -> Sampler:
    """Make pairs of the variant's sizes."""
    grid = VARIANTS[config.backbone].grid
    return pair_sampler(material, config, grid.exemplar, grid.instance)


def targets(box: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """
    Make labels from boxes in search pixels, N x 4 (nan: absent), at g x g ``points`` (g, pixels).

    Returns positive points and those that count for classification, N x g x g, and l, t, r, b,
    N x 4 x g x g. Positive is the middle of the box (half of each side, and never less than the
    nearest point); between middle and border nothing is said. Where the target is absent every
    point counts, none is positive.
    """
    stride = points[1] - points[0]
    x, y, w, h = [v[:, None, None] for v in box.unbind(1)]
    px, py = points[None, None, :], points[None, :, None]
    one = torch.ones(len(box), len(points), len(points), device=box.device)
    ltrb = torch.stack([(px - x) * one, (py - y) * one, (x + w - px) * one, (y + h - py) * one],
                       dim=1)
    dx, dy = (px - x - w / 2).abs(), (py - y - h / 2).abs()
    middle = (dx <= torch.clamp(w / 4, min=0.6 * stride)) & \
             (dy <= torch.clamp(h / 4, min=0.6 * stride))
    inside = (dx < w / 2) & (dy < h / 2)
    # comparing with nan is false: an absent target is nowhere
    positive = middle & (ltrb.amin(1) > 0.5)
    return positive, positive | ~inside, ltrb


def loss_of(cls: Tensor, quality: Tensor, ltrb: Tensor, box: Tensor, points: Tensor
            ) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Focal loss of classification, GIoU of the box, cross-entropy of quality against the IoU.

    The maps as SiamFCppNet.forward gives them; sums over points are divided by the positives.
    """
    positive, counts, want = targets(box, points)
    label = positive.float()
    focal = F.binary_cross_entropy_with_logits(cls, label, reduction='none')
    focal = focal * (label - torch.sigmoid(cls)).abs() ** 2 * counts
    n = positive.sum().clamp(min=1)
    loss_cls = focal.sum() / n
    where = positive.nonzero(as_tuple=True)
    value, general = giou(ltrb.permute(0, 2, 3, 1)[where].float(),
                          want.permute(0, 2, 3, 1)[where])
    loss_box = (1 - general).sum() / n
    loss_q = F.binary_cross_entropy_with_logits(quality[where].float(), value.detach(),
                                                reduction='sum') / n
    return 4 * loss_cls + 2 * loss_box + loss_q, {
        'cls': loss_cls.detach(), 'box': loss_box.detach(), 'quality': loss_q.detach(),
        'iou': value.detach().sum() / n}


def points_of(model: SiamFCppNet, device: torch.device) -> Tensor:
    """Return the columns of the maps in search pixels (g)."""
    return torch.as_tensor(model.variant.grid.points, dtype=torch.float32, device=device)


def losses(model: SiamFCppNet, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the loss of a batch (see loss_of)."""
    cls, quality, ltrb = model(batch['search'], *model.template(batch['template']))
    return loss_of(cls, quality, ltrb, batch['box'], points_of(model, batch['box'].device))


def read_best(cls: Tensor, quality: Tensor, ltrb: Tensor, points: Tensor
              ) -> tuple[Tensor, Tensor]:
    """Best box of each sample, N x 4 as x, y, w, h in search pixels, and its score in [0, 1]."""
    score = torch.sqrt(torch.sigmoid(cls) * torch.sigmoid(quality)).flatten(1)
    best, i = score.max(1)
    left, top, right, bottom = ltrb.flatten(2).gather(
        2, i[:, None, None].expand(-1, 4, 1))[..., 0].unbind(1)
    x = points[i % len(points)]
    y = points[torch.div(i, len(points), rounding_mode='floor')]
    return torch.stack([x - left, y - top, left + right, top + bottom], dim=1), best


def validate(model: SiamFCppNet, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge by IoU, and by hits told from misses."""
    def results() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for b in batches:
            cls, quality, ltrb = model(b['search'], *model.template(b['template']))
            found = read_best(cls, quality, ltrb, points_of(model, b['box'].device))
            yield *found, b['box']
    report, _ = judge(results())
    return report['iou'] + report['auc'], report


NETWORK = Network(DEFAULTS, fields, make_model, make_sampler, losses, validate)
