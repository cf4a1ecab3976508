"""What waits for a worker's targets, in which order; no thread and no ROS."""

from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.targets.orders import Orders
import pytest


@pytest.fixture
def done():
    """Take note of what was done."""
    return []


def orders_of(done, places=2):
    """Return orders, and a function that makes work which writes a word down."""
    return Orders(places), lambda word: lambda: done.append(word)


def do_all(orders):
    """Do what waits."""
    while (work := orders.take()) is not None:
        work()


def test_only_the_last_target_that_waits_for_a_place_is_begun_on(done):
    orders, note = orders_of(done)
    for word, place in (('a', 0), ('b', 1), ('c', 0)):
        orders.begin(Target(word, '', place), note(word))
    orders.add(note('else'))
    assert len(orders) == 3 and orders.starting
    assert [p.booked for p in orders.places] == ['c', 'b']
    do_all(orders)
    assert done == ['b', 'c', 'else'] and not orders


def test_what_is_to_be_forgotten_is_not_booked_and_not_published(done):
    orders, note = orders_of(done)
    orders.begin(Target('a', '', 0), note('a'))
    assert orders.reset(0, note('reset')) == 'a'  # it waits to be begun on
    assert not orders.starting  # a reset comes behind it
    assert [p.booked for p in orders.places] == ['', '']
    assert orders.places[0].forgotten and not orders.places[1].forgotten
    assert orders.waits('reset') and orders.waits('begin', 0) and not orders.waits('begin', 1)
    do_all(orders)
    assert done == ['a', 'reset']


def test_a_target_that_waits_elsewhere_is_still_starting(done):
    orders, note = orders_of(done)
    orders.begin(Target('a', '', 1), note('a'))
    orders.reset(0, note('reset'))
    assert orders.starting


def test_places(done):
    orders, note = orders_of(done)
    assert orders.place_for('a') == 0
    orders.begin(Target('a', '', 0), note('a'))
    assert (orders.place_for('a'), orders.place_for('b'), orders.place_for('')) == (0, 1, 1)
    orders.begin(Target('b', '', 1), note('b'))
    with pytest.raises(ValueError, match=r'all 2 targets are taken; .* to replace: a, b$'):
        orders.place_for('c')
    alone, _ = orders_of(done, places=1)
    alone.begin(Target('a', '', 0), note('a'))
    assert alone.place_for('c') == 0  # every new target takes it over
