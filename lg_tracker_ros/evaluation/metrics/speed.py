"""Speed: milliseconds a frame and frames a second."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Speed(NamedTuple):
    """Median and 95th percentile in ms a frame, and frames a second; None without a frame."""

    median: float | None
    p95: float | None
    fps: float | None


def speed(ms: npt.ArrayLike) -> Speed:
    """
    Summarise N times in ms; nan (the stage did not run) is left out.

    Percentiles interpolate linearly. Frames a second are all frames over all time, not a mean of
    each frame's rate, which would hide the slow ones; None where all took no time.
    """
    times = np.asarray(ms, np.float64)
    times = times[np.isfinite(times)]
    if not len(times):
        return Speed(None, None, None)
    total = float(times.sum())
    return Speed(float(np.median(times)), float(np.percentile(times, 95)),
                 1e3 * len(times) / total if total > 0 else None)
