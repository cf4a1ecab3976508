"""Who else is in the picture is looked for while the target is in view."""

import threading

from helpers.fakes import ScriptedOnline, ScriptedRedetector
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame
import numpy as np
import pytest

HERE = Box(10, 10, 20, 10)
OTHERS = [Box(x, 50, 20, 10) for x in (0, 30, 60)]


class Curious(ScriptedOnline):
    """Wants to know of rivals when the test says so; notes whom it meets."""

    wants_rivals = False

    def __init__(self, confidence):
        """Has met nobody."""
        super().__init__(confidence)
        self.met = []

    def meet(self, frame, target, found):
        """Take rivals."""
        self.met.append((frame.stamp, [o.box for o in found]))

    def glimpse(self, frame):
        """Take note of a doubt."""


@pytest.mark.parametrize('two_cores', [False, True])
def test_likes_are_searched_for_beside_the_target_and_met_in_the_frames_after(two_cores):
    local = Curious(lambda f, r: 0.9 if r.box == HERE and f.stamp != 4 else 0.1)
    redetector = ScriptedRedetector({'a': [HERE, *OTHERS]})
    tracker = LongTermTracker(local, redetector, SearchConfig(), two_cores)
    tracker.init(Frame(np.zeros((80, 120, 3), np.uint8), 0, 'a'), HERE)
    looked, beside = threading.Event(), []
    track, propose = local.track, redetector.propose

    def noted(*given):
        looked.set()
        return track(*given)

    def waiting(*given):
        beside.append(looked.wait(5))  # alone it comes after the look
        return propose(*given)
    local.track, redetector.propose = noted, waiting
    for stamp in range(1, 7):
        local.wants_rivals = stamp in (1, 4, 6)
        looked.clear()
        tracker.step([Frame(np.zeros((80, 120, 3), np.uint8), stamp, 'a')])
    assert beside == [True, True, True]
    # two in each frame after the search; what was searched in a frame of doubt is nobody's
    assert local.met == [(1, []), (2, OTHERS[:2]), (3, OTHERS[2:]), (6, [])]
