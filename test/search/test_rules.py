"""Each rule by itself, and what the joint policy does without it."""

from lg_tracker_ros.search import Candidate, JointPolicy, Place, RULES, SearchConfig
from lg_tracker_ros.search.joint import Rules
from lg_tracker_ros.search.rules import (
    AbsencePenalty,
    Confirmation,
    FewAtOnce,
    Hold,
    LockOn,
    SizeGuard,
    SizesInTurn,
)
from lg_tracker_ros.types import Box, Kind, Mode, Region, TrackerOutput
import pytest

FIRST, THERE = Box(100, 100, 40, 20), Box(300, 50, 40, 20)


def out(confidence, box=FIRST, kind=Kind.LOCAL):
    """Make a candidate."""
    return Candidate('', TrackerOutput(box, confidence, confidence), kind)


def policy_of(rules=None, **values):
    """Make a joint policy with ``rules`` alone."""
    config = SearchConfig(**{'beta1': 0.8, 'beta2': 2, 'retry_frames': 0, **values})
    return JointPolicy(config, Place('', FIRST), rules or Rules())


def test_absence_penalty():
    """Nothing until beta2 unseen frames, everything from three times beta2 on."""
    rule = AbsencePenalty()
    assert [rule.doubt(n, 4) for n in (0, 4, 6, 8, 12, 99)] == [0, 0, 0.25, 0.5, 1, 1]
    assert AbsencePenalty(begin=2, end=4).doubt(12, 4) == 0.5
    seen = {}
    for name, rules in (('with', Rules(absence=AbsencePenalty())), ('without', Rules())):
        policy = policy_of(rules)
        for _ in range(5):
            policy.decide(Mode.LOCAL, [out(0.1)])
        seen[name] = policy.decide(Mode.LOCAL, [out(0.5)]).box is not None
    assert seen == {'with': False, 'without': True}


def test_lock_on():
    """A target in view isn't left at once, later only for what is likelier by far."""
    rule = LockOn()
    assert rule.holds(failures=3, unseen=1, beta2=2) and not rule.holds(4, 0, 2)
    assert not rule.holds(failures=2, unseen=2, beta2=2)
    assert rule.bar(0.7) == pytest.approx(0.9) and LockOn(odds=1).bar(0.7) == pytest.approx(0.7)
    for rules, box in ((Rules(lock_on=LockOn()), FIRST), (Rules(), THERE)):
        decision = policy_of(rules).decide(
            Mode.GLOBAL, [out(0.6), out(0.9, THERE, Kind.PROPOSAL)])
        assert decision.box == box


def test_confirmation():
    """Frames in a row, at the same place; without it a candidate is believed at once."""
    rule = Confirmation()
    assert [rule.confirms(Place('a', b), 2) for b in (FIRST, THERE, THERE)] == [
        False, False, True]
    rule.clear()
    assert not rule.confirms(Place('a', THERE), 2)
    assert not rule.confirms(Place('b', THERE), 2)
    assert Confirmation().confirms(Place('a', FIRST), 1)
    for rules, taken in ((Rules(confirmation=Confirmation()), False), (Rules(), True)):
        decision = policy_of(rules).decide(
            Mode.GLOBAL, [out(0.1), out(0.9, THERE, Kind.PROPOSAL)])
        assert decision.reliable is taken


@pytest.mark.parametrize('confidence, taken', [(0.88, False), (0.89, True)])
def test_a_candidate_that_is_clear_beyond_doubt_needs_no_second_look(confidence, taken):
    """From beta1 .65 it is a third of the doubt: .883."""
    policy = policy_of(Rules(confirmation=Confirmation()), beta1=0.65)
    decision = policy.decide(
        Mode.GLOBAL, [out(0.1), out(confidence, THERE, Kind.PROPOSAL)])
    assert decision.reliable is taken and (policy.trial is None) is taken
    policy.lose()  # somebody says that it isn't the target
    assert not policy.decide(
        Mode.GLOBAL, [out(0.1), out(confidence, THERE, Kind.PROPOSAL)]).reliable
    policy.assure()  # and then that what is followed is
    place = Box(10, 10, 20, 10)
    assert policy.decide(
        Mode.GLOBAL, [out(0.1), out(confidence, place, Kind.PROPOSAL)]).reliable is taken


@pytest.mark.parametrize('confidences, seen, held', [
    ('9 5 3 5 9', 'TTFTT', 'TTTTT'),  # a doubt
    ('9 1 5 5 9 5', 'TFTTTT', 'TFFFTT'),  # out of view: what comes back must be reliable
    ('9 1 1 1 1 9', 'TFFFFT', 'TFFFFT'),
    ('9 3 3 3 3 3 3 3', 'TFFFFFFF', 'TTTTTTFF'),  # a fruitless search ends it: it is lost
])
def test_hold(confidences, seen, held):
    """In view until half of `visible_threshold`; without it as the threshold has it."""
    for rules, want in ((Rules(), seen), (Rules(hold=Hold()), held)):
        policy, got = policy_of(rules, visible_threshold=0.4), ''
        for c in confidences.split():
            found = policy.decide(policy.mode, [out(int(c) / 10)])
            got += 'T' if found.box is not None else 'F'
        assert got == want


def test_an_operators_word_ends_or_begins_the_hold():
    policy = policy_of(Rules(hold=Hold()))
    policy.lose()
    assert policy.decide(Mode.GLOBAL, [out(0.5)]).box is None
    policy.assure()
    assert policy.decide(Mode.LOCAL, [out(0.5)]).box is not None


def test_sizes_in_turn():
    """The last size first; the usual one follows slowly, in ratios."""
    rule = SizesInTurn((40, 20), scales=(1.0, 2.0))
    sizes = []
    for _ in range(4):
        sizes.append(rule.size((50, 25), lost=True))
        rule.searched()
    assert sizes == [(50, 25), (40, 20), (80, 40), (50, 25)]
    rule.searched()
    assert rule.size((50, 25), lost=False) == (50, 25)
    rule.accepted(Box(0, 0, 80, 20))
    assert rule.usual == pytest.approx((40 * 2 ** 0.02, 20)) and rule.searches == 0


def test_size_guard():
    """Frozen when unseen, bounded step by step, and by the first frame elsewhere."""
    rule, last = SizeGuard(FIRST), (80, 40)
    assert rule.frozen(Box(0, 0, 10, 10), last) == Box.from_center(5, 5, 80, 40)
    huge = Box.from_center(50, 50, 1000, 1000)
    followed, elsewhere = rule.followed(huge, last, 1.5, 10), rule.elsewhere(huge, 2)
    assert (followed.w, followed.h) == (120, 60) and (elsewhere.w, elsewhere.h) == (80, 40)
    for rules, width in ((Rules(size_guard=SizeGuard(FIRST)), 40 * 1.3), (Rules(), 1000)):
        assert policy_of(rules).decide(Mode.LOCAL, [out(0.9, huge)]).box.w == width


def boxes(policy, mode=Mode.LOCAL, camera=''):
    """List where proposals are looked at next, by their left sides."""
    return [r.box.x for r in policy.regions(mode, camera) if r.kind is Kind.PROPOSAL]


def propose(policy, count=5, camera=''):
    """Let a global search propose boxes at x = 0, 1, 2 and so on."""
    policy.propose(camera, [Box(x, 0, 40, 20) for x in range(count)])


def look(policy, mode=Mode.LOCAL, confidence=0.1, own=0.1, span=1):
    """Let a frame look where the policy says; all that is found has this confidence."""
    regions = policy.regions(mode, '')
    return policy.decide(mode, [
        out(own if r.kind is Kind.LOCAL else confidence, r.box, r.kind) for r in regions], span)


def test_few_at_once():
    """One place in the frame that searches, then two beside the last place, best first."""
    def looked(rules, own):
        policy = policy_of(rules, retry_frames=1, visible_threshold=0.4)
        look(policy, own=own)
        propose(policy)
        for mode in (Mode.GLOBAL, *[Mode.LOCAL] * 4):
            yield [int(r.box.x) for r in policy.regions(mode, '')]
            look(policy, mode, own=own)
    few, here = Rules(few_at_once=FewAtOnce()), 100
    assert list(looked(few, own=0.1)) == [[0], [here, 1, 2], [here, 3, 4], [here], [here]]
    assert list(looked(few, own=0.5)) == [[here], [here, 0, 1], [here, 2, 3], [here, 4], [here]]
    assert list(looked(Rules(), own=0.1)) == [[here, 0, 1, 2, 3, 4], *[[here]] * 4]
    held = Rules(few_at_once=FewAtOnce(), hold=Hold())  # in view through a doubt
    assert list(looked(held, own=0.3))[:2] == [[here], [here, 0, 1]]
    assert list(looked(held, own=0.1))[:2] == [[0], [here, 1, 2]]
    nothing = policy_of(few)
    look(nothing)
    assert nothing.regions(Mode.GLOBAL, '') == [Region(FIRST)]  # nothing is proposed


def test_few_at_once_forgets_what_waits_once_it_is_found_or_searched_for_anew():
    for end, left in ((lambda p: look(p, own=0.9), []), (JointPolicy.lose, []),
                      (JointPolicy.assure, []), (lambda p: propose(p, 1), [0]), (look, [2, 3])):
        policy = policy_of(Rules(few_at_once=FewAtOnce()), retry_frames=1)
        propose(policy)
        end(policy)
        assert boxes(policy) == left


def test_few_at_once_counts_a_trial_and_waits_for_each_camera():
    policy = policy_of(Rules(few_at_once=FewAtOnce(), confirmation=Confirmation()), retry_frames=1)
    propose(policy)
    propose(policy, camera='other')
    assert boxes(policy, camera='other') == [0, 1, 2]  # the place is in the first camera
    look(policy, confidence=0.9)
    assert policy.trial is not None and boxes(policy) == [2]
    assert boxes(policy, camera='other') == [0, 1, 2]


@pytest.mark.parametrize('values, span', [
    ({'retry_frames': 0}, 1), ({'beta2': 0, 'retry_frames': 1}, 1), ({'retry_frames': 1}, 2)])
def test_few_at_once_is_all_where_every_frame_searches_or_frames_are_rare(values, span):
    policy = policy_of(Rules(few_at_once=FewAtOnce()), **values)
    policy.lost = True
    look(policy, span=span)
    propose(policy)
    assert boxes(policy, Mode.GLOBAL) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('name', RULES)
def test_each_rule_can_be_left_out(name):
    """A configuration names those that are on; the policy works without any of them."""
    rules = Rules.of(SearchConfig(rules=frozenset(RULES) - {name}), FIRST)
    assert [n for n in RULES if getattr(rules, n) is None] == [name]
    policy = JointPolicy(SearchConfig(beta2=1, rules=frozenset({name})), Place('', FIRST))
    for confidence in (0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9):
        mode = policy.mode
        policy.decide(mode, [out(confidence), out(0.3, THERE, Kind.PROPOSAL)])
    assert policy.failures == 0 and not policy.lost
