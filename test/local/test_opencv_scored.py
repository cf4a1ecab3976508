"""What OpenCV's trackers with a score took for the target where there was none is forgotten."""

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.local.opencv_scored import ScoredTracker
from lg_tracker_ros.types import Box, Frame, Kind, Region
import numpy as np
import pytest

TARGET = Box(300, 200, 40, 60)


class Bright:
    """
    What Nano and Vit are but for the network: it finds what is bright where it last saw that.

    Nothing can be set but by ``init``; sizes are smoothed, it doesn't look beyond the image, and
    where it sees nothing it believes in a larger target a bit to the left.
    """

    def init(self, image, box):
        """Begin at ``box``."""
        self.box = np.array(box, float)

    def update(self, image):
        """Find the middle and the extent of what is bright in a window of twice the size."""
        x, y, w, h = self.box
        x0, y0 = max(int(x - w / 2), 0), max(int(y - h / 2), 0)
        window = image[y0:max(int(y + 1.5 * h), 0), x0:max(int(x + 1.5 * w), 0), 0]
        rows, columns = np.nonzero(window > 127)
        self.score = float(len(rows) > 0)
        new = self.box * (1, 1, 1.1, 1.1) - (3, 0, 0, 0)
        if len(rows):
            size = np.mean([self.box[2:], (np.ptp(columns) + 1, np.ptp(rows) + 1)], axis=0)
            middle = x0 + np.ptp(columns) / 2 + columns.min(), y0 + np.ptp(rows) / 2 + rows.min()
            new = np.array([*(middle - size / 2), *size])
        self.box = new
        return True, tuple(round(v) for v in new)

    def getTrackingScore(self):  # noqa: N802
        """Sure, where it saw anything."""
        return self.score


def scene(*boxes):
    """Make a dark image in which ``boxes`` are bright."""
    image = np.zeros((480, 640, 3), np.uint8)
    for b in boxes:
        image[int(b.y):int(b.y + b.h), int(b.x):int(b.x + b.w)] = 255
    return Frame(image)


@pytest.fixture
def tracker():
    """Make one that has seen its target."""
    made = ScoredTracker(Bright)
    made.init(scene(TARGET), TARGET)
    return made


def found(tracker, frame, box, kind=Kind.LOCAL):
    """Let it search one region."""
    return tracker.track(frame, [Region(box, kind)])[0]


def test_without_a_target_there_is_nothing_to_search():
    with pytest.raises(RuntimeError, match='call init first'):
        ScoredTracker(Bright).track(scene(), [Region(TARGET)])
    with pytest.raises(ValueError, match='lies outside the 640 x 480 image'):
        ScoredTracker(Bright).init(scene(), Box(700, 10, 30, 30))


@pytest.mark.parametrize('place', [TARGET, Box(0, 10, 40, 60)], ids=['same', 'at the border'])
@pytest.mark.parametrize('kind', [Kind.LOCAL, Kind.PROPOSAL])
def test_after_an_absence_it_is_found_in_the_size_that_is_asked_for(tracker, place, kind):
    """Its own had grown to 2.6 times, and it had moved away, each time that it saw nothing."""
    for _ in range(10):
        assert found(tracker, scene(), TARGET).score == 0
        assert found(tracker, scene(), Box(20, 20, 40, 60), Kind.PROPOSAL).score == 0
    back = found(tracker, scene(place), place, kind)
    assert back.score == 1 and iou(back.box, place) > 0.85


def test_a_region_of_another_size_is_searched_in_that_size(tracker):
    """Twice as large, beside something else that a window of the former size doesn't reach."""
    large, other = Box(100, 100, 80, 120), Box(10, 100, 20, 120)
    there = found(tracker, scene(large, other), large, Kind.PROPOSAL)
    assert iou(there.box, large) > 0.9


def test_one_that_left_by_the_border_is_found_whole_elsewhere(tracker):
    """The image that was moved to the place at the border showed half of what is elsewhere."""
    for x in range(300, -20, -20):
        place = found(tracker, scene(Box(max(x, 0), 200, 40 + min(x, 0), 60)),
                      Box(x + 20, 200, 40, 60)).box
    assert place.x < 5
    elsewhere = Box(400, 100, 40, 60)
    for kind in (Kind.PROPOSAL, Kind.LOCAL):
        assert iou(found(tracker, scene(elsewhere), elsewhere, kind).box, elsewhere) > 0.85


def test_what_is_proposed_leads_it_nowhere(tracker):
    """It follows as one that was sent nowhere else."""
    alone = ScoredTracker(Bright)
    alone.init(scene(TARGET), TARGET)
    place = TARGET
    for step in range(1, 20):
        frame = scene(Box(300 - 4 * step, 200, 40 + step, 60), Box(500, 300, 30, 30))
        tracker.track(frame, [Region(Box(500, 300, 30, 30), Kind.PROPOSAL)])
        here = found(tracker, frame, place)
        assert here == found(alone, frame, place)
        place = here.box


def test_it_is_followed_through_the_image_after_it_was_found_again(tracker):
    """What is shown to it goes along."""
    place = found(tracker, scene(Box(20, 20, 40, 60)), Box(22, 23, 40, 60)).box
    for x in range(20, 600, 8):
        real = Box(x, 20 + x // 2, 40, 60)
        place = found(tracker, scene(real), place).box
        assert iou(place, real) > 0.85
