"""Saliency without a target: what stands out."""

import cv2
from helpers.clip import frames
from lg_tracker_ros.redetect.saliency import Saliency, spectral_residual
from lg_tracker_ros.types import Box, Frame
import numpy as np
import pytest


def scene():
    """Draw a bright square at 200..232, 60..92 on noise."""
    image = np.random.default_rng(1).normal(120, 10, (240, 320))
    image[60:92, 200:232] = 220
    return np.repeat(image[:, :, None], 3, axis=2).astype(np.uint8)


def test_what_differs_stands_out():
    got = spectral_residual(scene())
    assert got.shape == (48, 64) and got.dtype == np.float32
    assert got.min() == 0 and got.max() == 1
    y, x = np.unravel_index(int(got.argmax()), got.shape)
    assert 40 <= x < 48 and 11 <= y < 20, 'the square is at 40..46, 12..18'


@pytest.mark.skipif(not hasattr(cv2, 'saliency'), reason='OpenCV without its contrib modules')
def test_it_is_close_to_opencvs():
    """Theirs squares what is blurred, the paper blurs what is squared."""
    image = cv2.resize(frames(1)[0].image, (64, 64), interpolation=cv2.INTER_AREA)
    _, theirs = cv2.saliency.StaticSaliencySpectralResidual_create().computeSaliency(image)
    assert np.corrcoef(spectral_residual(image).ravel(), theirs.ravel())[0, 1] > 0.85


def test_the_target_does_not_matter():
    frame = Frame(scene())
    finder = Saliency()
    first = finder.propose([frame], (30, 20), 3)
    finder.init(frame, Box(0, 200, 30, 20))
    again = finder.propose([frame], (30, 20), 3)
    assert first.boxes == again.boxes and 1 <= len(first.boxes) <= 3
    best = first.boxes[0]
    assert (best.w, best.h) == (30, 20)
    assert 200 <= best.cx <= 232 and 60 <= best.cy <= 92


def test_an_even_image_has_nothing():
    found = Saliency().propose([Frame(np.full((48, 64, 3), 90, np.uint8))], (8, 8), 5)
    assert np.isfinite(found.attention).all()
    assert len(found.boxes) <= 5
