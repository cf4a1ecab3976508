"""``dimp_lite`` with random weights: its filter learns the target, and pixelwise is inside."""

from dataclasses import replace

from helpers.clip import first_box, frames, truth
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local import pixelwise
from lg_tracker_ros.local.dimp.lite import build, DimpLiteConfig
from lg_tracker_ros.local.dimp.lite_net import DimpLite
from lg_tracker_ros.types import Box, Correctable, OnlineTracker, Region
from lg_tracker_ros.vision.cells import GRID
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding
ENGINE = EngineConfig('cpu', 'torch', threads=1).resolve()


@pytest.fixture(scope='module')
def clip():
    return frames()


@pytest.fixture(scope='module')
def tracker():
    torch.manual_seed(0)
    return build(DimpLite().eval(), ENGINE)


def test_without_a_share_of_the_filter_it_is_pixelwise(clip, tracker):
    host = pixelwise.SPEC.build('', 'efficientnet_lite0', ENGINE)
    tracker.dimp, config = replace(tracker.dimp, share=0.0), tracker.dimp
    around = [Region(Box(*truth()[5])), Region(Box(10, 10, 60, 120))]
    found = []
    for one in (host, tracker):
        one.init(clip[0], first_box())
        found.append(one.track(clip[5], around))
    tracker.dimp = config
    assert found[0] == found[1]


def test_the_filter_finds_the_target_and_learns_that_another_place_is_not(clip, tracker):
    assert isinstance(tracker, OnlineTracker)
    tracker.init(clip[0], first_box())
    around = [Region(first_box()), Region(Box(10, 10, 50, 60))]

    def responses():
        found = tracker.track(clip[1], around)
        return found, tracker._seen[clip[1].camera].responses
    found, before = responses()
    assert iou(found[0].box, first_box()) > 0.5 and iou(found[1].box, first_box()) == 0
    # in cells of the crop, the target is in its middle
    peak = np.unravel_index(before[0].argmax(), (GRID, GRID))
    assert before[0].max() > 0.5 and np.hypot(peak[0] - 7.5, peak[1] - 7.5) < 3
    for _ in range(6):
        tracker.update(clip[1], found[0], [found[1]])
    _, after = responses()
    assert after[1].max() < before[1].max()
    assert after[0].max() > 0.5


def test_the_places_of_a_batch_dont_touch_each_other(clip, tracker):
    tracker.init(clip[0], first_box())
    around = [Region(b) for b in (Box(*truth()[5]), Box(10, 10, 60, 120), Box(300, 200, 80, 140))]
    together = tracker.track(clip[5], around)
    for region, a in zip(around, together):
        b = tracker.track(clip[5], [region])[0]
        assert a.score == pytest.approx(b.score, abs=1e-4)
        assert (a.box.x, a.box.w) == pytest.approx((b.box.x, b.box.w), abs=1e-2)


def test_what_was_not_in_the_last_search_is_not_learned(clip, tracker):
    tracker.init(clip[0], first_box())
    found = tracker.track(clip[1], [Region(first_box())])[0]
    before = tracker._memory.weights.used
    tracker.update(clip[1], replace(found, box=Box(1, 2, 30, 40)), [])
    tracker.miss(clip[1])
    assert tracker._memory.weights.used == before
    tracker.update(clip[1], found, [])
    assert tracker._memory.weights.used == before + 1


def test_what_an_operator_rejects_is_forgotten(clip, tracker):
    """Bit for bit as after the first frame, in what it finds and in what it learns then."""
    assert isinstance(tracker, Correctable)
    tracker.dimp, config = replace(tracker.dimp, every=2), tracker.dimp
    tracker.init(clip[0], first_box())
    around = [Region(first_box()), Region(Box(10, 10, 50, 60))]

    def learned():
        outputs = []
        for frame in clip[1:4]:
            outputs.append(tracker.track(frame, around))
            tracker.update(frame, outputs[-1][0], [])
        return outputs
    fresh = learned()
    wrong = tracker.track(clip[4], around)
    for _ in range(tracker.dimp.size):  # until samples are replaced
        tracker.update(clip[4], wrong[1], [wrong[0]])
    assert tracker.track(clip[1], around) != fresh[0]
    tracker.disown()
    tracker.update(clip[4], wrong[1], [])  # what was found before is nothing to learn from
    assert learned() == fresh
    tracker.dimp = config


def test_a_filter_without_a_target_is_a_programmers_mistake(clip):
    torch.manual_seed(0)
    with pytest.raises(RuntimeError, match='call init first'):
        build(DimpLite().eval(), ENGINE, DimpLiteConfig()).track(clip[0], [Region(first_box())])
