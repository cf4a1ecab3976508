"""Who is who by where they are: paths go on, end, cross, and mean nothing after a cut."""

from lg_tracker_ros.recognition.paths import RivalPaths, within_reach
from lg_tracker_ros.types import Box, Frame
import numpy as np
import pytest


def scene(seed, shift=0):
    """Draw a picture, perhaps seen a little to the side."""
    grey = np.random.default_rng(seed).integers(0, 256, (15, 24), np.uint8)
    large = np.kron(grey, np.ones((16, 16), np.uint8))[..., None]
    return Frame(np.roll(large.repeat(3, 2), shift, 1))


def walk(paths, steps):
    """Let a rival go on by 5 pixels in each frame; return where it is."""
    box = Box(100, 50, 20, 40)
    for i in range(steps):
        paths.advance(scene(0))
        box = Box(100 + 5 * i, 50, 20, 40)
        paths.see([Box(10, 10, 20, 40), box])
    return box


def test_what_goes_on_from_a_rival_is_that_rival():
    paths = RivalPaths()
    paths.begin(Box(98, 50, 20, 40))
    box = walk(paths, 12)
    assert paths.continues(box) and not paths.continues(Box(100, 50, 20, 40))
    assert not paths.continues(Box(10, 10, 20, 40))


def test_a_path_ends_when_nothing_continues_it():
    paths = RivalPaths(gap=3)
    paths.begin(Box(98, 50, 20, 40))
    for _ in range(3):
        paths.advance(scene(0))
    assert paths.continues(Box(98, 50, 20, 40))
    paths.advance(scene(0))
    assert not paths.continues(Box(98, 50, 20, 40))


def test_where_the_target_crosses_nobody_knows_whose_path_it_is():
    paths = RivalPaths()
    paths.begin(Box(98, 50, 20, 40))
    paths.cross(Box(110, 55, 20, 40))
    assert not paths.continues(Box(98, 50, 20, 40))


@pytest.mark.parametrize('then, cut', [(scene(0), False), (scene(0, 16), True), (scene(1), True),
                                       (Frame(scene(0).image[:120]), True)])
def test_after_a_cut_places_mean_nothing(then, cut):
    """The picture of noise is another one when it moves by a cell; real ones aren't."""
    paths = RivalPaths()
    assert not paths.advance(scene(0))
    paths.begin(Box(98, 50, 20, 40))
    assert paths.advance(then) == cut
    assert paths.continues(Box(98, 50, 20, 40)) != cut


def test_a_black_picture_is_another_scene_only_when_it_was_not_black_before():
    paths, black = RivalPaths(), Frame(np.zeros((240, 320, 3), np.uint8))
    assert not paths.advance(black) and not paths.advance(black)


def test_reach_grows_with_time():
    here = Box(100, 100, 20, 20)
    assert within_reach(here, Box(125, 100, 20, 20))
    assert not within_reach(here, Box(135, 100, 20, 20))
    assert within_reach(here, Box(180, 100, 20, 20), frames=6)
