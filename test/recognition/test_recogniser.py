"""When the recogniser learns, from whom, and what it takes back; scripted looks, no networks."""

from dataclasses import replace

from helpers.fakes import ScriptedLocal, ScriptedLook, ScriptedRedetector
from lg_tracker_ros.recognition.confidence import Confidence, logit, platt
from lg_tracker_ros.recognition.recogniser import learned, OnlineRecogniser, Schedule
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Claim, Frame, Kind, Region, RivalLearner
import numpy as np
import pytest

HERE, RIVAL, FAR = Box(100, 100, 20, 40), Box(180, 100, 20, 40), Box(20, 20, 20, 40)
IMAGE = np.kron(np.random.default_rng(0).integers(0, 256, (15, 20), np.uint8),
                np.ones((16, 16), np.uint8))[..., None].repeat(3, 2)
SCHEDULE = Schedule(delay=2, settle=3, loss=2, nearby=3, look_around=4, trust=2)


def looks(angle):
    """Give looks that depend on the box's place: ``angle(box)`` in degrees from the first."""
    def look(box):
        a = np.radians(angle(box))
        return np.array([np.cos(a), np.sin(a), 0], np.float32)
    return ScriptedLook(look)


ONLINE = Confidence({'score': 1.0, 'gallery': 10.0, 'ridge': 1.0}, -8.0)


def recogniser(angle=lambda box: 0 if box.x < 150 else 40):
    """Make one that starts on HERE; rivals stand on the right and are 40 degrees off."""
    made = OnlineRecogniser(ScriptedLocal(lambda frame, region: 0.5), looks(angle),
                            platt(1.0, 10.0, -8.0), ONLINE, schedule=SCHEDULE)
    made.init(frame(0), HERE)
    return made


def frame(n, camera='a'):
    """Make frame ``n``; all show the same scene."""
    return Frame(IMAGE, n, camera)


def follow(made, numbers, box=HERE, others=()):
    """Let frames be accepted with the target at ``box`` and other boxes rejected."""
    for n in numbers:
        found = made.track(frame(n), [Region(b) for b in (box, *others)])
        made.update(frame(n), found[0], found[1:])


def lose(made, numbers, *boxes):
    """Let frames be missed, with these boxes found."""
    for n in numbers:
        made.track(frame(n), [Region(b, Kind.PROPOSAL) for b in boxes])
        made.miss(frame(n))


def test_without_anything_learned_it_says_what_the_first_look_says():
    made = recogniser()
    output, = made.track(frame(1), [Region(HERE)])
    assert output.confidence == made.confidence(output.cues) == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_look_is_learned_after_reliable_frames_and_not_before_a_loss():
    made = recogniser()
    follow(made, (1, 2))
    assert made.memory.accepted == 0
    follow(made, (3, 4))
    assert made.memory.accepted == 2
    lose(made, (5,), HERE)
    follow(made, (6, 7))
    assert made.memory.accepted == 2  # the two that waited when it was lost are forgotten


def test_nothing_is_learned_until_a_return_has_proven_itself():
    made = recogniser()
    follow(made, range(1, 5))
    lose(made, (5, 6, 7, 8), HERE)
    follow(made, (9, 10, 11), others=[RIVAL])
    assert made.memory.accepted == 2 and not made.memory.rivals
    follow(made, (12, 13, 14), others=[RIVAL])
    assert made.memory.accepted == 3 and len(made.memory.rivals) == 1


def test_what_was_learned_on_a_wrong_jump_is_undone():
    made = recogniser(lambda box: box.x)
    follow(made, range(1, 5))
    before = made.memory.gallery(made._look.look(HERE)[None])
    lose(made, (5, 6), HERE)
    follow(made, range(7, 15), RIVAL)
    assert made.memory.gallery(made._look.look(HERE)[None]) < before
    follow(made, (15,), HERE)  # it goes back while the other is still in view
    assert made.memory.gallery(made._look.look(HERE)[None]) == pytest.approx(before)


def test_a_rival_beside_the_target_is_known_by_its_path():
    made = recogniser(lambda box: 0)
    follow(made, (1,), others=[RIVAL])
    found = made.track(frame(2), [Region(HERE), Region(Box(182, 100, 20, 40), Kind.PROPOSAL)])
    assert [o.cues['rival'] for o in found] == [0, 1]
    assert found[1].confidence < 0.2 < found[0].confidence


@pytest.mark.parametrize('apart, weight', [(90, 0.0), (51, 0.5), (40, 1.0)])
def test_a_target_in_view_is_judged_by_the_first_look_as_far_as_nobody_is_like_it(apart, weight):
    made = recogniser(lambda box: 0 if box.x < 150 else apart)
    made.online = Confidence({'gallery': 10.0}, -9.5)
    follow(made, range(1, 11), others=[RIVAL])
    assert made.trust == 1.0 and made.memory.confusable == pytest.approx(weight, abs=0.02)
    here, there = made.track(frame(11), [Region(HERE), Region(FAR, Kind.PROPOSAL)])
    first, now = made.confidence.log_odds(here.cues), made.online.log_odds(here.cues)
    assert (first, now) == pytest.approx((2.0, 0.5))
    assert logit(here.confidence) == pytest.approx(2.0 - 1.5 * weight, abs=0.05)
    # elsewhere, and after an absence, what was learned counts in full, whoever is about
    assert logit(there.confidence) == pytest.approx(made.online.log_odds(there.cues))
    lose(made, (11, 12, 13, 14), HERE)
    again, = made.track(frame(15), [Region(HERE)])
    assert logit(again.confidence) == pytest.approx(0.5)


def test_after_a_cut_nothing_is_left_of_where_the_target_was():
    made = recogniser(lambda box: 0 if box.x < 150 else 90)
    made.online = Confidence({'gallery': 10.0}, -9.5)
    follow(made, range(1, 11), others=[RIVAL])
    other = Frame(np.ascontiguousarray(IMAGE[::-1]), 11, 'a')
    found, = made.track(other, [Region(HERE)])
    assert logit(found.confidence) == pytest.approx(0.5)


def test_a_cut_in_another_camera_says_nothing_of_the_targets_place():
    made = recogniser(lambda box: 0 if box.x < 150 else 90)
    made.online = Confidence({'gallery': 10.0}, -9.5)
    made.track(frame(1, 'b'), [Region(FAR, Kind.PROPOSAL)])
    follow(made, range(1, 11), others=[RIVAL])
    made.track(Frame(np.ascontiguousarray(IMAGE[::-1]), 11, 'b'), [Region(FAR, Kind.PROPOSAL)])
    found, = made.track(frame(11), [Region(HERE)])
    assert logit(found.confidence) == pytest.approx(2.0)


@pytest.mark.parametrize('seconds, rival', [(0.2, 1), (5.0, 0)])
def test_a_camera_that_nobody_looked_at_for_a_while_keeps_no_paths(seconds, rival):
    made = recogniser(lambda box: 0)
    follow(made, (1,), others=[RIVAL])
    later = frame(round(seconds * 1e9))
    assert made.track(later, [Region(RIVAL, Kind.PROPOSAL)])[0].cues['rival'] == rival


def test_where_the_target_cannot_have_got_to_is_a_rival():
    made = recogniser(lambda box: 0)
    follow(made, (1,))
    lose(made, (2,), RIVAL, Box(115, 100, 20, 40))
    near, far = made.track(frame(3), [Region(Box(115, 100, 20, 40)), Region(RIVAL)])
    assert (near.cues['rival'], far.cues['rival']) == (0, 1)
    lose(made, (3, 4, 5), HERE)
    found = made.track(frame(6), [Region(FAR)])
    made.miss(frame(6))  # by now it may be anywhere
    assert made.track(frame(7), [Region(FAR)])[0].cues['rival'] == 0 == found[0].cues['rival']


def test_rejecting_forgets_the_jump_and_keeps_the_rejected_from_coming_back():
    made = recogniser(lambda box: 10 if box.x > 150 else 0)
    follow(made, range(1, 5))
    lose(made, (5, 6), HERE)
    follow(made, range(7, 14), RIVAL)
    confident = made.track(frame(14), [Region(RIVAL)])[0].confidence
    made.disown()
    again, own = made.track(frame(15), [Region(RIVAL, Kind.PROPOSAL), Region(HERE)])
    assert again.cues['rival'] == 1 and again.confidence < 0.1 < 0.8 < confident
    assert own.confidence > 0.8


def test_confirming_learns_the_look_at_once():
    made = recogniser(lambda box: 60 if box.x > 150 else 0)
    before, = made.track(frame(1), [Region(RIVAL)])
    made.own()
    assert made.memory.gallery(made._look.look(RIVAL)[None]) == pytest.approx([1])
    assert before.cues['gallery'] == pytest.approx(0.5)


def test_what_was_out_of_view_or_elsewhere_is_found_again_until_somebody_confirms_it():
    made = recogniser()

    def again(n, kind=Kind.LOCAL, camera='a'):
        output, = made.track(frame(n, camera), [Region(HERE, kind)])
        return output.again
    follow(made, (1, 2))
    assert [again(3), again(4, Kind.PROPOSAL), again(5, camera='b')] == [False, True, True]
    made.miss(frame(6))
    assert not again(7)  # one frame is no absence
    made.miss(frame(7))
    assert again(8)
    follow(made, range(8, 30))
    assert again(30)  # to follow it proves nothing
    made.own()
    assert not again(31)
    for n in (32, 33, 34):  # followed and not believed, but in view
        made.track(frame(n), [Region(HERE)])
        made.glimpse(frame(n))
    follow(made, (35,))
    assert not again(36)
    follow(made, (37,), RIVAL)  # a jump
    assert again(38)
    made.init(frame(39), HERE)
    assert not again(40)


def test_a_long_term_tracker_tells_less_of_what_it_found_again():
    made = OnlineRecogniser(ScriptedLocal(lambda frame, region: 0.5 if frame.stamp != 2 else 1e-6),
                            looks(lambda box: 0), platt(1.0, 10.0, -8.0), ONLINE,
                            schedule=replace(SCHEDULE, loss=1))
    tracker = LongTermTracker(made, None, SearchConfig())
    tracker.init(frame(0), HERE)
    told = [tracker.step([frame(n)])[0] for n in (1, 2, 3)]
    assert [t.visible for t in told] == [True, False, True]
    assert told[0].confidence == told[0].judged == pytest.approx(0.8808, abs=1e-4)
    # the same again: odds of 7.389 are 11.08 times those of .4, of which 11.08 ** .65 is left
    assert told[2].judged == told[0].judged
    assert told[2].confidence == pytest.approx(3.184 / 4.184, abs=1e-3)


def test_a_long_term_tracker_looks_round_for_rivals_now_and_then():
    apart = [Box(180, 10 + 50 * k, 20, 40) for k in range(4)]
    redetector = ScriptedRedetector({'a': [*apart[:2], HERE, *apart[2:]]})
    made = recogniser(lambda box: 20 * (1 + apart.index(box)) if box in apart else 0)
    assert isinstance(made, RivalLearner)
    tracker = LongTermTracker(made, redetector)
    tracker.init(frame(0), HERE)
    assert (len(redetector.calls), len(made.memory.rivals)) == (1, 4)  # known before any loss
    looked = []
    for n in range(1, 12):
        made.tracker.calls.clear()
        tracker.step([frame(n)])
        looked.append((len(redetector.calls), len(made.memory.rivals),
                       [[apart.index(r.box) for r in c[2]] for c in made.tracker.calls[1:]]))
    # later no frame does it all: one searches, two look at two places each
    at = next(i for i, (calls, _, _) in enumerate(looked) if calls == 2)
    assert looked[:at] == [(1, 4, [])] * at
    assert looked[at:at + 3] == [(2, 4, []), (2, 4, [[0, 1]]), (2, 4, [[2, 3]])]
    assert made.memory.accepted == 9


class Brightest(ScriptedLocal):
    """Finds, as real ones do, what is likest to the target in a window of twice the region."""

    def track(self, frame, regions):
        """Take one of two boxes, by the brightness of its middle."""
        return [replace(o, box=max(
            (b for b in (HERE, BESIDE) if abs(b.cx - o.box.cx) <= o.box.w),
            key=lambda b: frame.image[int(b.cy), int(b.cx), 0])) for o in
            super().track(frame, regions)]


BESIDE = Box(121, 100, 20, 40)


def test_a_rival_within_reach_of_the_target_is_met_though_a_search_there_finds_the_target():
    """Where the first look round found it or not was decided by some pixels of the first box."""
    image = np.zeros((200, 320, 3), np.uint8)
    image[100:140, 100:120], image[100:140, 121:141] = 255, 200
    made = OnlineRecogniser(Brightest(lambda f, r: 0.5), looks(lambda b: 40 * (b == BESIDE)),
                            platt(1.0, 10.0, -8.0), ONLINE, schedule=SCHEDULE)
    tracker = LongTermTracker(made, ScriptedRedetector({'a': [Box(118, 110, 20, 40)]}))
    tracker.init(Frame(image, 0, 'a'), HERE)
    rival, = made.memory.rivals
    assert rival @ made.memory.first == pytest.approx(np.cos(np.radians(40)))
    assert image[120, 110, 0] == 255  # the picture is somebody else's


def test_places_of_rivals_are_not_kept_for_later_when_the_target_is_not_seen():
    made = recogniser(lambda box: 0 if box == HERE else 40)
    tracker = LongTermTracker(made, ScriptedRedetector({'a': [RIVAL]}))
    tracker.init(frame(0), HERE)
    tracker._rivals._waiting['a'] = [Region(RIVAL, Kind.PROPOSAL)]
    made.tracker.confidence = lambda f, r: 0.0
    tracker.step([frame(1)])
    assert not tracker._rivals.waits('a')


def test_a_target_that_is_in_view_though_not_believed_is_no_absence():
    """The one threshold is the search policy's ``visible_threshold``."""
    for threshold, unseen in ((0.3, [0, 0]), (0.6, [1, 2])):
        made = recogniser()
        made.tracker.confidence = lambda f, r: 0.124  # with the look: a confidence of 0.51
        tracker = LongTermTracker(made, ScriptedRedetector({}), SearchConfig(
            visible_threshold=threshold))
        tracker.init(frame(0), HERE)
        assert [(tracker.step([frame(n)])[0].failures, made._unseen) for n in (1, 2)] == [
            (1, unseen[0]), (2, unseen[1])]


def test_a_camera_without_the_target_keeps_nothing_from_being_learned():
    made = recogniser()
    tracker = LongTermTracker(made, ScriptedRedetector({}), SearchConfig(beta2=0))
    tracker.init(frame(0), HERE)
    for n in range(1, 5):  # each searches both cameras
        tracks = tracker.step([frame(n), frame(n, 'b')])
    assert [t.visible for t in tracks] == [True, False]
    assert (made.memory.accepted, made._misses) == (2, 0)
    made.tracker.confidence = lambda f, r: 0.0
    for n in range(5, 8):
        tracker.step([frame(n), frame(n, 'b')])
    assert made._misses == made._unseen == 3


def test_an_operators_word_searches_on_or_settles_a_doubt():
    tracker = LongTermTracker(recogniser(), ScriptedRedetector({'a': [RIVAL]}))
    with pytest.raises(ValueError, match='there is no target; init one first'):
        tracker.reject()
    tracker.init(frame(0), HERE)
    assert tracker.step([frame(1)])[0].mode.name == 'LOCAL'
    tracker.reject()
    after = tracker.step([frame(2)])[0]
    assert after.mode.name == 'GLOBAL' and not after.visible
    tracker.confirm()
    assert tracker.step([frame(3)])[0].visible


def test_the_learned_confidence_is_made_of_the_first():
    assert learned(platt(0.38, 10.03, -3.3)).weights['score'] == pytest.approx(0.1748)
    usual = {'gallery': 0.6, 'ridge': 0.2, 'elsewhere': 0.0, 'score': 1.5}
    odds = [learned(platt(s, 10.0, -3.0)).log_odds(usual) for s in (0.0, 0.38, 0.7)]
    assert odds == pytest.approx([2.08] * 3)


def test_a_slow_cameras_frames_count_for_several():
    made = recogniser()
    for n in range(1, 4):  # delay 2: the second is learned when one more has followed
        slow = replace(frame(n), span=2)
        found, = made.track(slow, [Region(HERE)])
        made.update(slow, found, [])
    assert made.memory.accepted == 4 and made.trust == 1.0


def test_what_another_target_claims_more_surely_is_not_this_one():
    made = recogniser()
    sure, = made.track(frame(1), [Region(HERE)])
    now = frame(2)
    near = Box(HERE.x + 4, HERE.y, HERE.w, HERE.h)
    made.yield_to(now, lambda: [Claim('a', near, sure.confidence + 0.01)])
    here, there = made.track(now, [Region(HERE), Region(RIVAL)])
    assert here.confidence < 1e-6 < there.confidence
    assert made.track(frame(3), [Region(HERE)])[0].confidence == sure.confidence
    later = frame(4)
    made.yield_to(later, lambda: [Claim('a', near, sure.confidence - 0.01),
                                  Claim('a', RIVAL, 1.0)])
    assert made.track(later, [Region(HERE)])[0].confidence == sure.confidence


def test_other_targets_are_the_first_rivals_that_are_learned():
    other = Box(180, 10, 20, 40)
    made = recogniser(lambda box: 50 if box in (other, FAR) else 0)
    tracker = LongTermTracker(made, ScriptedRedetector({'a': [FAR]}))
    tracker.init(frame(0), HERE, lambda: [Claim('a', other, 1.0)])
    assert [r.box for c in made.tracker.calls for r in c[2]] == [other, FAR]
    assert len(made.memory.rivals) == 1  # their looks are alike
    alone = recogniser(lambda box: 50 if box == other else 0)
    LongTermTracker(alone).init(frame(0), HERE, lambda: [Claim('a', other, 1.0)])
    assert len(alone.memory.rivals) == 1  # without a re-detector, too
