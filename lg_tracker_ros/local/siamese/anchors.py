"""SiamRPN++'s anchors: where to cut crops, and which anchor's box to take."""

from __future__ import annotations

from dataclasses import dataclass
import math

from lg_tracker_ros.boxes import keep_center_inside
from lg_tracker_ros.crops import context_side, Crop, square_crop
from lg_tracker_ros.local.online.host import Fill, Floats, Pick
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNConstants
from lg_tracker_ros.types import Box, Frame, Image, TrackerOutput
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def anchor_grid(constants: SiamRPNConstants) -> Array:
    """
    Every anchor of the score map: A*S*S rows of cx, cy, w, h, anchor-major, then row by row.

    In pixels of the search image, relative to its centre.
    """
    s = constants.score_size
    shapes = []
    for ratio in constants.ratios:
        # the truncation is PySOT's: published weights were trained with it
        w = int(math.sqrt(constants.stride ** 2 / ratio))
        h = int(w * ratio)
        shapes += [(w * scale, h * scale) for scale in constants.scales]
    steps = (np.arange(s) - s // 2) * constants.stride
    cy, cx = np.meshgrid(steps, steps, indexing='ij')
    grid = np.empty((len(shapes), s, s, 4), np.float32)
    grid[..., 0], grid[..., 1] = cx, cy
    grid[..., 2:] = np.array(shapes, np.float32)[:, None, None]
    return grid.reshape(-1, 4)


def decode(loc: Array, anchors: Array) -> Array:
    """
    Turn offsets into boxes: N x 4 x K to N x 4 x K (cx, cy, w, h, relative to the centre).

    Sides are bounded against overflow only, far beyond anything that the penalty lets through.
    """
    cx, cy, w, h = anchors.T
    return np.stack([loc[:, 0] * w + cx, loc[:, 1] * h + cy,
                     np.exp(np.clip(loc[:, 2], -10, 10)) * w,
                     np.exp(np.clip(loc[:, 3], -10, 10)) * h], axis=1)


def shape_penalty(w: npt.ArrayLike, h: npt.ArrayLike, previous: tuple[float, float],
                  k: float) -> Array:
    """
    Penalise a change of size and of aspect: exp(-k (r s - 1)), in (0, 1].

    ``r`` and ``s`` are the ratios, turned to be at least 1, of the aspects and of the padded
    sizes between each w x h and ``previous``, all in the same pixels.
    """
    w, h = np.asarray(w), np.asarray(h)
    size = np.sqrt((w + (w + h) / 2) * (h + (w + h) / 2)) / context_side(*previous)
    aspect = (previous[0] / previous[1]) / (w / h)
    change = np.maximum(aspect, 1 / aspect) * np.maximum(size, 1 / size)
    return np.asarray(np.exp(-(change - 1) * k))


class Search:
    """
    A search image's anchors and the window over them, A*S*S as in ``anchor_grid``.

    It is a Selector of online/host.py: it knows no network and no target.
    """

    def __init__(self, constants: SiamRPNConstants) -> None:
        """Lay them out."""
        self.constants, self.instance = constants, constants.instance
        steps = np.arange(constants.score_size) - constants.score_size // 2
        self.points = np.asarray(constants.instance / 2 + steps * constants.stride, np.float64)
        self.online_window = (constants.window if constants.online_window is None
                              else constants.online_window)
        self.anchors = anchor_grid(constants)
        hanning = np.hanning(constants.score_size)
        self.window = np.tile(np.outer(hanning, hanning).ravel(), constants.anchors)

    def side(self, box: Box) -> float:
        """Side of the search region in pixels of the image."""
        c = self.constants
        return context_side(box.w, box.h, c.context) * c.instance / c.exemplar

    def cut_template(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut a template: the target with its context."""
        c = self.constants
        return square_crop(image, box.cx, box.cy, context_side(box.w, box.h, c.context),
                           c.exemplar, fill)

    def cut(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Cut what is searched around ``box``."""
        return square_crop(image, box.cx, box.cy, self.side(box), self.instance, fill)

    def read(self, scores: Array, offsets: Array) -> tuple[Array, Array]:
        """Read N x A x S x S scores and N x 4A x S x S offsets: N x P scores, N x 4 x P boxes."""
        n = len(scores)
        return scores.reshape(n, -1), decode(offsets.reshape(n, 4, -1), self.anchors)

    def rank(self, crop: Crop, around: Box, scores: Array, boxes: Array,
             beside: Array | None = None, share: float = 0.0) -> Floats:
        """Tell how anchors compare; the penalty is on ``scores`` alone, not on what is beside."""
        return self.compare(around, scores, boxes, beside, share)[1]

    def compare(self, around: Box, scores: Array, boxes: Array, beside: Array | None = None,
                share: float = 0.0) -> tuple[Array, Floats]:
        """Give each anchor's penalty, and how it ranks."""
        c = self.constants
        zoom = c.instance / self.side(around)
        previous = around.w * zoom, around.h * zoom
        penalty = shape_penalty(boxes[2], boxes[3], previous, c.penalty_k)
        likely, window = penalty * scores, c.window
        if beside is not None:
            likely, window = likely * (1 - share) + beside * share, self.online_window
        return penalty, likely * (1 - window) + self.window * window

    def pick(self, frame: Frame, crop: Crop, around: Box, scores: Array, boxes: Array,
             ranks: Floats | None = None) -> Pick:
        """Take the best anchor's box, as ``best_anchor`` and ``box`` say."""
        peak = best_anchor(self, around, scores, boxes, ranks)
        return Pick(TrackerOutput(self.box(frame, peak), peak.score, peak.score), peak.rank)

    def box(self, frame: Frame, p: Peak) -> Box:
        """Let the size follow, and keep the box where it is of use."""
        c, around = self.constants, p.around
        rate = p.penalty * p.score * c.lr
        w = min(max(around.w * (1 - rate) + p.size[0] * rate, c.min_side), float(frame.width))
        h = min(max(around.h * (1 - rate) + p.size[1] * rate, c.min_side), float(frame.height))
        # first as numbers: an untrained head may point further away than a box can lie
        cx = min(max(around.cx + p.offset[0], 0.0), float(frame.width))
        cy = min(max(around.cy + p.offset[1], 0.0), float(frame.height))
        return keep_center_inside(Box.from_center(cx, cy, w, h), frame.width, frame.height)


@dataclass(frozen=True, eq=False)
class Peak:
    """
    The anchor that wins around ``around``.

    ``index`` is its number; ``score`` and ``penalty`` are in [0, 1]; ``offset`` is the centre of
    its box as seen from that of ``around``, ``size`` the box's, both in pixels of the image.
    ``rank`` is what it won by: penalties and window included.
    """

    around: Box
    index: int
    score: float
    penalty: float
    offset: tuple[float, float]
    size: tuple[float, float]
    rank: float


def best_anchor(search: Search, around: Box, scores: Array, boxes: Array,
                ranks: Floats | None = None) -> Peak:
    """
    Pick the best anchor with penalties.

    ``scores`` (K) are in [0, 1], ``boxes`` (4 x K) as ``decode`` gives them; ``ranks`` (K) say how
    anchors compare where that is not ``Search.compare``'s.
    """
    zoom = search.constants.instance / search.side(around)
    penalty, own = search.compare(around, scores, boxes)
    compared = own if ranks is None else ranks
    best = int(np.argmax(compared))
    x, y, w, h = (float(v) / zoom for v in boxes[:, best])
    return Peak(around, best, float(scores[best]), float(penalty[best]), (x, y), (w, h),
                float(compared[best]))
