"""What trackers of several targets tell each other; scripted parts, no networks."""

import threading

from helpers.fakes import ScriptedLocal
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.team import Team
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Exclusive, Frame
import numpy as np
import pytest

HERE, THERE = Box(20, 20, 20, 20), Box(100, 20, 20, 20)


class Listening(ScriptedLocal):
    """
    A local tracker that keeps what it was told of the others, if anything: (stamp, claims).

    It asks when it judges; ``search`` is called before that.
    """

    def __init__(self, confidence):
        """Take the script."""
        super().__init__(confidence)
        self.told, self.search = [], lambda: None

    def yield_to(self, frame, others):
        """Keep whom to ask."""
        self.others = others

    def track(self, frame, regions):
        """Search, ask, and find what the script says."""
        self.search()
        if claims := self.others():
            self.told.append((frame.stamp, list(claims)))
        return super().track(frame, regions)


def frame(n, width=160, camera='a'):
    """Make frame n."""
    return Frame(np.zeros((width * 3 // 4, width, 3), np.uint8), n * 10**8, camera)


def team(*confidences, at_once=1):
    """Make a team of trackers that are as sure of what they find as the test says."""
    config = SearchConfig(beta1=0.6)
    locals_ = [Listening(lambda f, r, c=c: c(f)) for c in confidences]
    assert all(isinstance(local, Exclusive) for local in locals_)
    return Team([LongTermTracker(local, None, config) for local in locals_],
                at_once=at_once), locals_


def step(made, *frames, places=(0, 1)):
    """Step both in one moment; the first track of each."""
    return [s.result()[0] for s in made.step(dict.fromkeys(places, frames)).values()]


@pytest.mark.parametrize('at_once', [1, 2])
def test_each_is_told_where_the_others_are_seen_for_sure(at_once):
    made, (one, two) = team(lambda f: 0.9, lambda f: 0.9 if f.stamp < 3e8 else 0.3,
                            at_once=at_once)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    for n in range(1, 5):
        step(made, frame(n))
    # the first hears of the second's last frame, the second of the first's newest
    assert [s for s, _ in one.told] == [10**8, 2 * 10**8, 3 * 10**8]
    assert [c.box for _, claims in one.told for c in claims] == [THERE] * 3
    assert [s for s, _ in two.told] == [n * 10**8 for n in range(1, 5)]
    made.reset(0)
    step(made, frame(5), places=[1])
    assert len(two.told) == 4
    made.close()


def test_networks_run_at_the_same_time_and_judging_waits_for_those_before():
    made, (one, two) = team(lambda f: 0.9, lambda f: 0.9, at_once=2)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    meet, second_asks = threading.Barrier(2, timeout=30), threading.Event()
    one.search = lambda: (meet.wait(), second_asks.wait(30))  # broken unless there are two

    def search():
        meet.wait()
        second_asks.set()  # and now it asks, before the first has found anything
    two.search = search
    step(made, frame(1))
    for local in (one, two):
        local.search = lambda: None
    step(made, frame(2))
    # the box of the moment and not of the one before: as sure as it was found, not as drawn
    assert [c.confidence for _, claims in two.told for c in claims] == pytest.approx([0.9, 0.9])
    assert [c.confidence for _, claims in one.told for c in claims] == pytest.approx([1, 0.9])
    made.close()
    assert not [t for t in threading.enumerate() if t.name.startswith('lg_tracker target')]


@pytest.mark.parametrize('at_once', [1, 2])
@pytest.mark.parametrize('bad', [0, 1])
def test_one_that_fails_takes_nothing_from_the_other_and_claims_nothing(at_once, bad):
    made, locals_ = team(lambda f: 0.9, lambda f: 0.9, at_once=at_once)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    good = 1 - bad

    def fail():
        raise RuntimeError('out of memory')
    locals_[bad].search = fail
    for n in (1, 2):
        steps = made.step({place: [frame(n)] for place in (0, 1)})
        assert list(steps) == [0, 1]
        assert steps[good].result()[0].box == (HERE, THERE)[good]
        with pytest.raises(RuntimeError, match='out of memory'):
            steps[bad].result()
    # what the first hears of the second is of the moment before: once more its first box
    assert [s for s, _ in locals_[good].told] == ([10**8] if bad else [])
    locals_[bad].search = lambda: None
    step(made, frame(3))
    step(made, frame(4))
    assert locals_[good].told[-1][0] == 4 * 10**8
    made.close()


def test_how_sure_the_other_is_counts_by_what_is_usual_for_each():
    made, (one, two) = team(lambda f: 0.9, lambda f: 0.8)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    for n in range(1, 4):
        step(made, frame(n))
    # both are as sure as they usually are: the other's claim is worth one's own confidence
    assert [c.confidence for _, claims in one.told[2:] for c in claims] == pytest.approx([0.9])
    assert [c.confidence for _, claims in two.told[2:] for c in claims] == pytest.approx([0.8])


def test_claims_fit_an_image_that_changes_its_size():
    made, (one, _) = team(lambda f: 0.9, lambda f: 0.9)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0), THERE)
    tracks = step(made, frame(1, width=320))
    assert tracks[1].box == Box(200, 40, 40, 40)
    step(made, frame(2, width=320))
    assert one.told[-1][1][0].box == THERE  # in the size that it searches


def test_another_cameras_targets_are_no_rivals():
    made, (one, _) = team(lambda f: 0.9, lambda f: 0.9)
    made.init(0, frame(0), HERE)
    made.init(1, frame(0, camera='b'), THERE)
    step(made, frame(1), frame(1, camera='b'))
    step(made, frame(2), frame(2, camera='b'))
    assert one.told == []
