"""Whether a response shows one target, none, or a rival beside it: DROL's flags, after ATOM."""

from __future__ import annotations

import enum
import math

from lg_tracker_ros.vision.cells import Array
import numpy as np

ABSENT, TWIN, RIVAL = 0.25, 0.8, 0.5
"""The highest peak below which there is no target; shares of it from which a second peak is as
good as the first, and from which it is a rival's."""
NEAR = 2.2
"""Size, of the target's, within which a second peak is still the first."""
CENTRAL = 0.8
"""Share of half the crop within which a peak is where the target is expected."""


class Flag(enum.Enum):
    """What a response shows."""

    PLAIN = 'plain'
    RIVAL = 'rival'
    ABSENT = 'absent'
    UNCERTAIN = 'uncertain'


def upsampled(response: Array, size: int) -> Array:
    """Interpolate a map to size x size by its Fourier series (h < size); values stay in place."""
    h, w = response.shape
    spectrum = np.zeros((size, size // 2 + 1), np.complex128)
    half = np.fft.rfft2(response)
    if w % 2 == 0:
        half[:, -1] /= 2  # it stands for two frequencies of the finer map
    up, down = (h + 1) // 2, h // 2
    spectrum[:up, :half.shape[1]] = half[:up]
    spectrum[size - down:, :half.shape[1]] = half[h - down:]
    return np.asarray(np.fft.irfft2(spectrum, (size, size)) * (size * size / (h * w)), np.float32)


def flag(response: Array, size: int, target: tuple[float, float]) -> Flag:
    """
    Judge a response of a search crop of ``size`` pixels; ``target``: width and height there.

    The second peak is the highest further from the first than NEAR times half the target.
    """
    fine = upsampled(response, size)
    row, col = np.unravel_index(int(np.argmax(fine)), fine.shape)
    first = float(fine[row, col])
    if first < ABSENT:
        return Flag.ABSENT
    rows, cols = np.ogrid[:size, :size]
    apart = (abs(rows - row) > NEAR * target[1] / 2) | (abs(cols - col) > NEAR * target[0] / 2)
    rest = np.where(apart, fine, -np.inf)
    row2, col2 = np.unravel_index(int(np.argmax(rest)), rest.shape)
    second = float(rest[row2, col2])
    if second > TWIN * first:
        central = [math.hypot(r - size / 2, c - size / 2) < CENTRAL * size / 2
                   for r, c in ((row, col), (row2, col2))]
        return Flag.RIVAL if central[0] != central[1] else Flag.UNCERTAIN
    if second > RIVAL * first and second > ABSENT:
        return Flag.RIVAL
    return Flag.PLAIN
