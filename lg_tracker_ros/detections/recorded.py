"""A detector's boxes beside recordings: from files, shown frame by frame as a live one would."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from lg_tracker_ros.detections.besides import end_help, help_search
from lg_tracker_ros.detections.recent import Recent
from lg_tracker_ros.detections.selection import Detection, Selection
from lg_tracker_ros.detections.table import read_detections
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Frame


class RecordedDetector:
    """What detectors saw in one or several recordings that show the same moments."""

    def __init__(self, files: Sequence[Path], selection: Selection) -> None:
        """Read a file for each of the first recordings; ValueError for a wrong one."""
        self._selection, self._recent = selection, Recent()
        self._tables = [read_detections(f) for f in files]

    def assist(self, tracker: LongTermTracker) -> None:
        """Let the tracker's global search look at these detections, and at no others."""
        if self._tables:
            help_search(tracker, self._recent, lambda: self._selection.age)
        else:
            end_help(tracker)

    def show(self, number: int, frames: Sequence[Frame | None]) -> list[tuple[Frame, Detection]]:
        """
        Show what was seen in the frames of moment ``number``, before they are searched.

        ``frames`` are in the order of the files, None where a recording has none that can be read.
        Returns the frames, with the detection, in which one may become the target.
        """
        chosen = []
        for frame, table in zip(frames, self._tables):
            if frame is None:
                continue
            counting = self._selection.counting(table.get(number, ()))
            self._recent.put(frame.camera, frame.stamp, [d.box for d in counting])
            if (detection := self._selection.choose(counting)) is not None:
                chosen.append((frame, detection))
        return chosen
