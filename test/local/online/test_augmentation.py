"""The first frame thirty times: how many, and where the target is in each."""

from collections import Counter

from lg_tracker_ros.local.online.augmentation import augmented, COPIES
import numpy as np

SIZE = 60


def samples():
    """Make the samples of a bright square of 8 pixels in the middle of a dark crop."""
    wide = np.zeros((2 * SIZE, 2 * SIZE, 3), np.uint8)
    wide[SIZE - 4:SIZE + 4, SIZE - 4:SIZE + 4] = 255
    return augmented(wide, np.random.default_rng(0))


def test_there_are_thirty():
    assert len(samples()) + COPIES == 30


def test_the_target_is_where_each_says():
    for image, dx, dy in samples():
        assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
        weight = image[..., 0].astype(float)
        rows, cols = np.indices(weight.shape) + .5
        total = weight.sum()
        assert abs((cols * weight).sum() / total - SIZE / 2 - dx) < 0.1
        assert abs((rows * weight).sum() / total - SIZE / 2 - dy) < 0.1


def test_they_are_those_of_the_paper():
    """The plain one, four far shifts, then 18 that lie within a sixth of the side."""
    shifts = [(s.dx, s.dy) for s in samples()]
    assert shifts[0] == (0, 0)
    assert sorted(shifts[1:5]) == [(-18, -18), (-18, 18), (18, -18), (18, 18)]
    assert max(abs(d) for pair in shifts[5:] for d in pair) <= SIZE // 6
    areas = Counter(int((s.image[..., 0] == 255).sum()) for s in samples())
    assert areas[64] >= 6  # neither blurred nor turned: plain, shifted, mirrored
