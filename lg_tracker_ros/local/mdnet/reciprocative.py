"""
Reciprocative learning (DAT, Pu et al. 2018): the attention of a classifier, and what it should be.

The attention of a score is its gradient by feature maps, squared and summed over channels, as in
the authors' code; the paper has the gradient's positive part.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-30
"""Of a variance: below it the deviation, which has no derivative at 0, is taken for constant."""


def attention(scores: Tensor, maps: Tensor, create_graph: bool = True) -> Tensor:
    """
    Compute what ``scores`` (N) look at in ``maps`` (N x C x h x w, they were made of): N x h x w.

    Without ``create_graph`` nothing can be learned from it.
    """
    gradient, = torch.autograd.grad(scores.sum(), maps, create_graph=create_graph,
                                    retain_graph=True)
    return gradient.square().sum(1)


def spread_and_mean(attention: Tensor) -> tuple[Tensor, Tensor]:
    """
    Sum deviations and means of maps, N x h x w, over a batch.

    Both in units of the batch's mean, for squares of small gradients underflow.
    """
    a = attention / attention.detach().mean().clamp(min=torch.finfo(attention.dtype).tiny)
    mean = a.mean((1, 2))
    variance = (a - mean[:, None, None]).square().mean((1, 2))
    return variance.clamp(min=LEAST).sqrt().sum(), mean.sum()


def regularizer(positives: tuple[Tensor, Tensor], negatives: tuple[Tensor, Tensor]) -> Tensor:
    """
    Compute R of DAT's equations 3 and 4 from attention maps, each N x h x w.

    Both are the attention of the score of the target and of that of the background:
    on positives the former should be even and the latter peaked, on negatives the other way
    round. The ratios are those of sums over a batch, as in the authors' code.
    """
    (p_spread, p_mean), (n_spread, n_mean) = map(spread_and_mean, positives)
    (q_spread, q_mean), (m_spread, m_mean) = map(spread_and_mean, negatives)
    return p_spread / p_mean + n_mean / n_spread + q_mean / q_spread + m_spread / m_mean
