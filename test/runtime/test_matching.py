"""Which depth image belongs to which result."""

from lg_tracker_ros.runtime.matching import KEPT_BYTES, Matcher, MOST

MS = 10**6


def test_the_same_stamp_is_paired_whoever_comes_first():
    matcher = Matcher(0.02)
    assert matcher.result(100 * MS, 'a') == []
    assert matcher.depth(100 * MS, 'A', 9) == [('a', 'A')]
    assert matcher.depth(133 * MS, 'B', 9) == []
    assert matcher.result(133 * MS, 'b') == [('b', 'B')]


def test_the_nearest_counts_as_soon_as_no_nearer_one_can_come():
    matcher = Matcher(0.02)
    matcher.depth(90 * MS, 'A', 9)
    assert matcher.result(100 * MS, 'a') == []  # one at 105 may follow
    assert matcher.depth(105 * MS, 'B', 9) == [('a', 'B')]
    assert matcher.result(96 * MS, 'b') == [('b', 'A')]


def test_what_is_too_far_apart_is_told_once():
    matcher = Matcher(0.02)
    matcher.depth(50 * MS, 'A', 9)
    assert matcher.result(100 * MS, 'a') == []
    assert matcher.depth(150 * MS, 'B', 9) == [('a', None)]
    assert matcher.depth(151 * MS, 'C', 9) == []


def test_depth_that_stops_is_waited_for_no_longer_than_a_second():
    matcher = Matcher(0.02)
    assert [matcher.result(n * 100 * MS, n) for n in range(11)] == [[]] * 11
    assert matcher.result(1100 * MS, 11) == [(0, None)]
    assert matcher.depth(1100 * MS, 'A', 9) == [
        *[(n, None) for n in range(1, 11)], (11, 'A')]


def test_a_tracker_that_takes_seconds_for_an_image_finds_its_depth():
    matcher = Matcher(0.02)
    for n in range(130):  # 10 Hz; a result of the newest image every 3 s, 3 s after it
        assert matcher.depth(n * 100 * MS, n, 9) == []
        if n >= 30 and n % 30 == 0:
            found = matcher.result((n - 30) * 100 * MS, n - 30)
            # before the first result nothing says how slow it is
            assert found == [(n - 30, n - 30 if n > 30 else None)]
    for n in range(130, 400):
        matcher.depth(n * 100 * MS, n, 9)
    assert matcher.result(385 * 100 * MS, 'late') == [('late', None)]  # no more than a second


def test_a_bag_that_begins_again_begins_anew():
    matcher = Matcher(0.02)
    matcher.depth(50_000 * MS, 'old', 9)
    matcher.result(50_100 * MS, 'lost')
    assert matcher.depth(100 * MS, 'A', 9) == [('lost', None)]
    assert matcher.result(100 * MS, 'a') == [('a', 'A')]


def test_memory_is_bounded():
    matcher = Matcher(0.02)
    for n in range(40):
        matcher.depth(n * MS, n, KEPT_BYTES // 10)
    assert [matcher.result(n * MS, n) for n in (39, 0)] == [[(39, 39)], [(0, None)]]
    waiting = Matcher(0.02)
    told = [waiting.result(0, n) for n in range(MOST + 1)]
    assert told[:-1] == [[]] * MOST and told[-1] == [(0, None)]


def test_of_stamps_that_stand_still_the_newest_depth_counts():
    matcher = Matcher(0.02)
    for depth in 'ABC':
        matcher.depth(100 * MS, depth, 9)
    assert matcher.result(100 * MS, 'a') == [('a', 'C')]
