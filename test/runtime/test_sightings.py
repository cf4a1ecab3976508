"""Where several targets were seen lately, and what is apart from all of them."""

from types import SimpleNamespace

from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.sightings import apart, Sightings
from lg_tracker_ros.types import Box

ONE, TWO = Target('one', '', 0), Target('two', '', 1)
MS = 10**6


def put(sightings, target, ms, box, camera='a'):
    """Put a result in."""
    sightings.put(SimpleNamespace(target=target, track=SimpleNamespace(
        camera=camera, stamp=ms * MS, box=box)))


def test_between_two_results_a_target_is_anywhere_from_one_to_the_other():
    sightings = Sightings()
    put(sightings, ONE, 100, Box(10, 20, 30, 40))
    put(sightings, ONE, 200, Box(20, 10, 30, 40))
    put(sightings, TWO, 150, Box(200, 10, 30, 40))
    around = sightings.around
    assert around([ONE], 'a', 100 * MS) == [Box(10, 20, 30, 40)]
    assert around([ONE], 'a', 150 * MS) == [Box(10, 10, 40, 50)]
    assert around([ONE, TWO], 'a', 150 * MS) == [Box(10, 10, 40, 50), Box(200, 10, 30, 40)]
    assert around([], 'a', 1) == []
    # not known yet, too long ago, of another camera, of one who was there before
    for targets, camera, ms in (([ONE], 'a', 201), ([ONE], 'a', 99), ([ONE, TWO], 'a', 180),
                                ([ONE], 'b', 150), ([Target('one', '', 0)], 'a', 150)):
        assert around(targets, camera, ms * MS) is None


def test_who_is_not_seen_on_both_sides_may_be_anywhere():
    sightings = Sightings()
    for ms, box in ((100, Box(10, 20, 30, 40)), (200, None), (300, Box(10, 20, 30, 40))):
        put(sightings, ONE, ms, box)
    assert sightings.around([ONE], 'a', 150 * MS) is None
    assert sightings.around([ONE], 'a', 300 * MS) is not None
    put(sightings, ONE, 100, Box(10, 20, 30, 40))  # a bag begins again
    assert sightings.around([ONE], 'a', 300 * MS) is None


def test_apart_is_who_is_neither_the_same_nor_a_part_of_one():
    person = Box(100, 100, 60, 160)
    assert apart(Box(150, 100, 60, 160), [person])  # side by side, one before the other
    assert apart(Box(0, 0, 9, 9), [])
    for same in (person, Box(115, 105, 30, 30), Box(60, 60, 140, 240), Box(120, 140, 60, 160)):
        assert not apart(same, [Box(400, 0, 9, 9), person])
