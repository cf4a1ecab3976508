"""Attention over frames."""

import cv2
from helpers.runs import sequence
from lg_tracker_ros.evaluation.figures.maps import (
    attention_picture,
    beside,
    keep_maps,
    Look,
    over,
    read_maps,
)
import numpy as np
import pytest

LEFT = np.zeros((6, 8), np.float32)
LEFT[:, :2] = 1
RIGHT = LEFT[:, ::-1]


def test_attention_picture(tmp_path):
    frames = [np.full((60, 80, 3), 100, np.uint8), np.full((90, 120, 3), 100, np.uint8)]
    path = tmp_path / 'new' / 'maps.png'
    attention_picture([Look(3, frames[0], LEFT, np.array([40., 20, 20, 10])),
                       Look(9, frames[1], RIGHT, np.full(4, np.nan))], path)
    image = cv2.imread(str(path)).astype(int)
    assert image.shape == (364, 484, 3)
    assert image[270, 10].sum() > image[270, 230].sum() + 100, 'the map lights up the left'
    assert image[270, 472].sum() > image[270, 252].sum() + 100, 'and then the right'
    green = (image == (80, 220, 80)).all(axis=2)
    assert green[:182, :242].any() and green[182:, :242].any() and not green[:, 242:].any()


def test_maps_are_kept_to_half_precision(tmp_path):
    looks = [Look(i, np.zeros((4, 4, 3), np.uint8), np.full((2, 3), i / 10, np.float32),
                  np.ones(4)) for i in (3, 7)]
    keep_maps(looks, tmp_path / 'maps.npz')
    got = read_maps(tmp_path / 'maps.npz')
    assert list(got) == [3, 7]
    np.testing.assert_allclose(got[7], np.full((2, 3), 0.7), atol=1e-3)
    keep_maps([], tmp_path / 'none.npz')
    assert read_maps(tmp_path / 'none.npz') == {}
    (tmp_path / 'bad.npz').write_bytes(b'PK no archive')
    with pytest.raises(ValueError, match=r'bad\.npz is not the maps of an `eval attention`'):
        read_maps(tmp_path / 'bad.npz')


def test_rows_of_several_re_detectors(tmp_path):
    s = sequence(tmp_path / 'data', 'walk', 8)
    path = tmp_path / 'sheet.png'
    beside(s, {'one': {2: LEFT, 5: LEFT, 6: LEFT}, 'none': {}, 'two': {5: RIGHT, 2: RIGHT}}, path)
    image = cv2.imread(str(path)).astype(int)
    assert image.shape == (200 + 2 * 202, 2 * 242, 3), 'frames 2 and 5, then two rows with names'
    one, two = image[220:400, :240], image[422:, :240]
    assert one[90, 5].sum() > one[90, 235].sum() + 100, 'lights up the left'
    assert two[90, 235].sum() > two[90, 5].sum() + 100, 'lights up the right'
    frame = image[18:198, :240]
    green = np.nonzero((frame == (80, 220, 80)).all(axis=2).any(axis=0))[0]
    assert abs(green.min() - 240 / 64 * 7) < 3, 'the target of frame 2'
    beside(s, {'one': {2: LEFT}, 'two': {5: RIGHT}}, tmp_path / 'apart.png')
    assert not (tmp_path / 'apart.png').exists()


def test_a_map_covers_the_whole_image():
    got = over(np.full((12, 16, 3), 100, np.uint8), LEFT).sum(axis=2)
    assert (got[:, :2] > got[:, -1:] + 100).all()
