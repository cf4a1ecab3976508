"""A slow camera's frames count for as many as would have come at 10 Hz."""

from helpers.clip import frames, truth
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.tracking.rhythm import Rhythm
from lg_tracker_ros.types import Box
import numpy as np
import pytest

S = 10**9


@pytest.mark.parametrize('seconds, spans', [
    ([0, .03, .06, .1], [1, 1, 1, 1]),
    ([0, .1, .2, .3], [1, 1, 1, 1]),
    ([0, .2, .4, .6], [1, 2, 2, 2]),
    ([0, 1 / 3, 2 / 3, 1], [1, 3, 3, 3]),
    ([0, 30, 60], [1, 10, 10]),  # one a half minute: no more than those of a second
    ([0, .1, .2, 5.2, 5.3, 5.4], [1, 1, 1, 1, 1, 1]),  # one pause
    ([7, 7, 7], [1, 1, 1]),  # a stamp that stands still
    ([5, 5.3, 5.6, 1, 1.3], [1, 3, 3, 3, 3]),  # a clock that was set back
])
def test_it_counts_by_the_median_of_the_last_gaps(seconds, spans):
    rhythm = Rhythm()
    assert [rhythm.span(int(s * S)) for s in seconds] == spans


@pytest.mark.rounding
@pytest.mark.parametrize('every, absent, most', [(1, 52, 10), (3, 17, 4)])
def test_little_is_claimed_while_she_is_away(every, absent, most):
    """
    The man in the same coat isn't taken for her, at the clip's rate and at a third of it.

    Case 21: with frames counted as frames it was 9 of 17, before it learned 15. And 20 to 25 of
    52 where rivals aren't known from the first frame on.
    """
    boxes, clip = truth(), frames()
    tracker = build_tracker(Settings(threads=1))
    tracker.init(clip[0], Box(183, 142, 72, 146))
    claimed, right = [], []
    for i in range(every, len(clip), every):
        track, = tracker.step([clip[i]])
        if np.isnan(boxes[i]).any():
            claimed.append(track.visible)
        else:
            right.append(track.visible)
    assert len(claimed) == absent and sum(claimed) <= most
    assert sum(right) >= 0.8 * len(right)
