"""The default local tracker: pixel-wise correlation on a frozen light backbone, anchor-free."""

from __future__ import annotations

from lg_tracker_ros.engine import compile_network, EngineConfig
from lg_tracker_ros.local.anchor_free import AnchorFreeConfig, AnchorFreeTracker, Grid
from lg_tracker_ros.local.look import inside_cells
from lg_tracker_ros.local.pixelwise_net import (
    CELLS,
    GRID,
    SEARCH,
    SearchNet,
    STRIDE,
    TEMPLATE,
    TemplateNet,
)
import numpy as np

CONFIG = AnchorFreeConfig(penalty=0.06, window=0.25, rate=0.35)


def build(template: TemplateNet, search: SearchNet, engine: EngineConfig,
          config: AnchorFreeConfig = CONFIG) -> AnchorFreeTracker:
    """Compile the networks for ``engine`` (resolved) and make the tracker."""
    image = np.zeros((1, TEMPLATE, TEMPLATE, 3), np.uint8)
    cells = TEMPLATE // STRIDE
    run = compile_network(template, [image, np.ones((1, 1, cells, cells), np.float32)], engine)
    embed = template.head.embed.out_channels
    seek = compile_network(
        search, [np.zeros((1, SEARCH, SEARCH, 3), np.uint8),
                 np.ones((1, CELLS, embed), np.float32), np.ones((1, embed), np.float32),
                 np.ones((1, embed), np.float32)], engine, shared=(1, 2, 3))
    return AnchorFreeTracker(lambda crop, box: run(crop[None], inside_cells(box)[None, None]),
                             seek, Grid(TEMPLATE, SEARCH, GRID, STRIDE), config)
