"""Who is who by where they are: a rival keeps its identity while it stays in view."""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from typing import Sequence

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.tracking.rhythm import USUAL
from lg_tracker_ros.types import Box, Frame
import numpy as np
import numpy.typing as npt

Gray = npt.NDArray[np.float64]

CUT = 0.45
"""Correlation of two frames' thumbnails below which the camera shows another scene, or turns so
fast that places mean nothing. On the development sequences cuts have -.7 to .5, and the lowest
hundredth of other frames begins at .3 in the most shaken one, at .4 or more in most."""


def another_scene(before: Gray, now: Gray) -> bool:
    """Whether two thumbnails are of two scenes."""
    if before.shape != now.shape:
        return True
    a, b = before - before.mean(), now - now.mean()
    return float((a * b).sum()) < CUT * math.sqrt(float((a * a).sum() * (b * b).sum()))


def within_reach(last: Box, box: Box, frames: int = 1) -> bool:
    """
    Whether a target that was at ``last`` may be at ``box`` some ``frames`` later.

    It may move by one and a half times its mean side at once, and by half of it in each frame
    after that.
    """
    reach = (1 + 0.5 * frames) * math.sqrt(last.w * last.h)
    return math.hypot(box.cx - last.cx, box.cy - last.cy) <= reach


@dataclass
class RivalPaths:
    """
    Where the rivals in one camera's image were last; times are in frames.

    What continues the path of a rival is that rival, however alike it looks (after KeepTrack,
    Mayer et al., ICCV 2021). A path begins beside a target in view, or soon after a loss where
    the target can't have got to; it ends when nothing continues it for ``gap`` frames, where the
    target itself crosses it, and with a cut.
    """

    overlap: float = 0.5
    gap: int = 6
    _frame: int = 0
    _stamp: int | None = None
    _paths: list[tuple[Box, int]] = field(default_factory=list)
    _thumbnail: Gray | None = None

    def advance(self, frame: Frame) -> bool:
        """
        Go on to the next frame; whether it shows another scene than the one before.

        It counts for its span, and for more where the camera wasn't looked at for longer.
        """
        pause = 0 if self._stamp is None else round((frame.stamp - self._stamp) / USUAL)
        self._frame, self._stamp = self._frame + max(frame.span, pause), frame.stamp
        self._paths = [p for p in self._paths if self._frame - p[1] <= self.gap]
        small = frame.image[::16, ::16].mean(axis=2)
        before, self._thumbnail = self._thumbnail, small
        cut = before is not None and another_scene(before, small)
        if cut:
            self._paths = []
        return cut

    def continues(self, box: Box) -> bool:
        """Whether a box continues a rival's path."""
        return any(iou(box, path) >= self.overlap for path, _ in self._paths)

    def see(self, boxes: Sequence[Box]) -> None:
        """Let boxes of this frame continue the paths that they overlap most."""
        for i, (path, _) in enumerate(self._paths):
            best = max(boxes, key=lambda b: iou(b, path), default=None)
            if best is not None and iou(best, path) >= self.overlap:
                self._paths[i] = best, self._frame

    def begin(self, box: Box) -> None:
        """Take note of a rival at ``box`` in this frame."""
        if not self.continues(box):
            self._paths.append((box, self._frame))

    def cross(self, target: Box) -> None:
        """End the paths that the target meets: they say no longer whose they are."""
        self._paths = [p for p in self._paths if iou(p[0], target) < 0.1]
