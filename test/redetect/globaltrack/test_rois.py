"""Anchors, deltas, suppression and RoIAlign in mmdetection 1.0's convention, written out."""

import math

from lg_tracker_ros.redetect.globaltrack.rois import (
    anchors,
    apply_deltas,
    level_of,
    pool,
    roi_align,
    suppress,
)
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.rounding


def roi_align_by_loops(features, box, stride, cells=7, samples=2):
    """Pool one region as the equations say, point by point."""
    channels, h, w = features.shape
    out = np.zeros((channels, cells, cells))
    x0, y0 = box[0] / stride, box[1] / stride
    bw = max((box[2] + 1) / stride - x0, 0) / cells
    bh = max((box[3] + 1) / stride - y0, 0) / cells
    for i in range(cells):
        for j in range(cells):
            for a in range(samples):
                for b in range(samples):
                    y = y0 + i * bh + (a + 0.5) * bh / samples
                    x = x0 + j * bw + (b + 0.5) * bw / samples
                    if y < -1 or y > h or x < -1 or x > w:
                        continue
                    y, x = min(max(y, 0), h - 1), min(max(x, 0), w - 1)
                    y1, x1 = int(y), int(x)
                    y2, x2 = min(y1 + 1, h - 1), min(x1 + 1, w - 1)
                    v, u = y - y1, x - x1
                    out[:, i, j] += (
                        (1 - v) * (1 - u) * features[:, y1, x1] + (1 - v) * u * features[:, y1, x2]
                        + v * (1 - u) * features[:, y2, x1] + v * u * features[:, y2, x2])
    return out / samples ** 2


def test_roi_align_is_the_loop():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3, 9, 12)).astype(np.float32)
    boxes = np.array([[8, 8, 40, 30], [0, 0, 95, 71], [-30, -20, 20, 10], [80, 60, 140, 100],
                      [50.3, 20.7, 50.9, 21.2], [-90, 3, -60, 40], [95, 71, 95, 71]], np.float32)
    got = roi_align(torch.from_numpy(features)[None], torch.from_numpy(boxes), 8)
    assert got.shape == (7, 3, 7, 7)
    for box, one in zip(boxes, got.numpy()):
        np.testing.assert_allclose(one, roi_align_by_loops(features, box, 8), atol=1e-5)
    assert (got[5] == 0).all()  # more than a cell outside
    assert roi_align(torch.from_numpy(features)[None], torch.zeros(0, 4), 8).shape == (0, 3, 7, 7)


def test_roi_align_of_constants_and_ramps():
    """A ramp's mean over a bin is its value at the middle; a pixel's centre is its index."""
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(30.0), indexing='ij')
    maps = torch.stack([torch.full_like(x, 5.0), x, y])[None]
    got = roi_align(maps, torch.tensor([[16.0, 24.0, 71.0, 79.0]]), 4)[0]
    torch.testing.assert_close(got[0], torch.full((7, 7), 5.0))
    # from 4 to 18 cells: 2 to a bin
    torch.testing.assert_close(got[1], (4 + 2 * torch.arange(7.0) + 1).expand(7, 7))
    torch.testing.assert_close(got[2], (6 + 2 * torch.arange(7.0) + 1)[:, None].expand(7, 7))


def test_more_regions_than_are_pooled_at_once():
    maps = torch.randn(1, 2, 8, 8)
    boxes = torch.rand(600, 4) * 16 + torch.tensor([0.0, 0, 16, 16])
    whole = roi_align(maps, boxes, 4)
    torch.testing.assert_close(whole[300:303], roi_align(maps, boxes[300:303], 4))


def test_anchors_by_hand():
    found = anchors(2, 3, 8)
    assert found.shape == (18, 4)
    # 64 x 64 around 3.5: half of 64 - 1
    assert found[1].tolist() == [-28, -28, 35, 35]
    # half as high as wide: sides 90.5 and 45.3
    assert found[0].tolist() == [round(3.5 - (64 * math.sqrt(2) - 1) / 2),
                                 round(3.5 - (64 / math.sqrt(2) - 1) / 2),
                                 round(3.5 + (64 * math.sqrt(2) - 1) / 2),
                                 round(3.5 + (64 / math.sqrt(2) - 1) / 2)]
    assert found[2, 2] - found[2, 0] < found[2, 3] - found[2, 1]
    # along a row first, then down
    assert (found[3] - found[0]).tolist() == [8, 0, 8, 0]
    assert (found[9] - found[0]).tolist() == [0, 8, 0, 8]


def test_deltas_by_hand():
    boxes = torch.tensor([[10.0, 20, 29, 59]]).expand(4, 4)  # 20 x 40 around 19.5, 39.5
    deltas = torch.tensor([[0.0, 0, 0, 0], [0.5, -0.25, 0, 0], [0, 0, math.log(2), 0],
                           [0, 0, 9.0, -9.0]])
    got = apply_deltas(boxes, deltas, 100, 200)
    assert got[0].tolist() == [10, 20, 29, 59]
    assert got[1].tolist() == [20, 10, 39, 49]
    torch.testing.assert_close(got[2], torch.tensor([0.0, 20, 39, 59]))
    # logarithms end at log(1000 / 16), boxes at the border
    assert got[3, 0] == 0 and got[3, 2] == 199
    assert float(got[3, 3] - got[3, 1] + 1) == pytest.approx(40 * 16 / 1000, rel=1e-4)


def test_suppression_counts_the_last_pixel():
    # 10 x 10 each, 5 x 10 in common: 50 of 150
    boxes = torch.tensor([[0.0, 0, 9, 9], [5, 0, 14, 9], [40, 40, 49, 49]])
    scores = torch.tensor([0.5, 0.9, 0.1])
    assert suppress(boxes, scores, 1 / 3 + 1e-4).tolist() == [1, 0, 2]
    assert suppress(boxes, scores, 1 / 3 - 1e-4).tolist() == [1, 2]
    assert suppress(boxes[:0], scores[:0], 0.5).tolist() == []


def test_each_region_comes_from_the_level_of_its_size():
    sides = torch.tensor([20.0, 55, 56, 111, 112, 224, 448, 5000])
    boxes = torch.stack([torch.zeros(8), torch.zeros(8), sides - 1, sides - 1], 1)
    assert level_of(boxes, 4).tolist() == [0, 0, 0, 0, 1, 2, 3, 3]
    pyramid = [torch.full((1, 1, 64 >> i, 64 >> i), float(i)) for i in range(5)]
    assert pool(pyramid, boxes)[:, 0, 3, 3].tolist() == [0, 0, 0, 0, 1, 2, 3, 0]
