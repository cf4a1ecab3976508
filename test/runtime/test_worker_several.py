"""Several targets in one worker: places, frames decoded once, catching up; no ROS."""

import threading

from lg_tracker_ros.boxes import scale
from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.runtime.buffers import FATES
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.tracker import LongTermTracker
import numpy as np
import pytest

from runtime.test_worker import Believer, BOX, item, wait_until_idle

IMAGE = np.zeros((60, 80, 3), np.uint8)


class Rig:
    """A worker with two targets; ``seen`` holds (place, stamp number, camera) of the results."""

    def __init__(self, every=1, at_once=1):
        """Start it."""
        self.locals = [Believer(), Believer()]
        self.seen, self.together, self.told = [], [], []
        first, second = map(LongTermTracker, self.locals)
        self.worker = Worker(
            first, lambda r: self.seen.append((r.target.place, r.track.stamp // 10**8 - 1,
                                               r.track.camera)),
            lambda c, t: self.told.append(t), more=[second], every=every,
            at_once=at_once,
            together=lambda results: self.together.append([r.target.name for r in results]))
        self.worker.start()

    def __enter__(self):
        """Return the rig."""
        return self

    def __exit__(self, *_):
        """End the worker."""
        self.worker.stop()

    def offer(self, *numbers, camera='a'):
        """Offer frames one after the other, each when the one before is done."""
        for n in numbers:
            self.worker.offer(item(n, camera=camera))
            wait_until_idle(self.worker)

    def begin(self, n, name, camera='a', box=BOX):
        """Begin on a kept frame."""
        first = self.worker.find(item(n).stamp, [camera])
        place = self.worker.place_for(name)
        behind = self.worker.begin(first, IMAGE, box, Target(name, '', place))
        wait_until_idle(self.worker)
        return place, behind


@pytest.mark.parametrize('at_once', [1, 2])
def test_both_see_each_frame_which_is_decoded_once(monkeypatch, at_once):
    decoded = []
    real = Decoder.msg_to_image
    monkeypatch.setattr(Decoder, 'msg_to_image',
                        lambda self, m: decoded.append(m) or real(self, m))
    with Rig(at_once=at_once) as rig:
        rig.offer(0)
        assert [rig.begin(0, 'x')[0], rig.begin(0, 'y')[0]] == [0, 1]
        rig.offer(1, 2)
        assert rig.seen == [(0, 0, 'a'), (1, 0, 'a'), (0, 1, 'a'), (1, 1, 'a'), (0, 2, 'a'),
                            (1, 2, 'a')]
        assert rig.together == [['x', 'y']] * 2 and len(decoded) == 2
        count = rig.worker.counts('a')
        assert (count['received'], count['processed'], count['replayed']) == (3, 2, 2)


def test_the_second_may_be_looked_at_less_often():
    with Rig(every=3) as rig:
        rig.offer(0)
        rig.begin(0, 'x')
        rig.begin(0, 'y')
        rig.seen.clear()
        rig.offer(*range(1, 8))
        assert [n for place, n, _ in rig.seen if place == 0] == list(range(1, 8))
        second = [n for place, n, _ in rig.seen if place == 1]
        assert second == list(range(second[0], 8, 3)) and second[0] <= 3


def test_a_target_of_the_past_catches_up_alone():
    with Rig() as rig:
        rig.offer(0)
        rig.begin(0, 'x')
        rig.offer(1, 2, 3)
        assert rig.begin(1, 'y') == (1, 2)
        assert rig.seen[4:] == [(1, 1, 'a'), (1, 2, 'a'), (1, 3, 'a')]
        rig.offer(4)
        assert rig.seen[7:] == [(0, 4, 'a'), (1, 4, 'a')]


@pytest.mark.parametrize('begun', [4, 5, 2])
def test_who_is_begun_on_later_cuts_nobodys_catching_up_short(begun):
    with Rig() as rig:
        rig.offer(*range(6))
        rig.locals[0].go = threading.Event()
        for place, (n, name) in enumerate([(0, 'x'), (begun, 'y')]):  # the first is not done yet
            first = rig.worker.find(item(n).stamp, ['a'])
            rig.worker.begin(first, IMAGE, BOX, Target(name, '', place))
        rig.locals[0].go.set()
        wait_until_idle(rig.worker)
        assert [n for place, n, _ in rig.seen if place == 0] == list(range(6))
        assert [n for place, n, _ in rig.seen if place == 1] == list(range(begun, 6))
        count = rig.worker.counts('a')
        assert count['received'] == 6 == sum(count[f] for f in FATES)


def test_a_place_is_free_again_after_forget_and_is_found_by_its_name():
    with Rig() as rig:
        rig.offer(0)
        rig.begin(0, 'x')
        rig.begin(0, 'y')
        with pytest.raises(ValueError, match=r'all 2 targets are taken; .*: x, y'):
            rig.worker.place_for('z')
        assert rig.worker.place_for('y') == 1
        assert rig.worker.forget(0) == 'x'
        assert rig.worker.place_for('z') == 0
        wait_until_idle(rig.worker)
        rig.offer(1)
        assert rig.seen[-1] == (1, 1, 'a') and rig.worker.target.name == ''
        assert [t.name for t in rig.worker.targets] == ['', 'y']


@pytest.mark.parametrize('at_once', [1, 2])
def test_a_failing_target_leaves_the_other_alone(at_once):
    with Rig(at_once=at_once) as rig:
        rig.offer(0)
        rig.begin(0, 'x')
        rig.begin(0, 'y')
        del rig.locals[0].box
        rig.offer(1)
        assert rig.seen[-1] == (1, 1, 'a') and 'the tracker failed on a frame' in rig.told[0]
        count = rig.worker.counts('a')
        assert count['processed'] == 1 and count['failed'] == 0
        rig.locals[0].init = None  # not callable
        rig.begin(1, 'x')
        assert [t.name for t in rig.worker.targets] == ['', 'y'] and 'init of x' in rig.told[1]
        rig.offer(2)
        assert rig.seen[-1] == (1, 2, 'a')
        count = rig.worker.counts('a')
        assert count['received'] == sum(count[f] for f in FATES)


def test_targets_in_two_cameras_each_wait_for_their_own():
    with Rig() as rig:
        rig.offer(0)
        rig.offer(0, camera='b')
        rig.begin(0, 'x')
        rig.begin(0, 'y', 'b', scale(BOX, 1.5, 1.5))
        rig.seen.clear()
        rig.offer(1, 2)  # the other camera is slower: it isn't silent yet, nobody is lost
        rig.offer(2, camera='b')
        rig.offer(3)
        assert rig.seen == [(0, 1, 'a'), (0, 2, 'a'), (0, 3, 'a'), (1, 2, 'b')]
