"""Labels, losses and reading of anchor-free maps: what ``pixelwise`` and ``siamfcpp`` share."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F


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
