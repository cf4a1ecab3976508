"""Cross-correlations of feature maps."""

from __future__ import annotations

from torch import Tensor
import torch.nn.functional as F


def xcorr_depthwise(x: Tensor, kernel: Tensor) -> Tensor:
    """
    Correlate each channel of ``x`` with the same channel of ``kernel``, without padding.

    ``x`` is B x C x H x W; ``kernel`` is B x C x h x w, or 1 x C x h x w for the whole batch.
    """
    b, c, h, w = x.shape
    if kernel.shape[0] == 1:
        return F.conv2d(x, kernel.transpose(0, 1), groups=c)
    out = F.conv2d(x.reshape(1, b * c, h, w), kernel.reshape(b * c, 1, *kernel.shape[2:]),
                   groups=b * c)
    return out.reshape(b, c, *out.shape[2:])
