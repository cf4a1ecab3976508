"""Attention over frames."""

import cv2
from lg_tracker_ros.evaluation.figures.maps import attention_picture
import numpy as np
import pytest


def test_attention_picture(tmp_path):
    frames = [np.full((60, 80, 3), 100, np.uint8), np.full((90, 120, 3), 100, np.uint8)]
    left = np.zeros((6, 8), np.float32)
    left[:, :2] = 1
    path = tmp_path / 'new' / 'maps.png'
    attention_picture(frames, [left, left[:, ::-1]], [[40, 20, 20, 10], [np.nan] * 4], path)
    image = cv2.imread(str(path)).astype(int)
    assert image.shape == (360, 480, 3)
    assert image[270, 10].sum() > image[270, 230].sum() + 100, 'the map lights up the left'
    assert image[270, 470].sum() > image[270, 250].sum() + 100, 'and then the right'
    green = (image == (80, 220, 80)).all(axis=2)
    assert green[:180, :240].any() and green[180:, :240].any() and not green[:, 240:].any()
    with pytest.raises(ValueError, match='as many, and at least one, got 2, 1 and 2'):
        attention_picture(frames, [left], np.zeros((2, 4)), path)
    with pytest.raises(ValueError, match='got 0, 0 and 0'):
        attention_picture([], [], [], path)
