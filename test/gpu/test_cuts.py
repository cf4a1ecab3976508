"""Crops and small images made of an uploaded image: what OpenCV makes of it."""

from lg_tracker_ros.crops import square_crop
from lg_tracker_ros.gpu.cuts import UploadedImage
from lg_tracker_ros.redetect.correlation import squeeze
import numpy as np
import pytest

FILL = (10.0, 200.0, 90.0)


@pytest.fixture(scope='module')
def image():
    """Make a smooth picture, 96 x 128."""
    y, x = np.mgrid[:96, :128]
    return np.stack([(y * 2) % 256, x + 60, 128 + 100 * np.sin(x / 9) * np.cos(y / 7)],
                    2).astype(np.uint8)


@pytest.fixture(scope='module')
def uploaded(image):
    """Send it."""
    found = UploadedImage(128, 96, 'cpu')
    found.send(image)
    return found


@pytest.mark.parametrize('square', [(60.0, 45.0, 20.0), (60.3, 45.8, 70.0), (5.0, 90.0, 60.0),
                                    (64.0, 48.0, 300.0), (400.0, 400.0, 30.0)])
def test_a_crop_is_what_opencv_cuts(image, uploaded, square):
    want = square_crop(image, *square, 32, FILL).image
    got = uploaded.crops([square], 32, FILL).numpy()
    assert got.shape == (1, 32, 32, 3) and got.dtype == np.uint8
    # OpenCV rounds positions to 1/32 of a pixel
    assert np.abs(got[0].astype(int) - want).mean() < 2.5


def test_several_crops_are_each_cut_as_alone(uploaded):
    squares = [(60.0, 45.0, 40.0), (20.0, 20.0, 40.0)]
    two = uploaded.crops(squares, 32, FILL).numpy()
    for square, got in zip(squares, two):
        assert np.abs(uploaded.crops([square], 32, FILL).numpy()[0].astype(int) - got).max() <= 1


def test_the_small_image_is_opencvs(image, uploaded):
    assert np.abs(uploaded.squeezed(32).numpy()[0].astype(int) - squeeze(image, 32)).max() <= 1
