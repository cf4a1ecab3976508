"""
Finding a target again: what the proposals hold, how soon it is found, what is found wrongly.

AR@K: Huang et al., GlobalTrack, AAAI 2020, and COCO's average recall. The measures of returns
are this project's own; their definitions stand with them.
"""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.datasets.sequence import Flags
from lg_tracker_ros.evaluation.metrics.overlap import Values
import numpy as np

COCO_AT = np.arange(10) * 0.05 + 0.5
"""IoU thresholds of the average recall."""


def find_returns(iou: Values, absent: Flags, min_absent: int = 1) -> list[tuple[int, int | None]]:
    """
    List the target's returns as (frame of reappearance, frames until it is re-acquired or None).

    ``iou`` (N) is nan where there is no truth and 0 where no box is claimed. The target returns
    in the first frame with a true box after at least ``min_absent`` frames labelled absent since
    the last one with a box; unlabelled frames between count for neither. It is re-acquired in the
    first frame, from the reappearance on, whose claimed box has an IoU above .5: 0 frames when
    that is the same frame. None: not before the next absent frame, or the end.
    """
    present = np.isfinite(iou)
    found: list[tuple[int, int | None]] = []
    away = 0
    for i in np.flatnonzero(present | absent):
        if absent[i]:
            away += 1
            continue
        if away >= min_absent and present[:i].any():
            gone = np.flatnonzero(absent[i:])
            stay = iou[i:i + gone[0]] if len(gone) else iou[i:]
            again = np.flatnonzero(stay > 0.5)
            found.append((int(i), int(again[0]) if len(again) else None))
        away = 0
    return found


def wait_percentile(waits: Sequence[int | None], percent: float) -> float | None:
    """
    Compute a percentile of waiting times in frames; None counts as infinite.

    Interpolates linearly between neighbours in rank as NumPy does. None when the percentile
    itself is infinite, or there are no waits.
    """
    if not waits:
        return None
    times = np.sort(np.array([np.inf if w is None else w for w in waits], np.float64))
    place = percent / 100 * (len(times) - 1)
    low, high = times[int(np.floor(place))], times[int(np.ceil(place))]
    return float(low + (high - low) * (place % 1)) if np.isfinite(high) else None


def false_reacquisitions(iou: Values, claimed: Flags, absent: Flags) -> int:
    """
    Count the runs of claimed boxes that begin wrongly and never become right.

    A run is a stretch of consecutive frames with claimed boxes that begins after a frame in which
    the tracker claimed nothing. It is false when at least one of its frames is labelled and none
    of its boxes overlaps the truth with an IoU above .1 (0 where the target is absent). A run
    that starts on a wrong place and moves to the target is not counted; nor is drift, which
    begins from a right box.
    """
    edges = np.diff(np.concatenate([[True], claimed, [False]]).astype(np.int8))
    starts = np.flatnonzero(edges[:-1] == 1)
    ends = np.flatnonzero(edges == -1)
    count = 0
    for start in starts:
        part = slice(start, ends[ends > start][0])
        labelled = np.isfinite(iou[part]) | absent[part]
        count += bool(labelled.any() and not (iou[part] > 0.1).any())
    return count


def per_hour(count: int, frames: int, rate: float = 30.0) -> float:
    """Turn a count over ``frames`` into one for an hour of video at ``rate`` frames a second."""
    return count * 3600 * rate / frames
