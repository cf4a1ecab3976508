"""A replay: every frame in its order, moments of several cameras together."""

from lg_tracker_ros.runtime.buffers import Counts, Item, MOST
from lg_tracker_ros.runtime.lockstep import Queue
import pytest

MS = 10**6


def item(n, camera='a', shift=0, arrived=None, size=100):
    """Make frame n, stamped n x 100 ms and a shift after 1 s."""
    t = (1000 + 100 * n + shift) * MS
    return Item(camera, t, None, t if arrived is None else arrived * MS, size=size)


def queue(**kwargs):
    """Make one that follows camera a and wants what ``wants`` says."""
    made = Queue(Counts(), 1.0, kwargs.pop('megabytes', 100))
    made.follow('a', kwargs.pop('wants', lambda camera: True))
    return made


def names(items):
    """Return camera and number of each frame."""
    return [(i.camera, (i.stamp // MS - 1000) // 100) for i in items]


def test_every_frame_waits_for_its_turn():
    q = queue()
    assert not q.ready and q.take() == []
    for n in range(5):
        q.push(item(n))
    taken = []
    while q.ready:
        taken += names(q.take())
    assert taken == [('a', n) for n in range(5)]


def test_cameras_are_taken_by_stamp_whatever_the_order_of_arrival():
    for order in ([0, 1, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2], [0, 3, 1, 4, 5, 2]):
        frames = [item(n, 'a') for n in range(3)] + [item(n, 'b', shift=5) for n in range(3)]
        q = queue()
        q.push(item(-1, 'b'))  # both are known from here on
        q.push(item(-1, 'a'))
        assert names(q.take()) == [('a', -1), ('b', -1)]
        taken = []
        for i in order:
            q.push(frames[i])
            while q.ready:
                taken.append(names(q.take()))
        assert taken == [[('a', n), ('b', n)] for n in range(3)]


def test_a_camera_that_is_silent_is_not_waited_for():
    q = queue()
    q.push(item(0, 'b'))
    q.push(item(0, 'a'))
    q.take()
    q.push(item(1, 'a', arrived=1100))
    assert not q.ready
    q.push(item(2, 'a', arrived=2200))
    assert q.ready and names(q.take()) == [('a', 1)] and names(q.take()) == [('a', 2)]


def test_where_the_targets_camera_has_fallen_silent_the_others_frames_are_wanted():
    q = queue(wants=lambda camera: False)
    q.push(item(0, 'a'))
    q.take()
    for n in (1, 9):
        q.push(item(n, 'b'))
        assert not q.ready
    q.push(item(10, 'a'))  # it was but slow: what came meanwhile is of no use, as ever
    q.push(item(10, 'b'))
    assert names(q.take()) == [('a', 10)] and q.counts.of('b')['not_wanted'] == 3
    for n in (11, 36, 37):  # by now 2.5 of its periods have passed
        q.push(item(n, 'b'))
    assert q.ready and [names(q.take()) for _ in range(3)] == [[('b', n)] for n in (11, 36, 37)]


def test_a_target_that_was_just_begun_on_is_waited_for_in_its_camera():
    q = queue(wants=lambda camera: False)
    q.push(item(1, 'b'))
    assert not q.ready
    q.push(item(2, 'a'))
    q.push(item(2, 'b'))
    assert names(q.take()) == [('a', 2)]


def test_at_the_end_of_a_recording_nobody_is_waited_for():
    q = queue()
    q.push(item(0, 'b'))
    q.push(item(0, 'a'))
    q.take()
    q.push(item(1, 'a'))
    q.push(item(2, 'a'))
    q.pass_time(0.6)
    assert not q.ready
    q.push(item(3, 'a'))
    q.pass_time(0.6)  # since the last one
    assert not q.ready
    q.pass_time(0.6)
    taken = []
    while q.ready:
        taken += names(q.take())
    assert taken == [('a', 1), ('a', 2), ('a', 3)]


def test_what_is_not_wanted_is_counted_and_no_moment_is_empty():
    q = queue(wants=lambda camera: False)
    for n in range(2):
        q.push(item(n, 'b'))
    q.push(item(1, 'a'))
    assert names(q.take()) == [('a', 1)]
    assert q.counts.of('b')['not_wanted'] == 2
    q.push(item(2, 'a'))
    q.follow('')
    q.push(item(3, 'a'))
    assert not q.ready and q.counts.of('a')['not_wanted'] == 2


@pytest.mark.parametrize('size, kept', [(0, MOST), (2**19, 2)])
def test_memory_is_bounded_and_what_goes_is_counted(size, kept):
    q = queue(megabytes=1)
    for n in range(MOST + 5):
        q.push(item(n, size=size))
    assert q.counts.of('a')['overwritten'] == MOST + 5 - kept
    assert names(q.take()) == [('a', MOST + 5 - kept)]


def test_more_memory_holds_for_what_comes_then():
    q = queue(megabytes=1)
    q.limit(1.0, 4)
    for n in range(5):
        q.push(item(n, size=2**20))
    assert q.counts.of('a') == {'overwritten': 1}


def test_a_bag_that_begins_again_leaves_nobody_waiting():
    q, taken, arrived = queue(), [], 0
    rounds = [*range(0, 70, 10), *range(0, 70, 10)]
    q.push(item(-1, 'b', arrived=0))  # both are known from here on
    for n in rounds:
        for camera in 'ab':
            arrived += 50
            q.push(item(n, camera, shift=20 * 'ab'.index(camera), arrived=arrived))
            assert not q.apart
            while q.ready:
                taken.append(names(q.take()))
    # b's last image of the first round comes before any of the second, whose last waits for a
    assert taken == [[('b', -1)], *[[(camera, n)] for n in rounds for camera in 'ab'][:-1]]
    q.push(item(0, 'a', arrived=arrived + 50))
    q.clear()
    assert not q.ready and q.take() == []
    assert sum(q.counts.of(c)['not_wanted'] for c in 'ab') == 2


def test_what_waits_from_before_is_bounded_and_those_of_one_moment_are_together():
    q = queue()
    for n in range(4):
        q.push(item(n, 'b', shift=5))
    for n in range(4):
        q.push(item(n, 'a'))
    q.push(item(0, 'a'))
    assert [names(q.take()) for _ in range(4)] == [[('a', n), ('b', n)] for n in range(4)]
    assert not q.ready
    q = queue(megabytes=3)
    for n in (*range(5), 0):
        q.push(item(n, size=2**20))
    assert names(q.take()) == [('a', 2)]
    assert q.counts.of('a')['overwritten'] == 2


def test_a_camera_that_is_ahead_of_what_comes_with_it_is_told():
    q = queue()
    for n in range(3):
        q.push(item(n, 'a'))
        q.push(item(n, 'b', shift=4900, arrived=1000 + 100 * n))
        q.take()
    assert not q.apart  # a recording may be played with such a delay
    q.push(item(3, 'a'))
    q.push(item(3, 'b', shift=7200, arrived=1300))
    assert q.apart == (
        'images of b are stamped 7.2 s later than those of a that come with them, and wait for '
        'these: give cameras of two clocks one, or turn lockstep off')
    q.push(item(13, 'b', shift=7200, arrived=2400))  # a has fallen silent, and is waited for
    assert not q.apart                               # no longer
    q.follow('')
    assert not q.apart
