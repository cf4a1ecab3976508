"""The default local tracker: pixel-wise correlation on a frozen light backbone, anchor-free."""

from __future__ import annotations

from pathlib import Path

from lg_tracker_ros.checkpoint import checked_file, read_into, read_state_dict, shared_backbone
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
from lg_tracker_ros.reading.guard import refused
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.vision.cells import CELLS, GRID, inside_cells, SEARCH, STRIDE, TEMPLATE
import numpy as np

CONFIG = AnchorFreeConfig(penalty=0.06, window=0.25, rate=0.35)


MOST_HEADS = 32
"""Heads of a file of weights, at most: each is a network to build, and to run in every frame."""


def count_heads(path: Path) -> int:
    """
    Count the heads in a file of weights, 1 where there are none.

    Raises as read_state_dict, and ValueError for more than MOST_HEADS.
    """
    count = len({name.split('.')[1] for name in read_state_dict(path)
                 if name.startswith('heads.')})
    if count > MOST_HEADS:
        raise refused(path, f'holds {count} heads, expected at most {MOST_HEADS}')
    return max(count, 1)


def build(template: TemplateNet, search: SearchNet, engine: EngineConfig,
          config: AnchorFreeConfig = CONFIG) -> AnchorFreeTracker:
    """Compile the networks for ``engine`` (resolved) and make the tracker."""
    image = np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8)
    cells = TEMPLATE // STRIDE
    run = compile_network(template, [image, np.ones((1, 1, cells, cells), np.float32)], engine,
                          batches=(1,))
    embed = template.head.channels
    seek = compile_network(
        search, [np.zeros((1, SEARCH, SEARCH, 3), np.uint8),
                 np.ones((1, CELLS, embed), np.float32), np.ones((1, embed), np.float32),
                 np.ones((1, embed), np.float32)], engine, shared=(1, 2, 3),
        batches=BATCHES)
    return AnchorFreeTracker(lambda crop, box: run(crop[None], inside_cells(box)[None, None]),
                             seek, Grid(TEMPLATE, SEARCH, GRID, STRIDE), config)


def _make(weights: str, backbone: str, engine: EngineConfig) -> AnchorFreeTracker:
    heads, shared = _read(weights), shared_backbone()
    return build(TemplateNet(shared, heads), SearchNet(shared, heads), engine)


def _open(weights: str, backbone: str, engine: EngineConfig) -> Host:
    return Host(AnchorFreeSelector(Grid(TEMPLATE, SEARCH, GRID, STRIDE), CONFIG),
                OpenPixelwise(SearchNet(shared_backbone(), _read(weights))), engine)


def _read(weights: str) -> PixelwiseHeads:
    heads = PixelwiseHeads(count_heads(checked_file(weights, SPEC.weights)))
    read_into(heads, weights, SPEC.weights)
    return heads


SPEC = LocalSpec('pixelwise', 'small and trained on generated sequences; ships', _make,
                 platt(0.38, 10.03, -3.3), 'pixelwise.safetensors', host=_open)
