"""The worker with searches in a second thread: frames go on, and nothing outlives its target."""

import threading

from helpers.fakes import ScriptedLocal
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Mode, Proposals
import numpy as np

from runtime.test_worker import item, wait_until_idle

HERE, THERE = Box(10, 10, 20, 20), Box(50, 30, 20, 20)
CONFIG = SearchConfig(beta1=0.75, beta2=2, rules=frozenset({'confirmation'}))


class Gated:
    """A re-detector that proposes THERE, each time when the test lets it."""

    history = 1

    def __init__(self):
        """Start without a target; with ``fail`` it raises."""
        self.go, self.searching = threading.Semaphore(0), threading.Semaphore(0)
        self.threads, self.inits, self.fail, self.busy = [], 0, False, False

    def init(self, frame, box):
        """Take the box, never in the middle of a search."""
        assert not self.busy
        self.inits += 1

    def propose(self, clip, size, k):
        """Wait for the test."""
        self.busy = True
        self.threads.append(threading.current_thread().name)
        self.searching.release()
        assert self.go.acquire(timeout=30)
        self.busy = False
        if self.fail:
            raise RuntimeError('device lost')
        return Proposals([THERE])


class Rig:
    """A worker that follows HERE since frame 0, lost from the first frame on; use in a with."""

    def __init__(self, **options):
        """Make the worker."""
        self.redetector, self.results, self.told = Gated(), [], []
        local = ScriptedLocal(lambda f, r: 0.9 if r.box == THERE else 0.1)
        self.worker = Worker(LongTermTracker(local, self.redetector, CONFIG),
                             self.results.append, lambda c, t: self.told.append(t),
                             **{'aside': True, **options})

    def __enter__(self):
        """Begin."""
        self.worker.start()
        self.begin(0, 't')
        return self

    def __exit__(self, *_):
        """End, letting every search go."""
        self.redetector.go.release(100)
        self.worker.stop()

    def begin(self, n, name):
        """Follow HERE from frame n on."""
        first = item(n)
        self.worker.offer(first)
        self.worker.begin(first, np.zeros((60, 80, 3), np.uint8), HERE, Target(name, ''))

    def play(self, *numbers):
        """Offer frames one after the other, each when the one before is done."""
        for n in numbers:
            wait_until_idle(self.worker)
            self.worker.offer(item(n))
        wait_until_idle(self.worker)

    def search_ends(self):
        """Let the search under way end, and wait until it has."""
        self.redetector.go.release()
        self.worker._searching.submit(int).result(30)  # of the one thread: it comes next


def test_frames_go_on_while_a_search_runs_and_what_it_finds_is_believed():
    with Rig() as rig:
        rig.play(1, 2, 3)
        assert rig.redetector.searching.acquire(timeout=30)
        rig.play(4, 5, 6)
        assert [r.track.mode for r in rig.results] == [Mode.LOCAL] * 7
        rig.search_ends()
        rig.play(7, 8)
        assert [(r.track.mode, r.track.box) for r in rig.results[7:]] == [
            (Mode.GLOBAL, None), (Mode.LOCAL, THERE)]
        assert rig.redetector.threads == ['lg_tracker search_0']
        counts = rig.worker.counts('a')
        assert (counts['received'], counts['processed'], counts['overwritten']) == (9, 8, 0)


def test_in_lockstep_searches_stay_within_the_frame():
    with Rig(lockstep=True) as rig:
        rig.redetector.go.release(9)
        rig.play(1, 2, 3, 4)
        assert [r.track.mode for r in rig.results] == [
            Mode.LOCAL, Mode.LOCAL, Mode.LOCAL, Mode.GLOBAL, Mode.LOCAL]
        assert rig.results[-1].track.box == THERE
        assert rig.redetector.threads == ['lg_tracker worker']


def test_a_failing_search_is_told_in_a_line_and_frames_and_searches_go_on():
    with Rig() as rig:
        rig.redetector.fail = True
        rig.play(1, 2, 3)
        rig.search_ends()
        rig.play(4)
        assert rig.told == ['a search of the whole image failed: RuntimeError: device lost']
        rig.redetector.fail = False
        rig.play(5, 6, 7)
        rig.search_ends()
        rig.play(8, 9)
        assert rig.results[-1].track.box == THERE and rig.worker.failures == 0


def test_a_reset_in_the_middle_of_a_search_is_at_once_and_drops_what_it_finds():
    with Rig() as rig:
        rig.play(1, 2, 3)
        assert rig.redetector.searching.acquire(timeout=30)
        assert rig.worker.forget() == 't'
        rig.play(4)
        assert rig.worker.target.name == ''  # though the search is under way
        rig.begin(5, 'u')  # waits for the re-detector, which one thread uses at a time
        rig.redetector.go.release()
        rig.play(6, 7)
        assert [r.target.name for r in rig.results[-3:]] == ['u'] * 3
        assert {r.track.mode for r in rig.results[-3:]} == {Mode.LOCAL}
        assert rig.redetector.inits == 2 and rig.told == []


def test_a_worker_that_stops_waits_for_its_search_and_leaves_no_thread():
    before = set(threading.enumerate())
    with Rig() as rig:
        rig.play(1, 2, 3)
        assert rig.redetector.searching.acquire(timeout=30)
    assert not rig.redetector.busy and set(threading.enumerate()) == before
    assert rig.worker.tracker.mode is Mode.IDLE
