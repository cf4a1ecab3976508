"""What of each camera's images is kept for the re-detector."""

from helpers.fakes import ScriptedLocal, ScriptedRedetector
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.tracking.whole_images import WholeImages
from lg_tracker_ros.types import Box, Frame, Proposals
import numpy as np
import pytest


class Seen(ScriptedRedetector):
    """Keeps the first value of every image that it is shown."""

    def propose(self, clip, size, k):
        """Propose nothing."""
        self.calls.append([int(f.image[0, 0, 0]) for f in clip])
        return Proposals(())


@pytest.mark.parametrize('buffers', [1, 2])
def test_an_image_stays_as_it_was_though_the_camera_fills_its_buffer_again(buffers):
    search = Seen({}, history=3)
    images, ring = WholeImages(search), np.zeros((buffers, 8, 9, 3), np.uint8)
    for i in range(6):
        ring[i % buffers] = 10 * i
        images.remember(Frame(ring[i % buffers], i, 'a'))
    ring[:] = 255
    images.begin('a', (4, 4), 1)()
    assert search.calls == [[30, 40, 50]]


def test_images_of_their_own_are_not_copied():
    kept, search = [Frame(np.zeros((8, 9, 3), np.uint8), i, 'a') for i in range(4)], Seen({}, 2)
    images = WholeImages(search)
    for frame in kept:
        images.remember(frame)
    kept[-1].image[:] = 7
    images.begin('a', (4, 4), 1)()
    assert search.calls == [[0, 7]]


class Keeping(ScriptedLocal):
    """Keeps its first frame, as that of OpenCV's trackers does."""

    def init(self, frame, box):
        """Keep it."""
        super().init(frame, box)
        self.kept = frame


def test_the_first_image_stays_as_it_was():
    local, buffer = Keeping(lambda frame, region: 0.9), np.full((80, 120, 3), 5, np.uint8)
    tracker = LongTermTracker(local)
    tracker.init(Frame(buffer, 0, 'a'), Box(10, 10, 20, 10))
    buffer[:] = 9
    tracker.step([Frame(buffer, 1, 'a')])
    assert (local.kept.image == 5).all()
