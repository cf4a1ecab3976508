"""Boxes, crops and regions, whatever their numbers are."""

import math

from helpers.properties import assert_one_line, boxes, cheap, numbers, sides
from hypothesis import example, given
from hypothesis import strategies as st
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
from lg_tracker_ros.crops import Crop, square_crop
from lg_tracker_ros.redetect.regions import attention_boxes, interleave
from lg_tracker_ros.types import Box
import numpy as np
import pytest

IMAGE = np.random.default_rng(0).integers(100, 200, (37, 53, 3), np.uint8)


def values(box):
    return box.x, box.y, box.w, box.h


@cheap
@given(st.tuples(*[st.floats()] * 4))
def test_four_numbers_are_a_box_or_refused(four):
    try:
        box = Box(*four)
    except ValueError as e:
        assert_one_line(e)
        return
    assert values(box) == four and iou(box, box) == pytest.approx(1)
    assert 0 <= inside_fraction(box, 640, 480) <= 1


@cheap
@given(st.one_of(st.text(), st.lists(st.floats(), min_size=4, max_size=4).map(
    lambda four: ','.join(map(str, four)))))
def test_a_text_is_a_box_or_refused(text):
    try:
        box = parse_box(text)
    except ValueError as e:
        assert_one_line(e, 1000)
        return
    assert parse_box(','.join(map(repr, values(box)))) == box


@cheap
@given(boxes, boxes)
def test_overlap(a, b):
    value = iou(a, b)
    assert 0 <= value <= 1 and value == iou(b, a)
    assert iou_pairs([values(a)], [values(b)])[0] == pytest.approx(value, abs=1e-6)
    # it doesn't depend on where the origin lies, nor on the unit
    assert iou(scale(a, 2, 3), scale(b, 2, 3)) == pytest.approx(value, abs=1e-6)


@cheap
@given(boxes, sides, sides)
def test_what_is_inside_the_image(box, width, height):
    part = clip_to_image(box, width, height)
    share = inside_fraction(box, width, height)
    assert 0 <= share <= 1 and (share > 0) == (part is not None)
    if part is not None:
        assert part.x >= max(0, box.x) and part.y >= max(0, box.y)
        assert part.x + part.w <= min(width, box.x + box.w) + 1e-6
        assert part.y + part.h <= min(height, box.y + box.h) + 1e-6
    inner = keep_center_inside(box, width, height)
    assert -1e-6 <= inner.cx <= width + 1e-6 and -1e-6 <= inner.cy <= height + 1e-6
    most = 10 * max(width, height)
    assert (inner.w, inner.h) == (min(max(box.w, 0.5), most), min(max(box.h, 0.5), most))


@cheap
@given(boxes, boxes, numbers(1, 10))
def test_sizes_stay_within_their_limit(box, reference, ratio):
    kept = limit_size(box, reference, ratio)
    for side, first in ((kept.w, reference.w), (kept.h, reference.h)):
        assert first / ratio * (1 - 1e-9) <= side <= first * ratio * (1 + 1e-9)
    assert (kept.cx, kept.cy) == pytest.approx((box.cx, box.cy), abs=1e-6)


@cheap
@given(boxes, numbers(-1e3, 1e3), numbers(-1e3, 1e3), numbers(1, 2e3), st.integers(1, 64))
def test_a_crop_maps_there_and_back(box, cx, cy, side, size):
    crop = Crop(np.zeros((size, size, 3), np.uint8), cx, cy, side)
    k = size / side
    if min(box.w, box.h, box.w * k, box.h * k) < 0.0101:
        return  # too thin for a box in the crop, or for one that was rounded on the way back
    assert values(crop.to_image(crop.to_crop(box))) == pytest.approx(values(box), abs=1e-5)


@cheap
@given(numbers(-1e6, 1e6), numbers(-1e6, 1e6), numbers(0.01, 1e6), st.integers(1, 64))
@example(0, 0, 1e6, 8)
@example(26.5, 18.5, 0.01, 64)
def test_a_crop_can_be_cut_anywhere(cx, cy, side, size):
    fill = (7.0, 8.0, 9.0)
    crop = square_crop(IMAGE, cx, cy, side, size, fill)
    assert crop.image.shape == (size, size, 3) and crop.image.dtype == np.uint8
    height, width = IMAGE.shape[:2]
    pixel = side / size  # warpAffine mixes the border with the fill within one
    if not (-side / 2 - pixel < cx < width + side / 2 + pixel
            and -side / 2 - pixel < cy < height + side / 2 + pixel):
        assert (crop.image == fill).all()
    if side / 2 + 1 < min(cx, cy, width - cx, height - cy) and pixel >= 1:
        assert crop.image.min() >= 100


@cheap
@given(st.integers(0, 10**6), st.integers(1, 24), st.integers(1, 24), sides, sides,
       numbers(1, 500), numbers(1, 500), st.integers(1, 8), numbers(0, 0.99), numbers(0, 30))
def test_regions_of_an_attention_map(seed, h, w, width, height, bw, bh, k, threshold, sharp):
    attention = np.random.default_rng(seed).random((h, w), np.float32) ** np.float32(sharp)
    found = attention_boxes(attention, (width, height), (bw, bh), k, threshold)
    assert len(found) <= k and bool(found) == bool((attention > threshold).any())
    for box in found:
        assert (box.w, box.h) == (bw, bh)
        assert -1e-3 <= box.cx <= width + 1e-3 and -1e-3 <= box.cy <= height + 1e-3


places = st.lists(st.tuples(numbers(0, 100), numbers(0, 100)).map(lambda p: Box(*p, 10, 20)),
                  max_size=8)


@cheap
@given(places, places, st.integers(0, 8))
def test_proposals_are_taken_once_and_best_first(first, second, k):
    found = interleave(first, second, k)
    assert len(found) <= k and all(b in first or b in second for b in found)
    assert not k or not first or found[0] == first[0]
    for i, a in enumerate(found):
        for b in found[:i]:
            assert abs(a.cx - b.cx) > 5 or abs(a.cy - b.cy) > 10
    if len(found) < k:  # whatever was left out lies on one that was taken
        assert all(any(abs(a.cx - b.cx) <= 5 and abs(a.cy - b.cy) <= 10 for b in found)
                   for a in first + second)
    assert math.isfinite(sum(b.cx for b in found))
