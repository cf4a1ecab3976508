"""The worker's thread: what it follows, catches up with and decodes; no ROS."""

import threading
from types import SimpleNamespace

import cv2
from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.media.levels import Levels
from lg_tracker_ros.runtime import decoders
from lg_tracker_ros.runtime.buffers import FATES, Item
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, TrackerOutput
import numpy as np
import pytest

BOX = Box(10, 10, 20, 20)


def item(n, value=0, camera='a'):
    """Return frame n of a camera, 10 a second: 16-bit grey, every pixel ``value``."""
    pixels = np.full((60, 80), value, '<u2')
    message = SimpleNamespace(encoding='mono16', width=80, height=60, step=160, is_bigendian=0,
                              data=pixels.tobytes())
    return Item(camera, (n + 1) * 10**8, message, (n + 1) * 10**8, size=pixels.nbytes)


class Believer:
    """Finds the first box again, surely; ``init`` waits for ``go`` when that is set."""

    def __init__(self):
        """Start without a target."""
        self.at_init, self.go = threading.Event(), None

    def init(self, frame, box):
        """Take the box."""
        self.box = box
        self.at_init.set()
        if self.go is not None:
            assert self.go.wait(10)

    def track(self, frame, regions):
        """Believe in the box."""
        return [TrackerOutput(self.box, 1.0, 1.0) for _ in regions]


def wait_until_idle(worker):
    """Wait until everything that was offered is done."""
    pause = threading.Event()
    for _ in range(2000):
        if worker.idle:
            return
        pause.wait(0.005)
    raise AssertionError('the worker is still busy after ten seconds')


def test_frames_that_come_during_a_slow_init_are_caught_up():
    local = Believer()
    local.go = threading.Event()
    stamps, done = [], threading.Event()

    def publish(result):
        stamps.append(result.track.stamp)
        if len(stamps) == 8:
            done.set()
    worker = Worker(LongTermTracker(local), publish, lambda c, t: None)
    worker.start()
    for n in range(5):
        worker.offer(item(n))
    first = worker.find(item(2).stamp, ['a'])
    worker.begin(first, worker.decode(first), BOX, Target('t', ''))
    assert local.at_init.wait(10)
    for n in range(5, 9):
        worker.offer(item(n))
    local.go.set()
    wait_until_idle(worker)
    worker.offer(item(9))
    assert done.wait(10)
    worker.stop()
    assert stamps == [item(n).stamp for n in range(2, 10)]
    counts = worker.counts('a')
    assert counts['received'] == 10 == counts['not_wanted'] + counts['processed']
    assert counts['replayed'] == 7 and counts['processed'] == 1


def follow(worker, n=0):
    """Start the worker and begin on frame n."""
    worker.start()
    first = item(n)
    worker.offer(first)
    worker.begin(first, np.zeros((60, 80, 3), np.uint8), BOX, Target('t', ''))
    wait_until_idle(worker)


@pytest.mark.parametrize('error', [SystemExit(3), MemoryError('no room'), KeyError('x')])
def test_whatever_is_raised_the_worker_goes_on_tells_and_counts(error):
    stamps, told = [], []

    def publish(result):
        if result.track.stamp == item(2).stamp:
            raise error
        stamps.append(result.track.stamp)
    worker = Worker(LongTermTracker(Believer()), publish, lambda c, t: told.append((c, t)))
    follow(worker)
    for n in range(1, 5):
        worker.offer(item(n))
        wait_until_idle(worker)
    assert stamps == [item(n).stamp for n in (0, 1, 3, 4)]
    assert told == [('', f'the worker failed and was started again: {type(error).__name__}: '
                         f'{error}')]
    assert worker.failures == 1 and worker.target.name == 't'
    counts = worker.counts('a')
    assert counts['received'] == 5 == sum(counts[f] for f in FATES)
    worker.stop()


def test_a_word_for_one_target_is_none_for_the_next_and_what_waits_can_be_forgotten():
    local, shown = Believer(), []
    worker = Worker(LongTermTracker(local), lambda r: shown.append(r.target.name),
                    lambda c, t: None)
    follow(worker)
    local.at_init.clear()
    local.go, local.disown = threading.Event(), lambda: shown.append('disowned')
    local.own = local.disown
    worker.begin(item(0), np.zeros((60, 80, 3), np.uint8), BOX, Target('u', ''))
    assert local.at_init.wait(10) and worker.advise(False) == 't'
    local.go.set()
    wait_until_idle(worker)
    assert set(shown) == {'t', 'u'}
    local.go = threading.Event()
    worker.begin(item(0), np.zeros((60, 80, 3), np.uint8), BOX, Target('v', ''))
    assert worker.forget() == 'v' and worker.forget() == ''
    local.go.set()
    wait_until_idle(worker)
    worker.stop()
    assert set(shown) == {'t', 'u'} and not worker.target.name


def test_a_failure_in_the_middle_of_a_beginning_leaves_no_frame_waiting():
    tracker = LongTermTracker(Believer())
    stamps, told = [], []
    worker = Worker(tracker, lambda r: stamps.append(r.track.stamp), lambda c, t: told.append(t))
    follow(worker)
    wants, tracker.wants = tracker.wants, None  # None is not callable: _begin fails half-way
    worker.offer(item(1, camera='b'))
    worker.begin(item(0), np.zeros((60, 80, 3), np.uint8), BOX, Target('u', ''))
    wait_until_idle(worker)
    tracker.wants = wants
    worker.offer(item(1))
    wait_until_idle(worker)
    worker.stop()
    assert len(told) == 1 and 'TypeError' in told[0]
    assert stamps == [item(0).stamp, item(1).stamp]


def test_what_a_decoder_throws_is_the_frames_own_fault(monkeypatch):
    def broken(self, message):
        raise cv2.error('size is greater than the maximum\n in imdecode')
    stamps, told = [], []
    worker = Worker(LongTermTracker(Believer()), lambda r: stamps.append(r.track.stamp),
                    lambda c, t: told.append((c, t)))
    follow(worker)
    with monkeypatch.context() as m:
        m.setattr(Decoder, 'msg_to_image', broken)
        worker.offer(item(1))
        wait_until_idle(worker)
    worker.offer(item(2))
    wait_until_idle(worker)
    worker.stop()
    assert told == [('a', 'error: size is greater than the maximum in imdecode')]
    assert stamps == [item(0).stamp, item(2).stamp]
    assert worker.counts('a')['undecodable'] == 1


def test_what_came_later_is_caught_up_whatever_its_stamp():
    stamps = []
    worker = Worker(LongTermTracker(Believer()), lambda r: stamps.append(r.track.stamp),
                    lambda c, t: None)
    for n in [*range(20), *range(20), *range(6)]:  # two seconds in a loop, three are kept
        worker.offer(item(n))
    worker.start()
    first = worker.find(item(3).stamp, ['a'])
    assert worker.begin(first, worker.decode(first), BOX, Target('t', '')) == 2
    wait_until_idle(worker)
    worker.stop()
    assert stamps == [item(n).stamp for n in (3, 4, 5)]


def test_a_replay_that_would_need_more_memory_than_given_is_cut_short():
    stamps, go = [], threading.Event()

    def publish(result):
        stamps.append(result.track.stamp)
        if len(stamps) == 2:
            assert go.wait(10)
    worker = Worker(LongTermTracker(Believer()), publish, lambda c, t: None, history=(60.0, 1.0))
    frames = [item(n) for n in range(505)]
    for frame in frames[:5]:
        worker.offer(frame)
    worker.start()
    worker.begin(frames[0], worker.decode(frames[0]), BOX, Target('t', ''))
    for _ in range(1000):
        if len(stamps) == 2:
            break
        threading.Event().wait(0.005)
    for frame in frames[5:]:
        worker.offer(frame)
    go.set()
    wait_until_idle(worker)
    worker.stop()
    counts = worker.counts('a')
    assert stamps[:2] == [f.stamp for f in frames[:2]] and stamps[-1] == frames[-1].stamp
    assert counts['overwritten'] > 200  # 9600 bytes each, two megabytes wait at most
    assert counts['received'] == 505 == sum(counts[f] for f in FATES)


class Doubter(Believer):
    """Finds nothing any more."""

    def track(self, frame, regions):
        """Doubt."""
        return [TrackerOutput(self.box, 0.0, 0.0) for _ in regions]


def test_time_since_last_seen_goes_on_where_the_clock_is_set_back():
    unseen = []
    worker = Worker(LongTermTracker(Doubter()), lambda r: unseen.append(r.unseen_s),
                    lambda c, t: None)
    follow(worker, 10)
    for n in (11, 12, 2, 3, 13):
        worker.offer(item(n))
        wait_until_idle(worker)
    worker.stop()
    assert unseen == pytest.approx([0, 0.1, 0.2, 0.2, 0.3, 1.3])


class SlowLevels(Levels):
    """Takes its time between reading and writing the range: two at once would lose one's."""

    reading = threading.Event()

    @property
    def span(self):
        """Return what was known before the pause."""
        known = self._span
        self.reading.set()
        threading.Event().wait(0.05)
        return known

    @span.setter
    def span(self, value):
        self._span = value


class SlowDecoder(Decoder):
    """A decoder with these."""

    def __init__(self, *limits):
        """Start without a range."""
        super().__init__(*limits)
        self.levels = SlowLevels()


def test_a_service_may_decode_while_the_worker_decodes_the_same_camera(monkeypatch):
    monkeypatch.setattr(decoders, 'Decoder', SlowDecoder)
    images, complaints = {}, []
    worker = Worker(LongTermTracker(Believer()), lambda r: images.update({r.track.stamp: r.image}),
                    lambda c, t: complaints.append(t))
    worker.start()
    worker.offer(item(0, 200))
    worker.begin(item(0), np.zeros((60, 80, 3), np.uint8), BOX, Target('t', ''))
    wait_until_idle(worker)
    SlowLevels.reading.clear()
    bright = []
    service = threading.Thread(target=lambda: bright.append(worker.decode(item(1, 4000))))
    service.start()
    assert SlowLevels.reading.wait(10)
    worker.offer(item(2, 700))  # the service is in the middle of it
    service.join(10)
    wait_until_idle(worker)
    worker.stop()
    # what the service saw of this camera is known when the worker reads the next
    first, second = Levels(), [item(n, v).message.data for n, v in ((0, 200), (1, 4000), (2, 700))]
    want = [first(np.frombuffer(d, '<u2').reshape(60, 80)) for d in second]
    assert (bright[0] == want[1][0, 0]).all()
    assert (images[item(2).stamp] == want[2][0, 0]).all()
    assert not complaints


def test_cameras_are_decoded_each_with_its_own_range():
    worker = Worker(LongTermTracker(Believer()), lambda r: None, lambda c, t: None)
    for camera, value in (('a', 60000), ('b', 200)):
        assert abs(int(worker.decode(item(0, value, camera))[0, 0, 0]) - 128) <= 1
    assert [worker.decoders.shown(c) for c in 'abc'] == ['59992..60008', '192..208', '']
