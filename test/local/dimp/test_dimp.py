"""DiMP-50 and SuperDiMP on random weights: files, crops, batches, what is learned."""

from dataclasses import replace
from functools import partial

from helpers.clip import first_box, frames, truth
from lg_tracker_ros.backbones.resnet50_imagenet import ImageNetResNet50
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.dimp.dimp import (
    DimpTracker,
    FIRST,
    inside_major,
    mean_of_best,
    shake,
)
from lg_tracker_ros.local.dimp.net import DimpNet, read_net, VARIANTS
from lg_tracker_ros.types import Box, Correctable, OnlineTracker, Region
import pytest
import torch

pytestmark = pytest.mark.rounding


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return DimpNet().eval()


@pytest.fixture(scope='module')
def clip():
    return frames()


def small(net, name):
    """Make a tracker that looks at crops small enough for a test."""
    return DimpTracker(net, replace(VARIANTS[name], side=128), threads=1)


def test_parameters_are_those_of_released_files(net):
    shapes = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    assert shapes['classifier.feature_extractor.0.weight'] == (512, 1024, 3, 3)
    assert shapes['classifier.filter_initializer.filter_conv.weight'] == (512, 512, 3, 3)
    assert shapes['classifier.filter_initializer.filter_conv.bias'] == (512,)
    optimizer = 'classifier.filter_optimizer.'
    assert {k.removeprefix(optimizer): s for k, s in shapes.items() if optimizer in k} == {
        'log_step_length': (1,), 'filter_reg': (1,), 'label_map_predictor.weight': (1, 100, 1, 1),
        'target_mask_predictor.0.weight': (1, 100, 1, 1),
        'spatial_weight_predictor.weight': (1, 100, 1, 1)}
    assert shapes['feature_extractor.layer3.5.conv3.weight'] == (1024, 256, 1, 1)
    assert shapes['feature_extractor.layer2.0.downsample.0.weight'] == (512, 256, 1, 1)
    assert shapes['bb_regressor.fc3_rt.linear.weight'] == (256, 6400)


def test_a_file_is_read_with_what_nobody_needs_in_it(tmp_path):
    """Widths and biases that may differ between files are taken from it."""
    published = DimpNet(256, False)
    state = {**published.state_dict(), 'feature_extractor.fc.weight': torch.zeros(1000, 2048),
             'feature_extractor.layer4.0.conv1.weight': torch.zeros(512, 1024, 1, 1)}
    torch.save({'net': state, 'net_type': 'DiMPnet'}, tmp_path / 'dimp50.pth')
    got = read_net(tmp_path / 'dimp50.pth').state_dict()
    assert got.keys() == published.state_dict().keys()
    assert all(torch.equal(v, published.state_dict()[k]) for k, v in got.items())


def test_a_file_that_does_not_fit_is_refused_with_its_key(tmp_path, net):
    state = {**net.state_dict(), 'bb_regressor.iou_predictor.weight': torch.zeros(1, 256)}
    torch.save(state, tmp_path / 'other.pth')
    with pytest.raises(ValueError, match=r'iou_predictor.weight expected shape \(1, 512\)'):
        LOCAL_TRACKERS['dimp50'].build(str(tmp_path / 'other.pth'), '', None)


def test_the_backbone_has_imagenets_strides():
    maps = ImageNetResNet50(4).eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in maps] == [
        (256, 16, 24), (512, 8, 12), (1024, 4, 6), (2048, 2, 3)]


def test_the_first_frame_gives_thirteen_samples_and_two():
    assert len(FIRST) == 13
    # flipped, blurred and turned ones lie up to a sixth of the crop to the side
    shifts = [s for change in FIRST[5:] for s in change.shift]
    assert len(set(shifts)) == 16 and max(map(abs, shifts)) <= 1 / 6
    assert min(shifts) < -0.05 and max(shifts) > 0.05
    assert VARIANTS['superdimp'].side == 352 and VARIANTS['dimp50'].side == 288


@pytest.mark.parametrize('name', ['dimp50', 'superdimp'])
def test_places_of_a_batch_are_as_one_by_one_and_anywhere(net, clip, name):
    tracker = small(net, name)
    assert isinstance(tracker, OnlineTracker)
    with pytest.raises(RuntimeError, match='call init first'):
        tracker.track(clip[0], [Region(first_box())])
    tracker.init(clip[0], first_box())
    around = [Region(Box(*truth()[5])), Region(Box(-40, 250, 60, 120)), Region(Box(370, 5, 8, 6))]
    together = tracker.track(clip[5], around)
    again = tracker.track(clip[5], around)
    assert together == again and tracker.track(clip[5], []) == []
    for region, a in zip(around, together):
        b = tracker.track(clip[5], [region])[0]
        assert (a.box.x, a.box.y, a.box.w, a.box.h) == pytest.approx(
            (b.box.x, b.box.y, b.box.w, b.box.h), abs=0.05)
        assert a.score == pytest.approx(b.score, abs=1e-3) and 0 <= a.score <= 1
        assert 0 <= a.box.cx <= clip[5].width and 0 <= a.box.cy <= clip[5].height


def test_the_target_is_found_where_it_was_learned_and_kept_in_memory(net, clip):
    tracker = small(net, 'dimp50')
    tracker.init(clip[0], first_box())
    found = tracker.track(clip[0], [Region(first_box())])[0]
    box = first_box()
    # random features, yet the filter was fitted to this very crop
    assert abs(found.box.cx - box.cx) < 0.25 * box.w and found.score > 0.25
    memory = tracker._target.memory
    assert memory.weights.used == 15
    for _ in range(3):
        tracker.update(clip[0], found, [])
    assert memory.weights.used == 18
    tracker.update(clip[0], replace(found, box=Box(1, 2, 3, 4)), [])
    tracker.miss(clip[0])
    assert memory.weights.used == 18


def test_what_an_operator_rejects_is_forgotten(net, clip):
    tracker = DimpTracker(net, replace(VARIANTS['dimp50'], side=128, every=1), threads=1)
    assert isinstance(tracker, Correctable)
    tracker.disown()  # no target yet
    tracker.init(clip[0], first_box())
    around = [Region(first_box()), Region(Box(260, 60, 50, 90))]
    fresh = tracker.track(clip[1], around)
    tracker.update(clip[1], fresh[1], [])
    learned = tracker.track(clip[1], around)
    assert learned != fresh
    tracker.disown()
    assert tracker.track(clip[1], around) == fresh
    tracker.update(clip[1], fresh[1], [])
    assert tracker.track(clip[1], around) == learned


def test_copies_leave_out_channels_of_what_the_filter_sees(net, clip):
    tracker = small(net, 'dimp50')
    tracker.init(clip[0], first_box())
    seen = tracker._target.memory._features
    for copy in seen[13:15]:
        kept = copy.flatten(1).any(1)
        assert 0.7 < kept.float().mean() < 0.9
        torch.testing.assert_close(copy[kept], seen[0][kept] / 0.8)


def test_boxes_of_a_shape_that_cannot_be_are_not_among_the_best():
    boxes = torch.arange(32.0).reshape(2, 4, 4)
    judged = torch.tensor([[3, -torch.inf, 2, -torch.inf], [-torch.inf] * 4])
    found = mean_of_best(boxes, judged, 3)
    assert torch.equal(found[0], (boxes[0, 0] + boxes[0, 2]) / 2) and found[1].isnan().all()


def test_crops_are_moved_into_the_image_and_shrink():
    move = partial(inside_major, width=400, height=300, most=1.5)
    assert move(Box(0, 0, 20, 20), 120) == (60, 60, 120)
    assert move(Box(200, 290, 20, 20), 120) == (210, 240, 120)
    # higher than the image: in its middle; longer than its longer side: shrunk, by 1.5 at most
    assert move(Box(190, 0, 60, 60), 360) == (220, 150, 360)
    assert move(Box(190, 0, 90, 90), 500) == (200, 150, 400)
    assert move(Box(190, 0, 150, 150), 900) == (200, 150, 600)
    assert inside_major(Box(0, 0, 20, 20), 120, 400, 300, 1) == (10, 10, 120)


def test_shaken_boxes_stay_near_and_are_the_same_each_time():
    boxes = torch.tensor([[10.0, 20, 40, 10], [0, 0, 2, 50]])
    found = shake(boxes, 9)
    assert found.shape == (2, 10, 4) and torch.equal(found, shake(boxes, 9))
    assert torch.equal(found[:, 0], boxes)
    assert (found[..., 2:] >= boxes[:, None, 2:] / 3 - 1e-5).all()
    middles = found[..., :2] + found[..., 2:] / 2
    assert ((middles - middles[:, :1]).abs() <= 0.05 * boxes[:, None, 2:].prod(-1, True).sqrt()
            + 1e-4).all()
