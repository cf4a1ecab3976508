"""THOR's rule: volumes by another way, replacement against brute force, a memory that uses it."""

from lg_tracker_ros.recognition.diversity import log_volume, worth_replacing
from lg_tracker_ros.recognition.memory import Memory, MemoryConfig
import numpy as np
import pytest


def volume(vectors):
    """Give the squared volume from a QR decomposition."""
    return np.prod(np.diag(np.linalg.qr(np.asarray(vectors, float).T)[1])) ** 2


def test_a_volume_is_that_of_the_parallelepiped():
    x = np.random.default_rng(0).normal(size=(4, 9))
    assert np.exp(log_volume(x)) == pytest.approx(volume(x))
    assert log_volume(np.stack([x[0], x[0]])) < -20


def test_replacement_equals_brute_force():
    rng, outcomes = np.random.default_rng(1), set()
    for _ in range(200):
        kept, new = rng.normal(size=(4, 6)), rng.normal(size=6)
        each = [volume([*kept[:i], new, *kept[i + 1:]]) for i in range(4)]
        best = 1 + int(np.argmax(each[1:]))
        want = best if each[best] > volume(kept) else None
        assert worth_replacing(kept, new) == want
        outcomes.add(want)
    assert outcomes == {None, 1, 2, 3}  # the first never, the last as others


def test_the_first_alone_is_never_replaced():
    assert worth_replacing(np.ones((1, 3)), np.array([0, 9, 0])) is None
    # to replace the first would be best
    kept = np.array([[.1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert worth_replacing(kept, np.array([5, 0, 0])) is None


def test_a_diverse_memory_widens_and_keeps_to_what_is_like_the_first():
    rng = np.random.default_rng(2)
    first = np.eye(16, dtype=np.float32)[0]
    memory = Memory(first, MemoryConfig(lasting=4, recent=2, every=1, diverse=True))
    volumes = []
    for i in range(60):
        look = first + rng.normal(0, .1 if i % 3 else .5, 16).astype(np.float32)
        look = -look if i % 10 == 0 else look
        memory.accept(np.asarray(look / np.linalg.norm(look), np.float32))
        if len(memory.lasting) == 4:
            volumes.append(log_volume(np.stack([first, *memory.lasting])))
        assert len(memory.lasting) <= 4 and memory.first is first
    assert all(look @ first >= 0.5 for look in memory.lasting)
    assert (np.diff(volumes) >= 0).all() and volumes[-1] > volumes[0] + 1
