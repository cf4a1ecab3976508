"""The light GlobalTrack as a Redetector: proposals with sizes and scores of their own."""

from __future__ import annotations

from typing import Sequence

import cv2
from lg_tracker_ros.boxes import iou, scale
from lg_tracker_ros.checkpoint import read_into, shared_backbone
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.redetect.globaltrack.lite_net import (
    CROPS,
    HEIGHT,
    MAPS,
    QueryFrameNet,
    QueryHead,
    QueryNet,
    WIDTH,
)
from lg_tracker_ros.redetect.small import Changed, Small
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.redetect.tanet_lite import part_covers
from lg_tracker_ros.redetect.tanet_lite_net import PARTS
from lg_tracker_ros.types import Box, Frame, Image, Proposals
from lg_tracker_ros.vision.cells import TEMPLATE
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

ONE = 0.45
"""IoU above which two boxes are of one thing."""


def shrunk(image: Image) -> Image:
    """Resize to the network's frame, whatever the aspect."""
    area = cv2.INTER_AREA if image.shape[1] > WIDTH else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=area), np.uint8)


def query_crops(image: Image, small: Image, box: Box,
                zoom: float = 1.0) -> tuple[npt.NDArray[np.uint8], Array, Array]:
    """
    Cut a target out in two scales: as large as a template has it, and as the network's frame.

    ``small`` is that frame (see ``shrunk``) and ``box`` the target's in ``image``. Where the
    target is too large for the second crop, both are the same. ``zoom``: how many times smaller
    than it is the target is to seem. Returns 2 x 128 x 128 x 3, the covers of the box's parts,
    2 x 10 x 8 x 8, and the sides in pixels of the frame.
    """
    near = square_crop(image, box.cx, box.cy, context_side(box.w, box.h), TEMPLATE,
                       mean_color(image))
    inner = scale(box, small.shape[1] / image.shape[1], small.shape[0] / image.shape[0])
    far = square_crop(small, inner.cx, inner.cy,
                      max(context_side(inner.w, inner.h), TEMPLATE * zoom), TEMPLATE,
                      mean_color(small))
    return (np.stack([near.image, far.image]),
            np.stack([part_covers(near.to_crop(box)), part_covers(far.to_crop(inner))]),
            np.array([inner.w / zoom, inner.h / zoom], np.float32))


def best_boxes(score: Array, boxes: Array, k: int, least: float) -> list[tuple[float, Box]]:
    """
    Take at most ``k`` peaks of a map whose boxes don't overlap (greedy suppression), best first.

    ``score``: h x w; ``boxes``: 4 x h x w, centre and sides; peaks below ``least`` don't count.
    """
    peak = (score >= cv2.dilate(score, np.ones((3, 3), np.uint8))) & (score >= least)
    found: list[tuple[float, Box]] = []
    places = np.flatnonzero(peak)
    for i in places[np.argsort(-score.ravel()[places], kind='stable')]:
        y, x = divmod(int(i), score.shape[1])
        box = Box.from_center(*(float(v) for v in boxes[:, y, x]))
        if all(iou(box, other) < ONE for _, other in found):
            found.append((float(score[y, x]), box))
        if len(found) == k:
            break
    return found


class GlobalTrackLite:
    """A Redetector; holds nothing of the target but its query."""

    history = 2

    def __init__(self, query: QueryNet, frame: QueryFrameNet, engine: EngineConfig,
                 threshold: float = 5 / 255) -> None:
        """Compile for ``engine`` (resolved); peaks below ``threshold`` are no proposals."""
        head = frame.head
        size = np.full((1, 2), 32, np.float32)
        self._template = compile_network(
            query, [np.zeros((CROPS, TEMPLATE, TEMPLATE, 3), np.uint8),
                    np.ones((1, CROPS, PARTS + 1, 8, 8), np.float32), size], engine,
            shared=(0, 1, 2))
        picture = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
        queries = [np.ones((1, MAPS, conv.out_channels), np.float32)
                   for conv in (head.embed, head.fine)]
        plain = np.ones((1, MAPS, head.embed.in_channels), np.float32)
        self._frame = compile_network(frame, [picture, picture[..., 0], *queries, plain, size],
                                      engine, shared=range(6))
        self.threshold = threshold
        self._query: list[Array] = []

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target from two crops."""
        crops, cover, size = query_crops(frame.image, shrunk(frame.image), box)
        self._query = self._template(crops, cover[None], size[None])

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """Detect the target in the newest frame; a lone frame counts as still."""
        if not self._query:
            raise RuntimeError('no target: call init first')
        frame = clip[-1]
        before, now = (Small(f.image, WIDTH, HEIGHT, shrunk) for f in (clip[-2:][0], frame))
        score, boxes = (m[0] for m in self._frame(now, Changed(now, before), *self._query))
        found = best_boxes(score, boxes, k, self.threshold)
        sx, sy = frame.width / WIDTH, frame.height / HEIGHT
        return Proposals([scale(box, sx, sy) for _, box in found], score,
                         [value for value, _ in found])


def _make(weights: str, threshold: float, engine: EngineConfig) -> GlobalTrackLite:
    backbone, head = shared_backbone(), QueryHead()
    read_into(head, weights, SPEC.weights)
    return GlobalTrackLite(QueryNet(backbone, head), QueryFrameNet(backbone, head), engine,
                           threshold)


SPEC = RedetectorSpec('globaltrack_lite', 'small, boxes of their own sizes', _make,
                      'globaltrack_lite.safetensors')
