"""
Which looks of a target are worth keeping: those that differ most (THOR, Sauer et al. 2019).

The Gram determinant of some vectors is the square of the volume that they span; it grows with
what they don't have in common.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def log_volume(vectors: npt.NDArray[np.floating]) -> float:
    """Log of the Gram determinant of K vectors (K x D); -inf where they are dependent."""
    x = np.asarray(vectors, np.float64)
    sign, value = np.linalg.slogdet(x @ x.T)
    return float(value) if sign > 0 else -np.inf


def worth_replacing(kept: npt.NDArray[np.floating], new: npt.NDArray[np.floating]) -> int | None:
    """
    Say which of K kept vectors (K x D) ``new`` (D) should replace, None if none.

    The one by whose replacement the Gram determinant grows most; never the first, which is the
    first frame's, and none where it wouldn't grow.
    """
    if len(kept) < 2:
        return None
    x = np.asarray(kept, np.float64)
    gram, cross, own = x @ x.T, x @ new, float(new @ np.asarray(new, np.float64))
    each = np.repeat(gram[None], len(x), 0)
    slots = np.arange(len(x))
    each[slots, slots], each[slots, :, slots] = cross, cross
    each[slots, slots, slots] = own
    sign, value = np.linalg.slogdet(each)
    value = np.where(sign > 0, value, -np.inf)
    value[0] = -np.inf
    best = int(np.argmax(value))
    return best if value[best] > log_volume(x) else None
