"""A detector's boxes in the global search, and as rivals while the target is in view."""

from helpers.fakes import ScriptedOnline, ScriptedRedetector
from lg_tracker_ros.detections.besides import end_help, help_search, in_turn
from lg_tracker_ros.detections.recent import KEPT, MOST, Recent
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Mode
import numpy as np

S = 10**9
FIRST = Box(50, 50, 20, 20)
SEEN = Box(130, 80, 30, 22)
OWN, SAME = Box(20, 100, 20, 20), Box(135, 81, 20, 20)


def frame(stamp, camera='a'):
    """Make a picture of nothing."""
    return Frame(np.zeros((150, 200, 3), np.uint8), stamp, camera)


class Learner(ScriptedOnline):
    """Asks for rivals after every accepted frame; ``met`` holds what it was shown."""

    wants_rivals = True
    met = ()

    def meet(self, frame, target, places):
        """Note whom it met."""
        self.met = [r.box for r in places]

    def glimpse(self, frame):
        """Take no note."""


def test_the_last_detections_before_an_image_count_as_long_as_they_are_fresh():
    recent = Recent()
    recent.put('a', 10 * S, [SEEN])
    recent.put('a', 11 * S, [OWN])
    assert list(recent.boxes('a', 10 * S, 0.5)) == [SEEN]  # of a replay: not the newer ones
    assert list(recent.boxes('a', round(11.5 * S), 0.5)) == [OWN]
    assert list(recent.boxes('a', round(11.51 * S), 0.5)) == []
    assert list(recent.boxes('b', 11 * S, 0.5)) == [] == list(recent.boxes('a', 9 * S, 0.5))
    recent.put('a', 11 * S, [])  # the bag begins again, and nothing is there now
    assert list(recent.boxes('a', 11 * S, 0.5)) == []
    for i in range(KEPT):
        recent.put('a', (20 + i) * S, [SEEN] * 500)
    assert list(recent.boxes('a', 11 * S, 5)) == []
    assert len(recent.boxes('a', 20 * S, 0)) == MOST


def test_a_lost_target_is_found_where_only_the_detector_saw_it():
    def confidence(frame, region):
        return 0.9 if region.box == SEEN else 0.1
    local, recent = ScriptedOnline(confidence), Recent()
    tracker = LongTermTracker(local, ScriptedRedetector({'a': [OWN, SAME]}),
                              SearchConfig(beta2=1, confirm_frames=1))
    tracker.init(frame(0), FIRST)
    help_search(tracker, recent, lambda: 0.5)
    recent.put('a', 2 * S, [SEEN, OWN])
    assert not tracker.step([frame(1 * S)])[0].visible
    found, = tracker.step([frame(2 * S)])
    assert found.mode is Mode.GLOBAL and found.box == SEEN
    # an own place where the detector saw something is looked at once, as the detector saw it
    assert found.proposals.boxes == [OWN, SEEN]


def test_own_places_and_others_take_turns_and_an_own_rank_goes_with_the_detectors_box():
    far, away = Box(160, 10, 21, 20), Box(90, 120, 19, 20)
    assert in_turn([SAME, OWN], [far, SEEN, away]) == [SEEN, far, OWN, away]
    assert in_turn([], [far, away]) == [far, away] and in_turn([OWN, OWN], []) == [OWN]


def test_without_an_own_search_the_detections_are_the_search():
    tracker = LongTermTracker(ScriptedOnline(lambda f, r: 0.1), None, SearchConfig(beta2=1))
    recent = Recent()
    help_search(tracker, recent, lambda: 0.5)
    tracker.init(frame(0), FIRST)
    recent.put('a', 1 * S, [SEEN])
    tracker.step([frame(0)])
    searched, = tracker.step([frame(1 * S)])
    assert searched.mode is Mode.GLOBAL and searched.proposals.boxes == [SEEN]
    end_help(tracker)
    assert tracker.redetector is None and tracker.mode is Mode.LOCAL


def test_detections_apart_from_a_target_in_view_are_its_rivals():
    local, recent = Learner(lambda f, r: 0.9), Recent()
    tracker = LongTermTracker(local, ScriptedRedetector({}), SearchConfig())
    help_search(tracker, recent, lambda: 0.5)
    tracker.init(frame(0), FIRST)
    recent.put('a', 1 * S, [Box(52, 51, 20, 20), SEEN])
    for i in (1, 2):  # searched in one frame, looked at in the next
        assert tracker.step([frame(i * S)])[0].visible
    assert local.met == [SEEN]
