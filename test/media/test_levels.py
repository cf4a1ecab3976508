"""16 bits and floats keep their contrast, whatever few of the values a camera uses."""

from lg_tracker_ros.media.levels import Levels
import numpy as np
import pytest

GREY = np.tile(np.arange(256, dtype=np.uint16), (64, 1))


@pytest.mark.parametrize('image', [
    GREY, GREY * 4, 29500 + 4 * GREY, GREY * 257, (GREY / 51).astype(np.float32),
    -40 + GREY.astype(np.float32) / 2])
def test_a_camera_may_use_any_part_of_the_range(image):
    got = Levels()(image)
    assert got.dtype == np.uint8 and got.shape == image.shape
    assert len(np.unique(got)) > 250 and np.abs(got.astype(int) - GREY).max() <= 1


def test_a_few_wrong_pixels_do_not_count():
    image = 29500 + 4 * GREY
    image[0, 0], image[5, 5] = 0, 65535
    assert np.abs(Levels()(image).astype(int) - GREY)[10:].max() <= 1


def test_what_was_not_measured_is_black():
    image = 1 + GREY.astype(np.float32)
    image[:20], image[20:25] = np.nan, np.inf
    got = Levels()(image)
    assert got[:25].max() == 0 and np.abs(got[25:].astype(int) - GREY[25:]).max() <= 1
    assert Levels()(np.full((4, 4), np.nan, np.float32)).max() == 0


def test_the_range_follows_slowly_and_at_once_to_another_scene():
    levels = Levels()
    first = levels(1000 + 4 * GREY)
    hot = 1000 + 4 * GREY
    hot[:, 128:] += 400  # something warm comes into view
    assert np.abs(levels(hot)[:, :128].astype(int) - first[:, :128]).max() <= 7
    for _ in range(200):
        last = levels(hot)
    assert last[0, 127] < 110 and levels.span[1] == pytest.approx(1000 + 4 * 255 + 400, abs=5)
    other = levels(30000 + GREY)
    assert np.abs(other.astype(int) - GREY).max() <= 1


def test_noise_of_a_flat_image_is_not_stretched():
    assert np.ptp(Levels()(np.array([[500, 501], [501, 502]], np.uint16))) < 50
