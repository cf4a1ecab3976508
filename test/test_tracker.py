"""The long-term tracker with scripted parts: who is asked what, and what comes of it."""

from helpers.fakes import ManualExecutor, ScriptedLocal, ScriptedOnline, ScriptedRedetector
from lg_tracker_ros.boxes import scale
from lg_tracker_ros.search import Algorithm2, JointPolicy, SearchConfig
from lg_tracker_ros.search.aside import Asides
from lg_tracker_ros.tracker import choose, LongTermTracker
from lg_tracker_ros.types import Box, Frame, Kind, Mode, Region, Track
import numpy as np
import pytest

HERE, THERE = Box(10, 10, 20, 10), Box(60, 40, 20, 10)
IMAGE = np.zeros((80, 120, 3), np.uint8)
LOCAL, GLOBAL = Mode.LOCAL, Mode.GLOBAL


def frame(stamp, camera='a'):
    """Return a black frame of 120 x 80 px."""
    return Frame(IMAGE, stamp, camera)


def config(**values):
    """Two failing frames before a global search, two to confirm what it found: .9 isn't enough."""
    return SearchConfig(**{'beta1': 0.75, 'beta2': 2, 'visible_threshold': 0.4, 'rules': frozenset(
        {'confirmation'}), **values})


def make(confidence, boxes=None, kind=ScriptedLocal, history=1, **values):
    """Return (tracker, local, redetector) that follows HERE in camera a since stamp 0."""
    local, redetector = kind(confidence), ScriptedRedetector(boxes or {}, history)
    tracker = LongTermTracker(local, redetector, config(**values))
    tracker.init(frame(0), HERE)
    return tracker, local, redetector


def at(place):
    """Script: the target is at ``place``, and surely so."""
    return lambda f, region: 0.9 if region.box == place else 0.1


def step(tracker, stamp, *cameras):
    """Process a moment of these cameras, by default of a alone."""
    return tracker.step([frame(stamp, c) for c in cameras or ('a',)])


def test_without_a_target_nothing_is_processed():
    tracker = LongTermTracker(ScriptedLocal(at(HERE)), ScriptedRedetector({}), config())
    assert (tracker.mode, tracker.camera, tracker.wants('a')) == (Mode.IDLE, '', False)
    assert step(tracker, 1) == []


def test_two_frames_of_one_camera_are_two_moments():
    tracker, _, _ = make(at(HERE))
    with pytest.raises(ValueError, match=r"one frame of each camera, got frames of \['a', 'a'\]"):
        tracker.step([frame(1), frame(2)])


@pytest.mark.parametrize('executor', [None, ManualExecutor()])
def test_a_moment_without_a_frame_changes_nothing(executor):
    tracker, local, _ = make(lambda f, r: 0.1, beta2=0)
    tracker.search_aside(executor and Asides(executor, None))
    assert tracker.step([]) == [] and tracker.policy.failures == 0 and local.calls == []


def test_a_moment_may_come_from_a_generator():
    tracker, _, _ = make(at(HERE))
    assert [t.stamp for t in tracker.step(f for f in [frame(1)])] == [1]


@pytest.mark.parametrize('given', [(IMAGE, HERE), (frame(0), (10, 10, 20, 10)), (frame(0), None)])
def test_what_is_no_frame_or_no_box_is_told_and_the_target_stays(given):
    tracker, _, _ = make(at(HERE))
    with pytest.raises(TypeError, match=r'^init takes a Frame and a Box, as '):
        tracker.init(*given)
    assert step(tracker, 2)[0].box == HERE


@pytest.mark.parametrize('stamp', [1.5, 1795764701.45, None, '7'])
def test_a_stamp_is_whole_nanoseconds(stamp):
    """Seconds, as time.time() gives them, would be taken for a billionth of that."""
    with pytest.raises(ValueError, match=r'^stamp must be whole nanoseconds, as '):
        Frame(IMAGE, stamp)
    assert type(Frame(IMAGE, np.int64(7)).stamp) is int


def test_init_tells_both_parts_and_reports_the_box():
    tracker, local, redetector = make(at(HERE))
    assert local.first == redetector.first == ('a', HERE)
    track = tracker.init(frame(7, 'b'), THERE)
    assert (track.box, track.place, track.confidence) == (THERE, THERE, 1.0)
    assert (track.camera, track.stamp, track.mode, tracker.camera) == ('b', 7, LOCAL, 'b')
    assert set(track.ms) == {'local', 'redetect'}


def test_a_refused_box_leaves_the_target_before():
    tracker, local, _ = make(at(HERE))
    with pytest.raises(ValueError, match='too small'):
        tracker.init(frame(1), Box(0, 0, 3, 30))
    assert local.first == ('a', HERE)
    assert step(tracker, 2)[0].box == HERE


def test_local_until_beta2_frames_failed_then_global_and_back():
    tracker, _, redetector = make(lambda f, r: 0.1 if f.stamp < 9 else 0.9, {'a': [THERE]})
    modes = [step(tracker, n)[0].mode for n in range(1, 9)]
    assert modes == [LOCAL, LOCAL, GLOBAL, LOCAL, LOCAL, GLOBAL, LOCAL, GLOBAL]
    # the last: after three times beta2 unseen frames it counts as lost, retry_frames apart
    assert [c[0] for c in redetector.calls] == [[3], [6], [8]]
    assert redetector.calls[0][1:] == ('a', (20, 10), 5)
    assert tracker.policy.failures == 8


def test_a_camera_that_changes_its_image_size_is_searched_in_the_first():
    tracker, local, _ = make(lambda f, r: 0.9 if (f.width, f.height) == (120, 80) else 0.0,
                             {'a': [THERE]})
    for n, (wide, high) in enumerate([(120, 80), (360, 160), (60, 40), (120, 80)], 1):
        track, = tracker.step([Frame(np.zeros((high, wide, 3), np.uint8), n, 'a')])
        assert track.box == track.place == scale(HERE, wide / 120, high / 80)
        assert [o.box for o in track.found] == [track.box]
        assert local.calls[-1] == ('a', n, [Region(HERE)])
    tracker.init(Frame(np.zeros((40, 60, 3), np.uint8), 9, 'a'), HERE)  # a new target, a new size
    assert tracker.step([Frame(np.zeros((40, 60, 3), np.uint8), 10, 'a')])[0].place == HERE
    assert local.calls[-1][2] == [Region(HERE)]


def test_proposals_are_told_in_the_size_of_the_image():
    tracker, _, _ = make(lambda f, r: 0.1, {'a': [THERE]}, beta2=0)
    track, = tracker.step([Frame(np.zeros((160, 240, 3), np.uint8), 1, 'a')])
    assert track.proposals.boxes == [scale(THERE, 2, 2)]


def test_what_a_global_search_proposes_is_looked_at_in_the_frames_after_it():
    places = [Box(x, 50, 20, 10) for x in (0, 30, 60, 90)]
    tracker, local, redetector = make(
        at(places[3]), {'a': places, 'b': places[:1]}, beta2=3,
        rules=frozenset({'confirmation', 'few_at_once'}))
    seen = []
    for n in range(1, 9):
        wanted = tracker.wants('b')
        tracks = step(tracker, n, 'a', 'b')
        seen.append((tracks[0].mode.name[0], wanted, tracks[0].box,
                     [(c[0], *('here' if r.kind is Kind.LOCAL else places.index(r.box)
                               for r in c[2])) for c in local.calls if c[1] == n]))
    here = [('a', 'here')]
    assert seen == [
        ('L', False, None, here), ('L', False, None, here), ('L', False, None, here),
        ('G', True, None, here),  # few can be looked at: the place, while the images are searched
        ('L', True, None, [('a', 'here', 0, 1), ('b', 0)]),
        ('L', False, None, [('a', 'here', 2, 3)]),
        ('L', False, places[3], [('a', 'here', 3)]),  # on trial
        ('L', False, places[3], here)]
    assert [c[:2] for c in redetector.calls] == [([4], 'a'), ([4], 'b')]


def test_without_a_redetector_it_stays_local():
    local = ScriptedLocal(lambda f, r: 0.1)
    tracker = LongTermTracker(local, None, config())
    tracker.init(frame(0), HERE)
    tracks = [step(tracker, n)[0] for n in range(1, 8)]
    assert {t.mode for t in tracks} == {LOCAL} and {t.box for t in tracks} == {None}
    assert tracks[-1].failures == 7 and tracks[-1].confidence == 0.1
    assert step(tracker, 8, 'b') == []


def test_the_local_tracker_is_told_why_it_looks_where():
    tracker, local, _ = make(at(THERE), {'a': [THERE]})
    found = [step(tracker, n)[0].box for n in range(1, 6)]
    own = Region(HERE, Kind.LOCAL)
    assert [c[2] for c in local.calls] == [
        [own], [own], [own, Region(THERE, Kind.PROPOSAL)], [own, Region(THERE, Kind.TRIAL)],
        [Region(THERE, Kind.LOCAL)]]
    assert found == [None, None, None, THERE, THERE]


def test_the_clip_holds_the_last_frames_of_one_camera():
    tracker, _, redetector = make(lambda f, r: 0.1, history=3)
    for n in range(1, 4):
        step(tracker, n)
    assert redetector.calls[0][0] == [1, 2, 3]
    tracker.reset()
    tracker.init(frame(10), HERE)
    for n in range(11, 14):
        step(tracker, n)
    assert redetector.calls[0][0] == [11, 12, 13]


def test_proposals_come_with_the_track_of_a_global_search_only():
    tracker, _, _ = make(lambda f, r: 0.1, {'a': [THERE, HERE], 'b': [HERE]}, max_candidates=1)
    for n in (1, 2):
        assert step(tracker, n, 'a', 'b')[0].proposals is None
    tracks = step(tracker, 3, 'b', 'a')
    assert [(t.camera, list(t.proposals.boxes)) for t in tracks] == [
        ('a', [THERE]), ('b', [HERE])]
    assert all(t.proposals.attention is None and 'redetect' in t.ms for t in tracks)


def test_a_learning_tracker_hears_what_became_of_its_outputs():
    def confidence(f, region):
        if f.stamp == 1:
            return 0.9
        return 0.95 if f.stamp > 4 and region.box == THERE else 0.1
    tracker, local, _ = make(confidence, {'a': [THERE, Box(90, 60, 20, 10)]}, ScriptedOnline,
                             confirm_frames=1, beta2=3)
    tracks = [step(tracker, n)[0] for n in range(1, 7)]
    assert [t.mode for t in tracks] == [LOCAL, LOCAL, LOCAL, LOCAL, GLOBAL, LOCAL]
    assert local.learned == [
        (1, 'a', HERE, []), (2, 'a', None, []), (3, 'a', None, []), (4, 'a', None, []),
        (5, 'a', THERE, [HERE, Box(90, 60, 20, 10)]), (6, 'a', THERE, [])]
    assert all(t.ms['learn'] >= 0 for t in tracks)


def test_a_moment_of_several_cameras_is_learned_once():
    tracker, local, _ = make(lambda f, r: 0.9 if f.stamp == 2 and f.camera == 'a' else 0.1, {},
                             ScriptedOnline, beta2=0)
    for n in (1, 2, 3):
        tracks = step(tracker, n, 'b', 'a', 'c')
    assert local.learned == [(1, 'a', None, []), (2, 'a', HERE, []), (3, 'a', None, [])]
    assert [t.camera for t in tracks if 'learn' in t.ms] == ['a']


def test_what_is_only_visible_is_reported_and_not_learned():
    tracker, local, _ = make(lambda f, r: 0.5, {}, ScriptedOnline)
    track = step(tracker, 1)[0]
    assert (track.box, track.confidence, track.failures) == (HERE, 0.5, 1)
    assert local.learned == [(1, 'a', None, [])]


def test_a_tracker_that_does_not_learn_has_no_such_stage():
    tracker, _, _ = make(at(HERE))
    assert set(step(tracker, 1)[0].ms) == {'local'}


def test_found_in_another_camera_only_after_a_trial_there():
    tracker, local, _ = make(lambda f, r: 0.9 if f.camera == 'b' else 0.1, {'b': [THERE]},
                             ScriptedOnline)
    for n in (1, 2):
        assert [t.camera for t in step(tracker, n, 'b', 'a')] == ['a']
        assert tracker.wants('b') is (n == 2)  # from then on everywhere
    tracks = step(tracker, 3, 'b', 'a')
    assert [(t.camera, t.box, t.mode) for t in tracks] == [
        ('a', None, GLOBAL), ('b', None, GLOBAL)]
    assert tracker.mode is LOCAL and tracker.camera == 'a'
    assert tracker.wants('a') and tracker.wants('b') and not tracker.wants('c')
    tracks = step(tracker, 4, 'c', 'b', 'a')
    assert [(t.camera, t.box, t.place, t.mode) for t in tracks] == [
        ('a', None, None, LOCAL), ('b', THERE, THERE, LOCAL)]
    assert local.calls[-1] == ('b', 4, [Region(THERE, Kind.TRIAL)])
    assert local.learned[-2:] == [(3, 'a', None, []), (4, 'b', THERE, [])]
    assert tracker.camera == 'b' and not tracker.wants('a')
    assert choose(tracks).camera == 'b'


def test_a_silent_own_camera_lets_the_others_be_searched_globally():
    tracker, local, redetector = make(lambda f, r: 0.9 if f.camera == 'b' else 0.1,
                                      {'b': [THERE], 'c': [HERE]})
    assert tracker.mode is LOCAL
    tracks = step(tracker, 1, 'b', 'c')
    assert [(t.camera, t.mode, t.box) for t in tracks] == [
        ('b', GLOBAL, None), ('c', GLOBAL, None)]
    assert [c[1] for c in redetector.calls] == ['b', 'c']
    assert [(c[0], c[2]) for c in local.calls] == [
        ('b', [Region(THERE, Kind.PROPOSAL)]), ('c', [Region(HERE, Kind.PROPOSAL)])]
    assert [(t.camera, t.box) for t in step(tracker, 2, 'b', 'c')] == [('b', THERE)]
    assert tracker.camera == 'b'


def test_other_thresholds_keep_the_policys_state():
    tracker, _, _ = make(lambda f, r: 0.1)
    step(tracker, 1)
    policy = tracker.policy
    tracker.configure(config(beta2=7))
    assert tracker.policy is policy and policy.config.beta2 == 7 and policy.failures == 1
    assert [step(tracker, n)[0].mode for n in range(2, 9)] == 6 * [LOCAL] + [GLOBAL]


@pytest.mark.parametrize('values, kind', [({'policy': 'paper'}, Algorithm2),
                                          ({'rules': frozenset()}, JointPolicy)])
def test_another_policy_starts_anew_with_the_target_where_it_is(values, kind):
    tracker, local, _ = make(at(THERE), {'a': [THERE]}, confirm_frames=1)
    for n in range(1, 4):
        step(tracker, n)
    assert tracker.policy.place.box == THERE
    before = tracker.policy
    tracker.configure(config(**values))
    assert type(tracker.policy) is kind and tracker.policy is not before
    assert step(tracker, 4)[0].box == THERE and tracker.camera == 'a'
    assert local.calls[-1] == ('a', 4, [Region(THERE, Kind.LOCAL)])


def test_a_box_wholly_outside_the_image_is_not_visible():
    class Runaway(ScriptedLocal):
        """Finds it beyond the right border."""

        def track(self, f, regions):
            """Move every region out."""
            return super().track(f, [Region(Box(130, 10, 20, 10), r.kind) for r in regions])
    tracker = LongTermTracker(Runaway(lambda f, r: 0.9), None, config())
    tracker.init(frame(0), HERE)
    track = step(tracker, 1)[0]
    assert track.box is None and not track.visible
    assert (track.place, track.confidence) == (Box(130, 10, 20, 10), 0.9)


def test_the_result_of_a_moment_is_where_it_is_seen():
    unseen, seen = Track('b', 1, GLOBAL, None, 0.8, 1), Track('c', 1, GLOBAL, HERE, 0.7, 0)
    assert choose([unseen, seen]) is seen
    assert choose([unseen]) is unseen


def aside(confidence, boxes, **values):
    """As make, with searches that end when ``executor.run`` is called; (..., executor, told)."""
    made, executor, told = make(confidence, boxes, **values), ManualExecutor(), []
    made[0].search_aside(Asides(executor, told.append))
    return (*made, executor, told)


def test_while_a_search_runs_aside_frames_go_on_locally():
    tracker, local, redetector, executor, _ = aside(at(THERE), {'a': [THERE]}, beta2=2)
    modes = [step(tracker, n)[0].mode for n in range(1, 6)]
    assert modes == [LOCAL] * 5 and len(executor.waiting) == 1 and redetector.calls == []
    assert tracker.mode is LOCAL and not tracker.wants('b')
    executor.run()
    assert [c[0] for c in redetector.calls] == [[3]]  # the frame on which it was begun
    assert tracker.mode is GLOBAL and tracker.wants('b')
    track, = step(tracker, 6)
    assert (track.mode, track.box, track.proposals.boxes) == (GLOBAL, None, [THERE])
    assert track.ms['redetect'] >= 0
    assert local.calls[-1] == ('a', 6, [Region(HERE), Region(THERE, Kind.PROPOSAL)])
    assert step(tracker, 7)[0].box == THERE  # confirmed, in a frame later than that searched


def test_searches_aside_follow_each_other_while_the_target_is_lost():
    tracker, _, redetector, executor, _ = aside(lambda f, r: 0.1, {'a': [THERE]}, beta2=2)
    modes = []
    for n in range(1, 13):
        modes.append(step(tracker, n)[0].mode.name[0])
        executor.run()
    assert ''.join(modes) == 'LLLGLLLGLLGL'  # lost after three times beta2: one frame between
    assert [c[0] for c in redetector.calls] == [[3], [7], [10]]


@pytest.mark.parametrize('end', [
    lambda t: t.reject(), lambda t: t.confirm(), lambda t: t.configure(config(beta1=0.7)),
    lambda t: (t.reset(), t.init(frame(3), HERE))])
def test_what_a_search_finds_after_a_word_from_outside_is_dropped(end):
    tracker, local, redetector, executor, _ = aside(lambda f, r: 0.1, {'a': [THERE]})
    for n in range(1, 4):
        step(tracker, n)
    executor.run()
    end(tracker)
    before = len(redetector.calls)
    for n in range(4, 8):
        step(tracker, n)
    assert all(r.box == HERE for c in local.calls if c[1] > 3 for r in c[2])
    assert len(redetector.calls) == before and len(executor.waiting) == 1  # it searches anew


def test_a_target_that_is_back_makes_a_search_aside_pointless():
    tracker, local, _, executor, _ = aside(lambda f, r: 0.1 if f.stamp < 4 else 0.9,
                                           {'a': [THERE]})
    for n in range(1, 5):
        step(tracker, n)
    executor.run()
    tracker.local.confidence = lambda f, r: 0.1
    assert [step(tracker, n)[0].mode for n in range(5, 9)] == [LOCAL] * 4
    assert all(r.box == HERE for c in local.calls for r in c[2])


def test_a_search_aside_that_fails_is_told_and_the_frames_go_on():
    tracker, _, redetector, executor, told = aside(lambda f, r: 0.1, {})
    redetector.propose = lambda clip, size, k: 1 / 0
    for n in range(1, 5):
        track, = step(tracker, n)
        executor.run()
    assert track.mode is GLOBAL and [type(e) for e in told] == [ZeroDivisionError]


def test_a_search_aside_covers_every_camera_and_is_looked_at_in_each():
    tracker, local, redetector, executor, _ = aside(
        lambda f, r: 0.9 if f.camera == 'b' else 0.1, {'b': [THERE]})
    assert [[t.camera for t in step(tracker, n, 'a', 'b')] for n in (1, 2, 3, 4)] == [['a']] * 4
    executor.run()
    assert [c[1] for c in redetector.calls] == ['a', 'b']
    assert [t.camera for t in step(tracker, 5, 'a')] == ['a']  # b's frame was late
    assert tracker.wants('b')
    assert [t.box for t in step(tracker, 6, 'a', 'b')] == [None, None]
    assert [t.box for t in step(tracker, 7, 'a', 'b')] == [None, THERE]
    assert tracker.camera == 'b' and local.calls[-1][2] == [Region(THERE, Kind.TRIAL)]


def test_a_silent_own_camera_is_no_end_of_searching_aside():
    tracker, _, _, executor, _ = aside(
        lambda f, r: 0.9 if f.camera == 'b' else 0.1, {'b': [THERE]})
    assert [(t.camera, t.mode, t.box) for t in step(tracker, 1, 'b')] == [('b', LOCAL, None)]
    executor.run()
    assert [t.mode for t in step(tracker, 2, 'b')] == [GLOBAL]
    assert step(tracker, 3, 'b')[0].box == THERE
