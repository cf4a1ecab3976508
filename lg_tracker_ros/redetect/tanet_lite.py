"""The default re-detector: the onboard target-aware attention network."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.checkpoint import checked_file, count_heads, read_into, shared_backbone
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.redetect.correlation import as_attention
from lg_tracker_ros.redetect.regions import attention_boxes, interleave
from lg_tracker_ros.redetect.small import Changed, SIDE, Small, squeeze
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.redetect.tanet_lite_net import (
    LiteFrameNet,
    LiteTemplateNet,
    PARTS,
    TanetLiteHeads,
)
from lg_tracker_ros.types import Box, Frame, Proposals
from lg_tracker_ros.vision.cells import inside_cells, TEMPLATE
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def part_covers(box: Box) -> Array:
    """Share of each template cell that 3 x 3 parts of ``box`` (and last the box) cover."""
    w, h = box.w / 3, box.h / 3
    parts = [inside_cells(Box(box.x + i * w, box.y + j * h, w, h))
             for j in range(3) for i in range(3)]
    return np.stack([*parts, inside_cells(box)])


class TanetLite:
    """A Redetector; holds nothing of the target but its queries."""

    history = 2

    def __init__(self, template: LiteTemplateNet, frame: LiteFrameNet, engine: EngineConfig,
                 threshold: float = 5 / 255) -> None:
        """Compile for ``engine`` (resolved); ``threshold`` as in attention_boxes."""
        image = np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8)
        self._template = compile_network(
            template, [image, np.ones((1, PARTS + 1, 8, 8), np.float32)], engine, batches=(1,))
        picture = np.zeros((1, SIDE, SIDE, 3), np.uint8)
        queries = [np.ones((1, PARTS + 2, n), np.float32) for n in frame.head.channels]
        mean = np.ones((1, frame.head.heads[0].embed.in_channels), np.float32)
        self._frame = compile_network(frame, [picture, picture[..., 0], *queries, mean],
                                      engine, shared=(2, 3, 4), batches=(1,))
        self.threshold = threshold
        self._queries: list[Array] = []

    def init(self, frame: Frame, box: Box) -> None:
        """Learn the target's parts from the template crop."""
        crop = square_crop(frame.image, box.cx, box.cy, context_side(box.w, box.h), TEMPLATE,
                           mean_color(frame.image))
        self._queries = self._template(crop.image[None], part_covers(crop.to_crop(box))[None])

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """
        Predict attention for the newest frame; a lone frame counts as still.

        Every third proposal is one of the untrained similarity, which comes with the features: on
        what training never showed it is right where the attention isn't.
        """
        if not self._queries:
            raise RuntimeError('no target: call init first')
        frame = clip[-1]
        before, now = (Small(f.image, SIDE, SIDE, squeeze) for f in (clip[-2:][0], frame))
        attention, alike = (m[0] for m in self._frame(now, Changed(now, before), *self._queries))
        learned, plain = (attention_boxes(m, (frame.width, frame.height), size, k, self.threshold)
                          for m in (attention, as_attention(alike)))
        return Proposals(interleave(learned, plain, k), attention)


def read_heads(weights: str) -> TanetLiteHeads:
    """Read the heads of the file ``weights``, or those that ship; raises as read_into."""
    heads = TanetLiteHeads(count_heads(checked_file(weights, SPEC.weights)))
    read_into(heads, weights, SPEC.weights)
    return heads


def _make(weights: str, threshold: float, engine: EngineConfig) -> TanetLite:
    backbone, head = shared_backbone(), read_heads(weights)
    return TanetLite(LiteTemplateNet(backbone, head), LiteFrameNet(backbone, head), engine,
                     threshold)


SPEC = RedetectorSpec('tanet_lite', 'small and trained on generated sequences; ships', _make,
                      'tanet_lite.safetensors')
