"""SiamMask: both layouts, its equations in NumPy, where a mask lies, when it is believed."""

import cv2
from helpers import equations as eq
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import square_crop
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.siamese.anchors import Search
from lg_tracker_ros.local.siamese.siammask import area_of, SiamMask, tight_box
from lg_tracker_ros.local.siamese.siammask_net import CONSTANTS, SiamMaskNet
from lg_tracker_ros.reading.layouts import LAYOUTS
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.recognition.memory import rows
from lg_tracker_ros.types import Box, Frame, Mask, Region
from lg_tracker_ros.vision.cells import masked_cells
import numpy as np
import pytest
import torch

pytestmark = [pytest.mark.usefixtures('one_thread'), pytest.mark.rounding]

RNG = np.random.default_rng(0)
FRAME = Frame(RNG.integers(0, 256, (240, 320, 3), np.uint8))
NEAR = Search(CONSTANTS)
TORCH = EngineConfig('cpu', 'torch', threads=1)


@pytest.fixture(scope='module')
def net():
    """Build a network of random weights."""
    torch.manual_seed(0)
    return eq.shaken(SiamMaskNet())


@pytest.mark.exact
def test_keys_and_shapes_are_those_of_pysot():
    with torch.device('meta'):
        net = SiamMaskNet().eval()
        template = net.template(torch.empty(1, 3, 127, 127))
        cls, loc, fine, corr = net(template, torch.empty(2, 3, 255, 255))
    assert [tuple(m.shape) for m in (cls, loc, *fine, corr)] == [
        (2, 10, 25, 25), (2, 20, 25, 25), (2, 64, 125, 125), (2, 256, 63, 63), (2, 512, 31, 31),
        (2, 256, 25, 25)]
    state = net.state_dict()
    assert {k: tuple(state[k].shape) for k in (
        'neck.downsample.downsample.0.weight', 'mask_head.head.3.weight',
        'refine_head.deconv.weight', 'refine_head.v2.2.bias', 'refine_head.post2.weight')} == {
        'neck.downsample.downsample.0.weight': (256, 1024, 1, 1),
        'mask_head.head.3.weight': (3969, 256, 1, 1),
        'refine_head.deconv.weight': (256, 32, 15, 15), 'refine_head.v2.2.bias': (32,),
        'refine_head.post2.weight': (1, 4, 3, 3)}
    assert not any(k.startswith('backbone.layer4') for k in state)


@pytest.mark.parametrize('row, column', [(0, 24), (24, 0), (11, 7)])
def test_refinement_equals_the_equations(net, row, column):
    torch.manual_seed(row + column)
    fine = [torch.randn(1, *s) for s in ((64, 125, 125), (256, 63, 63), (512, 31, 31))]
    corr = torch.randn(1, 256, 25, 25)
    r = net.refine_head

    def two(x, layers):
        for layer in (layers[0], layers[2]):
            x = eq.relu(eq.conv(x, layer, padding=1))
        return x

    def under(maps, step, side):
        x = eq.pad(maps.double().numpy(), 4 * step)
        return x[:, :, step * row:step * row + side, step * column:step * column + side]
    with torch.inference_mode():
        found = net.masks(fine, corr, [(row, column)])[0].numpy()
        x = np.einsum('c,cokl->okl', corr[0, :, row, column].double().numpy(),
                      r.deconv.weight.double().numpy())[None]
        x += r.deconv.bias.double().numpy()[:, None, None]
    x = eq.nearest(two(x, r.h2) + two(under(fine[2], 1, 15), r.v2), 31)
    x = eq.conv(x, r.post0, padding=1)
    x = eq.nearest(two(x, r.h1) + two(under(fine[1], 2, 31), r.v1), 61)
    x = eq.conv(x, r.post1, padding=1)
    x = eq.nearest(two(x, r.h0) + two(under(fine[0], 4, 61), r.v0), 127)
    wanted = eq.sigmoid(eq.conv(x, r.post2, padding=1))[0, 0]
    assert found.shape == (127, 127) and np.abs(found - wanted).max() < 1e-5


@pytest.mark.exact
def test_both_layouts_load_and_track_alike(tmp_path, net):
    state = net.state_dict()
    theirs = {ours: name for name, ours in LAYOUTS['SiamMask'].prefixes.items()}

    def renamed(name):
        ours = max((p for p in theirs if name.startswith(p)), key=len)
        return 'module.' + theirs[ours] + name.removeprefix(ours)
    files = {'SiamMask_VOT_LD.pth': {'state_dict': {renamed(k): v for k, v in state.items()
                                                    if 'num_batches' not in k}, 'epoch': 9},
             'model.pth': dict(state)}
    outputs = []
    for name, data in files.items():
        torch.save(data, tmp_path / name, _use_new_zipfile_serialization=name == 'model.pth')
        assert {k for k in read_state_dict(tmp_path / name) if 'num_batches' not in k} == {
            k for k in state if 'num_batches' not in k}
        tracker = LOCAL_TRACKERS['siammask'].build(str(tmp_path / name), '', TORCH)
        tracker.init(FRAME, Box(100, 100, 50, 40))
        outputs.append(tracker.track(FRAME, [Region(Box(95, 100, 50, 40))])[0])
    assert outputs[0].box == outputs[1].box and outputs[0].score == outputs[1].score


def test_a_mask_lies_where_its_search_pixels_lie():
    """A disc that the mask shows comes back into the image, to a pixel."""
    around = Box(120, 90, 60, 30)
    image = np.zeros((240, 320, 3), np.uint8)
    cv2.circle(image, (170, 120), 18, (255,) * 3, -1, cv2.LINE_AA)
    crop = square_crop(image, around.cx, around.cy, NEAR.side(around), 255, (0, 0, 0))
    # around place (row 15, column 17) the mask is search pixels 8 (place - 4) to 127 beyond
    top, left = 8 * (15 - 4), 8 * (17 - 4)
    values = crop.image[top:top + 127, left:left + 127, 0].astype(np.float32) / 255
    box = tight_box(Mask(area_of((15, 17), NEAR, around), values))
    assert [box.x, box.y, box.x + box.w, box.y + box.h] == pytest.approx(
        [151.5, 101.5, 189.5, 139.5], abs=1)
    # at the centre of the map it lies in the middle of the search region
    assert area_of((12, 12), NEAR, around).cx == pytest.approx(around.cx)
    assert area_of((12, 12), NEAR, around).cy == pytest.approx(around.cy)


def test_small_parts_are_no_mask():
    values = np.zeros((127, 127), np.float32)
    assert tight_box(Mask(Box(0, 0, 127, 127), values)) is None
    values[10:19, 10:20] = 1
    assert tight_box(Mask(Box(0, 0, 127, 127), values)) is None
    values[50:70, 40:51] = 0.2
    assert tight_box(Mask(Box(5, 0, 127, 127), values)) == Box(45, 50, 11, 20)
    assert tight_box(Mask(Box(0, 0, 12.7, 12.7), values)) is None


class StubNet(torch.nn.Module):
    """Finds a 64 x 64 target in the middle, and shows a mask there."""

    def template(self, z):
        """Learn nothing."""
        return []

    def forward(self, template, x):
        """Answer with one peak: anchor 2, row 12, column 12."""
        cls, loc = torch.zeros(len(x), 2, 5, 25, 25), torch.zeros(len(x), 20, 25, 25)
        cls[:, 0] = 20
        cls[:, :, 2, 12, 12] = torch.tensor([0.0, 5.0])
        return cls.flatten(1, 2), loc, [x], x

    def masks(self, fine, corr, places):
        """Show what it was told to."""
        assert places == [(12, 12)] * len(places) and fine[0] is corr
        return self.mask.expand(len(places), -1, -1)


def test_the_mask_refines_the_box_where_both_agree():
    net, around = StubNet(), Box(80, 60, 40, 40)
    tracker = SiamMask(net, 'cpu', CONSTANTS)
    tracker.init(FRAME, around)
    plain = Box.from_center(100, 80, 40, 40)
    for rows_, columns, agrees in ((slice(35, 92), slice(40, 87), True),
                                   (slice(60, 92), slice(40, 60), False),
                                   (slice(0, 0), slice(0, 0), False)):
        net.mask = torch.zeros(1, 127, 127)
        net.mask[:, rows_, columns] = 0.9
        out, again = tracker.track(FRAME, [Region(around), Region(around)])
        assert out.score == pytest.approx(1 / (1 + np.exp(-5)), abs=1e-5)
        assert out.box == again.box and (out.mask is not None) == agrees
        if agrees:  # one search pixel is 80 / 127 image pixels
            k = 80 / 127
            assert [out.box.x, out.box.y, out.box.w, out.box.h] == pytest.approx(
                [60 + 40 * k, 40 + 35 * k, 47 * k, 57 * k], abs=1e-3)
            assert out.mask.box.w == pytest.approx(80)
        else:
            assert iou(out.box, plain) > 0.97


def test_a_mask_picks_the_cells_of_a_look():
    mask = np.zeros((127, 127), np.float32)
    mask[:, :64] = 1
    cells = masked_cells(mask, Box(0, 0, 128, 128))
    assert cells[:, :4] == pytest.approx(np.ones((8, 4)), abs=0.02)
    assert cells[:, 4:] == pytest.approx(np.zeros((8, 4)), abs=0.1)
    # over the right half alone, so that its own left half lies at cells 4 and 5
    moved = masked_cells(mask, Box(64, 0, 64, 128))
    assert moved[:, 4:6] == pytest.approx(np.ones((8, 2)), abs=0.05)
    assert moved[:, :4].max() == 0 and moved[:, 6:].max() < 0.05
    # what stands in cells that the mask leaves out has no say
    features = RNG.random((2, 3, 8, 8)).astype(np.float32)
    other = features.copy()
    other[:, :, :, 5:] = RNG.random((2, 3, 8, 3))
    cover = np.ones((8, 8), np.float32)
    assert np.allclose(rows(features, cover, np.round(cells)[None]),
                       rows(other, cover, np.round(cells)[None]))
    assert not np.allclose(rows(features, cover), rows(other, cover))
    # a row of which it leaves nothing counts as a whole
    nothing = np.zeros((1, 8, 8))
    assert np.allclose(rows(features, cover, nothing), rows(features, cover), atol=1e-6)
