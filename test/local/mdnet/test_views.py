"""What MDNet cuts out and RT-MDNet pools, beside loops written out."""

from itertools import product

from lg_tracker_ros.local.mdnet.patches import cut, Patches, warped
from lg_tracker_ros.local.mdnet.scenes import pool, resampled, Scene, Scenes
from lg_tracker_ros.local.mdnet.vggm import RT_MDNET, VGG_M, VggM
from lg_tracker_ros.types import Box
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.usefixtures('one_thread')


def image_of(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def cut_written_out(image, box):
    """Cut whole pixels, grey outside, and weigh them by triangles."""
    x, y, w, h = box
    x0, y0 = (int(np.floor(a + s / 2 - s * (0.5 + 16 / 107) + 0.5)) for a, s in ((x, w), (y, h)))
    x1, y1 = (int(np.floor(a + s / 2 + s * (0.5 + 16 / 107) + 0.5)) for a, s in ((x, w), (y, h)))
    part = np.full((y1 - y0, x1 - x0, 3), 128.0)
    for j, i in product(range(y0, y1), range(x0, x1)):
        if 0 <= j < image.shape[0] and 0 <= i < image.shape[1]:
            part[j - y0, i - x0] = image[j, i, ::-1]

    def weights(size):
        step = size / 107
        wide = max(step, 1.0)
        middles = (np.arange(107)[:, None] + 0.5) * step
        found = np.maximum(1 - abs(np.arange(size) + 0.5 - middles) / wide, 0)
        return found / found.sum(1, keepdims=True)
    return np.einsum('ya,abc,xb->cyx', weights(y1 - y0), part, weights(x1 - x0), optimize=True)


@pytest.mark.parametrize('box', [(40.2, 30.7, 30, 50), (60, 20, 150, 160), (-30, 150, 60, 40),
                                 (-900, 700, 20, 30), (10, 10, 2, 2)])
def test_samples_are_cut_as_written_out(box):
    image = image_of(190, 240)
    found = cut(image, np.array([box]))
    assert found.shape == (1, 3, 107, 107) and found.dtype == torch.uint8
    # rounded once in each direction
    assert found[0].numpy() == pytest.approx(cut_written_out(image, box), abs=1.5)


def test_of_a_box_far_larger_than_the_image_its_surroundings_are_seen():
    huge = cut(image_of(60, 80), np.array([[-5e6, -5e6, 1e7, 1e7]]))
    assert huge.shape == (1, 3, 107, 107) and (huge[..., 0] == 128).all()
    assert (huge[..., 53, 53] != 128).any()


def warped_written_out(image, box):
    """Sample bilinearly where 107 x 107 indices lie, 53.5 in the middle; red beyond the border."""
    x, y, w, h = box
    h_image, w_image = image.shape[:2]
    steps = [s * (107 + 32) / 107 / 107 for s in (w, h)]
    u, v = ((np.arange(107) - 53.5) * step + a + s / 2
            for step, a, s in zip(steps, (x, y), (w, h)))
    found = np.zeros((3, 107, 107))
    for (j, b), (i, a) in product(enumerate(v), enumerate(u)):
        for down, right in product((0, 1), (0, 1)):
            row, column = int(np.floor(b)) + down, int(np.floor(a)) + right
            inside = 0 <= row < h_image and 0 <= column < w_image
            value = image[row, column, ::-1] if inside else np.array([128, 0, 0])
            found[:, j, i] += (1 - abs(b - row)) * (1 - abs(a - column)) * value
    return found


@pytest.mark.parametrize('box', [(40.2, 30.7, 30, 50), (60, 20, 150, 160), (-30, 150, 60, 40)])
def test_what_mdnets_authors_warp_is_warped_as_written_out(box):
    """No means over areas, half a pixel to the side, and red where the image ends."""
    ramp = np.add.outer(np.arange(190) * 0.5, np.arange(240) * 0.6)[..., None]
    image = np.concatenate([ramp, ramp + 20, ramp + 40], 2).astype(np.uint8)
    found = warped(image, np.array([box, box]))
    assert found.shape == (2, 3, 107, 107) and found.dtype == torch.uint8
    assert torch.equal(*found)
    # OpenCV samples to 1/32 pixel; at the border that is up to 1/32 of 245
    assert found[0].numpy() == pytest.approx(warped_written_out(image, box), abs=8.5)
    assert abs(found[0].numpy() - warped_written_out(image, box)).mean() < 0.6
    assert warped(image, np.empty((0, 4))).shape == (0, 3, 107, 107)


def test_features_come_in_the_order_of_boxes_however_many():
    torch.manual_seed(0)
    patches = Patches(VggM(VGG_M), keep=True)
    view = patches.see(image_of(120, 160), [Box(0, 0, 9, 9)])[0]
    boxes = np.array([[20.0, 20, 40, 40], [70, 30, 30, 50], [20, 20, 40, 40]])
    with torch.no_grad():
        found = view.samples(boxes)
        assert torch.equal(found.features[0], found.features[2])
        assert not torch.equal(found.features[0], found.features[1])
        assert torch.equal(patches.rest(patches.maps(found)), found.features)
        assert patches.maps(found).shape == (3, 96, 51, 51)
        assert view.samples(boxes[:0]).features.shape == (0, 4608)


def pooled_written_out(features, roi):
    """Pool one region: 7 x 7 points at left edges of bins, then maxima of 3 x 3, two apart."""
    channels, h, w = features.shape
    x0, y0, x1, y1 = roi
    points = np.zeros((channels, 7, 7))
    bins = [max(high - low + 1, 0) / 7 for low, high in ((y0, y1), (x0, x1))]
    steps = [max(int(np.floor(b + 0.5)), 1) for b in bins]
    for p, q in product(range(7), range(7)):
        y, x = y0 + p * bins[0], x0 + q * bins[1]
        if not (0 <= y < h and 0 <= x < w):
            continue
        top, left = min(int(y), h - 2), min(int(x), w - 2)
        for down, right in product((0, steps[0]), (0, steps[1])):
            if top + down < h and left + right < w:  # what isn't there is left out
                points[:, p, q] += (features[:, top + down, left + right]
                                    * (1 - abs(y - top - down) / steps[0])
                                    * (1 - abs(x - left - right) / steps[1]))
    return np.stack([[points[:, 2 * i:2 * i + 3, 2 * j:2 * j + 3].max((1, 2))
                      for j in range(3)] for i in range(3)]).transpose(2, 0, 1)


def test_pooling_equals_a_loop_for_small_and_large_bins_and_at_borders():
    features = np.random.default_rng(0).random((5, 24, 30))
    rois = [(3.3, 2.1, 3.3 + 7 * size - 1, 2.1 + 7 * other - 1)
            for size in (0.8, 1.4, 2.6) for other in (0.8, 1.4, 2.6)]
    rois += [(-2, -1, 6, 7), (24.5, 18.2, 31, 26), (-9, -9, -4, -3), (40, 3, 50, 9), (2, 2, 1, 1),
             (29, 23, 29, 23)]
    found = pool(torch.from_numpy(features), torch.tensor(rois, dtype=torch.double)).numpy()
    wanted = np.stack([pooled_written_out(features, roi) for roi in rois])
    assert found == pytest.approx(wanted, abs=1e-12)
    assert pool(torch.rand(5, 24, 30), torch.empty(0, 4)).shape == (0, 5, 3, 3)


def test_pooling_of_ramps_gives_places():
    """On a map that tells its columns, the maxima lie two, four and six bins from the left."""
    ramp = torch.arange(40.0).expand(1, 30, 40)
    for size in (0.8, 1.0, 1.4):
        found = pool(ramp, torch.tensor([[5.0, 4.0, 5 + 7 * size - 1, 14.0]]))
        assert found[0, 0, 1].tolist() == pytest.approx([5 + n * size for n in (2, 4, 6)],
                                                        abs=1e-5)
    constant = pool(torch.full((1, 9, 9), 3.0), torch.tensor([[0.0, 0, 8.9, 8.9]]))
    assert constant.numpy() == pytest.approx(3)


def test_a_scene_gives_the_place_107_pixels_and_is_pooled_where_boxes_lie():
    class Columns(VggM):
        """A map that tells the middles of the cells' fields, in pixels of the scene."""

        def forward(self, images):
            """Take a scene and give 2 x h x w."""
            self.seen = images
            h, w = ((s - 75) // 8 + 1 for s in images.shape[2:])
            y, x = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing='ij')
            return torch.stack([x, y])[None] * 8 + 37
    net = Columns(RT_MDNET, dense=True)
    image, place = image_of(200, 300), Box(100, 60, 50, 40)
    boxes = np.array([[100.0, 60, 50, 40], [110, 70, 50, 40], [130, 90, 50, 40]])
    view = Scenes(net).see(image, [place])[0]
    found = view.samples(boxes).features.reshape(3, 2, 3, 3)
    # 1.2 of all boxes: 90 x 78 pixels, of which 50 x 40 are 107 x 107
    assert tuple(net.seen.shape) == (1, 3, int(78 * 107 / 40), int(90 * 107 / 50))
    # the second box lies 10 pixels further, 21.4 and 26.75 of the scene; the map is linear
    moved = (found[1] - found[0]).mean((1, 2)).tolist()
    assert moved == pytest.approx([21.4, 26.75], abs=1e-3)
    # a larger scene has the same in more pixels; one that begins elsewhere sees it there
    large = Scene(image, place, Scenes(net), zoom=1.21).samples(boxes).features
    assert net.seen.shape[3] == int(90 * 1.21 * 107 / 50)
    shifted = Scene(image, place, Scenes(net), (4, 0)).samples(boxes).features
    assert (shifted.reshape(3, 2, 3, 3) - found)[0, 0].mean() == pytest.approx(4 * 2.14, abs=0.01)
    assert large.shape == shifted.shape == (3, 18)
    # around a needle it is no larger than OpenCV and memory can take
    Scenes(net).see(image, [Box(100, 20, 1, 150)])[0].samples(np.array([
        [20.0, 20, 1, 150], [180, 30, 1, 150]]))
    assert tuple(net.seen.shape[2:]) == (135, 2048)
    # a scene of a tiny box alone is as large as the place
    view.samples(np.array([[120.0, 80, 3, 3]]))
    assert tuple(net.seen.shape[2:]) == (107, 107)


def test_scenes_are_sampled_at_points():
    image = image_of(60, 80)
    found = resampled(image, np.array([10.0, 5.0]), np.array([31.0, 15.0]), np.array([33, 17]))
    assert tuple(found.shape) == (1, 3, 17, 33)
    assert np.array_equal(found[0].permute(1, 2, 0).numpy(), image[5:22, 10:43, ::-1])
    beyond = resampled(image, np.array([-50.0, 0]), np.array([9.0, 9]), np.array([11, 11]))
    assert (beyond == 0).all()
