"""A labelled sequence, and the same as from a slower camera."""

from pathlib import Path

from helpers.clip import frames, truth, VIDEO
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np
import pytest


def test_one_frame_of_three_of_a_video_keeps_its_stamp_and_its_label():
    boxes = truth()
    clip = LabelledSequence('clip', boxes, ~np.isfinite(boxes).all(axis=1), video=VIDEO)
    slow = clip.thinned(3)
    assert slow.protocol == 'plain, every 3' and clip.thinned(1) is clip
    assert np.array_equal(slow.truth, boxes[::3], equal_nan=True)
    got, whole = list(slow.frames(2)), frames()
    assert [f.stamp for f in got] == [f.stamp for f in whole[6::3]]
    assert len(got) == len(slow.truth) - 2
    assert np.array_equal(got[1].image, whole[9].image)


def test_of_images_it_keeps_as_many_as_of_labels():
    images = tuple(Path(f'{i}.jpg') for i in range(7))
    boxes = np.tile([1.0, 2, 30, 40], (7, 1))
    slow = LabelledSequence('a', boxes, np.zeros(7, bool), images, others=boxes).thinned(2)
    assert [p.name for p in slow.images] == ['0.jpg', '2.jpg', '4.jpg', '6.jpg']
    assert len(slow.truth) == len(slow.others) == len(slow.absent) == 4


def test_what_leaves_no_box_is_refused():
    boxes = np.full((4, 4), np.nan)
    boxes[1] = 1, 2, 30, 40
    clip = LabelledSequence('a', boxes, np.zeros(4, bool), video=VIDEO)
    with pytest.raises(ValueError, match='no box'):
        clip.thinned(2)


@pytest.mark.parametrize('labels, words', [
    (159, 'holds more frames than there are labels, 159: each'),
    (161, 'holds 160 frames but there are 161 labels')])
def test_a_video_of_another_length_than_its_labels_is_told_at_its_end(labels, words):
    clip = LabelledSequence('a', np.ones((labels, 4)), np.zeros(labels, bool), video=VIDEO)
    rest = clip.frames(157)
    assert [next(rest).stamp for _ in range(2)] == [15_700_000_000, 15_800_000_000]
    with pytest.raises(ValueError, match=words):
        list(rest)
