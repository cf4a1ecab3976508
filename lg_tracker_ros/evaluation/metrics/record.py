"""What the figures are computed from: one run over one sequence and its labels, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from lg_tracker_ros.datasets.sequence import Boxes, Flags, Labelled
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Labels(Labelled):
    """A LabelledSequence without its pictures; ``path`` says where those are."""

    name: str
    truth: Boxes
    absent: Flags
    attributes: tuple[str, ...] = ()
    source: str = ''
    protocol: str = 'plain'
    path: str = ''
    marks: tuple[str, ...] = ()
    others: Boxes | None = None
    every: int = 1


@dataclass(frozen=True, eq=False)
class Record:
    """
    One tracker's run over one sequence; every array has a row for each of its N labelled frames.

    ``boxes`` N x 4 (nan: none claimed), ``confidence`` N in [0, 1], ``mode`` N of Mode.name
    values, ``ms`` N in milliseconds (nan before the run's first frame). ``stages`` holds, by
    name, N milliseconds (nan where the stage did not run). ``made`` is the sidecar. ``places``
    N x 4 are where the tracker believed the target to be, claimed or not (nan: it didn't say).
    """

    tracker: str
    labels: Labels
    boxes: Boxes
    confidence: npt.NDArray[np.float64]
    mode: npt.NDArray[np.str_]
    ms: npt.NDArray[np.float64]
    stages: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)
    places: Boxes | None = None

    @property
    def claimed(self) -> Flags:
        """Frames with a claimed box: N flags."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1))

    @property
    def every(self) -> Boxes:
        """
        Boxes N x 4 with one for every frame from the first on, as one-pass evaluation wants.

        Where none is claimed it is the place; where there is none either, the box before, as the
        toolkits of OTB and LaSOT do.
        """
        boxes = self.boxes.copy()
        if self.places is not None:
            boxes[~self.claimed] = self.places[~self.claimed]
        known = np.isfinite(boxes).all(axis=1)
        return boxes[np.maximum.accumulate(np.where(known, np.arange(len(boxes)), 0))]
