"""Where ``track`` begins: on the box that was drawn, or on one that a detector saw."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.boxes import check_init_box
from lg_tracker_ros.detections.selection import Detection
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Mode, Track


def begin(tracker: LongTermTracker, frames: Sequence[Frame], box: Box | None,
          chosen: Sequence[tuple[Frame, Detection]]) -> Track:
    """
    Begin on ``box`` in the first frame or, where there is none, on a chosen detection.

    While no detection can be tracked the Track is IDLE. Raises ValueError for a ``box`` that
    can't.
    """
    if box is not None:
        return tracker.init(frames[0], box)
    for frame, detection in chosen:
        try:
            check_init_box(detection.box, frame.width, frame.height)
        except ValueError:
            continue
        return tracker.init(frame, detection.box)
    return Track(frames[0].camera, frames[0].stamp, Mode.IDLE, None, 0.0, 0)
