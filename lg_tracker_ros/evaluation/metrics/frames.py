"""A run's frames, each scored once; every figure comes from these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from lg_tracker_ros.datasets.sequence import Flags
from lg_tracker_ros.evaluation.metrics.longterm import Scores
from lg_tracker_ros.evaluation.metrics.overlap import center_errors, overlaps, Values
from lg_tracker_ros.evaluation.metrics.record import Record
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Run:
    """
    A record from its first frame with a box on, scored frame by frame; every array has N values.

    ``iou``, ``errors`` (px) and ``normalised`` are those of the overlap module, nan without truth;
    ``ratio`` is the linear size of the box over the true one's, or its inverse where that is
    smaller than 1, nan without both. ``confidence`` is nan where no box is claimed. ``guessed``
    is the IoU with a box for every frame (Record.every), nan without truth, and ``astray`` that
    box's centre error. ``on_other`` is the claimed box's IoU with a labelled look-alike, 0 without
    a claim, nan where there is none; None where the sequence labels none at all.
    """

    iou: Values
    guessed: Values
    astray: Values
    errors: Values
    normalised: Values
    ratio: Values
    confidence: Values
    claimed: Flags
    absent: Flags
    mode: npt.NDArray[np.str_]
    ms: Values
    stages: Mapping[str, Values]
    on_other: Values | None = None

    def stage(self, name: str) -> Values:
        """Give a stage's N times in ms, nan where it did not run."""
        return self.stages.get(name, np.full(len(self.ms), np.nan))

    @property
    def scores(self) -> Scores:
        """What VOT-LT's measures take."""
        return Scores(self.iou, self.confidence, self.absent)


def score(record: Record) -> Run:
    """Score a record's frames; raises ValueError when its labels hold no box."""
    if not record.labels.present.any():
        raise ValueError(f'{record.labels.name}: no frame has a true box; at least one must')
    begin = record.labels.start
    boxes, truth = record.boxes[begin:], record.labels.truth[begin:]
    every, claimed, others = record.every[begin:], record.claimed[begin:], record.labels.others
    ratio = np.sqrt(np.prod(boxes[:, 2:], axis=1) / np.prod(truth[:, 2:], axis=1))
    return Run(
        overlaps(boxes, truth), overlaps(every, truth), center_errors(every, truth),
        center_errors(boxes, truth),
        center_errors(boxes, truth, normalised=True), np.maximum(ratio, 1 / ratio),
        np.where(claimed, record.confidence[begin:], np.nan), claimed,
        record.labels.absent[begin:], record.mode[begin:], record.ms[begin:],
        {name: ms[begin:] for name, ms in record.stages.items()},
        None if others is None else overlaps(boxes, others[begin:]))
