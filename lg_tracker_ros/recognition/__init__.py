"""Whether what was found is the target: looks, cues, calibrated confidence, what is learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from lg_tracker_ros.recognition.calibrated import calibrated, CalibratedTracker
from lg_tracker_ros.recognition.confidence import Confidence
from lg_tracker_ros.recognition.look import Look
from lg_tracker_ros.recognition.memory import MemoryConfig
from lg_tracker_ros.recognition.recogniser import OnlineRecogniser
from lg_tracker_ros.types import LocalTracker

Recognition = Callable[[LocalTracker, Look, Confidence], CalibratedTracker]

RECOGNITION: Mapping[str, Recognition] = {
    'online': OnlineRecogniser, 'first_look': calibrated,
    'online_diverse': partial(OnlineRecogniser, config=MemoryConfig(diverse=True))}
"""Ways to judge what a local tracker finds, by the value of the parameter ``recognition``."""
