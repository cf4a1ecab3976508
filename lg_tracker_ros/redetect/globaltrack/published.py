"""GlobalTrack by the names that choose it; the network is imported when it is built."""

from __future__ import annotations

from lg_tracker_ros.checkpoint import checked_file
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.types import Redetector

WEIGHTS = 'globaltrack.pth'


def _make(weights: str, threshold: float, engine: EngineConfig) -> Redetector:
    from lg_tracker_ros.redetect.globaltrack.detector import build
    return build(checked_file(weights, WEIGHTS), engine.device, threads=engine.threads)


def _make_small(weights: str, threshold: float, engine: EngineConfig) -> Redetector:
    from lg_tracker_ros.redetect.globaltrack.detector import build, SMALL
    return build(checked_file(weights, WEIGHTS), engine.device, SMALL, engine.threads)


SPEC = RedetectorSpec('globaltrack', "its authors'; needs a checkpoint, and a GPU", _make, WEIGHTS)
SMALL_SPEC = RedetectorSpec('globaltrack_640', 'the same on smaller pictures, with fewer regions',
                            _make_small, WEIGHTS)
