"""What trackers of several targets tell each other; scripted parts, no networks."""

from helpers.fakes import ScriptedLocal
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.team import Team
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Exclusive, Frame
import numpy as np
import pytest

HERE, THERE = Box(20, 20, 20, 20), Box(100, 20, 20, 20)


class Listening(ScriptedLocal):
    """A local tracker that keeps what it was told of the others: (stamp, claims)."""

    def __init__(self, confidence):
        """Take the script."""
        super().__init__(confidence)
        self.told = []

    def yield_to(self, frame, others):
        """Note it."""
        self.told.append((frame.stamp, list(others)))


def frame(n, width=160, camera='a'):
    """Make frame n."""
    return Frame(np.zeros((width * 3 // 4, width, 3), np.uint8), n * 10**8, camera)


def team(*confidences):
    """Make a team of trackers that are as sure of what they find as the test says."""
    config = SearchConfig(beta1=0.6)
    locals_ = [Listening(lambda f, r, c=c: c(f)) for c in confidences]
    assert all(isinstance(local, Exclusive) for local in locals_)
    return Team([LongTermTracker(local, None, config) for local in locals_]), locals_


def test_each_is_told_where_the_others_are_seen_for_sure():
    made, (one, two) = team(lambda f: 0.9, lambda f: 0.9 if f.stamp < 3e8 else 0.3)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    for n in range(1, 5):
        for place in range(2):
            made.step(place, [frame(n)])
    # the first hears of the second's last frame, the second of the first's newest
    assert [s for s, _ in one.told] == [10**8, 2 * 10**8, 3 * 10**8]
    assert [c.box for _, claims in one.told for c in claims] == [THERE] * 3
    assert [s for s, _ in two.told] == [n * 10**8 for n in range(1, 5)]
    made.reset(0)
    made.step(1, [frame(5)])
    assert len(two.told) == 4


def test_how_sure_the_other_is_counts_by_what_is_usual_for_each():
    made, (one, two) = team(lambda f: 0.9, lambda f: 0.8)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    for n in range(1, 4):
        for place in range(2):
            made.step(place, [frame(n)])
    # both are as sure as they usually are: the other's claim is worth one's own confidence
    assert [c.confidence for _, claims in one.told[2:] for c in claims] == pytest.approx([0.9])
    assert [c.confidence for _, claims in two.told[2:] for c in claims] == pytest.approx([0.8])


def test_claims_fit_an_image_that_changes_its_size():
    made, (one, _) = team(lambda f: 0.9, lambda f: 0.9)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    tracks = [made.step(place, [frame(1, width=320)])[0] for place in (1, 0)]
    assert tracks[0].box == Box(200, 40, 40, 40)
    assert one.told[-1][1][0].box == THERE  # in the size that it searches


def test_another_cameras_targets_are_no_rivals():
    made, (one, _) = team(lambda f: 0.9, lambda f: 0.9)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0, camera='b'), THERE)
    made.step(1, [frame(1, camera='b')])
    made.step(0, [frame(1), frame(1, camera='b')])
    assert one.told == []
