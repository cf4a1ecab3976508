"""Crops and small images made of an uploaded image, on a CPU and a GPU: what OpenCV makes."""

from dataclasses import replace
import logging
import threading

import cv2
from helpers.clip import first_box, read_by_opencv
from lg_tracker_ros.boxes import iou, scale
from lg_tracker_ros.crops import Crops, Square, square_crop
from lg_tracker_ros.engine import compiling, EngineConfig
from lg_tracker_ros.engine.cuda import cuda_runner
from lg_tracker_ros.engine.pytorch import cpu_threads
from lg_tracker_ros.engine.uploads import KEPT, UploadedImage, Uploads
from lg_tracker_ros.factory import assemble
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect.globaltrack.lite import shrunk
from lg_tracker_ros.redetect.small import Changed, SIDE, Small, squeeze
from lg_tracker_ros.tracking.views import Views
from lg_tracker_ros.types import Frame, Mode, Region
import numpy as np
import pytest
import torch
from torch import nn

CPU = torch.device('cpu')
GPU = pytest.param('cuda', marks=[pytest.mark.gpu, pytest.mark.skipif(
    not torch.cuda.is_available(), reason='needs a CUDA GPU and a CUDA build of PyTorch')])
FILL = (10.0, 200.0, 90.0)
BOX = scale(first_box(), 2, 2)


@pytest.fixture(scope='module')
def image():
    """Make a smooth picture, 96 x 128."""
    y, x = np.mgrid[:96, :128]
    return np.stack([(y * 2) % 256, x + 60, 128 + 100 * np.sin(x / 9) * np.cos(y / 7)],
                    2).astype(np.uint8)


@pytest.fixture(scope='module')
def clip():
    """Enlarge frames of the bundled clip; the target is there, lost, and there again."""
    found = read_by_opencv(112)
    return [Frame(cv2.resize(f.image, (768, 576)), f.stamp, f.camera)
            for f in (*found[:4], *found[54:64:2], *found[100:110:2])]


def apart(got, want):
    """Mean difference in grey levels."""
    assert got.shape == want.shape and got.dtype == want.dtype == np.uint8
    return np.abs(got.astype(int) - want).mean()


@pytest.mark.parametrize('device', ['cpu', GPU])
@pytest.mark.parametrize('square', [
    (60.0, 45.0, 20.0), (60.3, 45.8, 70.0), (5.0, 90.0, 60.0), (64.0, 48.0, 300.0),
    (64.2, 48.9, 5000.0), (64.2, 48.9, 1e6), (400.0, 400.0, 30.0), (-1e6, 0.0, 3.0),
    (60.0, 45.0, 0.5)])
def test_a_crop_is_what_opencv_cuts(image, square, device):
    want = square_crop(image, *square, 32, FILL).image
    got = UploadedImage(image, device).crops([square], 32, FILL).cpu().numpy()
    # OpenCV rounds positions to 1/32 of a pixel, and begins to shrink where the crop does
    assert apart(got[0], want) < 2.0


@pytest.mark.parametrize('device', ['cpu', GPU])
def test_crops_of_several_sizes_are_each_cut_as_alone(image, device):
    squares = [(60.0, 45.0, 40.0), (50.0, 40.0, 100.0), (20.0, 20.0, 40.0), (9.0, 9.0, 64.0)]
    there = UploadedImage(image, device)
    for square, got in zip(squares, there.crops(squares, 32, FILL)):
        assert apart(got.cpu().numpy(), there.crops([square], 32, FILL)[0].cpu().numpy()) < 0.01


@pytest.mark.parametrize('device', ['cpu', GPU])
def test_small_images_and_their_changes_are_opencvs(clip, device):
    uploads, device = Uploads(), torch.device(device)
    for width, height, shrink in ((SIDE, SIDE, squeeze), (448, 336, shrunk)):
        before, now = (Small(f.image, width, height, shrink) for f in clip[3:5])
        for picture in (now, before, Changed(now, before)):
            got, want = picture.there(uploads, device).cpu().numpy(), np.asarray(picture)
            assert apart(got, want) < 0.01 and np.abs(got.astype(int) - want).max() <= 2
    assert np.asarray(Changed(now, before)).mean() > 0.5
    large = Small(clip[0].image, 800, 300, lambda image: cv2.resize(image, (800, 300)))
    assert large.there(uploads, device) is None
    assert Changed(large, large).there(uploads, device) is None


def test_numpy_makes_pictures_as_they_were_made_before(image):
    squares = [Square(60.0, 45.0, 40.0, 32), Square(-4.0, 45.0, 90.0, 32)]
    crops = Crops(image, squares, FILL)
    want = np.stack([square_crop(image, s.cx, s.cy, s.side, 32, FILL).image for s in squares])
    assert len(crops) == 2 and np.array_equal(np.ascontiguousarray(crops), want)
    assert np.array_equal(np.asarray(crops[1:], np.float32), want[1:])
    small = Small(image, 20, 10, lambda image: cv2.resize(image, (20, 10)))
    assert np.array_equal(np.asarray(small), cv2.resize(image, (20, 10))[None])


def test_an_image_is_sent_once_and_few_are_kept(image):
    uploads, others = Uploads(), [image.copy() for _ in range(KEPT)]
    first = uploads.of(image, CPU)
    assert uploads.of(image, CPU) is first and uploads.of(others[0], CPU) is not first
    small = first.small(20, 10, uploads)
    assert uploads.of(image, CPU).small(20, 10, uploads) is small
    for other in others:
        uploads.of(other, CPU)
    assert uploads.of(image, CPU) is not first


def test_a_buffer_that_is_filled_again_is_another_image(image):
    """As OpenCV's ``video.read(image)`` does it, and drivers of cameras."""
    uploads, buffer, square = Uploads(), image.copy(), [(60.0, 45.0, 40.0)]
    before = Frame(buffer)
    uploads.of(before.image, CPU)
    buffer[:] = 255 - image
    after = Frame(buffer)
    want = UploadedImage(255 - image, CPU).crops(square, 32, FILL)
    assert torch.equal(uploads.of(after.image, CPU).crops(square, 32, FILL), want)
    # several targets look at one frame, which is sent once
    there = uploads.of(after.image, CPU)
    for views in (Views(), Views()):
        seen = views.view(after, span=2).frame
        assert uploads.of(seen.image, CPU) is there and (seen.span, after.span) == (2, 1)


def test_an_image_may_be_anybodys(image):
    """Of a message it can't be written, and a part of a larger one isn't in one piece."""
    fixed = image.copy()
    fixed.flags.writeable = False
    want = UploadedImage(image, CPU).crops([(60.0, 45.0, 40.0)], 32, FILL)
    assert torch.equal(UploadedImage(fixed, CPU).crops([(60.0, 45.0, 40.0)], 32, FILL), want)
    part = np.zeros((100, 140, 3), np.uint8)[:96, :128]
    part[:] = image
    assert torch.equal(UploadedImage(part, CPU).crops([(60.0, 45.0, 40.0)], 32, FILL), want)


@pytest.mark.parametrize('width, height, size, least', [
    (640, 480, 256, 2), (1280, 720, 256, 2), (1920, 1080, 256, 3), (3840, 2160, 256, 7),
    (640, 480, 128, 5)])
def test_few_crops_of_a_large_image_are_cut_on_the_cpu(width, height, size, least):
    large = np.broadcast_to(np.uint8(0), (height, width, 3))
    crops = Crops(large, [Square(9.0, 9.0, 9.0, size)] * least, FILL)
    assert Uploads().worth(large, least * size ** 2)
    assert crops[1:].there(Uploads(), CPU) is None
    assert Uploads(always=True).worth(large, 1)


class Means(nn.Module):
    """The mean colours of crops, and a sum with what all share."""

    def forward(self, x, query):
        """N x h x w x 3 and 1 x 3 to N x 3 twice."""
        mean = x.float().mean((1, 2))
        return mean, mean + query


def means(uploads, device='cpu', batches=(1, 5)):
    """Make a runner as for a GPU."""
    return cuda_runner(Means(), [np.zeros((1, 64, 64, 3), np.uint8), np.ones((1, 3), np.float32)],
                       EngineConfig(device, 'torch', uploads=uploads), (1,), batches)


def crops_of(image, count):
    """So many crops in a row."""
    return Crops(image, [Square(40.0 + i, 50.0, 30.0 + i, 64) for i in range(count)], FILL)


@pytest.mark.parametrize('device', ['cpu', GPU])
@pytest.mark.parametrize('batches', [(1, 5), ()])
def test_a_network_takes_pictures_in_batches_of_any_size(image, batches, device):
    query = np.float32([[1, 2, 3]])
    uploads = Uploads(always=True)
    there, here = means(uploads, device, batches), means(None, device, batches)
    for count in (1, 3, 7, 5):
        crops = crops_of(image, count)
        for got, want in zip(there(crops, query), here(np.asarray(crops), query)):
            np.testing.assert_allclose(got, want, atol=0.5)
        np.testing.assert_array_equal(here(crops, query)[0], here(np.asarray(crops), query)[0])


@pytest.mark.parametrize('device', ['cpu', GPU])
def test_threads_that_share_images_get_each_its_own(image, device):
    """A buffer that is filled again before it was read would mix the images."""
    images = [np.full((720, 1280, 3), 20 * i, np.uint8) for i in range(KEPT + 3)]
    run, query, wrong = means(Uploads(always=True), device), np.zeros((1, 3), np.float32), []

    def work(first):
        for i in range(12):
            n = (first + i) % len(images)
            wrong.extend(1 for v in run(crops_of(images[n], 2), query)[0].ravel() if v != 20 * n)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_without_memory_for_images_the_cpu_cuts_and_it_is_told_once(image, monkeypatch, caplog):
    def full(*args):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory.')
    uploads = Uploads(always=True)
    run, query = means(uploads), np.zeros((1, 3), np.float32)
    want = means(None)(crops_of(image, 3), query)[0]
    monkeypatch.setattr(UploadedImage, 'crops', full)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            np.testing.assert_array_equal(run(crops_of(image, 3), query)[0], want)
    message, = (r.getMessage() for r in caplog.records)
    assert message.startswith("the memory of 'cpu' is too small for images") and len(message) < 300
    assert not uploads._kept


def test_networks_that_go_to_the_cpu_leave_no_image_behind(image, monkeypatch):
    uploads = Uploads(always=True)
    uploads.of(image, CPU)

    def full(*args):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory.')
    monkeypatch.setattr(compiling, 'cuda_runner', full)
    run = compiling.compile_network(
        Means(), [np.zeros((1, 64, 64, 3), np.uint8), np.ones((1, 3), np.float32)],
        EngineConfig('cuda', 'torch', uploads=uploads), (1,))
    assert not uploads._kept
    crops, query = crops_of(image, 2), np.zeros((1, 3), np.float32)
    np.testing.assert_array_equal(run(crops, query)[0], run(np.asarray(crops), query)[0])


@pytest.fixture
def built(monkeypatch):
    """Make trackers for a GPU; on a CPU their networks run as they would there."""
    def make(device, uploads, **settings):
        asked = Settings(device=device, engine='torch', threads=1, **settings)
        if device == 'cpu':
            monkeypatch.setattr(compiling, '_compile', lambda *args: cuda_runner(
                *args[:4], args[4][:1]))
        return assemble(asked, replace(asked.engine_config(), uploads=uploads))
    with cpu_threads(1):
        yield make


@pytest.mark.parametrize('device', ['cpu', GPU])
def test_the_tracker_follows_and_finds_as_with_the_cpus_crops(clip, built, device):
    made, found = Uploads(always=True), []
    for uploads in (made, None):
        tracker = built(device, uploads)
        tracks = [tracker.init(clip[0], BOX)]
        for frame in clip[1:]:
            tracks += tracker.step([frame])
        found.append(tracks)
    assert len(made._kept) == KEPT
    pairs = list(zip(*found))
    assert [a.mode for a, _ in pairs] == [b.mode for _, b in pairs]
    # half hidden, a grey level more or less decides whether it is sure of it
    assert sum(a.visible != b.visible for a, b in pairs) <= 1
    assert any(a.mode is Mode.GLOBAL for a, _ in pairs)
    assert max(len(a.found) for a, _ in pairs) >= 2
    overlaps = [iou(a.box, b.box) for a, b in pairs if a.box and b.box]
    assert len(overlaps) >= 5 and min(overlaps) > 0.9


@pytest.mark.parametrize('device', ['cpu', GPU])
@pytest.mark.parametrize('name', ['tanet_lite', 'globaltrack_lite', 'correlation'])
def test_a_search_finds_what_it_finds_with_the_cpus_small_image(clip, built, name, device):
    made, found = Uploads(), []
    for uploads in (made, None):
        search = built(device, uploads, tracker='ncc', redetector=name).redetector
        search.init(clip[0], BOX)
        found.append(search.propose(clip[3:5][-search.history:], (BOX.w, BOX.h), 3))
    assert len(made._kept) == search.history
    assert np.abs(found[0].attention - found[1].attention).mean() < 5e-3
    assert iou(found[0].boxes[0], found[1].boxes[0]) > 0.9


@pytest.mark.parametrize('device', [GPU])
def test_a_search_in_another_thread_sees_its_own_images(clip, built, device):
    tracker = built(device, Uploads(always=True))
    local, redetector = tracker.local, tracker.redetector
    tracker.init(clip[0], BOX)

    def search(i):
        return redetector.propose(clip[i + 2:i + 4], (BOX.w, BOX.h), 5).attention

    def look(i):
        return [o.score for o in local.track(clip[i], [Region(BOX)] * 2)]
    turns, searched = range(1, 9), []
    want = [(search(i), look(i)) for i in turns]
    thread = threading.Thread(target=lambda: searched.extend(map(search, turns)))
    thread.start()
    looked = [look(i) for i in turns]
    thread.join()
    for (attention, scores), a, s in zip(want, searched, looked):
        np.testing.assert_allclose(a, attention, atol=1e-4)
        assert s == pytest.approx(scores, abs=1e-4)
