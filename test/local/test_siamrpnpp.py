"""SiamRPN++: layout of published checkpoints, geometry worked out by hand, batching."""

from __future__ import annotations

import math
from pathlib import Path

from helpers.costs import count_macs
from lg_tracker_ros.checkpoint import load_checkpoint
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.local.siamese.anchors import anchor_grid, decode, shape_penalty
from lg_tracker_ros.local.siamrpnpp import build, SiamRPNpp
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNConstants, VARIANTS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, Frame, LocalTracker, Region
from lg_tracker_ros.vision.correlations import xcorr_depthwise
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding

RNG = np.random.default_rng(0)
FRAME = Frame(RNG.integers(0, 256, (240, 320, 3), np.uint8))
PLAIN = SiamRPNConstants(penalty_k=0, window=0, lr=1)


class StubNet(torch.nn.Module):
    """Answers every search image with the same maps, set cell by cell."""

    def __init__(self, constants: SiamRPNConstants) -> None:
        """Start with a background everywhere: score sigmoid(-20)."""
        super().__init__()
        s, a = constants.score_size, constants.anchors
        self.cls = torch.zeros(1, 2, a, s, s)
        self.cls[:, 0] = 20
        self.loc = torch.zeros(1, 4, a, s, s)
        self.seen: list[torch.Tensor] = []

    def peak(self, anchor, row, col, score, offsets=(0, 0, 0, 0)):
        """Give one anchor a score (after softmax) and offsets."""
        self.cls[0, 0, anchor, row, col] = 0
        self.cls[0, 1, anchor, row, col] = math.log(score / (1 - score))
        self.loc[0, :, anchor, row, col] = torch.tensor(offsets, dtype=torch.float)

    def template(self, z):
        """Remember the template image; there is nothing to learn."""
        self.seen.append(z)
        return []

    def forward(self, template, x):
        """Answer the same for each image."""
        self.seen.append(x)
        n = x.shape[0]
        return self.cls.flatten(1, 2).repeat(n, 1, 1, 1), self.loc.flatten(1, 2).repeat(n, 1, 1, 1)


def stub(constants=PLAIN):
    net = StubNet(constants)
    tracker = SiamRPNpp(net, 'cpu', constants)
    tracker.init(FRAME, Box(80, 60, 40, 40))
    return net, tracker


@pytest.mark.exact
@pytest.mark.parametrize('backbone, params, gmac, size', [
    ('alexnet', 6.25, 6.5, 21), ('resnet50', 53.95, 48.8, 25), ('mobilenet_v2', 11.15, 7.0, 25),
    # .64 without the zeros that pad kernels of stride 2
    ('efficientnet_lite0', 1.42, 0.66, 25)])
def test_network_has_the_published_size(backbone, params, gmac, size):
    make, c = VARIANTS[backbone]
    with torch.device('meta'):
        net = make().eval()
        template = net.template(torch.empty(1, 3, c.exemplar, c.exemplar))
        x = torch.empty(2, 3, c.instance, c.instance)
        cls, loc = net(template, x)
        macs = count_macs(net, template, x[:1])
    assert cls.shape == (2, 10, size, size)
    assert loc.shape == (2, 20, size, size)
    assert c.score_size == size
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(params, abs=0.006)
    assert macs / 1e9 == pytest.approx(gmac, rel=0.02)


@pytest.mark.parametrize('backbone, count, keys', [
    ('alexnet', 75, {
        'backbone.features.0.weight': (96, 3, 11, 11),
        'backbone.features.15.running_var': (256,),
        'rpn_head.cls.conv_kernel.0.weight': (256, 256, 3, 3),
        'rpn_head.loc.head.3.bias': (20,)}),
    ('resnet50', 458, {
        'backbone.layer2.0.downsample.0.weight': (512, 256, 3, 3),
        'backbone.layer4.2.bn3.running_mean': (2048,),
        'neck.downsample4.downsample.0.weight': (256, 2048, 1, 1),
        'rpn_head.rpn3.cls.conv_search.1.weight': (256,),
        'rpn_head.rpn4.cls.head.3.weight': (10, 256, 1, 1),
        'rpn_head.cls_weight': (3,), 'rpn_head.loc_weight': (3,)}),
    ('mobilenet_v2', 450, {
        'backbone.layer0.0.weight': (44, 3, 3, 3),
        'backbone.layer7.0.conv.7.weight': (448,),
        'neck.downsample2.downsample.0.weight': (256, 44, 1, 1),
        'rpn_head.rpn2.loc.head.0.weight': (256, 256, 1, 1)})])
def test_keys_and_shapes_are_those_of_pysot(backbone, count, keys):
    with torch.device('meta'):
        state = VARIANTS[backbone][0]().state_dict()
    assert len(state) == count
    assert {k: tuple(state[k].shape) for k in keys} == keys


@pytest.mark.parametrize('backbone, constants', [
    ('alexnet', (0.16, 0.40, 0.30, 127, 287, 0)), ('resnet50', (0.05, 0.42, 0.38, 127, 255, 8)),
    ('mobilenet_v2', (0.04, 0.40, 0.50, 127, 255, 8))])
def test_constants_are_the_published_ones(backbone, constants):
    c = VARIANTS[backbone][1]
    assert (c.penalty_k, c.window, c.lr, c.exemplar, c.instance, c.base_size) == constants


def test_anchors_by_hand():
    grid = anchor_grid(PLAIN).reshape(5, 25, 25, 4)
    assert grid[:, 12, 12].tolist() == [[0, 0, 104, 32], [0, 0, 88, 40], [0, 0, 64, 64],
                                        [0, 0, 40, 80], [0, 0, 32, 96]]
    assert grid[2, 0, 24].tolist() == [96, -96, 64, 64]


def test_box_comes_out_where_worked_out_by_hand():
    # a 40 x 40 target has a template of 80 pixels: one search pixel is 80 / 127 image pixels
    net, tracker = stub()
    net.peak(anchor=2, row=15, col=14, score=1 - 1e-6, offsets=(0.25, 0, math.log(0.5), 0))
    out, = tracker.track(FRAME, [Region(Box(80, 60, 40, 40))])
    assert isinstance(tracker, LocalTracker)
    k = 80 / 127
    assert (out.box.cx, out.box.cy) == pytest.approx((100 + (16 + 16) * k, 80 + 24 * k), abs=1e-3)
    assert (out.box.w, out.box.h) == pytest.approx((32 * k, 64 * k), abs=1e-3)
    assert out.confidence == out.score == pytest.approx(1, abs=1e-5)
    # the same answer around another place: it moves and scales with `around`
    out, = tracker.track(FRAME, [Region(Box(180, 120, 20, 20))])
    assert (out.box.cx, out.box.cy) == pytest.approx((190 + 32 * k / 2, 130 + 12 * k), abs=1e-3)
    assert out.box.w == pytest.approx(16 * k, abs=1e-3)


def test_size_follows_around_at_rate_penalty_times_score_times_lr():
    constants = SiamRPNConstants(penalty_k=0.1, window=0, lr=0.5)
    net, tracker = stub(constants)
    net.peak(anchor=2, row=12, col=12, score=0.8)
    out, = tracker.track(FRAME, [Region(Box(80, 60, 40, 40))])
    # 64 search pixels against 40 * 127 / 80 = 63.5: aspect 1, size 64 / 63.5
    rate = math.exp(-0.1 * (64 / 63.5 - 1)) * 0.8 * 0.5
    assert out.box.w == pytest.approx(40 * (1 - rate) + 64 * 80 / 127 * rate, abs=1e-4)
    assert out.confidence == pytest.approx(0.8, abs=1e-5)


@pytest.mark.parametrize('w, h, k, expected', [
    (40, 40, 0.1, 1.0),
    (80, 80, 0.1, math.exp(-0.1)),
    (20, 20, 0.1, math.exp(-0.1)),
    (80, 40, 0.1, math.exp(-(2 * math.sqrt(140 * 100) / 80 - 1) * 0.1)),
    (80, 40, 0.0, 1.0)])
def test_shape_penalty_by_hand(w, h, k, expected):
    assert float(shape_penalty(w, h, (40, 40), k)) == pytest.approx(expected)


@pytest.mark.parametrize('window, score, place', [(0.0, 0.9, 0), (0.4, 0.7, 12)])
def test_window_prefers_the_middle_but_the_score_reported_is_plain(window, score, place):
    # corner .9 * .6 + 0 * .4 = .54, middle .7 * .6 + 1 * .4 = .82
    net, tracker = stub(SiamRPNConstants(penalty_k=0, window=window, lr=0))
    net.peak(2, 0, 0, 0.9)
    net.peak(2, 12, 12, 0.7)
    out, = tracker.track(FRAME, [Region(Box(140, 100, 20, 20))])
    assert out.confidence == pytest.approx(score, abs=1e-5)
    assert out.box.cx == pytest.approx(150 + (place - 12) * 8 * 40 / 127, abs=1e-3)
    assert out.box.w == 20


def test_box_stays_usable_at_the_border_and_when_tiny():
    net, tracker = stub()
    net.peak(2, 0, 0, 0.999, offsets=(0, 0, -9, -9))
    out, = tracker.track(FRAME, [Region(Box(-5, -5, 12, 12))])
    assert (out.box.cx, out.box.cy) == (0, 0)
    assert (out.box.w, out.box.h) == (4, 4)
    net.peak(2, 0, 0, 0.999, offsets=(0, 0, 99, 99))
    out, = tracker.track(FRAME, [Region(Box(0, 0, 320, 240))])
    assert out.box.w == pytest.approx(320, rel=0.01)


@pytest.mark.exact
def test_network_sees_bgr_0_255_padded_with_the_first_frames_mean():
    net, tracker = stub()
    image = np.zeros((100, 100, 3), np.uint8)
    image[:] = (10, 20, 200)
    tracker.init(Frame(image), Box(40, 40, 20, 20))
    z = net.seen[-1]
    assert z.shape == (1, 3, 127, 127)
    assert z[0, :, 60, 60].tolist() == [10, 20, 200]
    tracker.track(FRAME, [Region(Box(-500, -500, 20, 20))])
    assert net.seen[-1].shape == (1, 3, 255, 255)
    assert net.seen[-1][0, :, 0, 0].tolist() == [10, 20, 200]


def test_batch_equals_one_by_one_and_no_state_is_kept():
    torch.manual_seed(0)
    make, constants = VARIANTS['alexnet']
    tracker = SiamRPNpp(make(), 'cpu', constants)
    tracker.init(FRAME, Box(100, 100, 50, 40))
    boxes = [Box(90, 95, 50, 40), Box(10, 10, 30, 60), Box(280, 200, 60, 60)]
    batch = tracker.track(FRAME, [Region(b) for b in boxes])
    single = [tracker.track(FRAME, [Region(b)])[0] for b in reversed(boxes)][::-1]
    for a, b in zip(batch, single):
        assert (a.box.x, a.box.y, a.box.w, a.box.h) == pytest.approx(
            (b.box.x, b.box.y, b.box.w, b.box.h), abs=1e-3)
        assert a.confidence == pytest.approx(b.confidence, abs=1e-5)
        assert 0 <= a.confidence <= 1
    assert tracker.track(FRAME, []) == []


def test_efficientnet_variant_is_aligned():
    # the template's middle lies over the middle cell of the score map: there its features are
    # most like those of the search image that it was cut from, whatever the weights
    make, c = VARIANTS['efficientnet_lite0']
    torch.manual_seed(0)
    net = make().eval()
    for conv in (m for m in net.modules() if isinstance(m, torch.nn.Conv2d)):
        # keeps what the image says above what the padding at the border says
        torch.nn.init.kaiming_normal_(conv.weight)
        if conv.bias is not None:
            torch.nn.init.zeros_(conv.bias)
    with torch.inference_mode():
        x = torch.rand(1, 3, c.instance, c.instance) * 255
        m = (c.instance - c.exemplar) // 2
        zs, xs = net.features(x[:, :, m:m + c.exemplar, m:m + c.exemplar]), net.features(x)
        for z, y in zip(zs, xs):
            distance = (xcorr_depthwise(y * y, torch.ones_like(z)) - 2 * xcorr_depthwise(y, z)
                        + (z * z).sum((2, 3), keepdim=True)).sum(1)[0]
            assert distance.shape == (25, 25)
            assert divmod(int(distance.argmin()), 25) == (12, 12)


def test_xcorr_of_a_batch_of_templates():
    x, k = torch.rand(3, 4, 9, 9), torch.rand(3, 4, 5, 5)
    out = xcorr_depthwise(x, k)
    for i in range(3):
        assert torch.allclose(out[i:i + 1], xcorr_depthwise(x[i:i + 1], k[i:i + 1]), atol=1e-5)
    by_hand = (x[1, 2, 3:8, 1:6] * k[1, 2]).sum()
    assert float(out[1, 2, 3, 1]) == pytest.approx(float(by_hand), rel=1e-5)


def test_decode_keeps_an_untrained_head_finite():
    anchors = np.array([[0, 0, 64, 64]], np.float32)
    out = decode(np.array([[[0], [0], [1e9], [-1e9]]], np.float32), anchors)
    assert np.isfinite(out).all() and (out[:, 2:] > 0).all()


def _save(path: Path, state, prefix='module.', nested=True) -> Path:
    state = {prefix + k: v for k, v in state.items()}
    # published files come in the format of before PyTorch 1.6
    torch.save({'state_dict': state, 'epoch': 20} if nested else state, path,
               _use_new_zipfile_serialization=not nested)
    return path


@pytest.mark.parametrize('prefix, nested', [('module.', True), ('', False)])
def test_published_checkpoint_loads_and_gives_the_same_output(tmp_path, prefix, nested):
    torch.manual_seed(1)
    net = VARIANTS['alexnet'][0]()
    path = _save(tmp_path / 'model.pth', net.state_dict(), prefix, nested)
    tracker = build('alexnet', path)
    reference = SiamRPNpp(net, 'cpu', VARIANTS['alexnet'][1])
    box = Box(100, 100, 50, 40)
    tracker.init(FRAME, box)
    reference.init(FRAME, box)
    assert tracker.track(FRAME, [Region(box)]) == reference.track(FRAME, [Region(box)])


def test_safetensors_by_suffix(tmp_path):
    save_file = pytest.importorskip('safetensors.torch').save_file
    net = VARIANTS['efficientnet_lite0'][0]()
    path = tmp_path / 'weights.safetensors'
    save_file(net.state_dict(), path)
    other = VARIANTS['efficientnet_lite0'][0]()
    load_checkpoint(other, path)
    for key, value in net.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
    path.write_bytes(b'nonsense')
    with pytest.raises(ValueError, match='not a readable safetensors file'):
        load_checkpoint(other, path)


def _refusal(path, backbone='efficientnet_lite0') -> str:
    with pytest.raises(ValueError) as caught:
        build(backbone, path)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_file_that_does_not_fit_is_refused_with_key_and_shapes(tmp_path):
    state = dict(VARIANTS['efficientnet_lite0'][0]().state_dict())
    key = 'rpn_head.rpn2.cls.head.3.weight'
    later = 'rpn_head.rpn3.loc.head.3.bias'
    wrong = {**state, key: torch.zeros(6, 96, 1, 1), later: torch.ones(1)}
    text = _refusal(_save(tmp_path / 'wrong.pth', wrong))
    assert f'{key} expected shape (10, 96, 1, 1), actual shape (6, 96, 1, 1)' in text
    lacking = {k: v for k, v in state.items() if k != key}
    text = _refusal(_save(tmp_path / 'lacking.pth', lacking))
    assert f'missing key {key}, expected shape (10, 96, 1, 1)' in text
    text = _refusal(_save(tmp_path / 'more.pth', {**state, 'mask_head.w': torch.zeros(2)}))
    assert 'unexpected key mask_head.w, actual shape (2,)' in text


def test_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / 'text.pth').write_text('hello')
    (tmp_path / 'empty.pth').write_bytes(b'')
    torch.save([1, 2], tmp_path / 'list.pth')
    torch.save({'a': Path('x')}, tmp_path / 'code.pth')
    for name, words in (('text', 'not a readable checkpoint'), ('empty', 'not a readable'),
                        ('list', 'no state dict'), ('code', 'not a readable checkpoint')):
        assert words in _refusal(tmp_path / f'{name}.pth')


@pytest.mark.parametrize('backbone', VARIANTS)
def test_without_weights_says_where_they_are_expected(backbone, tmp_path):
    settings = Settings(tracker='siamrpnpp', backbone=backbone,
                        tracker_weights=str(tmp_path / 'no.pth'))
    with pytest.raises(ValueError, match='no file of weights at') as caught:
        make_local(settings, EngineConfig('cpu', 'torch'))
    assert str(tmp_path / 'no.pth') in str(caught.value) and '\n' not in str(caught.value)


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match='alexnet, resnet50'):
        build('vgg', Path('any'))
    with pytest.raises(RuntimeError, match='init first'):
        SiamRPNpp(StubNet(PLAIN), 'cpu', PLAIN).track(FRAME, [Region(Box(0, 0, 9, 9))])
