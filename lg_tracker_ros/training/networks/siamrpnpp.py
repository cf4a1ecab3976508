"""
Train SiamRPN++ (Li et al., CVPR 2019), end to end above a frozen part of the backbone.

Labels and losses are those of SiamRPN (Li et al., CVPR 2018, section 3.4): anchors with IoU above
.6 are positive, below .3 negative; at most 16 positives and 64 in all of a pair; cross-entropy
plus 1.2 times smooth L1 (the figures are those of pysot/core/config.py). Of a pair without the
target 16 negatives are taken from the middle, where the look-alike is, as PySOT does.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping

from lg_tracker_ros.local.siamese.anchors import anchor_grid
from lg_tracker_ros.local.siamfcpp_net import plain
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNConstants, SiamRPNNet, VARIANTS
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.network import Batch, Field, Network, Sampler
from lg_tracker_ros.training.networks.siamese import (
    levels,
    load_backbone,
    pair_fields,
    pair_sampler,
    SiameseTraining,
)
from lg_tracker_ros.training.networks.validation import judge, overlap
import torch
from torch import Tensor
import torch.nn.functional as F

POSITIVE, NEGATIVE = 0.6, 0.3
MOST_POSITIVE, MOST = 16, 64
MIDDLE = 6
"""Cells from the middle within which the negatives of an absent target lie."""

BOX_WEIGHT = 1.2
DEFAULTS = SiameseTraining(batch=32, steps=20_000, rate=1e-3, patience=10, ema=0.999)


class AnchoredNet(SiamRPNNet):
    """The network with the constants of its anchors; its state dict is the network's."""

    def __init__(self, net: SiamRPNNet, constants: SiamRPNConstants) -> None:
        """Take the parts of ``net``."""
        super().__init__(net.backbone, net.neck, net.rpn_head, net.prepare)
        self.constants = constants

    def anchors(self, device: torch.device) -> Tensor:
        """Return x, y, w, h of every anchor in search pixels, K x 4, anchor-major."""
        center = torch.as_tensor(anchor_grid(self.constants), device=device)
        low = center[:, :2] + self.constants.instance / 2 - center[:, 2:] / 2
        return torch.cat([low, center[:, 2:]], dim=1)

    def to_input(self, images: Tensor) -> Tensor:
        """N x s x s x 3 uint8 BGR to what the backbone expects."""
        return plain(images) if self.prepare is None else self.prepare(plain(images))

    def match(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Run on a batch of crops: class logits, N x 2 x K, and offsets, N x 4 x K."""
        z, x = (self.adjusted(levels(self.backbone, self.to_input, batch, name))
                for name in ('template', 'search'))
        cls, loc = self.rpn_head(self.rpn_head.template(z), x)
        return cls.reshape(len(cls), 2, -1).float(), loc.reshape(len(loc), 4, -1).float()


def make_model(config: SiameseTraining) -> AnchoredNet:
    """Build the network on pretrained features; raises ValueError as load_backbone does."""
    make, constants = VARIANTS[config.backbone]
    net = AnchoredNet(make(), constants)
    load_backbone(net.backbone, config)
    return net


def fields(config: SiameseTraining) -> Mapping[str, Field]:
    """Describe a sample."""
    c = VARIANTS[config.backbone][1]
    return pair_fields(config, c.exemplar, c.instance)


def make_sampler(material: Material, config: SiameseTraining) -> Sampler:
    """Make pairs of the variant's sizes."""
    c = VARIANTS[config.backbone][1]
    return pair_sampler(material, config, c.exemplar, c.instance)


def encode(box: Tensor, anchors: Tensor) -> Tensor:
    """Offsets from K anchors to N boxes (x, y, w, h): N x 4 x K; siamrpnpp.decode undoes it."""
    side = anchors[:, 2:]
    move = (box[:, None, :2] + box[:, None, 2:] / 2 - anchors[:, :2] - side / 2) / side
    return torch.cat([move, torch.log(box[:, None, 2:] / side)], dim=2).transpose(1, 2)


def decode(loc: Tensor, anchors: Tensor) -> Tensor:
    """Boxes (x, y, w, h), N x K x 4, from offsets, N x 4 x K."""
    move, grow = loc.transpose(1, 2).split(2, dim=2)
    side = torch.exp(grow.clamp(-10, 10)) * anchors[:, 2:]
    return torch.cat([anchors[:, :2] + anchors[:, 2:] / 2 + move * anchors[:, 2:] - side / 2,
                      side], dim=2)


def draw(mask: Tensor, most: Tensor | int) -> Tensor:
    """Keep at most ``most`` (a number, or one for each row) of the true ones of a row, by lot."""
    lots = torch.rand(mask.shape, device=mask.device) * mask
    rank = lots.argsort(dim=1, descending=True).argsort(dim=1)
    return mask & (rank < torch.as_tensor(most, device=mask.device).reshape(-1, 1))


def anchor_labels(box: Tensor, anchors: Tensor, instance: int, stride: int
                  ) -> tuple[Tensor, Tensor]:
    """
    Draw positive and negative anchors, N x K each, for boxes N x 4 (nan: absent).

    ``instance`` is the side of the search crop, ``stride`` that of the anchors, in pixels. By
    PyTorch's own chance.
    """
    shared = overlap(anchors[None], box[:, None])
    absent = torch.isnan(box[:, :1])
    positive = draw(shared > POSITIVE, MOST_POSITIVE)
    off = (anchors[:, :2] + anchors[:, 2:] / 2 - instance / 2).abs().amax(1)
    negative = torch.where(absent, off <= MIDDLE * stride, shared < NEGATIVE)
    room = torch.where(absent[:, 0], MOST_POSITIVE, MOST - positive.sum(1))
    return positive, draw(negative, room)


def loss_of(cls: Tensor, loc: Tensor, box: Tensor, anchors: Tensor, positive: Tensor,
            negative: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Compute the loss of logits N x 2 x K and offsets N x 4 x K at the labelled anchors.

    Cross-entropy is averaged over positives and negatives apart, half each, so that the many
    negatives don't drown the others; smooth L1 over the positives.
    """
    some = [mask.sum().clamp(min=1) for mask in (positive, negative)]
    log = F.log_softmax(cls, dim=1)
    loss_cls = -0.5 * (log[:, 1][positive].sum() / some[0] + log[:, 0][negative].sum() / some[1])
    want = encode(box, anchors).transpose(1, 2)[positive]
    loss_box = F.smooth_l1_loss(loc.transpose(1, 2)[positive], want, reduction='sum') / some[0]
    return loss_cls + BOX_WEIGHT * loss_box, {'cls': loss_cls.detach(), 'box': loss_box.detach()}


def losses(model: AnchoredNet, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Label a batch and compute its loss (see loss_of)."""
    anchors, c = model.anchors(batch['box'].device), model.constants
    labels = anchor_labels(batch['box'], anchors, c.instance, c.stride)
    return loss_of(*model.match(batch), batch['box'], anchors, *labels)


def read_best(cls: Tensor, loc: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
    """Best box of each sample, N x 4 as x, y, w, h in search pixels, and its score in [0, 1]."""
    best, i = torch.softmax(cls, dim=1)[:, 1].max(1)
    boxes = decode(loc, anchors)
    return boxes[torch.arange(len(i), device=i.device), i], best


def validate(model: AnchoredNet, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge by IoU, and by hits told from misses."""
    def results() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for b in batches:
            yield *read_best(*model.match(b), model.anchors(b['box'].device)), b['box']
    report, _ = judge(results())
    return report['iou'] + report['auc'], report


NETWORK = Network(DEFAULTS, fields, make_model, make_sampler, losses, validate)
