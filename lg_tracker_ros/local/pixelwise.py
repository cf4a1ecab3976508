"""The default local tracker: pixel-wise correlation on a frozen light backbone, anchor-free."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

from lg_tracker_ros.checkpoint import checked_file, count_heads, read_into, shared_backbone
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig
from lg_tracker_ros.local.anchor_free import (
    AnchorFreeConfig,
    AnchorFreeSelector,
    AnchorFreeTracker,
    Grid,
)
from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.local.online.nets import OpenPixelwise
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads, SearchNet, TemplateNet
from lg_tracker_ros.local.spec import LocalSpec
from lg_tracker_ros.recognition.confidence import UNFITTED
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.vision.cells import (
    Array,
    CELLS,
    GRID,
    inside_cells,
    SEARCH,
    STRIDE,
    TEMPLATE,
)
import numpy as np
import numpy.typing as npt

CONFIG = AnchorFreeConfig(penalty=0.06, window=0.25, rate=0.35, bias=0.12)
PLAIN = replace(CONFIG, bias=0.0)
"""For what learns on top of it."""
CROPS = Grid(TEMPLATE, SEARCH, GRID, STRIDE)


def template_runner(template: TemplateNet, engine: EngineConfig
                    ) -> Callable[[Image, Box], list[Array]]:
    """Compile what makes the template's tensors of a crop and the target's box in it."""
    cells = TEMPLATE // STRIDE
    run = compile_network(template, [np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8),
                                     np.ones((1, 1, cells, cells), np.float32)], engine,
                          batches=(1,))
    return lambda crop, box: run(crop[None], inside_cells(box)[None, None])


def search_example(embed: int) -> list[npt.NDArray[Any]]:
    """Make inputs of a search network for a template of ``embed`` channels; 1.. are shared."""
    return [np.zeros((1, SEARCH, SEARCH, 3), np.uint8), np.ones((1, CELLS, embed), np.float32),
            np.ones((1, embed), np.float32), np.ones((1, embed), np.float32)]


def build(template: TemplateNet, search: SearchNet, engine: EngineConfig,
          config: AnchorFreeConfig = CONFIG) -> AnchorFreeTracker:
    """Compile the networks for ``engine`` (resolved) and make the tracker."""
    seek = compile_network(search, search_example(template.head.channels), engine,
                           shared=(1, 2, 3), batches=BATCHES)
    return AnchorFreeTracker(template_runner(template, engine), seek, CROPS, config)


def read_heads(weights: str) -> PixelwiseHeads:
    """Read the heads of the file ``weights``, or those that ship; raises as read_into."""
    heads = PixelwiseHeads(count_heads(checked_file(weights, SPEC.weights)))
    read_into(heads, weights, SPEC.weights)
    return heads


def _make(weights: str, backbone: str, engine: EngineConfig) -> AnchorFreeTracker:
    heads, shared = read_heads(weights), shared_backbone()
    return build(TemplateNet(shared, heads), SearchNet(shared, heads), engine)


def _open(weights: str, backbone: str, engine: EngineConfig) -> Host:
    net = SearchNet(shared_backbone(), read_heads(weights))
    return Host(AnchorFreeSelector(CROPS, PLAIN), OpenPixelwise(net), engine, light=True)


SPEC = LocalSpec('pixelwise', 'small and trained on generated sequences; ships', _make,
                 UNFITTED, 'pixelwise.safetensors', host=_open)
