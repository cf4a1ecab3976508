"""Tables for what waits before the tracker: history and mailbox."""

from lg_tracker_ros.runtime.buffers import Counts, FATES, Item, Mailbox, MOST, Ring
import pytest

MS = 10**6


def item(n, camera='a', ms=None, size=100):
    """Make frame n: stamped, and arrived, n x 100 ms after 1 s."""
    t = (1000 + (100 * n if ms is None else ms)) * MS
    return Item(camera, t, None, t, size=size, serial=n + 1)


def stamps(items):
    """Return the frames' numbers."""
    return [(i.stamp // MS - 1000) / 100 for i in items]


def test_ring_keeps_seconds_and_bytes():
    ring = Ring(0.5, 1)
    for n in range(10):
        ring.push(item(n))
    assert stamps(ring.after(0)) == [4, 5, 6, 7, 8, 9]
    assert stamps([ring.find(item(7).stamp)]) == [7]
    assert ring.find(item(3).stamp) is None and ring.find(item(7).stamp + 1) is None
    ring.limit(0.2, 1)
    assert ring.span() == (item(7).stamp, item(9).stamp)
    big = Ring(10, 1)
    for n in range(5):
        big.push(item(n, size=300_000))
    assert stamps(big.after(0)) == [2, 3, 4]


@pytest.mark.parametrize('before, now', [
    ([100, 101], [0, 1]), (range(20), [0, 1, 2]),  # a bag that is looped, long and short
    ([50, 51, 52], [46, 47]), ([50, 51], [900, 901])])  # a clock that is set
def test_a_jump_of_the_clock_begins_a_new_history(before, now):
    ring = Ring(3, 1)
    for n in [*before, *now]:
        ring.push(item(n))
    assert stamps(ring.after(0)) == list(now)
    assert ring.span() == (item(now[0]).stamp, item(now[-1]).stamp)


def test_a_frame_that_overtakes_another_is_no_jump():
    ring = Ring(3, 1)
    for ms in (0, 66, 33, 99):
        ring.push(item(0, ms=ms))
    assert len(ring) == 4


def test_ring_is_bounded_whatever_the_stamps_say_and_keeps_the_newest():
    for frozen in (True, False):
        ring = Ring(3600, 1)
        for n in range(3 * MOST):
            ring.push(item(n, ms=0 if frozen else n % 50, size=0))
        assert len(ring) == MOST
    big = Ring(3, 1)
    for n in range(3):
        big.push(item(n, size=2 * 2**20))
    assert stamps(big.after(0)) == [2]
    big.limit(3, 0.5)
    assert stamps([big.find(item(2).stamp)]) == [2]


def test_ring_keeps_unstamped_frames_by_arrival():
    bare = Ring(0.5, 1)
    for n in range(10):
        bare.push(Item('a', 0, None, n * 100 * MS))
    assert len(bare) == 6


# what comes (camera and ms), where the target is, whether all are searched -> moments
MOMENTS = [
    ('no target', '', False, [('a', 0), ('b', 1)], []),
    ('only the clock', 'a', False, [('b', 0), ('a', 1), ('b', 2)], [['a']]),
    ('all, at the clock', 'a', True, [('b', 0), ('a', 1), ('b', 2), ('a', 3)],
     [['a', 'b'], ['a', 'b']]),
    ('others too old', 'a', True, [('b', 0), ('a', 1500)], [['a']]),
    ('slow cameras, the clock is none silent', 'a', False,
     [('a', -4000), ('a', -2000), ('a', 0), ('b', 1900), ('a', 2000)], [['a']] * 4),
    ('slow cameras, all', 'a', True,
     [('b', -1900), ('a', 0), ('b', 100), ('a', 2000), ('b', 2100), ('a', 4000)],
     [['a'], ['a', 'b'], ['a', 'b']]),
    ('silent clock', 'a', False, [('a', 0), ('b', 500), ('b', 1100), ('b', 1200)],
     [['a'], ['b'], ['b']])]


@pytest.mark.parametrize('name, clock, everywhere, frames, want', MOMENTS,
                         ids=[m[0] for m in MOMENTS])
def test_moments(name, clock, everywhere, frames, want):
    counts = Counts()
    box = Mailbox(counts, timeout=1.0)
    box.follow(clock, lambda c: everywhere or c == clock)
    got, taken = [], 0
    for camera, ms in frames:
        new = item(0, camera, ms)
        counts.receive(new)
        box.push(new)
        if box.ready:
            moment = box.take()
            got.append([i.camera for i in moment])
            taken += len(moment)
    assert got == want
    box.clear()
    total = counts.of('a') + counts.of('b')
    assert total['received'] == len(frames) == taken + sum(total[f] for f in FATES)
