"""From settings to a tracker: the only place that knows every part."""

from __future__ import annotations

from lg_tracker_ros.local import make_local
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.tracker import LongTermTracker


def build_tracker(settings: Settings) -> LongTermTracker:
    """
    Make the tracker that ``settings`` describe; reads weights, compiles networks.

    Raises ValueError, in one line that says how to mend it, when a part can't be made here.
    """
    engine = settings.engine_config()
    local = make_local(settings, engine)
    make = REDETECTORS[settings.redetector]
    return LongTermTracker(local, make(settings, engine) if make else None, settings.search())
