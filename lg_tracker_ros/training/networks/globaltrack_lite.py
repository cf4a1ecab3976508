"""
Train the light GlobalTrack's head above the frozen backbone, with the cross-query loss.

Of every frame several things are asked for (GlobalTrack, Huang et al., 2020, section 3.4), each
on the same features; their losses are averaged. A map that doesn't change with the query can't
do well then: who is the target of one query is a look-alike of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Iterable

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.boxes import scale
from lg_tracker_ros.checkpoint import shared_backbone
from lg_tracker_ros.redetect.globaltrack.lite import best_boxes, query_crops, shrunk
from lg_tracker_ros.redetect.globaltrack.lite_net import (
    CROPS,
    decoded,
    HEIGHT,
    Query,
    QueryHead,
    STRIDE,
    WIDTH,
)
from lg_tracker_ros.redetect.tanet_lite_net import motion_cue
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.networks.maps import box_row, fewer_asked, who_is_asked_for
from lg_tracker_ros.training.networks.network import (
    Batch,
    Field,
    Network,
    Sample,
    Sampler,
    Training,
)
from lg_tracker_ros.training.samples.crops import drawn_by_hand
from lg_tracker_ros.training.samples.queries import query_clip
from lg_tracker_ros.vision.normalise import normalize
import numpy as np
import torch
from torch import nn, Tensor
import torch.nn.functional as F

H, W = HEIGHT // STRIDE, WIDTH // STRIDE
SMALL = 24 * WIDTH / 640
"""Side in the network's frame of a target that is reported as a small one."""
ZOOM = math.log(2)
"""Bound of the logarithm of the size's change between query and frame."""


@dataclass(frozen=True)
class QueryTraining(Training):
    """
    Training with several queries a frame.

    ``queries``: at most so many of each frame, 1: the target alone (no cross-query loss).
    ``ranking`` weighs the share that the target's place has in a softmax over the frame, ``boxes``
    the boxes. Raises ValueError for what can't be.
    """

    queries: int = 4
    ranking: float = 0.3
    boxes: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what can't be trained."""
        if self.queries < 1:
            raise ValueError(f'queries must be at least 1, got {self.queries}')


DEFAULTS = QueryTraining(batch=32, steps=12_000, rate=1.5e-3, ema=0.998, held_out=240,
                         validate_every=1000, capacity=9000, warmup=1000, timed=True)


def fields(config: QueryTraining) -> dict[str, Field]:
    """Describe a sample: a frame, and the crops and boxes of what is asked for."""
    n = config.queries
    return {'frame': Field((HEIGHT, WIDTH, 3), 'uint8'), 'motion': Field((1, H, W)),
            'crops': Field((n, CROPS, 128, 128, 3), 'uint8'),
            'cover': Field((n, CROPS, 10, 8, 8)), 'size': Field((n, 2), 'float32'),
            'box': Field((n, 4), 'float32'), 'asked': Field((n,), 'uint8')}


def make_sampler(material: Material, config: QueryTraining) -> Sampler:
    """Make frames, and the crops of what is asked for as ``init`` would cut them."""
    def sample(rng: np.random.Generator) -> Sample:
        clip = query_clip(rng, material, config.queries)
        small, before, now = shrunk(clip.first), shrunk(clip.before), shrunk(clip.now)
        row = {name: np.zeros(f.shape, f.dtype) for name, f in fields(config).items()}
        row['box'] += np.nan
        row['frame'] = now
        row['motion'] = motion_cue(*(torch.from_numpy(f)[None] for f in (now, before)))[0].numpy()
        for i, asked in enumerate(clip.asked):
            zoom = math.exp(np.clip(rng.normal(0, 0.35), -ZOOM, ZOOM))
            row['crops'][i], row['cover'][i], row['size'][i] = query_crops(
                clip.first, small, drawn_by_hand(rng, asked.first), zoom)
            row['asked'][i] = 1
            row['box'][i] = box_row([asked.now and scale(
                asked.now, WIDTH / clip.now.shape[1], HEIGHT / clip.now.shape[0])])[0]
        return row
    return sample


class QueryModel(nn.Module):
    """The head, and the frozen backbone, which is no part of what is trained or kept."""

    def __init__(self, config: QueryTraining) -> None:
        """Begin with random weights of the head."""
        super().__init__()
        self.config, self.head = config, QueryHead()
        self._backbone: list[EfficientNetLite0] = []

    def taps(self, images: Tensor) -> list[Tensor]:
        """Take N x h x w x 3 uint8 through the backbone, on their device."""
        if not self._backbone:
            self._backbone.append(shared_backbone().to(images.device))
        with torch.no_grad():
            return self._backbone[0](normalize(images))


def head_of(model: QueryModel) -> QueryHead:
    """Give the part that is used after training."""
    return model.head


def ask(model: QueryModel, b: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """
    Ask for everything in every frame of a batch.

    Where fewer things are known of a frame than its sample has room for, the target of the frame
    before is asked for, which isn't there. Returns maps, B·M x 5 x h x w, the queries' sizes,
    B·M x 2, and the boxes, B·M x 4 (nan: not there).
    """
    n, m = b['box'].shape[:2]
    frame, number = who_is_asked_for(b['asked'])
    z8, z16 = (z.unflatten(0, (n, m, CROPS)) for z in model.taps(b['crops'].flatten(0, 2)))
    query: Query = model.head.template(*(v[frame, number].flatten(0, 1) for v in (
        z8, z16, b['cover'], b['size'])))
    features = model.head.features(*model.taps(b['frame']))
    a, b8, c, d, e, f, motion = (v.repeat_interleave(m, 0) for v in (*features, b['motion']))
    maps = model.head.answer((a, b8, c, d, e, f), motion, query)
    return maps.float(), query[3], b['box'].flatten(0, 1)


def where(box: Tensor) -> tuple[Tensor, Tensor]:
    """
    Say how true each cell is, N x h x w: a bump on the box, and its middle (0 or 1).

    ``box`` is N x 4 in pixels of the frame; nan: nothing there.
    """
    x, y = (STRIDE * (torch.arange(k, device=box.device) + 0.5) for k in (W, H))
    dx = (x - (box[:, 0] + box[:, 2] / 2)[:, None])[:, None]
    dy = (y - (box[:, 1] + box[:, 3] / 2)[:, None])[:, :, None]
    w, h = box[:, 2, None, None], box[:, 3, None, None]
    bump = torch.exp(-0.5 * ((dx / (0.2 * w).clamp(min=3)) ** 2
                             + (dy / (0.2 * h).clamp(min=3)) ** 2))
    middle = (dx.abs() <= (w / 5).clamp(min=STRIDE / 2)) & (
        dy.abs() <= (h / 5).clamp(min=STRIDE / 2))
    return torch.nan_to_num(bump), middle.float()


def giou(found: Tensor, box: Tensor) -> Tensor:
    """
    Compute the generalised IoU (Rezatofighi et al., 2019) of each place's box: N x h x w.

    ``found``: N x 4 x h x w, centre and sides; ``box``: N x 4, x, y, w, h.
    """
    low, high = found[:, :2] - found[:, 2:] / 2, found[:, :2] + found[:, 2:] / 2
    want = box[:, :2, None, None], (box[:, :2] + box[:, 2:])[:, :, None, None]
    inter = (torch.minimum(high, want[1]) - torch.maximum(low, want[0])).clamp(min=0).prod(1)
    union = found[:, 2:].prod(1) + box[:, 2:].prod(1)[:, None, None] - inter
    hull = (torch.maximum(high, want[1]) - torch.minimum(low, want[0])).prod(1)
    return inter / union - (hull - union) / hull


def losses(model: QueryModel, batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Average over all queries: scores, the target's rank in its frame, its box.

    Scores: quality focal loss (Li et al., 2020) against a bump on the target. Samples that were
    made for more queries than are wanted give the first of them.
    """
    c = model.config
    maps, size, box = ask(model, fewer_asked(
        batch, ('crops', 'cover', 'size', 'box', 'asked'), c.queries))
    bump, middle = where(box)
    logits = maps[:, 0]
    off = (torch.sigmoid(logits) - bump) ** 2
    score = (off * F.binary_cross_entropy_with_logits(logits, bump, reduction='none')
             ).sum((1, 2)) / bump.sum((1, 2)).clamp(min=1)
    there = middle.sum((1, 2)) > 0
    count = there.sum().clamp(min=1)
    low = torch.finfo(logits.dtype).min
    rank = (torch.logsumexp(logits.flatten(1), 1)
            - torch.logsumexp(logits.flatten(1).masked_fill(middle.flatten(1) == 0, low), 1))
    rank = torch.where(there, rank, 0).sum() / count
    misfit = 1 - giou(decoded(maps, size), torch.nan_to_num(box, nan=1.0))
    fit = (misfit * middle).sum((1, 2)) / middle.sum((1, 2)).clamp(min=1)
    fit = fit.sum() / count
    loss = score.mean() + c.ranking * rank + c.boxes * fit
    return loss, {'score': score.mean().detach(), 'rank': rank.detach(), 'box': fit.detach()}


def validate(model: QueryModel, batches: Iterable[Batch]) -> tuple[float, dict[str, float]]:
    """
    Judge proposals: ``r1`` and ``r3`` are how often one of the first lies on what was asked for.

    ``small``: r1 of those below 24 px in 640; ``iou``: the mean of right first boxes; ``told``:
    the mean score of what is there less that of what isn't. The quality is r1 + r3 + iou / 2.
    """
    hits: list[tuple[bool, bool]] = []
    small: list[bool] = []
    overlaps: list[float] = []
    scores: tuple[list[float], list[float]] = [], []
    for b in batches:
        for i in range(0, len(b['box']), 16):
            maps, size, boxes = ask(model, {k: v[i:i + 16] for k, v in b.items()})
            score, read = torch.sigmoid(maps[:, 0]).cpu().numpy(), decoded(maps, size)
            for s, r, box in zip(score, read.cpu().numpy(), boxes.cpu().numpy()):
                ranked = [f for _, f in best_boxes(s, r, 3, 0.0)]
                scores[int(np.isnan(box[0]))].append(float(s.max()))
                if np.isnan(box[0]):
                    continue
                good = [box[0] <= f.cx <= box[0] + box[2] and box[1] <= f.cy <= box[1] + box[3]
                        for f in ranked]
                hits.append((any(good[:1]), any(good)))
                if math.sqrt(box[2] * box[3]) < SMALL:
                    small.append(hits[-1][0])
                if good and good[0]:
                    f = ranked[0]
                    inner = (max(min(f.x + f.w, box[0] + box[2]) - max(f.x, box[0]), 0)
                             * max(min(f.y + f.h, box[1] + box[3]) - max(f.y, box[1]), 0))
                    overlaps.append(inner / (f.w * f.h + box[2] * box[3] - inner))
    r1, r3 = (float(v) for v in np.mean(hits, 0)) if hits else (0.0, 0.0)
    mean = [float(np.mean(v)) if v else 0.0 for v in (overlaps, small, *scores)]
    return r1 + r3 + mean[0] / 2, {'r1': r1, 'r3': r3, 'iou': mean[0], 'small': mean[1],
                                   'told': mean[2] - mean[3]}


NETWORK = Network(DEFAULTS, fields, make_model=QueryModel, make_sampler=make_sampler,
                  losses=losses, validate=validate, shipped=head_of, seen=('ImageNet/*',))
