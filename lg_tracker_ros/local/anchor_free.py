"""What anchor-free trackers share: from maps of score and box to the box that is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.crops import context_side, Crop, mean_color, square_crop
from lg_tracker_ros.engine import Runner
from lg_tracker_ros.local.online.host import Fill, Pick
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


class AnchorFreeSelector:
    """Where to cut crops, and which point's box to take; knows no network and no target."""

    def __init__(self, grid: Grid, config: AnchorFreeConfig) -> None:
        """Lay out the points."""
        self.grid, self.config = grid, config
        self.instance, self.points = grid.instance, grid.points
        self.online_window = config.window
        hann = np.hanning(grid.cells + 2 * config.margin)[config.margin:][:grid.cells]
        self._window = np.outer(hann, hann).ravel()
        self._x, self._y = (g.ravel() for g in np.meshgrid(grid.points, grid.points))

    def cut_template(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut a template: twice the target's size."""
        return square_crop(image, box.cx, box.cy, context_side(box.w, box.h), self.grid.exemplar,
                           fill)

    def cut(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut the template's context times instance / exemplar around ``box`` to search in it."""
        wide = self.grid.instance / self.grid.exemplar
        return square_crop(image, box.cx, box.cy, wide * context_side(box.w, box.h),
                           self.grid.instance, fill)

    def read(self, scores: Array, ltrb: Array) -> tuple[Array, Array]:
        """Read maps, N x 2 x g x g and N x 4 x g x g: N x P scores, and N x 4 x P sides."""
        return (np.sqrt(scores[:, 0] * scores[:, 1]).reshape(len(scores), -1),
                ltrb.reshape(len(ltrb), 4, -1))

    def pick(self, frame: Frame, crop: Crop, around: Box, score: Array, ltrb: Array,
             ranked: Array | None = None, window: float | None = None) -> Pick:
        """
        Choose the point by penalised score; give its box (smoothed) and its plain score.

        ``score`` (P) and ``ltrb`` (4 x P) as ``read`` gives them. ``ranked`` (P) goes for the
        score where points are compared, ``window`` for the configured weight of the window.
        """
        c, old = self.config, crop.to_crop(around)
        w, h = ltrb[0] + ltrb[2], ltrb[1] + ltrb[3]

        def change(r: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
            return np.asarray(np.maximum(r, 1 / r))
        pad = (w + h) / 2
        size = np.sqrt((w + pad) * (h + pad)) / context_side(old.w, old.h)
        penalty = np.exp(-c.penalty * (change(size) * change((w / h) / (old.w / old.h)) - 1))
        share = c.window if window is None else window
        compared = (score if ranked is None else ranked) * penalty * (1 - share) \
            + self._window * share
        i = int(np.argmax(compared))
        rate = c.rate * float(score[i] * penalty[i])
        cx = self._x[i] + (ltrb[2, i] - ltrb[0, i]) / 2
        cy = self._y[i] + (ltrb[3, i] - ltrb[1, i]) / 2
        box = crop.to_image(Box.from_center(
            float(cx), float(cy), float(old.w + (w[i] - old.w) * rate),
            float(old.h + (h[i] - old.h) * rate)))
        s = float(score[i])
        inside = keep_center_inside(box, frame.width, frame.height)
        return Pick(TrackerOutput(inside, s, s), float(compared[i]))


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
        self._selector = AnchorFreeSelector(grid, config)
        self._target: list[Array] = []
        self._fill = (0.0, 0.0, 0.0)

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the template: a crop twice the target's size."""
        self._fill = mean_color(frame.image)
        crop = self._selector.cut_template(frame.image, box, self._fill)
        self._target = self._template(crop.image, crop.to_crop(box))

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search a crop of twice the template's context around each region, as one batch."""
        if not self._target:
            raise RuntimeError('no target: call init first')
        if not regions:
            return []
        crops = [self._selector.cut(frame.image, r.box, self._fill) for r in regions]
        maps = self._search(np.stack([c.image for c in crops]), *self._target)
        return [self._selector.pick(frame, crop, region.box, score, sides).output
                for crop, region, score, sides in zip(crops, regions,
                                                      *self._selector.read(*maps))]
