"""Re-detectors: one file each, which ends with its spec; one word each in REDETECTORS."""

from __future__ import annotations

from lg_tracker_ros.redetect import correlation, saliency, tanet, tanet_lite
from lg_tracker_ros.redetect.globaltrack import lite as globaltrack_lite
from lg_tracker_ros.redetect.globaltrack import published as globaltrack
from lg_tracker_ros.redetect.spec import RedetectorSpec

NONE = RedetectorSpec('none', 'no global search', lambda weights, threshold, engine: None)
REDETECTORS: dict[str, RedetectorSpec] = {s.name: s for s in (
    tanet_lite.SPEC,
    tanet.SPEC,
    correlation.SPEC,
    NONE,
    globaltrack_lite.SPEC,
    tanet.RELEASED,
    globaltrack.SPEC,
    globaltrack.SMALL_SPEC,
    saliency.SPEC,
)}
"""Every re-detector by its name; all else that names them looks here."""
