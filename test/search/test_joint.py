"""The search policy as tables: plain Python, no torch, no ROS."""

import subprocess
import sys

from lg_tracker_ros.search import Candidate, JointPolicy, Place, RULES, SearchConfig
from lg_tracker_ros.types import Box, Kind, Mode, TrackerOutput
import pytest

FIRST = Box(100, 100, 40, 20)
THERE = Box(300, 50, 40, 20)


def config(**values):
    """
    Give the thresholds that the confidences here were written for; defaults may move.

    Without the rule hold, so that what is reported is what is seen; its tests are elsewhere.
    """
    rules = frozenset(RULES) - {'hold'}
    return SearchConfig(**{'beta1': 0.8, 'visible_threshold': 0.4, 'rules': rules, **values})


def start(**values):
    """Make a policy with a target just seen at FIRST."""
    return JointPolicy(config(**values), Place('', FIRST))


def out(confidence, box=FIRST, kind=Kind.LOCAL, camera=''):
    """Make a candidate, of the followed place unless it says otherwise."""
    return Candidate(camera, TrackerOutput(box, confidence, confidence), kind)


def found(confidence, box=THERE, camera=''):
    """Make a candidate of a global search."""
    return out(confidence, box, Kind.PROPOSAL, camera)


def tried(confidence, box=THERE, camera=''):
    """Make the candidate that the frame before put on trial."""
    return out(confidence, box, Kind.TRIAL, camera)


def play(policy, confidences, elsewhere=0.0):
    """Feed one confidence a frame; a GLOBAL one has a candidate of ``elsewhere``, too."""
    history = []
    for c in confidences:
        mode = policy.mode
        outputs = [out(c)] if mode is Mode.LOCAL else [out(c), found(elsewhere)]
        decision = policy.decide(mode, outputs)
        history.append((mode.name[0], decision.box is not None, policy.failures))
    return history


@pytest.mark.parametrize('confidences, modes', [
    ([0.9] * 8, 'LLLLLLLL'),
    # beta2 = 3 consecutive failures, then the next frame is searched globally
    ([0.1] * 4, 'LLLG'),
    ([0.9, 0.1, 0.1, 0.1, 0.1], 'LLLLG'),
    # a success in between resets the counter
    ([0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1], 'LLLLLLG'),
    # exactly beta1 is a success
    ([0.1, 0.1, 0.8, 0.1, 0.1, 0.1], 'LLLLLL'),
    # once it is lost (3 beta2 frames unseen) `retry` = 2 local frames pass between searches
    ([0.1] * 18, 'LLLGLLLGLLLGLLGLLG'),
])
def test_modes(confidences, modes):
    """Which frames are searched globally."""
    policy = start(beta2=3, retry_frames=2)
    assert ''.join(m for m, _, _ in play(policy, confidences)) == modes


def test_retry_of_beta2_is_the_papers_schedule():
    """With retry = beta2 the lost target is searched as in Algorithm 2, counter reset."""
    policy = start(beta2=3, retry_frames=3)
    assert ''.join(m for m, _, _ in play(policy, [0.1] * 12)) == 'LLLGLLLGLLLG'


@pytest.mark.parametrize('confidences, visible', [
    ([0.9, 0.6, 0.4, 0.6], [True, True, False, True]),
    # lost after 3 beta2 = 9 frames unseen and a fruitless search; then .6 is no longer enough,
    # beta1 twice in a row is
    ([0.1] * 12 + [0.6, 0.9, 0.9], [False] * 14 + [True]),
    ([0.1] * 12 + [0.9, 0.1, 0.9, 0.1], [False] * 16),
    # however long it hovers there
    ([0.1] * 12 + [0.6] * 9, [False] * 21),
    # until beta2 = 3 frames it is seen again at `visible`, then at ever more: .65 after 6
    ([0.1] * 3 + [0.5] * 2, [False] * 3 + [True] * 2),
    ([0.1] * 6 + [0.64, 0.64], [False] * 8),
    ([0.1] * 6 + [0.66, 0.5], [False] * 6 + [True] * 2),
    # a target that is merely hard to see is not dropped by a fruitless search
    ([0.6] * 9, [True] * 9),
    # nor by a dip in the frame of the search
    ([0.6, 0.6, 0.6, 0.1, 0.6], [True, True, True, False, True]),
])
def test_visibility(confidences, visible):
    """What is reported as seen."""
    policy = start(beta2=3, visible_threshold=0.5)
    assert [v for _, v, _ in play(policy, confidences)] == visible


def test_place_follows_unseen():
    """The local search goes on where the tracker points, reported or not; its size is frozen."""
    policy = start()
    decision = policy.decide(Mode.LOCAL, [out(0.2, Box(110, 104, 80, 80))])
    assert decision.box is None
    assert policy.place.box == Box.from_center(150, 144, 40, 20)


def test_a_candidate_must_be_confirmed():
    """The first hit is a trial and shows nothing; the second in a row is the target."""
    policy = start(beta2=1, retry_frames=0)
    for _ in range(4):
        policy.decide(policy.mode, [out(0.0)])
    near = Box(302, 51, 40, 20)
    refused = policy.decide(Mode.GLOBAL, [out(0.1), found(0.79)])
    assert (refused.box, refused.chosen, refused.confidence) == (None, None, 0.79)
    assert policy.place.box == FIRST and policy.lost and policy.trial is None
    tried_out = policy.decide(Mode.GLOBAL, [out(0.1), found(0.7, FIRST), found(0.8)])
    assert (tried_out.box, tried_out.chosen) == (None, None)
    assert (policy.trial, policy.mode, policy.place.box) == (Place('', THERE), Mode.LOCAL, FIRST)
    assert [(x.box, x.kind) for x in policy.regions(Mode.LOCAL, '')] == [
        (FIRST, Kind.LOCAL), (THERE, Kind.TRIAL)]
    taken = policy.decide(Mode.LOCAL, [out(0.1), tried(0.85, near)])
    assert (taken.box, taken.chosen, taken.reliable) == (near, tried(0.85, near), True)
    assert (policy.failures, policy.lost, policy.mode) == (0, False, Mode.LOCAL)
    assert (policy.place.box, policy.trial) == (near, None)


def test_a_trial_that_fails_is_dropped():
    """One frame of a look-alike leaves nothing behind."""
    policy = start(beta2=1, retry_frames=0)
    for _ in range(4):
        policy.decide(policy.mode, [out(0.0)])
    policy.decide(Mode.GLOBAL, [out(0.1), found(0.9)])
    failed = policy.decide(Mode.LOCAL, [out(0.1), tried(0.5)])
    assert (failed.box, policy.trial, policy.lost, policy.place.box) == (None, None, True, FIRST)
    assert policy.mode is Mode.GLOBAL


@pytest.mark.parametrize('after, taken', [
    ([out(0.9), tried(0.1)], False),  # the followed place doesn't confirm what is elsewhere
    ([out(0.1), tried(0.9, Box(330, 50, 40, 20))], False),  # another place beside it
    ([out(0.1), tried(0.9, THERE, 'b')], False),  # the same box in another camera
    ([out(0.1), tried(0.9, Box(310, 52, 40, 20))], True),
])
def test_a_candidate_is_confirmed_by_the_same_place(after, taken):
    """Overlap and camera decide, not that anything at all is clear in the next frame."""
    policy = start(beta2=1, retry_frames=0)
    play(policy, [0.0] * 4)
    policy.decide(Mode.GLOBAL, [out(0.1), found(0.9)])
    assert policy.trial == Place('', THERE)
    assert policy.decide(Mode.LOCAL, after).reliable is taken


def test_a_trial_is_looked_at_in_its_own_camera():
    """Box and camera of a trial live together."""
    policy = start(beta2=1, retry_frames=0)
    play(policy, [0.0] * 4)
    policy.decide(Mode.GLOBAL, [out(0.1), found(0.9, THERE, 'b')])
    assert [(r.box, r.kind) for r in policy.regions(Mode.LOCAL, 'b')] == [(THERE, Kind.TRIAL)]
    assert [r.kind for r in policy.regions(Mode.LOCAL, '')] == [Kind.LOCAL]
    taken = policy.decide(Mode.LOCAL, [out(0.1), tried(0.9, THERE, 'b')])
    assert taken.reliable and policy.place == Place('b', THERE)


def test_confirm_of_one_is_the_papers_rule():
    """With confirm = 1 a candidate at beta1 is taken at once, one below it never."""
    policy = start(beta2=1, confirm_frames=1)
    for _ in range(4):
        policy.decide(policy.mode, [out(0.0)])
    taken = policy.decide(Mode.GLOBAL, [out(0.1), found(0.8)])
    assert (taken.box, taken.chosen, taken.reliable) == (THERE, found(0.8), True)


def test_a_candidate_that_is_refused_does_not_hide_the_local_one():
    """A look-alike that scores higher, but not high enough, leaves the target where it is."""
    policy = start(beta2=1, confirm_frames=1)
    play(policy, [0.95] * 200)
    decision = policy.decide(Mode.GLOBAL, [out(0.75), found(0.85)])
    assert (decision.chosen, decision.reliable) == (out(0.75), False)
    assert decision.box is not None


@pytest.mark.parametrize('before, own, taken', [
    ([0.6] * 3, 0.6, False),  # visible where it is
    ([0.6] * 3, 0.1, False),  # hidden for a moment
    ([0.6] + [0.1] * 3, 0.1, True),  # hidden for beta2 frames
    ([0.6] + [0.1] * 3, 0.6, False),  # and there again
])
def test_a_look_alike_does_not_take_over_from_a_target_in_view(before, own, taken):
    """However clear it is elsewhere: a target doesn't leap while it is seen."""
    policy = start(beta2=3, confirm_frames=1, visible_threshold=0.5)
    for c in before:
        policy.decide(Mode.LOCAL, [out(c)])
    decision = policy.decide(Mode.GLOBAL, [out(own), found(0.95)])
    assert (decision.chosen == found(0.95)) is taken and policy.trial is None
    assert (decision.box is not None) is (taken or own == 0.6)


@pytest.mark.parametrize('failing, own, elsewhere, taken', [
    (5, 0.55, 0.95, False),  # not yet: it has been failing for less than 2 beta2 frames
    (6, 0.55, 0.95, True),
    # 1 - .84 is more than a third of 1 - .55, though .84 is above beta1
    (6, 0.55, 0.84, False),
    (6, 0.75, 0.91, False),
    (6, 0.75, 0.92, True),
])
def test_a_doubtful_target_is_left_for_what_is_likelier_by_far(failing, own, elsewhere, taken):
    """What is seen but fails on and on may be the look-alike itself."""
    policy = start(beta2=3, confirm_frames=1)
    for _ in range(failing):
        assert policy.decide(Mode.LOCAL, [out(0.55)]).box is not None
    decision = policy.decide(Mode.GLOBAL, [out(own), found(elsewhere)])
    assert decision.chosen == (found(elsewhere) if taken else out(own))


def test_a_lost_target_is_sought_in_several_sizes():
    """At its last size first; then in turn with the usual one, larger and smaller."""
    policy = start(beta2=1, retry_frames=0, max_size_step=2)
    play(policy, [0.9] * 5)
    policy.decide(Mode.LOCAL, [out(0.9, Box(100, 100, 80, 40))])
    assert policy.sought == policy.size == (80, 40)
    play(policy, [0.1] * 4)
    assert policy.lost
    sizes = []
    for _ in range(8):
        sizes.append(policy.sought)
        policy.decide(Mode.GLOBAL, [out(0.1)])
    usual = 40 * 2 ** 0.02
    assert [w / h for w, h in sizes] == pytest.approx([2] * 8)
    assert [w for w, _ in sizes[:4]] == [w for w, _ in sizes[4:]]
    assert sorted(w for w, _ in sizes[:4]) == pytest.approx(
        sorted([80, usual, usual * 1.6, usual / 1.6]))


def test_empty_search_is_not_visible():
    """No candidates at all: nothing is claimed and nothing breaks."""
    policy = start(beta2=1)
    decision = policy.decide(Mode.GLOBAL, [])
    assert (decision.box, decision.confidence, decision.chosen) == (None, 0.0, None)


def test_without_a_local_output_the_first_candidate_is_no_local_one():
    """In a camera that never saw the target, 0.6 is not `still visible`."""
    policy = start(beta2=1)
    assert policy.decide(Mode.GLOBAL, [found(0.6)]).box is None


def test_size_is_held_at_low_confidence():
    """Below beta1 the size stays within a step of the last reliable one, however long."""
    policy = start(max_size_step=1.5)
    for _ in range(9):
        decision = policy.decide(Mode.LOCAL, [out(0.6, Box(100, 100, 80, 5))])
    assert decision.box == Box.from_center(140, 102.5, 60, 20 / 1.5)


def test_size_step_and_ratio_are_bounded():
    """Growth is bounded from frame to frame and against the first frame."""
    policy = start(max_size_step=1.5, max_size_ratio=2.0)
    huge = Box.from_center(120, 110, 4000, 1)
    widths = [policy.decide(Mode.LOCAL, [out(0.9, huge)]).box for _ in range(4)]
    assert [b.w for b in widths] == [60, 80, 80, 80]
    assert [round(b.h, 4) for b in widths] == [13.3333, 10, 10, 10]


@pytest.mark.parametrize('values, words', [
    ({'beta1': 1.5}, 'beta1 must be in (0, 1], got 1.5'),
    ({'beta1': 0.3, 'visible_threshold': 0.4},
     'visible_threshold must be in (0, beta1], got 0.4 with beta1 0.3'),
    ({'confirm_frames': 0}, 'confirm_frames must be at least 1, got 0'),
    ({'beta2': -1}, 'beta2 must be at least 0, got -1'),
    ({'max_candidates': 0, 'retry_frames': -1},
     'retry_frames must be at least 0, got -1; max_candidates must be in 1..64, got 0'),
    ({'policy': 'papers'}, "policy must be one of joint, paper, got 'papers'"),
    ({'rules': frozenset({'luck'})}, 'rules must be of absence, lock_on, confirmation, '
     "sizes, size_guard, hold, few_at_once, joined by +, or none, got 'luck'"),
    ({'max_size_ratio': 0.5}, 'max_size_ratio must be at least 1, got 0.5'),
])
def test_wrong_values_are_refused_together(values, words):
    """Each wrong value is named, all in one line."""
    with pytest.raises(ValueError) as e:
        SearchConfig(**values)
    assert str(e.value) == words


def test_zero_beta2_searches_every_frame():
    """The conference version: global search in every frame, also while all is well."""
    policy = start(beta2=0, confirm_frames=1)
    assert ''.join(m for m, _, _ in play(policy, [0.9, 0.9, 0.1, 0.1, 0.9])) == 'GGGGG'
    assert policy.decide(Mode.GLOBAL, [out(0.1), found(0.9)]).box == THERE


def test_policy_imports_neither_torch_nor_ros():
    """The policy is usable on a machine that has neither."""
    code = ('import sys; import lg_tracker_ros.search; '
            'print([m for m in ("torch", "rclpy", "cv2") if m in sys.modules])')
    got = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert got.stdout.strip() == '[]'


def test_everything_outside_ros_works_without_rclpy():
    """Only lg_tracker_ros.ros may import ROS."""
    code = """
import importlib, pkgutil, sys
for name in ('rclpy', 'sensor_msgs', 'std_msgs', 'vision_msgs', 'lg_tracker_interfaces'):
    sys.modules[name] = None
import lg_tracker_ros
names = [m.name for m in pkgutil.walk_packages(lg_tracker_ros.__path__, 'lg_tracker_ros.')
         if not m.name.startswith(('lg_tracker_ros.ros', 'lg_tracker_ros.__main__'))]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    got = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert got.returncode == 0, got.stderr
    assert int(got.stdout) > 25


@pytest.mark.parametrize('retry_frames', [0, 1, 40])
def test_after_an_operators_no_the_next_frame_searches_the_whole_image(retry_frames):
    policy = start(beta2=5, retry_frames=retry_frames)
    policy.decide(Mode.LOCAL, [out(0.9)])
    policy.lose()
    assert policy.mode is Mode.GLOBAL


def test_a_slow_cameras_frames_count_for_several():
    """Doubt is a time: 3 frames at 10 Hz are one at 3 Hz."""
    policy = start(beta2=3)
    policy.decide(Mode.LOCAL, [out(0.1)], span=3)
    assert (policy.mode, policy.failures, policy.unseen) == (Mode.GLOBAL, 3, 3)
    first = policy.decide(Mode.GLOBAL, [out(0.1), found(0.9)], span=3)
    assert not first.reliable and policy.trial is not None  # a second look is still asked for
    assert policy.decide(Mode.LOCAL, [out(0.1), tried(0.9)], span=3).reliable
