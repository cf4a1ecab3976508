"""Flags of responses drawn by hand, in a crop of 256 pixels with 16 x 16 cells."""

from lg_tracker_ros.local.online.peaks import Flag, flag, upsampled
import numpy as np
import pytest


def response(*peaks):
    """Draw bumps, each (row, column, height) in cells."""
    rows, cols = np.ogrid[:16, :16]
    return sum((h * np.exp(-((rows - r) ** 2 + (cols - c) ** 2) / 2) for r, c, h in peaks),
               np.zeros((16, 16))).astype(np.float32)


@pytest.mark.parametrize('size', [15, 16])
def test_interpolation_keeps_what_was_known(size):
    values = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    assert upsampled(values, 4 * size)[::4, ::4] == pytest.approx(values, abs=1e-5)
    wave = np.cos(2 * np.pi * np.arange(size) / size)[None].repeat(size, 0)
    fine = np.cos(2 * np.pi * np.arange(4 * size) / (4 * size))
    assert upsampled(wave, 4 * size)[3] == pytest.approx(fine, abs=1e-5)


@pytest.mark.parametrize('peaks, want', [
    ([(8, 8, 0.24)], Flag.ABSENT),
    ([(8, 8, 0.9)], Flag.PLAIN),
    ([(8, 8, 0.9), (8, 3, 0.4)], Flag.PLAIN),
    ([(8, 8, 0.9), (8, 3, 0.6)], Flag.RIVAL),
    ([(8, 8, 0.4), (8, 3, 0.22)], Flag.PLAIN),  # more than half, but no target by itself
    ([(8, 8, 0.9), (8, 3, 0.85)], Flag.UNCERTAIN),
    ([(8, 8, 0.9), (1, 1, 0.85)], Flag.RIVAL),  # one of them is too far to be the target
    ([(1, 1, 0.9), (8, 8, 0.85)], Flag.RIVAL),
    ([(1, 1, 0.9), (14, 14, 0.85)], Flag.UNCERTAIN),
    ([(8, 8, 0.9), (8, 10, 0.7)], Flag.PLAIN),  # the same peak: 2.2 times the target is masked
])
def test_flags(peaks, want):
    assert flag(response(*peaks), 256, (40, 40)) is want
