"""What the networks that predict attention maps share: true maps, losses, judging."""

from __future__ import annotations

from typing import Any, Callable, Iterable

from lg_tracker_ros.redetect.regions import attention_boxes
from lg_tracker_ros.training.networks.network import Batch
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
import torch.nn.functional as F

PixelLoss = Callable[[Tensor, Tensor], tuple[Tensor, dict[str, Tensor]]]
"""From logits and true maps, N x h x w, to the loss and its parts by name, detached."""


def box_row(boxes: Iterable[Any]) -> npt.NDArray[np.float32]:
    """Write boxes as rows of x, y, w, h; nan for None."""
    return np.array([[b.x, b.y, b.w, b.h] if b else [np.nan] * 4 for b in boxes], np.float32)


def who_is_asked_for(asked: Tensor) -> tuple[Tensor, Tensor]:
    """
    Fill the queries of each frame: which frame's, and which of its own, is in each place.

    ``asked`` is B x M, not 0 where a frame has a query of its own; the first it always has. The
    rest is filled with the first of the frame before, which isn't there: a place for what is
    absent. Returns two B x M tensors of indices.
    """
    row = torch.arange(len(asked), device=asked.device)[:, None]
    column = torch.arange(asked.shape[1], device=asked.device)[None]
    own = asked != 0
    return torch.where(own, row, (row - 1) % len(asked)), torch.where(own, column, 0)


def fewer_asked(b: Batch, names: Iterable[str], most: int) -> Batch:
    """Leave out, of each frame, the queries beyond ``most``; ``names`` have a row for each."""
    return {**b, **{name: b[name][:, :most] for name in names if name in b}}


def box_maps(box: Tensor, side: int, cells: int) -> Tensor:
    """
    Compute the share of each cell that a box covers (the paper's filled box).

    ``box`` is ... x 4, in a frame of ``side`` pixels; nan: absent. Returns ... x cells x cells.
    """
    edges = torch.arange(cells + 1, device=box.device) * (side / cells)
    x, y, w, h = [v[..., None] for v in torch.nan_to_num(box, nan=-1e4).unbind(-1)]

    def cover(low: Tensor, length: Tensor) -> Tensor:
        high = torch.minimum(edges[1:], low + length.clamp(min=0))
        return (high - torch.maximum(edges[:-1], low)).clamp(min=0) / (side / cells)
    return cover(y, h)[..., :, None] * cover(x, w)[..., None, :]


def cross_entropy(logits: Tensor, want: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """
    Binary cross-entropy, both terms, averaged over pixels: a PixelLoss.

    TANet's Eq. 2 has only the term of the target's pixels, which a map of ones would minimise.
    """
    bce = F.binary_cross_entropy_with_logits(logits, want)
    return bce, {'bce': bce.detach()}


def cross_entropy_and_dice(logits: Tensor, want: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Ten times the cross-entropy, and Dice where there is a target: a PixelLoss."""
    bce, parts = cross_entropy(logits, want)
    p = torch.sigmoid(logits)
    mass = want.sum((1, 2))
    dice = 1 - 2 * (p * want).sum((1, 2)) / (p.sum((1, 2)) + mass).clamp(min=1)
    present = (mass > 0).float()
    overlap = (dice * present).sum() / present.sum().clamp(min=1)
    return 10 * bce + overlap, {**parts, 'dice': overlap.detach()}


def judge_maps(found: Iterable[tuple[Tensor, Tensor]], side: int, loss: PixelLoss
               ) -> tuple[float, dict[str, float]]:
    """
    Judge logits, N x h x w, against boxes, N x 4 in a frame of ``side`` pixels, a batch at a time.

    Returns r1 + r3 and a report: ``r1`` and ``r3`` are the shares of frames with a target in
    which the centre of the first, or of one of the first three proposals lies in the box.
    """
    hits, total, count, present = np.zeros(2), 0.0, 0, 0
    for logits, boxes in found:
        total += loss(logits, box_maps(boxes, side, logits.shape[-1]))[0].item() * len(logits)
        count += len(logits)
        for attention, box in zip(torch.sigmoid(logits).cpu().numpy(), boxes.cpu().numpy()):
            if np.isnan(box[0]):
                continue
            ranked = attention_boxes(attention, (side, side), (box[2], box[3]), 3, 5 / 255)
            good = [bool(box[0] <= f.cx <= box[0] + box[2] and box[1] <= f.cy <= box[1] + box[3])
                    for f in ranked]
            hits += (any(good[:1]), any(good))
            present += 1
    r1, r3 = (float(h) / max(present, 1) for h in hits)
    return r1 + r3, {'loss': total / max(count, 1), 'r1': r1, 'r3': r3}
