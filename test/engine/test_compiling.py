"""Where the networks run: refusals, the same results on every engine, batches, costs."""

import importlib.util
import sys

import cv2
from helpers.clip import first_box, frames, truth
from helpers.costs import count_macs
from lg_tracker_ros.backbones.efficientnet_lite0 import EfficientNetLite0, SameConv
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import context_side, square_crop
from lg_tracker_ros.engine import compile_network, config, EngineConfig
from lg_tracker_ros.factory import make_local, make_redetector
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.reading import guard
from lg_tracker_ros.redetect.small import SIDE
from lg_tracker_ros.redetect.tanet_lite_net import (
    LiteFrameNet,
    motion_cells,
    PARTS,
    TanetLiteHeads,
)
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
from lg_tracker_ros.types import Box, Region
from lg_tracker_ros.vision.normalise import normalize
import numpy as np
import pytest
import torch
from torch import nn
import torch.nn.functional as F

pytestmark = pytest.mark.rounding

ENGINES = ('torch', 'onnx')
HAS_ONNX = importlib.util.find_spec('onnxruntime') is not None
needs_onnx = pytest.mark.skipif(not HAS_ONNX, reason='needs onnxruntime')


@pytest.fixture
def no_gpu(monkeypatch):
    """Let PyTorch see no GPU."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


@pytest.fixture
def no_onnx(monkeypatch):
    """Let ONNX Runtime be missing."""
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)


@pytest.mark.parametrize('config, reason', [
    (EngineConfig(engine='caffe'), "engine must be one of auto, torch, onnx, tensorrt, got 'caff"),
    (EngineConfig(precision='int8'), "precision must be one of fp32, fp16, got 'int8'"),
    (EngineConfig('tpu'), "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'tpu'"),
    (EngineConfig('cuda:first'), "device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'cuda:f"),
    (EngineConfig('cuda'), "device 'cuda': PyTorch sees no CUDA GPU here; use device 'cpu'"),
    (EngineConfig('cuda:1'), "device 'cuda:1': PyTorch sees no CUDA GPU here"),
    pytest.param(EngineConfig(engine='tensorrt'), "engine 'tensorrt' needs a CUDA device",
                 marks=needs_onnx),
    (EngineConfig('cpu', precision='fp16'), "precision 'fp16' needs a CUDA device; use 'fp32'")])
def test_what_cannot_be_had_is_refused_in_one_line(no_gpu, config, reason):
    with pytest.raises(ValueError, match='^' + reason.replace('(', r'\(')) as error:
        config.resolve()
    assert '\n' not in str(error.value)


def test_without_onnx_torch_is_taken_and_onnx_refused(no_gpu, no_onnx):
    assert EngineConfig().resolve() == EngineConfig('cpu', 'torch', 'fp32', 0)
    for name in ('onnx', 'tensorrt'):
        with pytest.raises(ValueError, match='pip install onnxruntime'):
            EngineConfig(engine=name).resolve()


def test_an_onnx_runtime_that_does_not_load_is_told(no_gpu, tmp_path, monkeypatch, caplog):
    (tmp_path / 'onnxruntime.py').write_text('raise ImportError("numpy.core.multiarray failed")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'onnxruntime', raising=False)
    config._trouble_on_loading.cache_clear()
    guard.tell_once.cache_clear()
    try:
        with caplog.at_level('WARNING', 'lg_tracker_ros'):
            assert EngineConfig('cpu', shipped=tmp_path).resolve().engine == 'torch'
        assert "onnxruntime can't be loaded (ImportError: numpy.core.multiarray" in caplog.text
        with pytest.raises(ValueError, match='needs the Python package onnxruntime: pip install .*'
                           r'\(ImportError: numpy'):
            EngineConfig('cpu', 'onnx').resolve()
    finally:
        config._trouble_on_loading.cache_clear()


def test_auto_takes_what_is_here(no_gpu, monkeypatch):
    if HAS_ONNX:
        assert EngineConfig(threads=2).resolve() == EngineConfig('cpu', 'onnx', 'fp32', 2)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    assert EngineConfig().resolve() == EngineConfig('cuda', 'torch')
    assert EngineConfig(precision='fp16').resolve().precision == 'fp16'
    if HAS_ONNX:
        with pytest.raises(ValueError, match="engine 'onnx' runs fp32 only"):
            EngineConfig(engine='onnx', precision='fp16').resolve()
    resolved = EngineConfig('cuda:1', 'torch').resolve()
    assert resolved == resolved.resolve() == EngineConfig('cuda:1', 'torch')
    with pytest.raises(ValueError, match=r"^device 'cuda:2': there are 2 GPUs here"):
        EngineConfig('cuda:2').resolve()


class Mix(nn.Module):
    """Two inputs, the second shared by the batch; two outputs."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x, query):
        """Convolve and match; also the means."""
        y = self.conv(x.float())
        return (y * query[:, :, None, None]).sum(1), y.mean((2, 3))


@pytest.mark.parametrize('name', [ENGINES[0], pytest.param('onnx', marks=needs_onnx)])
def test_one_network_takes_batches_of_any_size(name):
    torch.manual_seed(0)
    net = Mix()
    rng = np.random.default_rng(0)
    query = rng.normal(size=(1, 4)).astype(np.float32)
    images = rng.integers(0, 256, (5, 3, 6, 7)).astype(np.uint8)
    run = compile_network(net, [images[:1], query], EngineConfig('cpu', name), shared=(1,))
    with torch.inference_mode():
        want = [t.numpy() for t in net(torch.from_numpy(images), torch.from_numpy(query))]
    five = run(images, query)
    assert [a.shape for a in five] == [(5, 6, 7), (5, 4)]
    for got, expected in zip(five, want):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)
    for i in range(5):
        for one, got in zip(run(images[i:i + 1], query), five):
            np.testing.assert_allclose(one[0], got[i], rtol=1e-4, atol=1e-3)
    # a view that isn't contiguous is read right
    np.testing.assert_allclose(run(images[::-1], query)[1], five[1][::-1], rtol=1e-4, atol=1e-3)


class Threads(nn.Module):
    """Tells how many threads it runs with."""

    def forward(self, x):
        """Tell."""
        return x + torch.get_num_threads()


@pytest.mark.parametrize('threads, want', [(1, 1), (3, 3), (0, 2)])
def test_a_network_has_its_own_threads_and_leaves_the_process_its(threads, want):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        zero = np.zeros(1, np.float32)
        run = compile_network(Threads(), [zero], EngineConfig('cpu', 'torch', threads=threads))
        assert run(zero)[0] == want and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_networks_take_one_core_where_nothing_else_is_said():
    assert Settings().threads == Settings().engine_config().threads == 1


@pytest.fixture(scope='module')
def scene():
    """Frames 0 to 8 of the clip and the target's box in the first."""
    box = first_box()
    return frames(9), Box(float(box.x), float(box.y), float(box.w), float(box.h))


@needs_onnx
def test_engines_agree_on_the_local_tracker(scene):
    images, box = scene
    results = {}
    for name in ENGINES:
        settings = Settings(engine=name, device='cpu', threads=1)
        tracker = make_local(settings, settings.engine_config())
        tracker.init(images[0], box)
        # the same places for both: a path would carry a first difference on
        results[name] = [o for f in images[1:]
                         for o in tracker.track(f, [Region(box), Region(Box(200, 60, 60, 120))])]
    for a, b in zip(*results.values()):
        assert a.confidence == pytest.approx(b.confidence, abs=0.01)
        assert iou(a.box, b.box) > 0.98
    assert max(o.confidence for o in results['torch']) > 0.8


@needs_onnx
def test_five_candidates_as_one_batch_are_five_single_ones(scene):
    images, box = scene
    settings = Settings(engine='onnx', device='cpu')
    tracker = make_local(settings, settings.engine_config())
    tracker.init(images[0], box)
    around = [box, Box(40, 40, 50, 90), Box(300, 10, 30, 60), Box(-20, 200, 80, 160),
              Box(120, 100, 72, 140)]
    five = tracker.track(images[1], [Region(b) for b in around])
    assert len(five) == 5
    for place, got in zip(around, five):
        one = tracker.track(images[1], [Region(place)])[0]
        assert iou(one.box, got.box) > 0.99
        assert one.confidence == pytest.approx(got.confidence, abs=1e-3)


@needs_onnx
def test_engines_agree_on_the_attention(scene):
    images, box = scene
    maps = []
    for name in ENGINES:
        settings = Settings(engine=name, device='cpu', threads=1)
        net = make_redetector(settings, settings.engine_config())
        net.init(images[0], box)
        found = net.propose(images[3:5], (box.w, box.h), 5)
        maps.append((found.attention, found.boxes))
    (a, first), (b, second) = maps
    assert a.shape == b.shape == (SIDE // 8, SIDE // 8) and a.dtype == np.float32
    np.testing.assert_allclose(a, b, atol=2e-3)
    assert a.max() > 0.3 and len(first) >= 1
    assert iou(first[0], second[0]) > 0.95
    # and so are those after it
    assert [iou(p, q) > 0.9 for p, q in zip(first, second)] == [True] * len(first)
    # and it is her that is attended to
    x, y, w, h = truth()[4]
    assert x < first[0].cx < x + w and y < first[0].cy < y + h


def test_a_crop_keeps_the_target_in_the_middle(scene):
    """What both engines are fed: side and centre of the crop are those asked for."""
    images, box = scene
    crop = square_crop(images[0].image, box.cx, box.cy, context_side(box.w, box.h), 128, (0, 0, 0))
    inner = crop.to_crop(box)
    assert (inner.cx, inner.cy) == pytest.approx((64, 64))
    back = crop.to_image(inner)
    assert (back.x, back.y, back.w, back.h) == pytest.approx((box.x, box.y, box.w, box.h))


@pytest.mark.exact
@pytest.mark.parametrize('kernel, pad', [(3, (0, 1, 0, 1)), (5, (1, 2, 1, 2))])
@pytest.mark.parametrize('groups', [1, 4])
def test_a_kernel_with_zeros_in_front_pads_as_tensorflow_does(kernel, pad, groups):
    layer = SameConv(4, 8, kernel, 2, groups)
    x = torch.randn(2, 4, 12, 20)
    want = F.conv2d(F.pad(x, pad), layer.conv.weight, layer.conv.bias, 2, groups=groups)
    assert want.shape == (2, 8, 6, 10)
    torch.testing.assert_close(layer(x), want)


def test_attention_is_what_was_learned_and_looks_alike():
    """The geometric mean of the head's answer and of the untrained similarity, where above 0."""
    torch.manual_seed(0)
    net = LiteFrameNet(EfficientNetLite0(), TanetLiteHeads()).eval()
    image = torch.randint(0, 256, (1, 64, 96, 3), dtype=torch.uint8)
    change = torch.randint(0, 256, (1, 64, 96), dtype=torch.uint8)
    queries = [F.normalize(torch.randn(1, PARTS + 2, c), dim=2) for c in (64, 32)]
    with torch.no_grad():
        x8, x16 = net.backbone(normalize(image))
        learned = torch.sigmoid(net.head(x8, x16, motion_cells(change), *queries))
        mean = F.normalize(x16[:, :, 2, 3], dim=1)  # like the cell in the third row
        attention, alike = net(image, change, *queries, mean)
    assert attention.shape == (1, 8, 12) and alike.shape == (1, 4, 6)
    assert alike.max() == alike[0, 2, 3] and alike.min() < 0
    spread = cv2.resize(alike[0].clamp(min=0).numpy(), (12, 8), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(attention[0].numpy() ** 2, learned[0].numpy() * spread, atol=1e-6)
    assert attention.max() > 0 and (attention[0].numpy()[spread == 0] == 0).all()


def test_tanet_lite_costs_a_twentieth_of_tanet():
    with torch.device('meta'):
        paper, lite = TANetGenerator().eval(), LiteFrameNet(EfficientNetLite0(),
                                                            TanetLiteHeads()).eval()
        frame, clip = torch.zeros(1, 3, 300, 300), torch.zeros(1, 3, 3, 300, 300)
        # the target is encoded once, not at every search
        cost = count_macs(paper, frame, frame, clip) - count_macs(paper.encoder, frame)
        image = torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8)
        embed, fine = lite.head.channels
        small = count_macs(lite, image, image[..., 0], torch.zeros(1, PARTS + 2, embed),
                           torch.zeros(1, PARTS + 2, fine),
                           torch.zeros(1, lite.head.heads[0].embed.in_channels))
    assert cost / 1e9 == pytest.approx(116.0, rel=0.01)
    # the zeros with which kernels of stride 2 are padded count, too: without them .553
    assert small / 1e9 == pytest.approx(0.578, rel=0.01)
    assert small <= cost / 20
