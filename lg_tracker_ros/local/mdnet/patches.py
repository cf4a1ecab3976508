"""MDNet's view of an image: each box is cut out by itself and goes through the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
from lg_tracker_ros.local.mdnet.classifier import Samples
from lg_tracker_ros.local.mdnet.samples import Boxes
from lg_tracker_ros.local.mdnet.vggm import FEATURES, GREY, SIDE, VggM
from lg_tracker_ros.types import Box, Image
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

MARGIN = 16 / SIDE
"""Context on each side of a box, in its sides."""
RED = (0, 0, GREY)
"""Beyond the border of what MDNet's authors warp, BGR: OpenCV took their one number for red's."""
AT_ONCE = 64
"""Samples that go through the network at once: more take memory, not less time."""


def cut(image: Image, boxes: Boxes) -> Tensor:
    """
    Cut N boxes (x, y, w, h in pixels) with context out of a BGR image: N x 3 x 107 x 107, RGB.

    Whole pixels, grey beyond the border; resampled by triangles as wide as the step, as Pillow
    does, and rounded to uint8. Of a box far larger than the image twice its longer side is seen.
    """
    if not len(boxes):
        return torch.empty(0, 3, SIDE, SIDE, dtype=torch.uint8)
    h, w = image.shape[:2]
    half = np.minimum(boxes[:, 2:] * (0.5 + MARGIN), max(h, w))
    middle = boxes[:, :2] + boxes[:, 2:] / 2
    low = np.floor(middle - half + 0.5).astype(int)
    high = np.maximum(np.floor(middle + half + 0.5).astype(int), low + 1)
    rgb = image[..., ::-1]
    found = []
    for (x0, y0), (x1, y1) in zip(low.tolist(), high.tolist()):
        part = np.full((y1 - y0, x1 - x0, 3), GREY, np.uint8)
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, w), min(y1, h)
        if left < right and top < bottom:
            part[top - y0:bottom - y0, left - x0:right - x0] = rgb[top:bottom, left:right]
        found.append(F.interpolate(torch.from_numpy(part).permute(2, 0, 1)[None], (SIDE, SIDE),
                                   mode='bilinear', antialias=True))
    return torch.cat(found).contiguous()


def warped(image: Image, boxes: Boxes) -> Tensor:
    """
    Cut N boxes with context out of a BGR image as MDNet's authors in Python do, see ``cut``.

    By sub-pixel bilinear samples, however far apart, in training and in use: theirs is the picture
    that the weights know. Beyond the border is RED, and the middle of a box lies half a pixel
    right of the patch's.
    """
    found = np.empty((len(boxes), SIDE, SIDE, 3), np.uint8)
    scale = SIDE / (boxes[:, 2:] * (1 + 2 * MARGIN))
    shift = SIDE / 2 - scale * (boxes[:, :2] + boxes[:, 2:] / 2)
    for out, (sx, sy), (dx, dy) in zip(found, scale, shift):
        out[:] = cv2.warpAffine(image, np.array([[sx, 0, dx], [0, sy, dy]]), (SIDE, SIDE),
                                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
                                borderValue=RED)
    return torch.from_numpy(found[..., ::-1].copy()).permute(0, 3, 1, 2).contiguous()


@dataclass(frozen=True, eq=False)
class Picture:
    """A view: the image itself."""

    image: Image
    patches: Patches

    def samples(self, boxes: Boxes) -> Samples:
        """Cut boxes out and compute their features: N x 4608."""
        return self.patches.samples(self.patches.crop(self.image, boxes))


class Patches:
    """An Extractor: every box of every place is computed anew."""

    def __init__(self, net: VggM, device: torch.device | str = 'cpu', keep: bool = False,
                 crop: Callable[[Image, Boxes], Tensor] = cut) -> None:
        """
        Take the network, which moves to ``device``.

        ``keep``: samples keep their pixels, of which attention is asked. ``crop``: ``cut``, or
        ``warped`` for weights that were made with it.
        """
        self.crop = crop
        self._net = net.to(device).eval().requires_grad_(False)
        self._device, self._keep = torch.device(device), keep

    def see(self, image: Image, places: Sequence[Box]) -> list[Picture]:
        """Look at an image; each place sees all of it."""
        return [Picture(image, self)] * len(places)

    def first(self, image: Image, place: Box) -> list[Picture]:
        """Look at the first frame."""
        return self.see(image, [place])

    def samples(self, pixels: Tensor) -> Samples:
        """Compute the features of N x 3 x 107 x 107: N x 4608."""
        parts = [self._net(part.to(self._device)).flatten(1)
                 for part in torch.split(pixels, AT_ONCE) if len(part)]
        features = torch.cat(parts) if parts else torch.empty(0, FEATURES, device=self._device)
        return Samples(features, pixels.to(self._device) if self._keep else None)

    def maps(self, samples: Samples) -> Tensor:
        """Compute what DAT asks for attention: N x 96 x 51 x 51."""
        assert samples.inputs is not None  # kept
        return self._net.first(samples.inputs)

    def rest(self, maps: Tensor) -> Tensor:
        """Go on to the features, N x 4608."""
        return self._net.rest(maps).flatten(1)
