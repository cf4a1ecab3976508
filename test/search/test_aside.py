"""A search aside: when it begins, what it gives out, what is dropped."""

from helpers.fakes import ManualExecutor
from lg_tracker_ros.search.aside import Aside, MOST_AGE_S
from lg_tracker_ros.types import Box, Proposals
import pytest

S = 10**9
FOUND = {'a': Proposals([Box(1, 2, 3, 4)])}


def make():
    """Return (aside, executor, what was told)."""
    executor, told = ManualExecutor(), []
    return Aside(executor, told.append), executor, told


def test_what_was_found_is_given_out_once():
    aside, executor, told = make()
    assert aside.take(0) is None and not aside.busy
    aside.begin(5 * S, lambda: FOUND)
    assert aside.busy and aside.take(5 * S) is None
    assert executor.run() == 1 and not aside.busy
    found = aside.take(6 * S)
    assert (found.stamp, found.proposals) == (5 * S, FOUND) and found.ms >= 0
    assert aside.take(6 * S) is None and told == []


def test_one_search_at_a_time():
    aside, executor, _ = make()
    aside.begin(1, lambda: FOUND)
    aside.begin(2, lambda: pytest.fail('a second one'))
    assert executor.run() == 1
    assert aside.take(3).stamp == 1


@pytest.mark.parametrize('age, helps', [(0, True), (MOST_AGE_S, True), (MOST_AGE_S + 1e-3, False),
                                        (-1e-3, False)])
def test_places_grow_old_and_are_of_one_time(age, helps):
    aside, executor, told = make()
    aside.begin(100 * S, lambda: FOUND)
    executor.run()
    assert (aside.take(100 * S + round(age * S)) is not None) is helps
    assert not aside.busy and told == []


def test_what_was_dropped_is_not_given_out():
    aside, executor, _ = make()
    aside.begin(1, lambda: pytest.fail('cancelled before it began'))
    aside.drop()
    assert not aside.busy and executor.run() == 0
    aside.begin(2, lambda: FOUND)
    future, _ = executor.waiting[0]
    future.set_running_or_notify_cancel()
    aside.drop()
    aside.begin(3, lambda: pytest.fail('two at once'))
    assert aside.busy
    future.set_result(None)
    assert not aside.busy and aside.take(2) is None
    aside.begin(4, lambda: FOUND)
    executor.waiting.pop(0)
    executor.run()
    assert aside.take(4).stamp == 4


def test_an_error_is_told_and_found_nothing():
    def search():
        raise RuntimeError('device lost')
    aside, executor, told = make()
    aside.begin(1, search)
    executor.run()
    found = aside.take(2)
    assert found.proposals == {} and [str(e) for e in told] == ['device lost']


def test_a_search_slower_than_its_places_last_says_what_to_do(monkeypatch):
    clock = iter([0.0, 3.5])
    monkeypatch.setattr('lg_tracker_ros.search.aside.time.perf_counter', lambda: next(clock))
    aside, executor, told = make()
    aside.begin(1, lambda: FOUND)
    executor.run()
    assert aside.take(1 + 3 * S) is None
    assert 'took 3.5 s' in str(told[0]) and 'asynchronous_search' in str(told[0])
