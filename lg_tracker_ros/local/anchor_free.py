"""What anchor-free trackers share: from maps of score and box to the box that is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.crops import context_side, Crop, Crops, mean_color, Square, square_crop
from lg_tracker_ros.engine import Runner
from lg_tracker_ros.local.online.host import Fill, Floats, Pick
from lg_tracker_ros.types import Box, Frame, Image, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array
import numpy as np
import numpy.typing as npt

SIZES = (1.0, 0.9, 1.1)
"""Of the target's: the first frame is searched at each to learn the network's bias."""


@dataclass(frozen=True)
class AnchorFreeConfig:
    """
    Test-time constants.

    ``penalty`` (change of size and shape), ``window`` (weight of the cosine window) and ``rate``
    (size smoothing) as in SiamFC++. ``margin``: cells beyond the map at which the window is 0.
    ``bias``: how far, as a share of a side, the boxes found in the first frame may differ from
    the target before most of the difference is taken for the network's bias, and out of every
    box (0: none is). Less than that is as likely the hand that drew the target.
    """

    penalty: float
    window: float
    rate: float
    margin: int = 1
    bias: float = 0.0


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

    def around(self, box: Box) -> Square:
        """Tell where ``box`` is sought: in the template's context times instance / exemplar."""
        wide = self.grid.instance / self.grid.exemplar
        return Square(box.cx, box.cy, wide * context_side(box.w, box.h), self.grid.instance)

    def cut(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut what is around ``box`` to search in it."""
        s = self.around(box)
        return square_crop(image, s.cx, s.cy, s.side, s.size, fill)

    def read(self, scores: Array, ltrb: Array) -> tuple[Array, Array]:
        """Read maps, N x 2 x g x g and N x 4 x g x g: N x P scores, and N x 4 x P sides."""
        return (np.sqrt(scores[:, 0] * scores[:, 1]).reshape(len(scores), -1),
                ltrb.reshape(len(ltrb), 4, -1))

    def rank(self, crop: Square, around: Box, score: Array, ltrb: Array,
             beside: Array | None = None, share: float = 0.0) -> Floats:
        """Tell how points compare; the penalty is on ``score`` alone, not on what is beside."""
        return self._compare(crop.to_crop(around), score, ltrb[0] + ltrb[2], ltrb[1] + ltrb[3],
                             beside, share)[1]

    def pick(self, frame: Frame, crop: Square, around: Box, score: Array, ltrb: Array,
             ranks: Floats | None = None) -> Pick:
        """
        Choose the point by penalised score; give its box (smoothed) and its plain score.

        ``score`` (P) and ``ltrb`` (4 x P) as ``read`` gives them; ``ranks`` (P) say how points
        compare where that is not as ``rank`` does.
        """
        old = crop.to_crop(around)
        w, h = ltrb[0] + ltrb[2], ltrb[1] + ltrb[3]
        penalty, own = self._compare(old, score, w, h)
        compared = own if ranks is None else ranks
        i = int(np.argmax(compared))
        rate = self.config.rate * float(score[i] * penalty[i])
        cx = self._x[i] + (ltrb[2, i] - ltrb[0, i]) / 2
        cy = self._y[i] + (ltrb[3, i] - ltrb[1, i]) / 2
        box = crop.to_image(Box.from_center(
            float(cx), float(cy), float(old.w + (w[i] - old.w) * rate),
            float(old.h + (h[i] - old.h) * rate)))
        s = float(score[i])
        inside = keep_center_inside(box, frame.width, frame.height)
        return Pick(TrackerOutput(inside, s, s), float(compared[i]))

    def _compare(self, old: Box, score: Array, w: Array, h: Array,
                 beside: Array | None = None, share: float = 0.0) -> tuple[Floats, Floats]:
        """Give each point's penalty for its box's change from ``old``, and how it ranks."""
        c = self.config

        def change(r: Floats) -> Floats:
            return np.asarray(np.maximum(r, 1 / r))
        pad = (w + h) / 2
        size = np.sqrt((w + pad) * (h + pad)) / context_side(old.w, old.h)
        penalty = np.exp(-c.penalty * (change(size) * change((w / h) / (old.w / old.h)) - 1))
        likely, window = score * penalty, c.window
        if beside is not None:
            likely, window = likely * (1 - share) + beside * share, self.online_window
        return penalty, likely * (1 - window) + self._window * window

    def bias(self, crops: Sequence[Square], around: Sequence[Box], scores: Array, ltrb: Array,
             target: Box) -> Array:
        """
        Tell by how much the boxes found in the first frame have to be changed to be ``target``.

        Returns a shift in x and y as a share of the found side and the logarithms of the ratios
        of width and height, means over the crops: little of them below ``config.bias``, most
        above, at most .7.
        """
        found = []
        for crop, box, score, (left, top, right, bottom) in zip(crops, around, scores, ltrb):
            w, h = left + right, top + bottom
            i = int(np.argmax(self._compare(crop.to_crop(box), score, w, h)[1]))
            given = crop.to_crop(target)
            cx, cy = self._x + (right - left) / 2, self._y + (bottom - top) / 2
            found.append(((given.cx - cx[i]) / w[i], (given.cy - cy[i]) / h[i],
                          np.log(given.w / w[i]), np.log(given.h / h[i])))
        mean = np.mean(found, axis=0)
        square = mean ** 2
        shrunk: Floats = mean * square / (square + self.config.bias ** 2)
        return np.clip(shrunk, -0.7, 0.7).astype(np.float32)


def unbiased(ltrb: Array, bias: Array) -> Array:
    """Change boxes, N x 4 x P sides, by what ``AnchorFreeSelector.bias`` tells."""
    if not bias.any():
        return ltrb
    left, top, right, bottom = np.moveaxis(ltrb, 1, 0)
    dx, dy, w, h = bias
    x, y = (right - left) / 2 + dx * (left + right), (bottom - top) / 2 + dy * (top + bottom)
    w, h = (left + right) / 2 * np.exp(w), (top + bottom) / 2 * np.exp(h)
    return np.stack([w - x, h - y, w + x, h + y], axis=1)


class AnchorFreeTracker:
    """
    A LocalTracker over networks that give score, quality and l, t, r, b at each point.

    Holds of the target its template's tensors and the bias of its boxes. Confidence is the
    plain score.
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
        self._bias = np.zeros(4, np.float32)
        self._fill = (0.0, 0.0, 0.0)

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the template: a crop twice the target's size."""
        self._fill = mean_color(frame.image)
        crop = self._selector.cut_template(frame.image, box, self._fill)
        self._target = self._template(crop.image, crop.to_crop(box))
        self._bias = np.zeros(4, np.float32)
        if self.config.bias:
            around = [Box.from_center(box.cx, box.cy, box.w * k, box.h * k) for k in SIZES]
            self._bias = self._selector.bias(*self._seek(frame, around)[:4], box)

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search a crop of twice the template's context around each region, as one batch."""
        if not self._target:
            raise RuntimeError('no target: call init first')
        if not regions:
            return []
        return self._pick(frame, *self._seek(frame, [r.box for r in regions])[:4])

    def _seek(self, frame: Frame, around: Sequence[Box]
              ) -> tuple[list[Square], Sequence[Box], Array, Array, list[Array]]:
        """Search a crop around each box: squares, boxes, scores, sides, what else came."""
        squares = [self._selector.around(box) for box in around]
        scores, ltrb, *more = self._match(Crops(frame.image, squares, self._fill))
        return squares, around, *self._selector.read(scores, ltrb), more

    def _pick(self, frame: Frame, crops: Sequence[Square], around: Sequence[Box], scores: Floats,
              ltrb: Array) -> list[TrackerOutput]:
        """Take the best point of each crop, its box without the network's bias."""
        return [self._selector.pick(frame, *row).output
                for row in zip(crops, around, scores, unbiased(ltrb, self._bias))]

    def _match(self, images: Image | Crops) -> list[Array]:
        """Run the network on N search crops: scores, sides, and what else it gives."""
        return self._search(images, *self._target)
