"""Algorithm 2 of the paper, alone: no rule of ours, no image, no torch."""

from lg_tracker_ros.search import Algorithm2, Candidate, make_policy, Place, SearchConfig
from lg_tracker_ros.types import Box, Kind, Mode, TrackerOutput
import pytest

FIRST, THERE = Box(100, 100, 40, 20), Box(300, 50, 60, 30)


def start(**values):
    """Make the policy with the paper's threshold and a target just seen at FIRST."""
    config = SearchConfig(**{'policy': 'paper', 'beta1': 0.8, 'beta2': 3, **values})
    return make_policy(config, Place('', FIRST))


def out(confidence, box=FIRST, kind=Kind.LOCAL, camera=''):
    """Make a candidate."""
    return Candidate(camera, TrackerOutput(box, confidence, confidence), kind)


def modes(policy, confidences):
    """Feed one confidence a frame; the first letters of the modes."""
    seen = ''
    for c in confidences:
        mode = policy.mode
        seen += mode.name[0]
        policy.decide(mode, [out(c, kind=Kind.LOCAL if mode is Mode.LOCAL else Kind.PROPOSAL)])
    return seen


@pytest.mark.parametrize('confidences, expected', [
    ([0.9] * 6, 'LLLLLL'),
    # beta2 = 3 failing frames, a global search, and three local frames again
    ([0.1] * 9, 'LLLGLLLGL'),
    # the counter is reset by a success: the frames must be consecutive
    ([0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1], 'LLLLLLG'),
    # after a global search that finds it the next frame is local
    ([0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1], 'LLLGLLLG'),
    # exactly beta1 is a success
    ([0.1, 0.1, 0.8, 0.1], 'LLLL'),
])
def test_the_schedule_is_the_papers(confidences, expected):
    """Which frames are searched globally."""
    policy = start()
    assert isinstance(policy, Algorithm2) and modes(policy, confidences) == expected


def test_zero_beta2_searches_every_frame():
    """The conference version."""
    assert modes(start(beta2=0), [0.9, 0.1, 0.9]) == 'GGG'


def test_every_result_is_reported_and_the_best_wins():
    """The paper's tracker gives a box in every frame; beta1 only decides what counts."""
    policy = start()
    weak = policy.decide(Mode.LOCAL, [out(0.1, Box(104, 100, 40, 20))])
    assert (weak.box, weak.reliable, policy.failures) == (Box(104, 100, 40, 20), False, 1)
    assert policy.place.box == weak.box and policy.sought == (40, 20)
    best = out(0.9, THERE, Kind.PROPOSAL, 'b')
    found = policy.decide(Mode.GLOBAL, [out(0.3, FIRST, Kind.PROPOSAL), best])
    assert (found.box, found.reliable, found.chosen) == (THERE, True, best)
    assert (policy.place, policy.sought, policy.failures) == (Place('b', THERE), (60, 30), 0)


def test_a_usual_confidence_raises_nothing():
    """After a thousand frames at .99 a result of .9 still counts: no rule of ours is at work."""
    policy = start()
    assert modes(policy, [0.99] * 1000 + [0.81] * 5) == 'L' * 1005
    assert policy.decide(Mode.LOCAL, [out(0.81)]).reliable and policy.failures == 0


def test_a_global_search_looks_only_where_it_is_told():
    """The local region is the last place; the global ones are the attention's alone."""
    policy = start()
    assert [(r.box, r.kind) for r in policy.regions(Mode.LOCAL, '')] == [(FIRST, Kind.LOCAL)]
    assert policy.regions(Mode.LOCAL, 'b') == policy.regions(Mode.GLOBAL, '') == []
    nothing = policy.decide(Mode.GLOBAL, [])
    assert (nothing.box, nothing.confidence, policy.place.box) == (None, 0.0, FIRST)
