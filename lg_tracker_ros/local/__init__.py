"""Local trackers: one file each, one line each in LOCAL_TRACKERS."""

from __future__ import annotations

from typing import Callable, Mapping

from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local import opencv, pixelwise, siamfcpp, siamfcpp_net, siamrpnpp
from lg_tracker_ros.local.look import Look
from lg_tracker_ros.local.ncc import NccTracker
from lg_tracker_ros.local.pixelwise_net import PixelwiseHead, SearchNet, TemplateNet
from lg_tracker_ros.settings import Settings
from lg_tracker_ros.types import LocalTracker
from lg_tracker_ros.weights import read_into, shared_backbone, weights_file

Maker = Callable[[Settings, EngineConfig], LocalTracker]


def _pixelwise(settings: Settings, engine: EngineConfig) -> LocalTracker:
    backbone, head = shared_backbone(), PixelwiseHead()
    read_into(head, settings.weights, 'pixelwise.safetensors')
    return pixelwise.build(TemplateNet(backbone, head), SearchNet(backbone, head),
                           Look(backbone, engine), engine)


def _siamfcpp(settings: Settings, engine: EngineConfig) -> LocalTracker:
    net = siamfcpp_net.SiamFCppNet(siamfcpp_net.VARIANTS[settings.backbone])
    read_into(net, settings.weights, f'siamfcpp_{settings.backbone}.safetensors')
    return siamfcpp.build(net, Look(shared_backbone(), engine), engine)


def _siamrpnpp(settings: Settings, engine: EngineConfig) -> LocalTracker:
    path = weights_file(settings.weights, f'siamrpnpp_{settings.backbone}.pth')
    return siamrpnpp.build(settings.backbone, path, engine.device)


LOCAL_TRACKERS: Mapping[str, Maker] = {
    'pixelwise': _pixelwise,
    'ncc': lambda settings, engine: NccTracker(shared_backbone(), engine),
    'siamfcpp': _siamfcpp,
    'siamrpnpp': _siamrpnpp,
    'opencv_csrt': lambda settings, engine: opencv.csrt(),
    'opencv_kcf': lambda settings, engine: opencv.kcf(),
    'opencv_mil': lambda settings, engine: opencv.mil(),
    'opencv_nano': lambda settings, engine: opencv.nano(settings.weights),
    'opencv_vit': lambda settings, engine: opencv.vit(settings.weights),
}
