"""From settings to a tracker: the only place that knows every part."""

from __future__ import annotations

from dataclasses import replace
from typing import Hashable

from lg_tracker_ros.checkpoint import confidence_of, shared_backbone
from lg_tracker_ros.engine import EngineConfig, Runner
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.online import ONLINE_MODULES
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.recognition import RECOGNITION
from lg_tracker_ros.recognition.calibrated import CalibratedTracker
from lg_tracker_ros.recognition.confidence import Confidence
from lg_tracker_ros.recognition.look import Look
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import LocalTracker, Redetector


def build_tracker(settings: Settings, compiled: dict[Hashable, Runner] | None = None
                  ) -> LongTermTracker:
    """
    Make the tracker that ``settings`` describe; reads weights, compiles networks.

    Trackers that are made with the same table ``compiled``, empty at first, share their networks.
    Raises ValueError, in one line that says how to mend it, when a part can't be made here.
    """
    return assemble(settings, replace(settings.engine_config(), compiled=compiled))


def assemble(settings: Settings, engine: EngineConfig) -> LongTermTracker:
    """Make it for an ``engine``, resolved, whatever the settings say of that."""
    local = make_local(settings, engine)
    return LongTermTracker(local, make_redetector(settings, engine), settings.search(),
                           two_cores=engine.at_once > 1)


def make_local(settings: Settings, engine: EngineConfig) -> CalibratedTracker:
    """
    Make the local tracker that ``settings`` name, with a calibrated confidence.

    ``engine`` is resolved. Reads weights and compiles networks; raises ValueError, in one line,
    when it can't be made.
    """
    spec = LOCAL_TRACKERS[settings.tracker]
    given, backbone = settings.tracker_weights, settings.backbone
    module = ONLINE_MODULES[settings.online_module]
    if given and not spec.weights and spec.external is None:
        tell_once(f'tracker_weights {given} is not read: tracker {spec.name} reads no weights')
    more = {name: getattr(settings, name) for name in spec.parameters}
    tracker: LocalTracker
    if module is None or spec.host is None:
        tracker = spec.build(given, backbone, engine, **more)
    else:
        tracker = module(spec.host(given, backbone, engine, **more), settings.online())
    own = confidence_of(given, spec.file(backbone)) if spec.weights else None
    if given and spec.weights and own is None:
        tell_once(f'{given} is not calibrated, so beta1 means what it does for other weights; run '
                  f'python -m lg_tracker_ros train calibrate {spec.name} --backbone {backbone} '
                  '--weights FILE --write --data FOLDER and use what that writes')
    confidence = Confidence(*own) if own else spec.confidence
    look = Look(shared_backbone(), engine)
    return RECOGNITION[settings.recognition](tracker, look, confidence)


def make_redetector(settings: Settings, engine: EngineConfig) -> Redetector | None:
    """Make the re-detector that ``settings`` name, None for none; as make_local else."""
    spec = REDETECTORS[settings.redetector]
    given = settings.redetector_weights
    if given and not spec.weights:
        tell_once(f'redetector_weights {given} is not read: redetector {spec.name} reads '
                  'no weights')
    return spec.build(given, settings.attention_threshold, engine)
