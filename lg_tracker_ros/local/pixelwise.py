"""The default local tracker: pixel-wise correlation on a frozen light backbone, anchor-free."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Sequence

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.local.pixelwise_net import (
    CELLS,
    GRID,
    LookNet,
    SEARCH,
    SearchNet,
    STRIDE,
    TEMPLATE,
    TemplateNet,
)
from lg_tracker_ros.types import Box, Frame, TrackerOutput
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PixelwiseConfig:
    """
    Test-time constants.

    ``penalty`` (change of size and shape), ``window`` (weight of the cosine window) and ``rate``
    (size smoothing) as in SiamFC++. Confidence is logistic in ``slope`` * logit of the score +
    ``look`` * similarity + ``offset``, fitted so that it is about P(IoU > .5).
    """

    penalty: float = 0.06
    window: float = 0.25
    rate: float = 0.35
    slope: float = 0.58
    look: float = 10.7
    offset: float = -3.06


def inside_cells(box: Box, size: int = TEMPLATE, cells: int = TEMPLATE // STRIDE) -> Array:
    """Share of each cell of a crop of ``size`` pixels that ``box`` covers: cells x cells."""
    step = size / cells
    edges = np.arange(cells + 1) * step

    def cover(low: float, high: float) -> npt.NDArray[np.float64]:
        return np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, None)
    area = np.outer(cover(box.y, box.y + box.h), cover(box.x, box.x + box.w))
    return (area / step ** 2).astype(np.float32)


class PixelwiseTracker:
    """
    A LocalTracker; holds nothing of the target but its template's tensors.

    The trained score finds the box; whether it is the target is also asked of the plain
    pretrained features, compared cell by cell with the first frame's. On real video they tell
    target from look-alike better than the score, which has seen composed pictures for the most
    part: area under the ROC curve .928 against .881 on the 24 development sequences.
    """

    def __init__(self, template: TemplateNet, search: SearchNet, look: LookNet,
                 engine: EngineConfig, config: PixelwiseConfig | None = None) -> None:
        """Compile the networks for ``engine`` (resolved)."""
        self.config = config or PixelwiseConfig()
        image = np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8)
        cells = TEMPLATE // STRIDE
        self._template = compile_network(
            template, [image, np.ones((1, 1, cells, cells), np.float32)], engine)
        embed = template.head.embed.out_channels
        self._search = compile_network(
            search, [np.zeros((1, SEARCH, SEARCH, 3), np.uint8),
                     np.ones((1, CELLS, embed), np.float32), np.ones((1, embed), np.float32),
                     np.ones((1, embed), np.float32)], engine, shared=(1, 2, 3))
        self._compare = compile_network(
            look, [image, np.ones((1, 112, cells, cells), np.float32)], engine, shared=(1,))
        self._target: list[Array] = []
        self._look = np.zeros((1, 112, cells, cells), np.float32)
        self._fill = (0.0, 0.0, 0.0)
        hann = np.hanning(GRID + 2)[1:-1]
        self._window = np.outer(hann, hann).ravel()
        centers = (np.arange(GRID) + 0.5) * STRIDE
        self._x, self._y = (g.ravel() for g in np.meshgrid(centers, centers))

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the template: a crop twice the target's size."""
        self._fill = mean_color(frame.image)
        crop = square_crop(frame.image, box.cx, box.cy, context_side(box.w, box.h), TEMPLATE,
                           self._fill)
        inside = inside_cells(crop.to_crop(box))
        self._target = self._template(crop.image[None], inside[None, None])
        features = self._compare(crop.image[None], self._look)[1]
        self._look = features * inside / max(float(inside.sum()), 1e-3)

    def track(self, frame: Frame, around: Sequence[Box]) -> list[TrackerOutput]:
        """Search a crop four times the size of each box, as one batch."""
        if not self._target:
            raise RuntimeError('no target: call init first')
        crops = [square_crop(frame.image, b.cx, b.cy, 2 * context_side(b.w, b.h), SEARCH,
                             self._fill) for b in around]
        scores, ltrb = self._search(np.stack([c.image for c in crops]), *self._target)
        found, points = [], []
        for crop, old, s, sides in zip(crops, around, scores, ltrb):
            box, score = self._pick(crop.to_crop(old), np.sqrt(s[0] * s[1]).ravel(),
                                    sides.reshape(4, -1))
            found.append(keep_center_inside(crop.to_image(box), frame.width, frame.height))
            points.append(score)
        looks = np.stack([square_crop(frame.image, b.cx, b.cy, context_side(b.w, b.h), TEMPLATE,
                                      self._fill).image for b in found])
        alike = self._compare(looks, self._look)[0]
        return [TrackerOutput(b, self._confidence(s, float(a)), s)
                for b, s, a in zip(found, points, alike)]

    def _pick(self, old: Box, score: Array, ltrb: Array) -> tuple[Box, float]:
        """Choose the cell by penalised score; return its box (smoothed) and its plain score."""
        c = self.config
        w, h = ltrb[0] + ltrb[2], ltrb[1] + ltrb[3]

        def change(r: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
            return np.maximum(r, 1 / r)
        pad = (w + h) / 2
        size = np.sqrt((w + pad) * (h + pad)) / context_side(old.w, old.h)
        penalty = np.exp(-c.penalty * (change(size) * change((w / h) / (old.w / old.h)) - 1))
        i = int(np.argmax(score * penalty * (1 - c.window) + self._window * c.window))
        rate = c.rate * float(score[i] * penalty[i])
        cx = self._x[i] + (ltrb[2, i] - ltrb[0, i]) / 2
        cy = self._y[i] + (ltrb[3, i] - ltrb[1, i]) / 2
        return Box.from_center(
            float(cx), float(cy), float(old.w + (w[i] - old.w) * rate),
            float(old.h + (h[i] - old.h) * rate)), float(score[i])

    def _confidence(self, score: float, similarity: float) -> float:
        c, s = self.config, min(max(score, 1e-6), 1 - 1e-6)
        return 1 / (1 + math.exp(-(c.slope * math.log(s / (1 - s)) + c.look * similarity
                                   + c.offset)))
