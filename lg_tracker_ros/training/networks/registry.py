"""The networks that can be trained, by name: a new one is a file and a line here."""

from __future__ import annotations

from typing import Any, Mapping

from lg_tracker_ros.training.networks import (
    dimp_lite,
    globaltrack_lite,
    pixelwise,
    siamfcpp,
    siamrpnpp,
    tanet,
    tanet_lite,
)
from lg_tracker_ros.training.networks.network import Network
from lg_tracker_ros.training.networks.online import mdnet

NETWORKS: Mapping[str, Network[Any, Any]] = {
    'pixelwise': pixelwise.NETWORK,
    'siamfcpp': siamfcpp.NETWORK,
    'siamrpnpp': siamrpnpp.NETWORK,
    'tanet': tanet.NETWORK,
    'tanet_lite': tanet_lite.NETWORK,
    'dimp_lite': dimp_lite.NETWORK,
    'globaltrack_lite': globaltrack_lite.NETWORK,
    'mdnet': mdnet.NETWORK,
}
