"""Train the pixel-wise tracker's head on frozen features."""

from __future__ import annotations

from typing import Iterable

from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.local.pixelwise_net import GRID, PixelwiseHead, SEARCH, STRIDE
from lg_tracker_ros.training.features import load_imagenet_backbone, TapsNet
from lg_tracker_ros.training.network import Batch, Field, Network, Sample, Sampler, Training
from lg_tracker_ros.training.pairs import local_pair, Material
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
import torch.nn.functional as F

FIELDS = {'z16': Field((112, 8, 8)), 'inside': Field((8, 8), 'float32'),
          'x8': Field((40, 32, 32)), 'x16': Field((112, 16, 16)), 'box': Field((4,), 'float32')}
DEFAULTS = Training(batch=32, steps=9000, capacity=24000)


def make_sampler(material: Material, config: Training) -> Sampler:
    """Make pairs of crops and take them through the frozen backbone."""
    engine = EngineConfig('cpu', 'auto', threads=1).resolve()
    net = TapsNet(load_imagenet_backbone())
    z = np.zeros((1, 128, 128, 3), np.uint8)
    x = np.zeros((1, SEARCH, SEARCH, 3), np.uint8)
    run_z, run_x = compile_network(net, [z], engine), compile_network(net, [x], engine)

    def sample(rng: np.random.Generator) -> Sample:
        pair = local_pair(rng, material)
        _, z16 = run_z(pair.template[None])
        x8, x16 = run_x(pair.search[None])
        b = pair.box
        return {'z16': z16[0], 'inside': pair.inside, 'x8': x8[0], 'x16': x16[0],
                'box': np.array([b.x, b.y, b.w, b.h] if b else [np.nan] * 4)}
    return sample


def targets(box: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """
    Make labels from boxes in search pixels, N x 4 (nan: absent).

    Returns positive cells and cells that count for classification, N x g x g, and l, t, r, b,
    N x 4 x g x g. Positives lie in the middle of the box; the ring between middle and border
    counts for nothing.
    """
    c = (torch.arange(GRID, device=box.device) + 0.5) * STRIDE
    x, y, w, h = [v[:, None, None] for v in box.unbind(1)]
    ltrb = torch.stack([(c[None, None, :] - x).expand(-1, GRID, -1),
                        (c[None, :, None] - y).expand(-1, -1, GRID),
                        (x + w - c[None, None, :]).expand(-1, GRID, -1),
                        (y + h - c[None, :, None]).expand(-1, -1, GRID)], dim=1)
    dx = (c[None, None, :] - x - w / 2).abs()
    dy = (c[None, :, None] - y - h / 2).abs()
    middle = (dx <= torch.clamp(w * 0.25, min=STRIDE * 0.6)) & \
             (dy <= torch.clamp(h * 0.25, min=STRIDE * 0.6))
    inside = (dx < w / 2) & (dy < h / 2)
    positive = middle & (ltrb.amin(1) > 0.5)
    return positive, positive | ~inside, ltrb


def giou(p: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Compute IoU and generalised IoU of l, t, r, b at the same points; K x 4 each."""
    area_p = (p[:, 0] + p[:, 2]) * (p[:, 1] + p[:, 3])
    area_t = (t[:, 0] + t[:, 2]) * (t[:, 1] + t[:, 3])
    low, high = torch.minimum(p, t), torch.maximum(p, t)
    inter = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    union = area_p + area_t - inter
    value = inter / union
    return value, value - (hull - union) / hull


def losses(head: PixelwiseHead, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Focal classification + BCE of quality against IoU + GIoU of the box."""
    tpl = head.template(batch['z16'], batch['inside'][:, None])
    cls, quality, ltrb = head(batch['x8'], batch['x16'], *tpl)
    positive, counts, want = targets(batch['box'])
    absent = torch.isnan(batch['box'][:, 0])
    positive = positive & ~absent[:, None, None]
    counts = counts | absent[:, None, None]
    p = torch.sigmoid(cls)
    label = positive.float()
    focal = F.binary_cross_entropy_with_logits(cls, label, reduction='none')
    focal = focal * (label - p).abs() ** 2 * counts
    n = positive.sum().clamp(min=1)
    loss_cls = focal.sum() / n
    where = positive.nonzero(as_tuple=True)
    got = ltrb.permute(0, 2, 3, 1)[where]
    value, general = giou(got, want.permute(0, 2, 3, 1)[where])
    loss_box = (1 - general).sum() / n
    loss_q = F.binary_cross_entropy_with_logits(quality[where], value.detach(),
                                                reduction='sum') / n
    return 4 * loss_cls + 2 * loss_box + loss_q, {
        'cls': loss_cls.detach(), 'box': loss_box.detach(), 'q': loss_q.detach(),
        'iou': value.detach().sum() / n}


def read_best(cls: Tensor, quality: Tensor, ltrb: Tensor) -> tuple[Tensor, Tensor]:
    """Best box of each sample, N x 4 as x, y, w, h in search pixels, and its score in [0, 1]."""
    score = torch.sqrt(torch.sigmoid(cls) * torch.sigmoid(quality)).flatten(1)
    best, i = score.max(1)
    side = ltrb.flatten(2).gather(2, i[:, None, None].expand(-1, 4, 1))[..., 0]
    cx = (i % GRID + 0.5) * STRIDE
    cy = (torch.div(i, GRID, rounding_mode='floor') + 0.5) * STRIDE
    return torch.stack([cx - side[:, 0], cy - side[:, 1], side[:, 0] + side[:, 2],
                        side[:, 1] + side[:, 3]], dim=1), best


def measure(head: PixelwiseHead, batches: Iterable[Batch]
            ) -> tuple[dict[str, float], npt.NDArray[np.float64]]:
    """
    Measure IoU and hits on held-out samples, and give (score, IoU) of each, N x 2; -1: absent.

    ``auc`` is how well the score tells hits (IoU > .5) from misses and absent targets.
    """
    rows = []
    for batch in batches:
        tpl = head.template(batch['z16'], batch['inside'][:, None])
        boxes, score = read_best(*head(batch['x8'], batch['x16'], *tpl))
        low = torch.maximum(boxes[:, :2], batch['box'][:, :2])
        high = torch.minimum(boxes[:, :2] + boxes[:, 2:],
                             batch['box'][:, :2] + batch['box'][:, 2:])
        inter = (high - low).clamp(min=0).prod(1)
        union = boxes[:, 2:].prod(1) + batch['box'][:, 2:].prod(1) - inter
        rows.append(torch.stack([score, torch.nan_to_num(inter / union, nan=-1.0)], dim=1))
    table = torch.cat(rows).double().cpu().numpy()
    score, value = table.T
    present = value >= 0
    good, bad = score[value > 0.5], score[value <= 0.5]
    auc = float((good[:, None] > bad[None, :]).mean()) if len(good) and len(bad) else 0.0
    return {'iou': float(value[present].mean()), 'hit': float((value[present] > 0.5).mean()),
            'auc': auc}, table


def validate(head: PixelwiseHead, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """Judge by IoU, and by hits told from misses."""
    report, _ = measure(head, batches)
    return report['iou'] + report['auc'], report


NETWORK = Network(DEFAULTS, lambda config: FIELDS, lambda config: PixelwiseHead(), make_sampler,
                  losses, validate)
