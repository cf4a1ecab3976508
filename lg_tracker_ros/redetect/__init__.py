"""Re-detectors: one file each, one line each in REDETECTORS."""

from __future__ import annotations

from typing import Callable, Mapping

from lg_tracker_ros.checkpoint import checked_file, read_into, shared_backbone
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect import tanet
from lg_tracker_ros.redetect.correlation import Correlation
from lg_tracker_ros.redetect.tanet_lite import TanetLite
from lg_tracker_ros.redetect.tanet_lite_net import LiteFrameNet, LiteTemplateNet, TanetLiteHead
from lg_tracker_ros.types import Redetector

Maker = Callable[[Settings, EngineConfig], Redetector]


def _tanet_lite(settings: Settings, engine: EngineConfig) -> Redetector:
    backbone, head = shared_backbone(), TanetLiteHead()
    read_into(head, settings.redetector_weights, 'tanet_lite.safetensors')
    return TanetLite(LiteTemplateNet(backbone, head), LiteFrameNet(backbone, head), engine,
                     settings.attention_threshold)


def _tanet(settings: Settings, engine: EngineConfig) -> Redetector:
    path = checked_file(settings.redetector_weights, 'tanet.safetensors')
    return tanet.build(path, engine.device, config=tanet.TANetConfig(settings.attention_threshold))


REDETECTORS: Mapping[str, Maker | None] = {
    'tanet_lite': _tanet_lite,
    'tanet': _tanet,
    'correlation': lambda settings, engine: Correlation(shared_backbone(), engine,
                                                        settings.attention_threshold),
    'none': None,
}
