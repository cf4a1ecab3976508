"""What the worker makes of the frames of a moment: the order of results, times; no ROS."""

from types import SimpleNamespace

from lg_tracker_ros.runtime.buffers import FATES, Item
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Proposals, TrackerOutput
import numpy as np
import pytest

BOX = Box(10, 10, 20, 20)
WHITE, BLACK = 255, 0


def item(n, camera, value, clock=0, stamp=None):
    """Return frame n, 10 a second, all of one grey; its camera's ``clock`` is so many s ahead."""
    pixels = np.full((60, 80), value, np.uint8)
    message = SimpleNamespace(encoding='mono8', width=80, height=60, step=80, is_bigendian=0,
                              data=pixels.tobytes())
    arrived = (n + 1) * 10**8
    return Item(camera, arrived + clock * 10**9 if stamp is None else stamp, message, arrived)


class WhereItIsWhite:
    """Finds the target in white images, and searches the whole image there, too."""

    history = 1

    def init(self, frame, box):
        """Need nothing."""

    def track(self, frame, regions):
        """Be as sure as the image is white."""
        sure = float(frame.image.mean()) / 255
        return [TrackerOutput(BOX, sure, sure) for _ in regions]

    def propose(self, clip, size, k):
        """Propose the one place."""
        return Proposals([BOX])


def results_of(frames, **config):
    """Return the results of the moments in ``frames``, (value, item) lists, after the first."""
    part, results = WhereItIsWhite(), []
    worker = Worker(LongTermTracker(part, part, SearchConfig(**config)), results.append,
                    lambda camera, text: pytest.fail(text))
    begin = frames.pop(0)
    worker.offer(begin)
    worker.begin(begin, worker.decode(begin), BOX, Target('x', ''))
    worker._work()
    for moment in frames:
        for each in moment[1:] + moment[:1]:  # the clock's last: it starts the processing
            worker.offer(each)
        worker._work()
    worker.stop()
    return results[1:]


def test_the_last_result_of_a_moment_is_of_the_camera_that_has_the_target():
    # beta2 0: the whole image is searched in every frame, of both cameras
    found = results_of([item(0, 'a', WHITE), [item(1, 'a', WHITE), item(1, 'b', BLACK)],
                        [item(2, 'a', BLACK), item(2, 'b', BLACK)]], beta2=0)
    assert [(r.track.camera, r.track.visible) for r in found] == [
        ('b', False), ('a', True), ('b', False), ('a', False)]


def test_unseen_is_counted_by_arrival_where_a_camera_stamps_nothing():
    found = results_of([item(0, 'a', WHITE, stamp=0),
                        *([item(n, 'a', BLACK, stamp=0)] for n in (1, 2, 5))])
    assert [r.unseen_s for r in found] == pytest.approx([0.1, 0.2, 0.5])


@pytest.mark.parametrize('clock', [0, 5, -90])
def test_cameras_with_clocks_of_their_own_say_the_same_of_how_long_it_is_unseen(clock):
    found = results_of([item(0, 'a', WHITE, 100), *(
        [item(n, 'a', BLACK, 100), item(n, 'b', BLACK, 100 + clock)] for n in (1, 2, 3))],
        beta2=0)
    assert [r.unseen_s for r in found] == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])


@pytest.mark.parametrize('n, clock, unseen', [
    (2, 3600, 0.2),  # NTP sets the clock of a robot that has begun already
    (2, 30, 30.2),  # a bag's next image
    (700, 0, 70.0), (700, 3600, 3670.0)])  # a camera that was away
def test_a_clock_that_is_set_forward_makes_no_time_unseen(n, clock, unseen):
    found = results_of([item(0, 'a', WHITE), [item(1, 'a', BLACK)], [item(n, 'a', BLACK, clock)],
                        [item(n + 1, 'a', BLACK, clock)]])
    assert [r.unseen_s for r in found] == pytest.approx([0.1, unseen, unseen + 0.1])


def test_a_target_that_is_begun_on_while_another_catches_up_loses_no_count():
    part = WhereItIsWhite()
    worker = Worker(LongTermTracker(part, part), lambda r: None, lambda c, t: pytest.fail(t))
    frames = [item(n, 'a', WHITE) for n in range(7)]
    for number, came in ((0, frames[:5]), (6, frames[5:])):
        for frame in came:
            worker.offer(frame)
        begin = frames[number]
        worker.begin(begin, worker.decode(begin), BOX, Target('x', ''))
        worker._work()
    worker.stop()
    counts = worker.counts('a')
    assert counts['received'] == 7 == sum(counts[f] for f in FATES)
    assert counts['processed'] == 1 and counts['replayed'] == 1
