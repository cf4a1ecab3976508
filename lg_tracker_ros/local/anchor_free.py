"""What anchor-free trackers share: from maps of score and box to the box that is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.crops import context_side, Crop, mean_color, square_crop
from lg_tracker_ros.engine import Runner
from lg_tracker_ros.types import Box, Frame, Image, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class AnchorFreeConfig:
    """
    Test-time constants.

    ``penalty`` (change of size and shape), ``window`` (weight of the cosine window) and ``rate``
    (size smoothing) as in SiamFC++. ``margin``: cells beyond the map at which the window is 0.
    """

    penalty: float
    window: float
    rate: float
    margin: int = 1


@dataclass(frozen=True)
class Grid:
    """
    The crops and the points of the maps over them.

    ``exemplar`` and ``instance`` are the sides of template and search crop in pixels (the same
    scale for both); ``cells`` is the side of the maps, ``stride`` the pixels from one point to
    the next. The points lie around the middle of the search crop.
    """

    exemplar: int
    instance: int
    cells: int
    stride: int

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Where the columns (and rows) of a map lie, in pixels of the search crop."""
        steps = np.arange(self.cells, dtype=np.float64) - (self.cells - 1) / 2
        return np.asarray(self.instance / 2 + steps * self.stride)


class AnchorFreeTracker:
    """
    A LocalTracker over networks that give score, quality and l, t, r, b at each point.

    Holds nothing of the target but its template's tensors. Confidence is the plain score.
    """

    def __init__(self, template: Callable[[Image, Box], list[Array]], search: Runner,
                 grid: Grid, config: AnchorFreeConfig) -> None:
        """
        Take the compiled networks.

        ``template`` makes tensors of a template crop (uint8, BGR) and the target's box in it;
        ``search`` takes N search crops and these tensors and gives classification and quality in
        [0, 1], N x 2 x g x g, and l, t, r, b in search pixels, N x 4 x g x g.
        """
        self.grid, self.config = grid, config
        self._template, self._search = template, search
        self._target: list[Array] = []
        self._fill = (0.0, 0.0, 0.0)
        hann = np.hanning(grid.cells + 2 * config.margin)[config.margin:][:grid.cells]
        self._window = np.outer(hann, hann).ravel()
        self._x, self._y = (g.ravel() for g in np.meshgrid(grid.points, grid.points))

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the template: a crop twice the target's size."""
        self._fill = mean_color(frame.image)
        crop = square_crop(frame.image, box.cx, box.cy, context_side(box.w, box.h),
                           self.grid.exemplar, self._fill)
        self._target = self._template(crop.image, crop.to_crop(box))

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search a crop of twice the template's context around each region, as one batch."""
        if not self._target:
            raise RuntimeError('no target: call init first')
        if not regions:
            return []
        boxes = [r.box for r in regions]
        crops = self._cut(frame, boxes)
        scores, ltrb = self._search(np.stack([c.image for c in crops]), *self._target)
        return [self._found(frame, crop, old, np.sqrt(s[0] * s[1]), sides)
                for crop, old, s, sides in zip(crops, boxes, scores, ltrb)]

    def _cut(self, frame: Frame, boxes: Sequence[Box]) -> list[Crop]:
        """Cut the search crop around each box."""
        wide = self.grid.instance / self.grid.exemplar
        return [square_crop(frame.image, b.cx, b.cy, wide * context_side(b.w, b.h),
                            self.grid.instance, self._fill) for b in boxes]

    def _found(self, frame: Frame, crop: Crop, old: Box, score: Array, ltrb: Array
               ) -> TrackerOutput:
        """Choose among the points of a crop around ``old``, by maps g x g and 4 x g x g."""
        box, best = self._pick(crop.to_crop(old), score.ravel(), ltrb.reshape(4, -1))
        inside = keep_center_inside(crop.to_image(box), frame.width, frame.height)
        return TrackerOutput(inside, best, best)

    def _pick(self, old: Box, score: Array, ltrb: Array) -> tuple[Box, float]:
        """Choose the point by penalised score; return its box (smoothed) and its plain score."""
        c = self.config
        w, h = ltrb[0] + ltrb[2], ltrb[1] + ltrb[3]

        def change(r: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
            return np.asarray(np.maximum(r, 1 / r))
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
