"""The whole image is searched while the local tracker looks: for the target, or for its likes."""

import threading
import time

from helpers.fakes import ScriptedLocal, ScriptedOnline, ScriptedRedetector
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Mode
import numpy as np
import pytest

HERE = Box(10, 10, 20, 10)
OTHERS = [Box(x, 50, 20, 10) for x in (0, 30, 60)]


def frame(stamp):
    """Return a black frame of 120 x 80 px."""
    return Frame(np.zeros((80, 120, 3), np.uint8), stamp, 'a')


def lost(*rules):
    """Return (tracker, local, redetector) on two cores whose next frame is a global search."""
    local, redetector = ScriptedLocal(lambda f, r: 0.1), ScriptedRedetector({'a': OTHERS[:1]})
    tracker = LongTermTracker(local, redetector, SearchConfig(beta2=1, rules=frozenset(rules)),
                              two_cores=True)
    tracker.init(frame(0), HERE)
    tracker.step([frame(1)])
    return tracker, local, redetector


class Curious(ScriptedOnline):
    """Wants to know of rivals after some accepted frames; notes whom it meets."""

    def __init__(self, confidence, wants):
        """Want to after frames of the stamps in ``wants``."""
        super().__init__(confidence)
        self.met, self.wants, self.wants_rivals = [], wants, False

    def update(self, frame, accepted, rejected):
        """Take an accepted frame."""
        self.wants_rivals = frame.stamp in self.wants

    def meet(self, frame, target, places):
        """Take rivals."""
        self.met.append((frame.stamp, [r.box for r in places]))

    def glimpse(self, frame):
        """Take note of a doubt."""


@pytest.mark.parametrize('two_cores', [False, True])
def test_likes_are_searched_for_beside_the_target_and_met_in_the_frames_after(two_cores):
    local = Curious(lambda f, r: 0.9 if r.box == HERE and f.stamp != 6 else 0.1, (1, 5))
    redetector = ScriptedRedetector({'a': [HERE, *OTHERS]})
    tracker = LongTermTracker(local, redetector, SearchConfig(), two_cores)
    tracker.init(frame(0), HERE)
    looked, beside = threading.Event(), []
    track, propose = local.track, redetector.propose

    def noted(*given):
        looked.set()
        return track(*given)

    def waiting(*given):
        beside.append(looked.wait(5))  # alone it comes after the look
        return propose(*given)
    local.track, redetector.propose = noted, waiting
    for stamp in range(1, 9):
        looked.clear()
        tracker.step([frame(stamp)])
    assert beside == [True] * 3 and [c[0] for c in redetector.calls] == [[2], [6], [7]]
    # two in each frame after the search; what was searched for in a frame of doubt is dropped
    assert local.met == [(2, []), (3, OTHERS[:2]), (4, OTHERS[2:]), (7, []), (8, OTHERS[:2])]


@pytest.mark.parametrize('rules, looks', [('few_at_once', True), ('confirmation', False)])
def test_with_two_cores_the_image_is_searched_while_the_place_is_looked_at(rules, looks):
    looked = threading.Event()
    tracker, local, redetector = lost(rules)
    track, propose, meanwhile = local.track, redetector.propose, []

    def noted(*given):
        looked.set()
        return track(*given)

    def waiting(*given):
        meanwhile.append(looked.wait(5 if looks else 0))
        return propose(*given)
    local.track, redetector.propose = noted, waiting
    found, = tracker.step([frame(2)])
    assert meanwhile == [looks]  # where all is looked at in the same frame, it must be known first
    assert found.mode is Mode.GLOBAL and found.proposals.boxes == OTHERS[:1]
    assert {'local', 'redetect'} <= set(found.ms)
    assert (tracker.policy.regions(Mode.LOCAL, 'a')[-1].box == OTHERS[0]) == looks


def test_a_search_beside_is_waited_for_and_its_error_told():
    tracker, local, redetector = lost('few_at_once')
    done, propose, track = [], redetector.propose, local.track

    def slow(*given):
        time.sleep(0.05)
        done.append(propose(*given))
        return done[-1]
    redetector.propose, local.track = slow, lambda *given: 1 / 0
    with pytest.raises(ZeroDivisionError):
        tracker.step([frame(2)])
    assert len(done) == 1
    local.track, redetector.propose = track, lambda *given: [][0]
    with pytest.raises(IndexError):
        tracker.step([frame(3)])
