"""The anchor-free tracker with depth-wise correlation (see siamfcpp_net) as a LocalTracker."""

from __future__ import annotations

from dataclasses import replace

from lg_tracker_ros.checkpoint import read_into
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig
from lg_tracker_ros.local.anchor_free import (
    AnchorFreeConfig,
    AnchorFreeSelector,
    AnchorFreeTracker,
)
from lg_tracker_ros.local.online.host import Host
from lg_tracker_ros.local.online.nets import OpenPublished, OpenSiamFCpp
from lg_tracker_ros.local.siamese.siamfcpp_published import (
    PUBLISHED,
    PublishedNet,
    PublishedSearchNet,
)
from lg_tracker_ros.local.siamfcpp_net import SearchNet, SiamFCppNet, TemplateNet, VARIANTS
from lg_tracker_ros.local.spec import chosen, CONSTANTS, LocalSpec, OWN
from lg_tracker_ros.recognition.confidence import UNFITTED
import numpy as np

CONFIG = AnchorFreeConfig(penalty=0.04, window=0.21, rate=0.52)
"""The paper's constants."""


def build(net: SiamFCppNet | PublishedNet, engine: EngineConfig,
          config: AnchorFreeConfig = CONFIG) -> AnchorFreeTracker:
    """Compile the network for ``engine`` (resolved) and make the tracker."""
    grid = net.variant.grid
    search = SearchNet(net) if isinstance(net, SiamFCppNet) else PublishedSearchNet(net)
    image = np.zeros((1, grid.exemplar, grid.exemplar, 3), np.uint8)
    run = compile_network(TemplateNet(net), [image], engine, batches=(1,))
    seek = compile_network(
        search, [np.zeros((1, grid.instance, grid.instance, 3), np.uint8), *run(image)], engine,
        shared=(1, 2), batches=BATCHES)
    return AnchorFreeTracker(lambda crop, _: run(crop[None]), seek, grid, config)


def _make(weights: str, backbone: str, engine: EngineConfig, **constants: float
          ) -> AnchorFreeTracker:
    net = _read(weights, backbone)
    return build(net, engine, _config(net, **constants))


def _open(weights: str, backbone: str, engine: EngineConfig, **constants: float) -> Host:
    net = _read(weights, backbone)
    opened = OpenSiamFCpp(net) if isinstance(net, SiamFCppNet) else OpenPublished(net)
    return Host(AnchorFreeSelector(net.variant.grid, _config(net, **constants)), opened, engine,
                light=backbone == 'efficientnet_lite0')


def _config(net: SiamFCppNet | PublishedNet, penalty_k: float = OWN,
            window_influence: float = OWN, size_rate: float = OWN) -> AnchorFreeConfig:
    own = CONFIG if isinstance(net, SiamFCppNet) else net.variant.config
    return replace(own, **chosen(penalty=penalty_k, window=window_influence, rate=size_rate))


def _read(weights: str, backbone: str) -> SiamFCppNet | PublishedNet:
    net = (PublishedNet(PUBLISHED[backbone]) if backbone in PUBLISHED
           else SiamFCppNet(VARIANTS[backbone]))
    read_into(net, weights, SPEC.file(backbone))
    return net


SPEC = LocalSpec('siamfcpp', "SiamFC++ (Xu et al. 2020), also its authors' checkpoints", _make,
                 UNFITTED, 'siamfcpp_{backbone}.safetensors',
                 (*VARIANTS, *PUBLISHED), host=_open, parameters=CONSTANTS)
