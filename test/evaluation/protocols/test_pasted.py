"""Scenes of targets of a given size: what is cut out, where it is shown, and how large."""

import cv2
from helpers.masked import COLOURS, davis
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.evaluation.protocols import pasted
from lg_tracker_ros.evaluation.protocols.pasted import make_scene, MOMENTS, read_video
from lg_tracker_ros.types import Box
import numpy as np
import pytest


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Read those of four colours."""
    return [read_video(s) for s in read_dataset(davis(tmp_path_factory.mktemp('davis')))]


def test_the_largest_part_is_cut_out_and_frames_fill_the_scene(videos):
    assert [v.cuts[0].shape for v in videos] == [(30, 60, 4)] * 4
    assert {p.shape for v in videos for p in v.pictures} == {(480, 640, 3)}
    cut = videos[0].cuts[0]
    assert cut[15, 30, 3] == 255 and cut[0, 0, 3] < 128, 'its edge is soft'
    assert (cut[..., :3] <= cut[..., 3:]).all(), 'colours times alpha'


def test_a_video_without_masks_or_of_few_frames_makes_none(tmp_path):
    short, = read_dataset(davis(tmp_path, {'red': COLOURS['red']}, MOMENTS - 1))
    assert read_video(short) is None


def colour_at(later):
    """Give the mean colour of the middle of its box."""
    x, y, w, h = (int(v) for v in (later.box.x, later.box.y, later.box.w, later.box.h))
    return later.frame.image[y + h // 3:y + h - h // 3, x + w // 3:x + w - w // 3].mean((0, 1))


@pytest.mark.parametrize('size', [8, 24, 96])
def test_the_target_is_elsewhere_in_the_size_that_is_asked_for(videos, size):
    factors = []
    for number in range(6):
        scene = make_scene(videos, size, 2.0, number, 0)
        first = colour_at(scene)
        factors.append(scene.later[1].factor)
        for shown, factor in ((scene, 1), *((at, at.factor) for at in scene.later)):
            side = np.sqrt(shown.box.w * shown.box.h)
            assert side == pytest.approx(size * factor, abs=1)
            assert np.abs(colour_at(shown) - first).max() < 12, 'the same target, all of it'
        for at in scene.later:
            assert np.hypot(at.box.cx - scene.box.cx, at.box.cy - scene.box.cy) >= 160
    assert factors == [2.0] * 6 if size == 8 else [2.0, 0.5] * 3


def test_others_are_about_as_large(videos):
    scene = make_scene(videos, 48, 2.0, 0, 0)
    own = colour_at(scene)
    for shown in (scene, *scene.later):
        image = shown.frame.image.astype(int)
        seen = [np.abs(image - c).max(2) < 40 for c in COLOURS.values()
                if np.abs(own - c).max() > 40]
        areas = [count for found in seen for *_, count in cv2.connectedComponentsWithStats(
            found.astype(np.uint8))[2][1:] if count > 30]
        assert len(areas) >= 2, 'some may touch one another'
        assert min(areas) > shown.box.w * shown.box.h / 2 / 1.25 ** 2


def test_scenes_follow_from_their_numbers(videos):
    def same(a, b):
        return np.array_equal(a.frame.image, b.frame.image) and a.box == b.box and all(
            np.array_equal(x.frame.image, y.frame.image) and x.box == y.box
            for x, y in zip(a.later, b.later))
    one = make_scene(videos, 24, 2.0, 3, 1)
    assert same(one, make_scene(videos, 24, 2.0, 3, 1))
    assert not any(same(one, make_scene(videos, 24, 2.0, n, s)) for n, s in ((4, 1), (3, 2)))


def test_a_cut_out_fits_into_the_scene_and_one_without_a_place_has_one():
    tall = pasted.sized(np.zeros((300, 30, 4), np.uint8), 240)
    assert tall.shape[0] == 432
    box = pasted.place(np.random.default_rng(0), tall, [Box(0, 0, 640, 480)])
    assert 0 <= box.x <= 640 - box.w and 0 <= box.y <= 480 - box.h
