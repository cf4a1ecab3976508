"""Local trackers: one file each, one line each in LOCAL_TRACKERS and CONFIDENCE."""

from __future__ import annotations

from typing import Callable, Mapping

from lg_tracker_ros.checkpoint import checked_file, confidence_of, read_into, shared_backbone
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local import opencv, pixelwise, siamfcpp, siamfcpp_net, siamrpnpp
from lg_tracker_ros.local.ncc import NccTracker
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads, SearchNet, TemplateNet
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.recognition.calibrated import calibrated, CalibratedTracker
from lg_tracker_ros.recognition.confidence import Confidence
from lg_tracker_ros.recognition.look import Look
from lg_tracker_ros.types import LocalTracker

Maker = Callable[[Settings, EngineConfig], LocalTracker]

FILES: Mapping[str, str] = {
    'pixelwise': 'pixelwise.safetensors',
    'siamfcpp': 'siamfcpp_{backbone}.safetensors',
    'siamrpnpp': 'siamrpnpp_{backbone}.safetensors',
}
"""Weights of those that have any of ours, in the package."""


def file_of(settings: Settings) -> str:
    """Name the file of our weights that the local tracker reads, '' where it reads none."""
    return FILES.get(settings.tracker, '').format(backbone=settings.backbone)


def _pixelwise(settings: Settings, engine: EngineConfig) -> LocalTracker:
    heads = PixelwiseHeads(pixelwise.count_heads(checked_file(settings.tracker_weights,
                                                              file_of(settings))))
    read_into(heads, settings.tracker_weights, file_of(settings))
    backbone = shared_backbone()
    return pixelwise.build(TemplateNet(backbone, heads), SearchNet(backbone, heads), engine)


def _siamfcpp(settings: Settings, engine: EngineConfig) -> LocalTracker:
    net = siamfcpp_net.SiamFCppNet(siamfcpp_net.VARIANTS[settings.backbone])
    read_into(net, settings.tracker_weights, file_of(settings))
    return siamfcpp.build(net, engine)


def _siamrpnpp(settings: Settings, engine: EngineConfig) -> LocalTracker:
    path = checked_file(settings.tracker_weights, file_of(settings))
    return siamrpnpp.build(settings.backbone, path, engine.device)


LOCAL_TRACKERS: Mapping[str, Maker] = {
    'pixelwise': _pixelwise,
    'ncc': lambda settings, engine: NccTracker(shared_backbone(), engine),
    'siamfcpp': _siamfcpp,
    'siamrpnpp': _siamrpnpp,
    'opencv_csrt': lambda settings, engine: opencv.csrt(),
    'opencv_kcf': lambda settings, engine: opencv.kcf(),
    'opencv_mil': lambda settings, engine: opencv.mil(),
    'opencv_nano': lambda settings, engine: opencv.nano(settings.tracker_weights),
    'opencv_vit': lambda settings, engine: opencv.vit(settings.tracker_weights),
}

CONFIDENCE: Mapping[str, Confidence] = {
    'pixelwise': Confidence(0.38, 10.03, -3.3),
    'ncc': Confidence(0.0, 10.16, -3.86),
    'siamfcpp': Confidence(0.38, 10.03, -3.3),
    'siamrpnpp': Confidence(0.38, 10.03, -3.3),
    'opencv_csrt': Confidence(0.04, 11.38, -3.71),
    'opencv_kcf': Confidence(0.0, 13.31, -4.9),
    'opencv_mil': Confidence(0.0, 13.03, -4.73),
    'opencv_nano': Confidence(0.66, 9.7, -4.62),
    'opencv_vit': Confidence(0.12, 11.68, -4.31),
}
"""What ``train calibrate`` found; weights that bring their own in the header go before it."""


def make_local(settings: Settings, engine: EngineConfig) -> CalibratedTracker:
    """
    Make the local tracker that ``settings`` name, with a calibrated confidence.

    ``engine`` is resolved. Reads weights and compiles networks; raises ValueError, in one line,
    when it can't be made.
    """
    name = settings.tracker
    tracker = LOCAL_TRACKERS[name](settings, engine)
    own = confidence_of(settings.tracker_weights, file_of(settings)) if name in FILES else None
    confidence = Confidence(*own) if own else CONFIDENCE[name]
    return calibrated(tracker, Look(shared_backbone(), engine), confidence)
