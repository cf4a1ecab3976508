"""GlobalTrack on random weights: keys, costs, its equations, what it refuses."""

from dataclasses import replace
import re

from helpers.costs import count_macs
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.redetect.globaltrack.detector import (
    build,
    GlobalTrack,
    GlobalTrackConfig,
    prepare,
    SMALL,
)
from lg_tracker_ros.redetect.globaltrack.net import GlobalTrackNet
from lg_tracker_ros.redetect.globaltrack.published import SPEC
from lg_tracker_ros.redetect.globaltrack.rois import roi_align
from lg_tracker_ros.types import Box, Frame, Redetector
import numpy as np
import pytest
import torch
from torch import nn
import torch.nn.functional as F

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

TINY = GlobalTrackConfig(128, 96, 40)
CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def net(frame):
    """Draw weights such that what every layer gives has a variance of one (LSUV)."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    with torch.device('meta'):
        net = GlobalTrackNet()
    net.to_empty(device='cpu')
    for name, p in [*net.named_parameters(), *net.named_buffers()]:
        if p.ndim > 1:
            p.data.normal_(std=0.02)
        else:
            one = name.endswith(('running_var', 'downsample.1.weight')) or re.search(
                r'bn\d\.weight', name)
            p.data.fill_(1 if one else 0)
    hooks = {}

    def unit(layer, inputs, out):
        hooks.pop(layer).remove()
        layer.weight.data /= out.std()
        return out / out.std()
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            hooks[layer] = layer.register_forward_hook(unit)
    tracker = GlobalTrack(net, 'cpu', TINY)
    tracker.init(frame, Box(20, 30, 30, 40))
    tracker.propose([frame], (30, 40), 3)
    assert not hooks
    return net


@pytest.fixture(scope='module')
def frame():
    return Frame(np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8))


@pytest.mark.exact
def test_the_keys_are_those_of_the_checkpoint():
    with torch.device('meta'):
        shapes = {k: tuple(v.shape) for k, v in GlobalTrackNet().state_dict().items()}
    expected = {
        'backbone.conv1.weight': (64, 3, 7, 7), 'backbone.bn1.running_var': (64,),
        'backbone.layer1.0.conv2.weight': (64, 64, 3, 3),
        'backbone.layer2.0.downsample.0.weight': (512, 256, 1, 1),
        'backbone.layer3.5.bn3.bias': (1024,), 'backbone.layer4.2.conv3.weight': (2048, 512, 1, 1),
        'neck.lateral_convs.3.conv.weight': (256, 2048, 1, 1),
        'neck.fpn_convs.0.conv.bias': (256,),
        'rpn_head.rpn_conv.weight': (256, 256, 3, 3), 'rpn_head.rpn_cls.weight': (3, 256, 1, 1),
        'rpn_head.rpn_reg.weight': (12, 256, 1, 1),
        'bbox_head.shared_fcs.0.weight': (1024, 12544), 'bbox_head.shared_fcs.1.bias': (1024,),
        'bbox_head.fc_cls.weight': (2, 1024), 'bbox_head.fc_reg.weight': (8, 1024),
        'rpn_modulator.proj_modulator.4.weight': (256, 256, 7, 7),
        'rpn_modulator.proj_out.0.weight': (256, 256, 1, 1),
        'rcnn_modulator.proj_z.weight': (256, 256, 3, 3),
        'rcnn_modulator.proj_x.bias': (256,), 'rcnn_modulator.proj_out.weight': (256, 256, 1, 1)}
    assert {k: shapes.get(k) for k in expected} == expected
    tops = {'backbone', 'neck', 'rpn_head', 'bbox_head', 'rpn_modulator', 'rcnn_modulator'}
    assert {k.split('.')[0] for k in shapes} == tops
    assert not any(k.startswith(('rpn_modulator.proj_modulator.5', 'neck.fpn_convs.4'))
                   for k in shapes)


def test_a_checkpoint_as_published_is_read(tmp_path, net, frame):
    path = tmp_path / 'globaltrack.pth'
    torch.save({'meta': {'epoch': 12, 'CLASSES': None}, 'state_dict': net.state_dict()}, path)
    engine = EngineConfig('cpu', 'torch', threads=1).resolve()
    found = SPEC.build(str(path), 5 / 255, engine)
    assert isinstance(found, Redetector) and found.history == 1
    small, ours = build(path, config=TINY), GlobalTrack(net, 'cpu', TINY)
    for one in (small, ours):
        one.init(frame, Box(20, 30, 30, 40))
    a, b = (one.propose([frame], (30, 40), 3) for one in (small, ours))
    assert a.boxes == b.boxes and a.scores == b.scores and len(a.boxes) == 3
    torch.save({'meta': {}, 'state_dict': {'backbone.conv1.weight': torch.zeros(64, 3, 3, 3)}},
               path)
    with pytest.raises(ValueError, match=r'backbone.conv1.weight expected shape \(64, 3, 7, 7\)'):
        build(path)


@pytest.mark.exact
def test_costs():
    """207 GMAC for the pyramid and the first stage at 1333 x 800, 46 for a thousand regions."""
    with torch.device('meta'):
        net = GlobalTrackNet()
        query = torch.zeros(1, 256, 7, 7)
        image = torch.zeros(1, 3, 800, 1344)

        def first():
            levels = net.rpn_modulator(net(image), [torch.zeros(1, 256, 1, 1)] * 5)
            return [net.rpn_head(x) for x in levels]
        regions = torch.zeros(1000, 256, 7, 7)
        assert count_macs(first) == pytest.approx(207e9, rel=0.02)
        assert count_macs(lambda: net.bbox_head(net.rcnn_modulator(regions, query))
                          ) == pytest.approx(46e9, rel=0.02)


def test_pictures_are_scaled_normalised_and_padded():
    image = np.zeros((480, 640, 3), np.uint8)
    image[..., 2] = 255  # red
    picture = prepare(image, GlobalTrackConfig(), CPU)
    assert (picture.height, picture.width) == (800, 1067)
    assert picture.pixels.shape == (1, 3, 800, 1088)
    np.testing.assert_allclose(picture.pixels[0, :, 5, 5], [
        (255 - 123.675) / 58.395, -116.28 / 57.12, -103.53 / 57.375], rtol=1e-5)
    assert (picture.pixels[..., 1067:] == 0).all()
    small = prepare(image, SMALL, CPU)
    assert (small.height, small.width) == (384, 512)
    with pytest.raises(ValueError, match='must be at least 1'):
        replace(SMALL, regions=0)


def test_the_query_enters_as_the_equations_say(net):
    """First stage: g_out(x * f(z)), each level its own; second: h_out(h_x(x_i) * h_z(z))."""
    torch.manual_seed(1)
    z = torch.randn(1, 256, 7, 7)
    levels = [torch.randn(1, 256, 4 - i // 2, 5 - i // 2) for i in range(5)]
    first = net.rpn_modulator
    with torch.inference_mode():
        got = first(levels, first.kernels(z))
        for j, x in enumerate(levels):
            kernel = (first.proj_modulator[j].weight.flatten(1) @ z.flatten()
                      + first.proj_modulator[j].bias)
            want = torch.einsum('oc,chw->ohw', first.proj_out[j].weight[..., 0, 0],
                                x[0] * kernel[:, None, None])
            want += first.proj_out[j].bias[:, None, None]
            torch.testing.assert_close(got[j][0], want, rtol=1e-4, atol=1e-4)
        regions = torch.randn(2, 256, 7, 7)
        second = net.rcnn_modulator
        got = second(regions, second.proj_z(z))
        want = F.conv2d(F.conv2d(regions, second.proj_x.weight, second.proj_x.bias, padding=1)
                        * F.conv2d(z, second.proj_z.weight, second.proj_z.bias, padding=1),
                        second.proj_out.weight, second.proj_out.bias)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def test_the_pyramid_by_hand(net):
    maps = [torch.randn(1, c, 8 >> i, 8 >> i) for i, c in enumerate((256, 512, 1024, 2048))]
    neck = net.neck
    with torch.inference_mode():
        found = neck(maps)
        lateral = [conv(m) for conv, m in zip(neck.lateral_convs, maps)]
        third = lateral[2] + lateral[3].repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(found[2], neck.fpn_convs[2](third))
        assert torch.equal(found[4], found[3][:, :, ::2, ::2])
    assert [m.shape[2] for m in found] == [8, 4, 2, 1, 1]


def test_another_query_another_box(net, frame):
    tracker = GlobalTrack(net, 'cpu', TINY)
    found = []
    for box in (Box(10, 10, 30, 30), Box(70, 40, 20, 40)):
        tracker.init(frame, box)
        found.append(tracker.propose([frame], (30, 30), 10))
    for p in found:
        assert list(p.scores) == sorted(p.scores, reverse=True) and 0 <= p.scores[-1]
        assert all(-1e-6 <= b.x and b.x + b.w < 121 and b.y + b.h < 91
                   for b in p.boxes)
        assert p.attention.dtype == np.float32 and 0 <= p.attention.min() <= p.attention.max() <= 1
    assert found[0].boxes[0] != found[1].boxes[0]
    again = tracker.propose([frame], (30, 30), 10)
    assert again.boxes == found[1].boxes and again.scores == found[1].scores


def test_the_query_is_the_first_box(net, frame):
    """Its corners count their last pixel, so a box of w pixels ends at x + w - 1, scaled."""
    tracker = GlobalTrack(net, 'cpu', TINY)
    tracker.init(frame, Box(30, 15, 45, 60))
    picture = prepare(frame.image, TINY, CPU)
    k = picture.scale[0]
    with torch.inference_mode():
        finest = net(picture.pixels)[0]
        query = roi_align(finest, torch.tensor([[30 * k, 15 * k, 74 * k, 74 * k]]), 4)
        torch.testing.assert_close(tracker._kernels[0], net.rpn_modulator.proj_modulator[0](query),
                                   rtol=1e-3, atol=1e-3)


def test_without_a_target_or_a_file(net, frame, tmp_path):
    with pytest.raises(RuntimeError, match='call init first'):
        GlobalTrack(net, 'cpu', TINY).propose([frame], (9, 9), 3)
    engine = EngineConfig('cpu', 'torch', threads=1).resolve()
    with pytest.raises(ValueError, match=r'no file of weights at .*globaltrack\.pth'):
        SPEC.build('', 5 / 255, engine)
