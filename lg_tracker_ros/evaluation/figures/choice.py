"""Which sequences and which of their frames a picture shows, by rule."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.evaluation.metrics.record import Record
from lg_tracker_ros.types import Mode
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def spans(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the runs of true flags as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def overlaps(record: Record) -> Values:
    """Compute each frame's IoU with the truth (N); 0 without a box, nan without a truth."""
    iou = iou_pairs(record.boxes, record.labels.truth)
    return np.where(record.labels.present & ~record.claimed, 0.0, iou)


def rightness(record: Record) -> Values:
    """Say how right each frame is (N): its IoU; of an absent target 1 without a box, else 0."""
    return np.where(record.labels.absent, np.where(record.claimed, 0.0, 1.0), overlaps(record))


def telling(records: Sequence[Record]) -> list[Record]:
    """Order a tracker's runs: most departures of the target first, then the most searching."""
    def key(record: Record) -> tuple[int, float, str]:
        searching = float(np.mean(record.mode == Mode.GLOBAL.name))
        return -len(spans(record.labels.absent)), -searching, record.labels.name
    return sorted(records, key=key)


def moments(record: Record) -> list[int]:
    """Choose three frames: the first, the worst with a truth, and the last that is right."""
    iou = overlaps(record)
    iou[:record.labels.start + 1] = np.nan
    if np.isnan(iou).all():
        return []
    right = np.flatnonzero(iou > 0.5)
    last = int(right[-1]) if len(right) else int(np.flatnonzero(np.isfinite(iou))[-1])
    return [record.labels.start, int(np.nanargmin(iou)), last]


def apart(records: Sequence[Record], count: int) -> list[int]:
    """
    Choose at most ``count`` frames of one sequence in which its runs differ most, in order.

    The frames after the first box are cut into as many parts; of each it is the labelled frame
    with the largest gap between the most and the least right of ``records``.
    """
    right = np.stack([rightness(r) for r in records])
    gap = right.max(axis=0) - right.min(axis=0)
    parts = np.array_split(np.arange(records[0].labels.start + 1, len(gap)), count)
    return [int(part[np.nanargmax(gap[part])]) for part in parts if np.isfinite(gap[part]).any()]


class Mistake(NamedTuple):
    """A frame in which a tracker is sure of a box that is wrong."""

    record: Record
    frame: int
    gap: float


def sure_but_wrong(records: Sequence[Record], count: int) -> list[Mistake]:
    """
    Choose ``count`` mistakes of a tracker: the worst of each sequence, then the second worst, ...

    A claimed box is wrong where its IoU isn't above .5, or the target is absent; how bad it is,
    is the confidence less the IoU. Of frames that are wrong in a row only the worst counts.
    """
    found: list[tuple[int, Mistake]] = []
    for record in records:
        right = rightness(record)
        wrong = record.claimed & (right <= 0.5)
        wrong[:record.labels.start + 1] = False
        gap = record.confidence - right
        worst = [a + int(np.argmax(gap[a:b])) for a, b in spans(wrong)]
        own = sorted((Mistake(record, i, float(gap[i])) for i in worst), key=lambda m: -m.gap)
        found += enumerate(own)
    return [m for _, m in sorted(found, key=lambda turn: (turn[0], -turn[1].gap))][:count]
