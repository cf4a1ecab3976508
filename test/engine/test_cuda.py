"""What runs on a GPU, as far as a CPU can stand in: batches, fp16, memory that runs out."""

import logging

from helpers.clip import first_box, frames
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.engine import cuda, EngineConfig, tensorrt
from lg_tracker_ros.engine.cuda import cuda_runner
from lg_tracker_ros.engine.memory import GpuMemory, out_of_memory
from lg_tracker_ros.engine.onnx_runtime import in_sizes
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Region
import numpy as np
import pytest
import torch
from torch import nn
import torch.nn.functional as F

IMAGES = np.random.default_rng(0).integers(0, 256, (23, 6, 7, 3)).astype(np.uint8)
QUERY = np.linspace(-1, 1, 4, dtype=np.float32)[None]


class Mix(nn.Module):
    """Two inputs, the second shared by the batch; two outputs."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x, query):
        """Convolve and match; also the means."""
        y = self.norm(self.conv(x.permute(0, 3, 1, 2) / 255))
        return (y * query[:, :, None, None]).sum(1), y.mean((2, 3))


def made(precision='fp32', batches=(1, 5, 10)):
    """Make a runner as for a GPU, on the CPU."""
    return cuda_runner(Mix().eval(), [IMAGES[:1], QUERY], EngineConfig('cpu', 'torch', precision),
                       (1,), batches)


def wanted(images, query=QUERY):
    """Run it plainly."""
    with torch.inference_mode():
        return [t.numpy() for t in Mix().eval()(torch.from_numpy(images),
                                                torch.from_numpy(query))]


@pytest.mark.parametrize('batches', [(1, 5, 10), (10, 1), (3,), ()])
def test_batches_are_filled_up_or_divided(batches):
    run = made(batches=batches)
    for count in (1, 3, 5, 7, 10, 23, 2):
        for got, want in zip(run(IMAGES[:count], QUERY), wanted(IMAGES[:count])):
            np.testing.assert_allclose(got, want, atol=1e-5)
    # outputs are nobody else's
    first = run(IMAGES[:2], QUERY)[0]
    before = first.copy()
    run(IMAGES[5:7], QUERY)
    np.testing.assert_array_equal(first, before)


def test_what_is_shared_is_sent_when_it_is_another():
    run = made()
    for query in (QUERY, 2 * QUERY, QUERY):
        np.testing.assert_allclose(run(IMAGES[:2], query)[0], wanted(IMAGES[:2], query)[0],
                                   atol=1e-5)


class Bits(nn.Module):
    """Tells whether convolutions may be rounded."""

    def forward(self, x):
        """Tell."""
        cudnn = torch.backends.cudnn
        return x.float() * 0 + (cudnn.allow_tf32 or not cudnn.deterministic)


@pytest.mark.parametrize('batches', [(1,), ()])
def test_fp32_is_what_it_says(batches):
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    run = cuda_runner(Bits(), [IMAGES[:1]], EngineConfig('cpu', 'torch'), (), batches)
    assert not run(IMAGES[:1])[0].any()
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic) == before


OLD = tuple(map(int, torch.__version__.split('.')[:2])) < (2, 4)


@pytest.mark.skipif(OLD, reason='PyTorch before 2.4 has no fp16 on a CPU')
def test_fp16_is_near_and_leaves_the_network_as_it_was():
    net = Mix().eval()
    config = EngineConfig('cpu', 'torch', 'fp16')
    got = cuda_runner(net, [IMAGES[:1], QUERY], config, (1,), (1, 5))(IMAGES[:4], QUERY)
    for a, b in zip(got, wanted(IMAGES[:4])):
        assert a.dtype == np.float32 and not np.array_equal(a, b)
        np.testing.assert_allclose(a, b, atol=5e-3)
    assert net.conv.weight.dtype == torch.float32


@pytest.mark.parametrize('least', [1, 2])
def test_an_engine_sees_its_sizes_only(least):
    seen = []

    def run(images, query):
        seen.append(len(images))
        return [images.sum((1, 2, 3)) * query[0, 0], images]
    some = in_sizes({5: run, least: run}, (1,))
    for count in (1, 3, 5, 7, 12):
        sums, same = some(IMAGES[:count], QUERY)
        np.testing.assert_array_equal(same, IMAGES[:count])
        np.testing.assert_array_equal(sums, IMAGES[:count].sum((1, 2, 3)) * QUERY[0, 0])
    assert set(seen) == {least, 5}


@pytest.mark.parametrize('error', [
    torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate 20.00 MiB.'),
    RuntimeError('CUDA error: out of memory'),
    RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'),
    RuntimeError('[ONNXRuntimeError] : 1 : FAIL : bfc_arena.cc Failed to allocate memory for '
                 'requested buffer of size 1024')])
def test_memory_that_ran_out_is_known_by_its_words(error):
    assert out_of_memory(error)
    try:
        raise RuntimeError('capture was invalidated') from error
    except RuntimeError as outer:
        assert out_of_memory(outer)
    assert not out_of_memory(RuntimeError('no kernel image is available'))


def test_what_cannot_be_recorded_runs_all_the_same_and_says_so(monkeypatch, caplog):
    def refuse(*args):
        raise RuntimeError('operation not permitted when stream is capturing\nsearch for it')
    monkeypatch.setattr(cuda, '_record', refuse)
    for got, want in zip(made()(IMAGES[:3], QUERY), wanted(IMAGES[:3])):
        np.testing.assert_allclose(got, want, atol=1e-5)
    message, = (r.getMessage() for r in caplog.records)
    assert message.startswith('Mix runs kernel by kernel') and '\n' not in message
    monkeypatch.setattr(cuda, '_record', memory_error)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        made()


@pytest.mark.skipif(OLD, reason='PyTorch before 2.4 has no fp16 on a CPU')
def test_fp16_finds_the_same_boxes(monkeypatch):
    """Simulated: what goes into convolutions and products, and comes out, is rounded to fp16."""
    def halved(function):
        def rounded(*args, **kwargs):
            return function(*(a.half().float() if isinstance(a, torch.Tensor) else a
                              for a in args), **kwargs).half().float()
        return rounded
    images, found = frames(4), {}
    for precision in ('fp32', 'fp16'):
        if precision == 'fp16':
            for place, name in ((F, 'conv2d'), (F, 'linear'), (torch, 'matmul')):
                monkeypatch.setattr(place, name, halved(getattr(place, name)))
        local = make_local(Settings(), EngineConfig('cpu', 'torch', threads=1))
        local.init(images[0], first_box())
        found[precision] = [local.track(f, [Region(first_box())])[0] for f in images[1:]]
    pairs = list(zip(found['fp16'], found['fp32']))
    overlaps = [iou(a.box, b.box) for a, b in pairs]
    assert np.mean(overlaps) >= 0.95 and max(overlaps) < 1
    assert [a.confidence for a, _ in pairs] == pytest.approx(
        [b.confidence for _, b in pairs], abs=0.05)


def memory_error(*inputs):
    """Run out of memory."""
    raise torch.cuda.OutOfMemoryError('CUDA out of memory.')


def test_when_memory_runs_out_all_networks_go_on_on_the_cpu_and_it_is_told_once(caplog):
    memory, left = GpuMemory(), [2]

    def runs_out(x):
        if not left[0]:
            memory_error()
        left[0] -= 1
        return ['gpu', x]
    first = memory.guard(lambda: runs_out, lambda: lambda x: ['cpu', x], 'cuda')
    second = memory.guard(lambda: lambda x: ['gpu', x], lambda: lambda x: ['cpu', x], 'cuda')
    with caplog.at_level(logging.WARNING):
        assert [first(i)[0] for i in range(4)] == ['gpu', 'gpu', 'cpu', 'cpu']
        assert second(1) == ['cpu', 1]
        third = memory.guard(memory_error, lambda: lambda x: ['cpu', x], 'cuda')
    assert third(2) == ['cpu', 2]
    assert [r.getMessage() for r in caplog.records] == [memory.gone]
    assert memory.gone.startswith("the memory of 'cuda' ran out") and len(memory.gone) <= 300


def test_other_errors_are_raised():
    memory = GpuMemory()

    def broken(*inputs):
        raise RuntimeError('no kernel image is available')
    with pytest.raises(RuntimeError, match='kernel image'):
        memory.guard(broken, lambda: None, 'cuda')
    with pytest.raises(RuntimeError, match='kernel image'):
        memory.guard(lambda: broken, lambda: None, 'cuda')()
    assert not memory.gone


MADE_FOR = {'gpu': 'NVIDIA Orin', 'capability': '8.7', 'cuda': '12.6', 'tensorrt': '10.3.0',
            'onnxruntime-gpu': '1.23.0'}
KEY = ('SearchNet-0123456789abcdef-0.2.0-torch-2.11.0.onnx', 'fp16', MADE_FOR)


@pytest.mark.parametrize('place, other', [
    (0, 'SearchNet-fedcba9876543210-0.2.0-torch-2.11.0.onnx'), (1, 'fp32'),
    *((2, {**MADE_FOR, name: 'another'}) for name in MADE_FOR)])
def test_an_engine_is_kept_for_one_gpu_versions_weights_and_shapes(tmp_path, place, other):
    folder = tensorrt.engine_folder(tmp_path, *KEY)
    assert folder == tensorrt.engine_folder(tmp_path, *KEY)
    assert folder.parent == tmp_path / 'tensorrt' and 'SearchNet-fp16' in folder.name
    changed = [*KEY]
    changed[place] = other
    assert tensorrt.engine_folder(tmp_path, *changed) != folder


def test_engines_are_kept_where_that_can_be(tmp_path):
    name, options = tensorrt.provider('fp16', 0, tmp_path / 'engines')
    assert name == 'TensorrtExecutionProvider' and (tmp_path / 'engines').is_dir()
    assert options['trt_fp16_enable'] and options['trt_engine_cache_enable']
    assert options['trt_engine_cache_path'] == str(tmp_path / 'engines')
    (tmp_path / 'file').touch()
    assert tensorrt.provider('fp32', 0, tmp_path / 'file' / 'engines')[1] == {
        'device_id': 0, 'trt_fp16_enable': False}
