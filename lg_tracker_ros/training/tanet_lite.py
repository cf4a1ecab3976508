"""
Train the onboard attention network's head on frozen features.

Cross-entropy and Dice only so far; Algorithm 1 (training/adversarial.py) takes any generator.
"""

from __future__ import annotations

from typing import Iterable

from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.redetect.correlation import SIDE
from lg_tracker_ros.redetect.regions import attention_boxes
from lg_tracker_ros.redetect.tanet_lite import part_covers
from lg_tracker_ros.redetect.tanet_lite_net import motion_cue, TanetLiteHead
from lg_tracker_ros.training.features import load_imagenet_backbone, TapsNet
from lg_tracker_ros.training.folders import Material
from lg_tracker_ros.training.network import Batch, Field, Network, Sample, Sampler, Training
from lg_tracker_ros.training.pairs import global_pair
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

CELLS = SIDE // 8
FIELDS = {'z8': Field((40, 16, 16)), 'z16': Field((112, 8, 8)), 'cover': Field((10, 8, 8)),
          'x8': Field((40, CELLS, CELLS)), 'x16': Field((112, CELLS // 2, CELLS // 2)),
          'motion': Field((CELLS, CELLS)), 'box': Field((4,), 'float32')}
DEFAULTS = Training(batch=16, steps=6000, warmup=1500, validate_every=300, capacity=14000)


def make_sampler(material: Material, config: Training) -> Sampler:
    """Make whole frames and take them through the frozen backbone."""
    engine = EngineConfig('cpu', 'auto', threads=1).resolve()
    net = TapsNet(load_imagenet_backbone())
    run_z = compile_network(net, [np.zeros((1, 128, 128, 3), np.uint8)], engine)
    run_x = compile_network(net, [np.zeros((1, SIDE, SIDE, 3), np.uint8)], engine)

    def sample(rng: np.random.Generator) -> Sample:
        pair = global_pair(rng, material, SIDE)
        z8, z16 = run_z(pair.template[None])
        x8, x16 = run_x(pair.frame[None])
        motion = motion_cue(torch.from_numpy(pair.frame[None]),
                            torch.from_numpy(pair.before[None]))
        b = pair.box
        return {'z8': z8[0], 'z16': z16[0], 'cover': part_covers(pair.target),
                'x8': x8[0], 'x16': x16[0], 'motion': motion.numpy()[0, 0],
                'box': np.array([b.x, b.y, b.w, b.h] if b else [np.nan] * 4)}
    return sample


def box_maps(box: Tensor) -> Tensor:
    """Share of each cell that the box covers (the paper's filled box), N x 40 x 40; nan: none."""
    edges = torch.arange(CELLS + 1, device=box.device) * (SIDE / CELLS)
    x, y, w, h = [v[:, None] for v in torch.nan_to_num(box, nan=-1e4).unbind(1)]

    def cover(low: Tensor, side: Tensor) -> Tensor:
        high = torch.minimum(edges[1:], low + side.clamp(min=0))
        return (high - torch.maximum(edges[:-1], low)).clamp(min=0) / (SIDE / CELLS)
    return cover(y, h)[:, :, None] * cover(x, w)[:, None, :]


def loss_of(logits: Tensor, want: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Full binary cross-entropy averaged over pixels, and Dice where there is a target."""
    bce = F.binary_cross_entropy_with_logits(logits, want, reduction='none').mean((1, 2))
    p = torch.sigmoid(logits)
    mass = want.sum((1, 2))
    dice = 1 - 2 * (p * want).sum((1, 2)) / (p.sum((1, 2)) + mass).clamp(min=1)
    present = (mass > 0).float()
    overlap = (dice * present).sum() / present.sum().clamp(min=1)
    return 10 * bce.mean() + overlap, {'bce': bce.mean().detach(), 'dice': overlap.detach()}


def predict(head: TanetLiteHead, b: Batch) -> Tensor:
    """Run the head on a batch; logits, N x 40 x 40."""
    return head(b['x8'], b['x16'], b['motion'][:, None],
                *head.template(b['z8'], b['z16'], b['cover']))


def losses(head: TanetLiteHead, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Compare the map with the box's."""
    return loss_of(predict(head, batch), box_maps(batch['box']))


def validate(head: TanetLiteHead, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Recall of the first and the first three proposals (centre inside the box), and the loss."""
    hits, loss, count, total = np.zeros(2), 0.0, 0, 0
    for b in batches:
        logits = predict(head, b)
        loss += loss_of(logits, box_maps(b['box']))[0].item() * len(logits)
        total += len(logits)
        for attention, box in zip(torch.sigmoid(logits).cpu().numpy(), b['box'].cpu().numpy()):
            if np.isnan(box[0]):
                continue
            found = attention_boxes(attention, (SIDE, SIDE), (box[2], box[3]), 3, 5 / 255)
            good = [bool(box[0] <= f.cx <= box[0] + box[2] and box[1] <= f.cy <= box[1] + box[3])
                    for f in found]
            hits += (any(good[:1]), any(good))
            count += 1
    r1, r3 = (float(h) / max(count, 1) for h in hits)
    return r1 + r3, {'loss': loss / total, 'r1': r1, 'r3': r3}


NETWORK = Network(DEFAULTS, lambda config: FIELDS, lambda config: TanetLiteHead(), make_sampler,
                  losses, validate)
