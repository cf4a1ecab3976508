"""What moved between two frames, as bytes, is what the training's frames in floats say."""

from lg_tracker_ros.redetect.small import change
from lg_tracker_ros.redetect.tanet_lite_net import motion_cells, motion_cue
import numpy as np
import torch


def test_a_pixel_changes_by_its_colour_that_changes_most():
    before = np.array([[[10, 20, 30], [0, 255, 7]]], np.uint8)
    now = np.array([[[13, 18, 30], [255, 254, 9]]], np.uint8)
    got = change(now, before)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, [[3, 255]])
    np.testing.assert_array_equal(change(before, now), got)


def test_bytes_and_floats_give_the_same_motion_bit_for_bit():
    now, before = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8)
    cells = motion_cells(torch.from_numpy(change(now, before))[None])
    assert cells.shape == (1, 1, 4, 6) and 0.3 < cells.mean() < 0.7
    assert torch.equal(cells, motion_cue(*(torch.from_numpy(f)[None] for f in (now, before))))
