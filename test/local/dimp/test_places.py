"""What a map of DiMP's scores says of the target's place."""

from lg_tracker_ros.local.dimp.places import Finding, locate
import numpy as np
import pytest

TARGET, LAST = (4.0, 3.0), (11.0, 11.0)
"""Width and height in cells; row and column. The map has 23 x 23, so that 9.2 cells are far."""


def scores(*peaks):
    found = np.zeros((23, 23), np.float32)
    for row, column, value in peaks:
        found[row, column] = value
    return found


@pytest.mark.parametrize('peaks, place, finding', [
    ([(10, 12, 0.9)], (10, 12), Finding.CLEAR),
    ([(10, 12, 0.2)], (10, 12), Finding.MISSING),
    # near the first one it is the same peak: 2.2 sides of the target, 4.4 cells to each side
    ([(10, 12, 0.9), (10, 16, 0.85)], (10, 12), Finding.CLEAR),
    ([(10, 12, 0.9), (14, 12, 0.5)], (10, 12), Finding.RIVALLED),
    ([(10, 12, 0.9), (10, 17, 0.5)], (10, 12), Finding.RIVALLED),
    ([(10, 12, 0.9), (10, 17, 0.4)], (10, 12), Finding.CLEAR),
    ([(10, 12, 0.4), (10, 17, 0.24)], (10, 12), Finding.CLEAR),
    # two alike: the one that is near; two that are near, or far: nobody knows
    ([(10, 12, 0.8), (1, 1, 0.9)], (10, 12), Finding.RIVALLED),
    ([(10, 12, 0.9), (1, 1, 0.8)], (10, 12), Finding.RIVALLED),
    ([(10, 12, 0.9), (10, 17, 0.8)], (10, 12), Finding.UNCERTAIN),
    ([(1, 1, 0.9), (21, 21, 0.8)], (1, 1), Finding.UNCERTAIN)])
def test_peaks_are_told_apart(peaks, place, finding):
    found = locate(scores(*peaks), TARGET, LAST)
    assert (found.row, found.column) == place and found.finding is finding
    assert found.score == pytest.approx({p[:2]: p[2] for p in peaks}[place])


def test_the_mask_is_rounded_at_either_end_as_released():
    """2.64 cells to each side of column 12: from 9.36, rounded, up to 14.64, rounded."""
    found = {column: locate(scores((10, 12, 0.9), (10, column, 0.85)), (2.4, 3.0), LAST).finding
             for column in (8, 9, 15, 16)}
    assert found == {8: Finding.UNCERTAIN, 9: Finding.CLEAR, 15: Finding.CLEAR,
                     16: Finding.UNCERTAIN}
