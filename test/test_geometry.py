"""Boxes, crops and regions, against values worked out by hand."""

import math

from lg_tracker_ros.boxes import (
    clip_to_image,
    inside_fraction,
    iou,
    iou_pairs,
    keep_center_inside,
    limit_size,
    parse_box,
    scale,
)
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.redetect.regions import attention_boxes, interleave
from lg_tracker_ros.types import Box, Frame
import numpy as np
import pytest


@pytest.mark.parametrize('values', [
    (math.nan, 0, 1, 1), (0, math.inf, 1, 1), (0, 0, 0, 1), (0, 0, 1, -2), (0, 0, 1e-200, 1e-200),
    (0, 0, 0.004, 9), (1e300, 0, 1, 1), (0, 0, 1e200, 1e200)])
def test_what_is_no_box_is_refused(values):
    """NaN, infinity and empty sides."""
    with pytest.raises(ValueError, match='must be'):
        Box(*values)


@pytest.mark.parametrize('a, b, value', [
    (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 1.0),
    (Box(0, 0, 10, 10), Box(5, 0, 10, 10), 1 / 3),
    (Box(0, 0, 10, 10), Box(10, 0, 10, 10), 0.0),
    (Box(0, 0, 4, 4), Box(1, 1, 2, 2), 0.25)])
def test_iou(a, b, value):
    """Overlap of pairs, one by one and as arrays."""
    assert iou(a, b) == pytest.approx(value)
    rows = iou_pairs([[a.x, a.y, a.w, a.h]], [[b.x, b.y, b.w, b.h]])
    assert rows[0] == pytest.approx(value)


def test_the_smallest_and_the_largest_boxes_have_areas_and_quotients():
    """No division by zero, no infinity, and nothing above one."""
    for box in (Box(3, 4, 0.01, 0.01), Box(1e7, -1e7, 0.01, 1e7), Box(0.1, 0.2, 0.3, 0.7)):
        assert iou(box, box) == pytest.approx(1) and iou(box, box) <= 1
        assert 0 <= inside_fraction(box, 640, 480) <= 1
    assert inside_fraction(Box(0.1, 0.2, 0.01, 0.07), 640, 480) <= 1
    assert clip_to_image(Box(-1, 0, 1 + 1e-9, 9), 640, 480) is None


def test_iou_pairs_keeps_nan():
    """A row without a box has no overlap to speak of."""
    assert np.isnan(iou_pairs([[np.nan] * 4], [[0, 0, 1, 1]])[0])


def test_parse_box():
    """Text to a box, and what is wrong with a text that isn't one."""
    assert parse_box('1,2,3.5,4') == Box(1, 2, 3.5, 4)
    with pytest.raises(ValueError, match=r"expected a box as x,y,w,h in pixels, got '1,2,3'"):
        parse_box('1,2,3')


def test_small_geometry():
    """Clip, share inside, centre inside, scale, size limits."""
    assert clip_to_image(Box(-5, -5, 10, 10), 100, 100) == Box(0, 0, 5, 5)
    assert clip_to_image(Box(200, 0, 10, 10), 100, 100) is None
    assert inside_fraction(Box(-5, -5, 10, 10), 100, 100) == 0.25
    assert keep_center_inside(Box(-50, 0, 10, 10), 100, 100) == Box(-5, 0, 10, 10)
    assert scale(Box(1, 2, 3, 4), 2, 0.5) == Box(2, 1, 6, 2)
    assert limit_size(Box(0, 0, 100, 1), Box(0, 0, 10, 10), 2) == Box(40, -2, 20, 5)


def test_frame_refuses_other_images():
    """Grey and float images are not frames."""
    with pytest.raises(ValueError, match='uint8 height x width x 3'):
        Frame(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match='float64'):
        Frame(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match=r'must be a NumPy array, .*, got NoneType'):
        Frame(None)


def test_context_side():
    """Compute the context of SiamFC: a square of side a has context 2a."""
    assert context_side(20, 20) == pytest.approx(40)
    assert context_side(10, 30) == pytest.approx(math.sqrt(30 * 50))


@pytest.mark.parametrize('side, size', [(32, 128), (64, 64), (300, 64), (100, 60), (37, 91)])
def test_crop_maps_there_and_back(side, size):
    """Map a box there and back."""
    crop = square_crop(np.zeros((80, 120, 3), np.uint8), 30.5, 41, side, size, (0, 0, 0))
    box = Box(12, 30, 20, 15)
    back = crop.to_image(crop.to_crop(box))
    assert (back.x, back.y, back.w, back.h) == pytest.approx((12, 30, 20, 15))
    assert crop.image.shape == (size, size, 3)


@pytest.mark.parametrize('side', [32, 48, 96, 200, 400])
def test_crop_puts_pixels_where_the_map_says(side):
    """A white square is found in the crop where to_crop says, for every scale."""
    image = np.zeros((200, 300, 3), np.uint8)
    image[80:100, 120:150] = 255
    crop = square_crop(image, 140, 95, side, 64, (0, 0, 0))
    want = crop.to_crop(Box(120, 80, 30, 20))
    weight = crop.image[..., 0].astype(float)
    ys, xs = np.mgrid[:64, :64] + 0.5
    if side >= 48:  # all of it is inside the crop
        assert np.average(xs, weights=weight) == pytest.approx(want.cx, abs=0.3)
        assert np.average(ys, weights=weight) == pytest.approx(want.cy, abs=0.3)
        assert weight.sum() / 255 == pytest.approx(want.w * want.h, rel=0.12)


@pytest.mark.parametrize('width, height, side, size', [(301, 203, 260, 64), (97, 61, 160, 32)])
@pytest.mark.parametrize('cx, cy', [(0, 0), (1, 1), (0.37, 0.61)])
def test_a_shrunk_crop_has_the_whole_image_in_its_place(width, height, side, size, cx, cy):
    """Ramps come out as ramps up to a last part at the border; beyond it there is fill."""
    xs, ys = np.meshgrid(np.arange(width) / width, np.arange(height) / height)
    image = np.dstack([100 + 80 * xs, 100 + 80 * ys, xs * 0 + 200]).astype(np.uint8)
    crop = square_crop(image, cx * width, cy * height, side, size, (0, 0, 0))
    k = size / side
    u, v = ((np.arange(size) + 0.5) / k - side / 2 + c for c in (cx * width, cy * height))
    near = 2 / k  # two pixels of the crop
    inside = np.ix_((v > near) & (v < height - near), (u > near) & (u < width - near))
    assert crop.image[inside].size > 100
    want = np.stack(np.broadcast_arrays(100 + 80 * u / width, 100 + 80 * v[:, None] / height),
                    axis=2)[inside]
    np.testing.assert_allclose(crop.image[..., :2][inside], want, atol=2.5)
    assert (crop.image[inside][..., 2] == 200).all()
    out = (v < -near) | (v > height + near)
    assert not crop.image[out].any()


@pytest.mark.parametrize('side, size', [(10, 16), (90, 16)])
def test_beyond_the_border_the_last_row_or_column_goes_on(side, size):
    image = np.zeros((20, 30, 3), np.uint8)
    image[:] = 5 * np.arange(20)[:, None, None] + np.arange(3)
    # left of the image, and far enough below it
    left = square_crop(image, -side, 10, side, size, None).image
    ramp = np.clip(5 * (10 + side * ((np.arange(size) + 0.5) / size - 0.5) - 0.5), 0, 95)
    np.testing.assert_allclose(left[..., 0], np.broadcast_to(ramp[:, None], (size, size)),
                               atol=0.6 if side < size else 13)
    assert (square_crop(image, 15, 20 + side, side, size, None).image == (95, 96, 97)).all()


def test_crop_outside_is_filled():
    """A crop wholly beyond the border is the fill colour; a whole-image crop keeps the mean."""
    image = np.full((20, 30, 3), 200, np.uint8)
    assert (square_crop(image, 500, 500, 40, 16, (10, 20, 30)).image == (10, 20, 30)).all()
    assert (square_crop(image, -900, 0, 400, 16, (10, 20, 30)).image == (10, 20, 30)).all()
    assert mean_color(image) == (200, 200, 200)


def test_regions_ranked_by_mass():
    """Two blobs: the heavier first, centres in image pixels, boxes of the target's size."""
    attention = np.zeros((20, 40), np.float32)
    attention[4:6, 4:6] = 0.5
    attention[10:13, 30:33] = 0.9
    boxes = attention_boxes(attention, (400, 200), (24, 16), 5, 0.02)
    assert [(b.cx, b.cy, b.w, b.h) for b in boxes] == [
        (pytest.approx(315), pytest.approx(115), 24, 16),
        (pytest.approx(50), pytest.approx(50), 24, 16)]
    assert len(attention_boxes(attention, (400, 200), (24, 16), 1, 0.02)) == 1
    assert attention_boxes(attention, (400, 200), (24, 16), 5, 0.95) == []


def test_a_wide_region_gives_its_peaks():
    """One component over the whole frame still yields the places where it peaks."""
    attention = np.full((20, 20), 0.1, np.float32)
    attention[3, 4] = attention[15, 16] = 0.9
    boxes = attention_boxes(attention, (200, 200), (20, 20), 2, 0.02)
    assert {(b.cx, b.cy) for b in boxes} == {(45, 35), (165, 155)}


@pytest.mark.parametrize('first, second, k, expected', [
    ([0, 30, 60, 90], [300, 330], 6, [0, 30, 300, 60, 90, 330]),
    ([0, 30, 60, 90], [300, 330], 3, [0, 30, 300]),
    ([0, 30, 60], [4, 300], 6, [0, 30, 300, 60]),     # 4 is the place of 0
    ([], [300, 330], 2, [300, 330]),
    ([0], [], 5, [0]),
    ([], [], 5, [])])
def test_two_kinds_of_proposals_take_turns_each_place_once(first, second, k, expected):
    def boxes(xs):
        return [Box(x, 10, 20, 40) for x in xs]
    assert interleave(boxes(first), boxes(second), k) == boxes(expected)
