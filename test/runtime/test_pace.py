"""Tables for rhythm, silence, standstill and load; seconds are made up."""

from lg_tracker_ros.runtime.pace import Load, Pace, Standstill
import pytest


def paced(*times):
    """Return the pace of images at these times."""
    pace = Pace()
    for t in times:
        pace.tick(t)
    return pace


@pytest.mark.parametrize('times, now, want', [
    ((), 9, 0), ((0,), 0.9, 0), ((0,), 1.5, 1.5),
    ([i / 30 for i in range(31)], 1.9, 0), ([i / 30 for i in range(31)], 9, 8),
    ((0, 2.5, 5), 11, 0), ((0, 2.5, 5), 12, 7),  # a slow camera may be late by its own measure
    ((0, 0.1, 0.2, 0.3, 25, 25.1), 27, 1.9)])  # one gap is no period
def test_silence(times, now, want):
    assert paced(*times).silent(now, timeout=1) == pytest.approx(want)


def test_period():
    assert paced(5).period == 0 and paced(5, 7.5).period == 2.5


def test_standstill():
    still = Standstill()
    assert [still.seconds(v, t) for v, t in ((0, 3), (0, 5), (7, 6), (7, 6.5), (3, 9))] == [
        0, 2, 0, 0.5, 0]


@pytest.mark.parametrize('steps, want', [
    ([(0, 0, 0), (1, 30, 18), (2, 60, 36)], (30, 12)),
    ([(0, 0, 0), (1, 30, 2), (2, 60, 5)], None),
    ([(0, 0, 0), (1, 3, 3)], None),  # too few to say
    ([(0, 900, 500), (1, 30, 0), (2, 60, 0)], None),  # counted anew
    ([(t, 30 * t, min(30 * t, 60)) for t in range(12)], None)])  # long ago
def test_load(steps, want):
    load = Load()
    for step in steps:
        rates = load.rates(*step)
    assert rates == want
