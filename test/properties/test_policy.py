"""What holds for a search policy whatever it is shown."""

from helpers.properties import cheap, numbers
from hypothesis import given
from hypothesis import strategies as st
from lg_tracker_ros.search import Candidate, make_policy, Place, RULES, SearchConfig
from lg_tracker_ros.types import Box, Kind, Mode, TrackerOutput

FIRST = Box(100, 80, 40, 20)
CAMERAS = ('a', 'b')

configs = st.builds(
    lambda beta1, share, rules, **values: SearchConfig(
        beta1=beta1, visible_threshold=beta1 * share, rules=frozenset(rules), **values),
    numbers(0.05, 1), numbers(0.05, 1), st.sets(st.sampled_from(RULES)),
    policy=st.sampled_from(('joint', 'paper')), beta2=st.integers(0, 6),
    retry_frames=st.integers(0, 3), confirm_frames=st.integers(1, 4),
    max_size_ratio=numbers(1, 6), max_size_step=numbers(1, 2))
found = st.tuples(numbers(0, 1), numbers(-30, 30), numbers(-30, 30), numbers(0.3, 3))
frames = st.lists(st.tuples(st.integers(1, 4), st.lists(found, min_size=8, max_size=8),
                            st.sampled_from(('', '', '', 'lose', 'assure'))),
                  min_size=1, max_size=25)


def play(config, film):
    """Show a policy a film; gives (mode, candidates, decision, policy's state) of each frame."""
    policy = make_policy(config, Place('a', FIRST))
    for span, looks, word in film:
        if word:
            getattr(policy, word)()
        mode, before = policy.mode, policy.place
        cameras = CAMERAS if mode is Mode.GLOBAL else (before.camera,)
        if mode is Mode.GLOBAL:
            for camera in cameras:
                policy.propose(camera, [Box(40 * i, 30, *policy.sought) for i in range(2)])
        regions = [(c, r) for c in cameras for r in policy.regions(mode, c)]
        kinds = [r.kind for _, r in regions]
        assert kinds.count(Kind.LOCAL) <= 1 and kinds.count(Kind.TRIAL) <= 1
        candidates = []
        for (camera, region), (confidence, dx, dy, k) in zip(regions, looks):
            b = region.box
            box = Box.from_center(b.cx + dx, b.cy + dy, b.w * k, b.h * k)
            candidates.append(Candidate(camera, TrackerOutput(box, confidence, confidence),
                                        region.kind))
        decision = policy.decide(mode, candidates, span)
        yield (mode, tuple(candidates), decision,
               (policy.place, policy.sought, policy.failures, policy.mode))


@cheap
@given(configs, frames)
def test_what_a_policy_believes_it_was_shown(config, film):
    for mode, candidates, decision, (place, sought, failures, after) in play(config, film):
        assert mode in (Mode.LOCAL, Mode.GLOBAL) and after in (Mode.LOCAL, Mode.GLOBAL)
        assert failures >= 0 and place.camera in CAMERAS and min(sought) > 0
        assert decision.chosen is None or decision.chosen in candidates
        assert decision.unsure is None or decision.unsure in candidates
        assert 0 <= decision.confidence <= 1
        if decision.reliable:
            assert decision.chosen is not None and decision.box is not None
            assert decision.chosen.confidence >= config.beta1
            assert (place.camera, failures) == (decision.chosen.camera, 0)
        elif decision.box is None:
            assert decision.chosen is None or config.policy == 'paper'
        if decision.box is not None and config.policy == 'joint' and 'size_guard' in config.rules:
            for side, first in ((decision.box.w, FIRST.w), (decision.box.h, FIRST.h)):
                assert first / config.max_size_ratio <= side * (1 + 1e-9)
                assert side <= first * config.max_size_ratio * (1 + 1e-9)


@cheap
@given(configs, frames)
def test_the_same_film_is_decided_alike(config, film):
    assert list(play(config, film)) == list(play(config, film))


@cheap
@given(st.fixed_dictionaries({}, optional={
    'beta1': st.floats(), 'beta2': st.integers(-5, 5), 'visible_threshold': st.floats(),
    'max_candidates': st.integers(-5, 99), 'policy': st.text(max_size=9),
    'max_size_ratio': st.floats(), 'confirm_frames': st.integers(-2, 2)}))
def test_a_set_of_parameters_is_in_range_or_refused(values):
    try:
        config = SearchConfig(**values)
    except ValueError as e:
        assert '\n' not in str(e)
        return
    assert 0 < config.visible_threshold <= config.beta1 <= 1 and config.max_size_ratio >= 1
