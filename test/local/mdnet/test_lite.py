"""mdnet_lite: what it pools, that it follows, learns, and joins places as the conference did."""

from dataclasses import replace

from helpers.clip import first_box, frames, truth
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import Crop
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local.mdnet.classifier import Samples
from lg_tracker_ros.local.mdnet.lite import (
    build,
    make_attentive,
    make_classifier,
    Scene,
    SCHEDULE,
)
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.search.config import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Correctable, Mode, OnlineTracker, Proposals, Region
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.rounding, pytest.mark.usefixtures('one_thread')]
ENGINE = EngineConfig('cpu', 'torch', threads=1).resolve()
SMALL = replace(SCHEDULE, candidates=96, first_positives=60, first_negatives=200,
                first_iterations=30, regression=200)


@pytest.fixture(scope='module')
def clip():
    return frames()


@pytest.fixture(scope='module')
def tracker():
    return build(ENGINE, SMALL)


@pytest.mark.exact
def test_boxes_are_pooled_where_they_lie():
    """In a map that tells its own columns and rows, bins have their middles' places."""
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing='ij')
    crop = Crop(np.zeros((320, 320, 3), np.uint8), 200.0, 100.0, 160.0)  # half a pixel each
    scene = Scene(crop, torch.stack([columns, rows])[None])
    # the box's middle is image pixel 192, 92, that is scene pixel 144, 144 and cell 8.5
    found = scene.samples(np.array([[180.0, 86, 24, 12]])).features.view(2, 3, 3)
    assert found[0, 0].tolist() == pytest.approx([7.5, 8.5, 9.5], abs=1e-4)
    assert found[1, :, 0].tolist() == pytest.approx([8.0, 8.5, 9.0], abs=1e-4)
    assert scene.samples(np.empty((0, 4))).features.shape == (0, 18)


def test_it_follows_and_learns_online(clip, tracker):
    assert isinstance(tracker, OnlineTracker)
    tracker.init(clip[0], first_box())
    box, overlaps = first_box(), []
    for i in range(1, 12):
        output = tracker.track(clip[i], [Region(box)])[0]
        tracker.update(clip[i], output, [])
        box = output.box
        overlaps.append(iou(box, Box(*truth()[i])))
    assert np.mean(overlaps) > 0.5 and min(overlaps) > 0.1
    away = tracker.track(clip[11], [Region(Box(20, 20, 60, 120))])[0]
    assert output.score > 0.8 and away.score < 0.3


def test_places_of_a_batch_dont_touch_each_other_and_init_forgets(clip, tracker):
    around = [Region(b) for b in (Box(*truth()[5]), Box(-300, 900, 60, 120), Box(300, 200, 8, 9))]
    tracker.init(clip[0], first_box())
    together = tracker.track(clip[5], around)
    assert tracker.track(clip[5], []) == []
    for region, a in zip(around, together):
        b = tracker.track(clip[5], [region])[0]
        assert a.score == pytest.approx(b.score, abs=1e-4)
        assert (a.box.x, a.box.w) == pytest.approx((b.box.x, b.box.w), abs=1e-2)
        assert 0 <= a.box.cx <= clip[5].width and 0 <= a.box.cy <= clip[5].height
    tracker.update(clip[5], together[0], [])
    tracker.miss(clip[5])
    tracker.init(clip[0], first_box())
    assert tracker.track(clip[5], around) == together


def test_what_refines_a_box_is_not_done_to_it_again_in_the_next_frame(clip, tracker):
    """A regression that halves sides halves those of each result, and none of where it looks."""
    tracker.init(clip[0], first_box())
    regression, tracker._regression = tracker._regression, lambda features, boxes: (
        boxes * [1, 1, 0.5, 0.5] + boxes[:, [2, 3, 2, 3]] * [0.25, 0.25, 0, 0])
    box = first_box()
    for _ in range(3):
        output = tracker.track(clip[0], [Region(box)])[0]
        box = output.box
    assert 0.4 < box.w / first_box().w < 0.6
    tracker.update(clip[0], output, [])
    tracker.track(clip[0], [Region(Box(30, 30, 50, 90))])
    # a frame that finds something else doesn't change that
    assert tracker._unrefined(clip[0].camera, box).w == pytest.approx(2 * box.w)
    tracker._regression = regression


def test_what_is_rejected_is_learned(clip, tracker):
    tracker.init(clip[0], first_box())
    around = [Region(first_box()), Region(Box(260, 60, 50, 90))]
    found = tracker.track(clip[0], around)
    before = len(tracker._memories._negatives)
    tracker.update(clip[0], replace(found[0], box=Box(1, 2, 30, 40)), [])
    assert len(tracker._memories._negatives) == before  # that was in no search
    tracker.update(clip[0], found[0], [found[1]])
    kept = tracker._memories._negatives[-1].features
    assert len(kept) == SMALL.negatives + SMALL.best
    assert torch.equal(kept[-SMALL.best:],
                       tracker._seen[clip[0].camera].best[1].features)


@pytest.mark.parametrize('changed', [{}, {'keep_first': False, 'short': 2, 'reciprocative': 5.0}])
def test_what_an_operator_rejects_is_forgotten(clip, changed):
    """Bit for bit as after the first frame, in what it finds and in what it learns then."""
    tracker = build(ENGINE, replace(SMALL, every=2, **changed))
    assert isinstance(tracker, Correctable)
    tracker.disown()  # no target yet
    tracker.init(clip[0], first_box())
    around = [Region(first_box()), Region(Box(260, 60, 50, 90))]

    def learned():
        outputs = []
        for frame in clip[1:4]:
            outputs.append(tracker.track(frame, around))
            tracker.update(frame, outputs[-1][0], [])
        tracker.miss(clip[4])
        return [*outputs, tracker.track(clip[4], around)]
    fresh = learned()
    wrong = tracker.track(clip[4], around)
    for _ in range(4):
        tracker.update(clip[4], wrong[1], [wrong[0]])
    tracker.miss(clip[4])
    assert tracker.track(clip[1], around) != fresh[0]
    tracker.disown()
    tracker.update(clip[4], wrong[1], [])  # what was found before is nothing to learn from
    assert learned() == fresh


def test_candidates_spread_while_the_target_is_lost(clip, tracker):
    tracker.init(clip[0], first_box())
    region = Region(first_box())

    def spread():
        boxes = tracker._candidates(region)
        return np.ptp(boxes[:, 0] + boxes[:, 2] / 2)
    first = spread()
    tracker.miss(clip[0])
    assert spread() == pytest.approx(1.1 * first)
    for _ in range(20):
        tracker.miss(clip[0])
    assert spread() == pytest.approx(1.5 / 0.6 * first)


@pytest.mark.exact
def test_no_target_is_an_error(clip):
    with pytest.raises(RuntimeError, match='call init first'):
        build(ENGINE, SMALL).track(clip[0], [Region(first_box())])


def test_dats_loss_makes_attention_on_the_target_even(clip):
    """On a real target: spread over mean, of the target's score and of the background's."""
    seen = []
    for weight in (0.0, 5.0):
        tracker = build(ENGINE, replace(SMALL, first_iterations=50, reciprocative=weight))
        tracker.init(clip[0], first_box())
        view = tracker.extract.see(clip[0].image, [first_box()])[0]
        samples = view.samples(tracker._positives(first_box(), 40))
        classifier = tracker._classifier
        seen += [a.detach().std((1, 2)) / a.detach().mean((1, 2))
                 for a in classifier.attention(samples)]
        assert (classifier.logits(samples.features).argmax(1) == 1).all()
    target, background, even, peaked = (float(s.mean()) for s in seen)
    assert even < 0.7 * target and peaked > 2 * background


class Everywhere:
    """A re-detector that knows two places."""

    history = 1
    asked = 0

    def init(self, frame, box):
        """Learn nothing."""

    def propose(self, clip, size, k):
        """Count, and propose."""
        self.asked += 1
        return Proposals([Box(*truth()[2]), Box(300, 20, 60, 120)][:k])


def test_beta2_0_joins_attention_and_the_last_place_in_every_frame(clip, tracker):
    """The conference's search: candidates about both, and the best wins."""
    finder = Everywhere()
    whole = LongTermTracker(tracker, finder, SearchConfig(
        beta1=0.05, beta2=0, confirm_frames=1, visible_threshold=0.05, rules=frozenset()))
    whole.init(clip[0], first_box())
    for i in (1, 2):
        track = whole.step([clip[i]])[0]
        assert track.mode is Mode.GLOBAL and len(track.found) == 3
        assert track.confidence == max(o.confidence for o in track.found)
        assert iou(track.box, Box(*truth()[i])) > 0.4
    assert finder.asked == 2
    # from a wrong place it goes where attention says, at once
    whole.policy.place = replace(whole.policy.place, box=Box(20, 20, 60, 120))
    track = whole.step([clip[2]])[0]
    assert iou(track.box, Box(*truth()[2])) > 0.4


@pytest.mark.exact
def test_attention_weighs_cells_and_is_learned():
    """All cells alike at first, so that it begins as mdnet_lite; then the telling ones more."""
    chance = np.random.default_rng(0)
    first = torch.from_numpy(chance.normal(size=(400, 1008)).astype(np.float32))
    first.view(400, 112, 9)[:200, :, 4] += 1.5  # the target differs in the middle cell alone
    samples = Samples(first)
    kinds = samples[:200], samples[200:]
    plain, attentive = (make(SMALL, torch.Generator().manual_seed(0), *kinds)
                        for make in (make_classifier, make_attentive))
    x = first[:5]
    torch.testing.assert_close(attentive.logits(x), plain.logits(x), atol=1e-4, rtol=1e-4)
    scaled = (first[:200] - attentive.head.mean) * attentive.head.gain
    assert torch.equal(attentive.head.attention(scaled), torch.ones(200, 9))
    attentive.learn(*kinds, 'first')
    weights = attentive.head.attention(scaled).detach().mean(0)
    assert int(weights.argmax()) == 4 and float(weights[4]) > 1.1
    assert float(weights.sum()) == pytest.approx(9, abs=1e-4)


def test_the_parameter_sets_the_weight_of_its_loss():
    for name, weight in (('dat_lite', 3.0), ('mdnet_lite', 0.0)):
        settings = Settings(tracker=name, reciprocative=3.0, redetector='none', threads=1)
        made = make_local(settings, settings.engine_config()).tracker
        assert made.schedule.reciprocative == weight
