"""
The light anchor-free network: pixel-wise correlation and a small head.

Pixel-wise correlation as in PG-Net (Liao et al. 2020) and Alpha-Refine (Yan et al. 2021): each
cell of the template is a 1 x 1 kernel; classification x quality and l, t, r, b at each cell as in
SiamFC++ (Xu et al. 2020). The backbone stays frozen, so training needs its features only.
"""

from __future__ import annotations

from typing import cast, Sequence

from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0
from lg_tracker_ros.vision.cells import CELLS, STRIDE
from lg_tracker_ros.vision.layers import conv3
from lg_tracker_ros.vision.normalise import normalize
import torch
from torch import nn, Tensor
import torch.nn.functional as F


class PixelwiseHead(nn.Module):
    """
    Everything above the backbone, once.

    ``template`` turns the template's features into three tensors; ``forward`` matches search
    features against them.
    """

    def __init__(self, width: int = 80, embed: int = 64) -> None:
        """Make the head; ``embed`` is the matching space, ``width`` that of trunk and towers."""
        super().__init__()
        self.embed = nn.Conv2d(112, embed, 1)
        self.fine = nn.Sequential(nn.Conv2d(40, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32))
        self.look = nn.Sequential(nn.Conv2d(112, 48, 1, bias=False), nn.BatchNorm2d(48))
        self.match = nn.Sequential(nn.Conv2d(CELLS + 2, 64, 1, bias=False), nn.BatchNorm2d(64))
        self.gate = nn.Linear(embed, 48 + 32)
        self.mix = nn.Sequential(nn.Conv2d(64 + 48 + 32, width, 1, bias=False),
                                 nn.BatchNorm2d(width), nn.ReLU(inplace=True))
        self.trunk = nn.Sequential(conv3(width), conv3(width))
        last = nn.Conv2d(width, 2, 1)
        if last.bias is not None:
            nn.init.constant_(last.bias, -2.0)  # most cells are not the target
        self.cls = nn.Sequential(conv3(width), last)
        self.box = nn.Sequential(conv3(width), nn.Conv2d(width, 4, 1))
        self.scale = nn.Parameter(torch.tensor(8.0))

    def template(self, z16: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Turn template features into what ``forward`` wants.

        ``z16``: N x 112 x 8 x 8; ``inside``: N x 1 x 8 x 8, the share of each cell that the
        target's box covers. Returns kernels N x 64 x embed (unit length), and the mean embedding
        of target and surround, N x embed each.
        """
        z = F.normalize(self.embed(z16), dim=1)
        fg = (z * inside).sum((2, 3)) / inside.sum((2, 3)).clamp(min=1e-3)
        outside = 1 - inside
        bg = (z * outside).sum((2, 3)) / outside.sum((2, 3)).clamp(min=1e-3)
        return z.flatten(2).transpose(1, 2), fg, bg

    def forward(self, x8: Tensor, x16: Tensor, kernels: Tensor, fg: Tensor,
                bg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """
        Match search features against the template's.

        ``x8``: N x 40 x 2g x 2g, ``x16``: N x 112 x g x g; the template's tensors have N or 1
        rows. Returns classification logits and quality logits, N x g x g each, and l, t, r, b in
        search pixels, N x 4 x g x g.
        """
        x = F.normalize(self.embed(x16), dim=1)
        g = x.shape[3]
        queries = torch.cat([kernels, F.normalize(fg, dim=1)[:, None],
                             F.normalize(bg, dim=1)[:, None]], dim=1)
        corr = torch.matmul(queries, x.flatten(2)).reshape(-1, CELLS + 2, g, g)
        gates = torch.sigmoid(self.gate(fg))[:, :, None, None]
        parts = torch.cat([self.look(x16), self.fine(x8)], dim=1) * gates
        h = self.trunk(self.mix(torch.cat([self.match(corr * self.scale), parts], dim=1)))
        scores = self.cls(h)
        # exp keeps sides positive; the clamp keeps an untrained head finite
        ltrb = torch.exp(self.box(h).clamp(-4, 4)) * (2 * STRIDE)
        return scores[:, 0], scores[:, 1], ltrb


class PixelwiseHeads(nn.Module):
    """
    Heads that were trained apart and answer as one.

    What a single training run happens to get wrong averages out (Lakshminarayanan et al. 2017),
    and the costly part, the backbone, is shared.
    """

    def __init__(self, count: int = 1, embed: int = 64) -> None:
        """Make ``count`` heads; ``embed`` is the matching space of each."""
        super().__init__()
        self.heads = cast('Sequence[PixelwiseHead]', nn.ModuleList(
            PixelwiseHead(embed=embed) for _ in range(count)))
        self.channels = count * embed

    def template(self, z16: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give what each head's ``template`` does, side by side along the embedding."""
        parts = zip(*(head.template(z16, inside) for head in self.heads))
        kernels, fg, bg = (torch.cat(part, dim=-1) for part in parts)
        return kernels, fg, bg

    def each(self, x8: Tensor, x16: Tensor, kernels: Tensor, fg: Tensor,
             bg: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Match with each head by itself; arguments and results as PixelwiseHead.forward's."""
        # by a number, not by the tensors' shapes: so exported shapes are fixed
        width = self.channels // len(self.heads)
        own = zip(*(torch.split(t, width, dim=-1) for t in (kernels, fg, bg)))
        return [head(x8, x16, *template) for head, template in zip(self.heads, own)]

    def forward(self, x8: Tensor, x16: Tensor, kernels: Tensor, fg: Tensor,
                bg: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Match with all heads: the means of logits, and of the logarithms of l, t, r, b."""
        cls, quality, ltrb = (torch.stack(part) for part in zip(
            *self.each(x8, x16, kernels, fg, bg)))
        return cls.mean(0), quality.mean(0), ltrb.log().mean(0).exp()


class TemplateNet(nn.Module):
    """Template image and its box mask to the template's tensors; what an engine runs once."""

    def __init__(self, backbone: EfficientNetLite0, head: PixelwiseHeads) -> None:
        """Share backbone and head with the search network."""
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """1 x 128 x 128 x 3 uint8 and 1 x 1 x 8 x 8 to kernels, fg, bg."""
        return self.head.template(self.backbone(normalize(image))[1], inside)


class SearchNet(nn.Module):
    """Search images and the template's tensors to scores and boxes; runs every frame."""

    def __init__(self, backbone: EfficientNetLite0, head: PixelwiseHeads) -> None:
        """Share backbone and head with the template network."""
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, images: Tensor, kernels: Tensor, fg: Tensor,
                bg: Tensor) -> tuple[Tensor, Tensor]:
        """
        Score N search images, N x 256 x 256 x 3 uint8.

        Returns classification and quality in [0, 1], N x 2 x 16 x 16, and l, t, r, b in search
        pixels, N x 4 x 16 x 16.
        """
        x8, x16 = self.backbone(normalize(images))
        cls, quality, ltrb = self.head(x8, x16, kernels, fg, bg)
        return torch.sigmoid(torch.stack([cls, quality], dim=1)), ltrb
