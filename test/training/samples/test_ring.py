"""The ring of samples, its writers and streams."""

import gc
import multiprocessing
import os
import signal
import time

from helpers.toy import FIELDS, filled, sample
from lg_tracker_ros.reading.guard import LONGEST
from lg_tracker_ros.training.networks.network import Field
from lg_tracker_ros.training.samples.ring import replay, Ring, stream
from lg_tracker_ros.training.samples.writers import Writers
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.usefixtures('one_thread')


@pytest.fixture
def ring(tmp_path):
    return filled(tmp_path / 'ring')


def test_a_step_of_a_stream_does_not_depend_on_who_makes_it():
    batches = [list(stream(lambda: sample, FIELDS, 3, 6, range(2, 6), workers=w)) for w in (0, 2)]
    assert len(batches[0]) == 4 and batches[0][0]['x'].shape == (6, 4)
    assert batches[0][0]['x'].dtype == torch.float16 and batches[0][0]['y'].shape == (6,)
    for a, b in zip(*batches):
        assert torch.equal(a['x'], b['x'])
    parts = [next(iter(stream(lambda: sample, FIELDS, 3, 6, range(2, 6), r, 2))) for r in (0, 1)]
    whole = batches[0][0]['x']
    assert torch.equal(parts[0]['x'], whole[::2]) and torch.equal(parts[1]['x'], whole[1::2])
    assert not torch.equal(batches[0][0]['x'], batches[0][1]['x'])


def test_several_writers_fill_a_ring_as_one_does(tmp_path, ring):
    other = Ring(tmp_path / 'other', FIELDS, 40).attach()
    with Writers(other, lambda: sample, 7, 3, 40) as writers:
        writers.wait(40, 'samples')
    a, b = next(iter(ring.batches(99))), next(iter(other.batches(99)))
    assert len(a['x']) == 40 and torch.equal(a['x'], b['x']) and torch.equal(a['y'], b['y'])
    # beyond its end the oldest go
    with Writers(other, lambda: sample, 7, 2, 55) as writers:
        for p in writers.processes:
            p.join(20)
    assert other.newest == 54 and len(other) == 40
    assert not other.has(14) and other.has(15) and other.has(54)
    c = next(iter(other.batches(99)))['x']
    assert torch.equal(c[15:], a['x'][15:]) and not torch.equal(c[:15], a['x'][:15])


def large(rng):
    """Draw a sample that takes a while to copy, all of one value."""
    return {'x': np.full(20000, rng.integers(1, 1000))}


def test_no_sample_is_torn(tmp_path):
    """Read while two processes write at full speed over the same few places."""
    ring = Ring(tmp_path / 'ring', {'x': Field((20000,), 'int32')}, 3).attach()
    with Writers(ring, lambda: large, 0, 2) as writers:
        writers.wait(3, 'samples')
        seen = set()
        for step in range(300):
            x = next(iter(replay(ring, 0, 2, range(step, step + 1))))['x']
            assert (x == x[:, :1]).all()
            seen |= set(x[:, 0].tolist())
    assert len(seen) > 10  # it was being written
    assert not any(p.is_alive() for p in writers.processes)


@pytest.mark.timeout(30)
def test_writers_end_whatever_their_parent_does_on_sigterm(tmp_path):
    """A handler is inherited by what is forked, and rclpy leaves one behind."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with Writers(Ring(tmp_path, FIELDS, 40).attach(), lambda: sample, 7, 1) as writers:
            writers.wait(3, 'samples')
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [p.exitcode for p in writers.processes] == [-signal.SIGTERM]


class Threaded:
    """Something in a cycle that whoever frees it must have threads for, as a decoder's frame."""

    def __init__(self, where):
        """Note in the file ``where`` who frees it."""
        self.where, self.itself = where, self

    def __del__(self):
        """Free it."""
        with self.where.open('a') as f:
            f.write(f'{os.getpid()} ')


def test_a_writer_frees_nothing_of_its_parents(tmp_path):
    """Its threads stayed behind: the writer would wait for them for ever."""
    freed = tmp_path / 'freed'
    gc.disable()
    try:
        Threaded(freed)  # garbage
        kept = [Threaded(freed)]

        def make():
            kept.clear()
            gc.collect()
            return sample
        with Writers(Ring(tmp_path / 'ring', FIELDS, 4).attach(), make, 7, 1, 4) as writers:
            writers.wait(4, 'samples')
        assert freed.read_text().split() == [str(os.getpid())] and gc.get_freeze_count() == 0
    finally:
        gc.enable()


def flicker(ring):
    """Fill and empty the places of a ring at full speed."""
    while True:
        ring.numbers[:] = 1
        ring.numbers[:] = 0


def test_places_are_listed_while_they_change(tmp_path):
    """An array that changes meanwhile is one that NumPy refuses to list."""
    ring = Ring(tmp_path / 'ring', FIELDS, 50_000).attach()
    writer = multiprocessing.get_context('fork').Process(target=flicker, args=(ring,), daemon=True)
    writer.start()
    try:
        counts, listed, deadline = set(), 0, time.monotonic() + 60
        while listed < 300 or (len(counts) < 2 and time.monotonic() < deadline):
            counts.add(len(ring.present()))
            listed += 1
    finally:
        writer.kill()
        writer.join()
    assert len(counts) > 1  # it was being written


def test_a_ring_refuses_others_samples(tmp_path, ring):
    with pytest.raises(ValueError, match=r'holds other samples.*use another --ring') as error:
        Ring(ring.folder, {'x' * 300: Field((5,))}, 40).attach()
    assert len(str(error.value)) <= LONGEST
    with pytest.raises(ValueError, match='a sample lacks the field y; it has x'):
        ring.write(40, {'x': np.zeros(4)})
    with pytest.raises(ValueError, match=r'field x .* expected shape \(4,\), got \(5,\)'):
        ring.write(40, {'x': np.zeros(5), 'y': 0.0})
    assert ring.newest == 39


def fail():
    raise ValueError('the sources hold nothing')


def test_what_a_writer_meets_with_is_told(tmp_path):
    ring = Ring(tmp_path / 'ring', FIELDS, 4).attach()
    with Writers(ring, fail, 0, 1) as writers, pytest.raises(ValueError, match='hold nothing'):
        writers.wait(4, 'samples')
    with Writers(ring, lambda: sample, 0, 1) as writers:
        writers.wait(4, 'samples')
        os.kill(writers.processes[0].pid, signal.SIGKILL)
        writers.processes[0].join(10)
        with pytest.raises(ValueError, match='ended with status -9'):
            writers.check()
