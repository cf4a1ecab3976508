"""One target across synchronous cameras: in which one it was found, and how well."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.evaluation.metrics.overlap import success_auc
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
import numpy as np
import numpy.typing as npt


def score(record: Record, cameras: npt.NDArray[np.str_],
          members: Sequence[Labels]) -> dict[str, float | int | None]:
    """
    Score one target across cameras.

    ``record`` holds the box of each of N moments and ``cameras`` (N) the member it is in. Scored
    are the moments from the first box on, that one included, in which every camera is labelled.
    Counts: ``visible`` (the target is in some camera; the next four count these), ``right`` (a
    box in a camera that has the target, IoU > .5; where several have it any of them is right),
    ``right_camera`` (that camera, whatever the box), ``wrong`` (another camera or another box),
    ``silent`` (no box); ``absent`` (it is in none) and ``claimed_when_absent``. ``auc`` is the
    success AUC over the visible moments: the IoU in the right camera, else 0. None without any.
    """
    n, start = len(record.boxes), min(m.start for m in members)
    scored = np.arange(n) >= start
    somewhere, there, iou = np.zeros(n, bool), np.zeros(n, bool), np.zeros(n)
    for m in members:
        scored &= m.present | m.absent
        somewhere |= m.present
        here = m.present & record.claimed & (cameras == m.name)
        there |= here
        iou[here] = iou_pairs(record.boxes[here], m.truth[here])
    visible = scored & somewhere
    absent = scored & ~visible
    right = there & (iou > 0.5)
    counts = {'frames': scored, 'visible': visible, 'right': visible & right,
              'right_camera': visible & there, 'wrong': visible & record.claimed & ~right,
              'silent': visible & ~record.claimed, 'absent': absent,
              'claimed_when_absent': absent & record.claimed}
    ms = record.ms[start + 1:]
    return {**{name: int(flags.sum()) for name, flags in counts.items()},
            'auc': float(success_auc(iou[visible])) if visible.any() else None,
            'ms_median': float(np.nanmedian(ms)) if np.isfinite(ms).any() else None}
