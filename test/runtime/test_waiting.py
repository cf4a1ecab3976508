"""Each request that waits is answered exactly once."""

from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.waiting import MOST, Turns, Waiting
import pytest


def frame(stamp, camera='a'):
    """Return a frame without an image."""
    return Item(camera, stamp, None, stamp)


def test_each_is_answered_once_with_the_frame_it_meant_or_the_reason():
    waiting, answers = Waiting(), []

    def add(name, cameras, stamp, deadline):
        waiting.add(cameras, stamp, deadline, lambda a: answers.append((name, a)))
    add('next', ['a'], 0, 10)
    add('exact', ['a', 'b'], 7, 10)
    add('short', ['a'], 7, 2)
    add('other', ['b'], 0, 20)
    add('long', ['a'], 9, 20)
    first, second = frame(5), frame(7, 'b')
    waiting.arrived(first)
    assert answers == [('next', first)]
    waiting.expire(1.9)
    assert len(answers) == 1
    waiting.expire(2)
    waiting.arrived(second)
    assert answers[1:] == [('short', None), ('exact', second), ('other', second)]
    waiting.refuse('the node sleeps')
    assert answers[4:] == [('long', 'the node sleeps')]
    waiting.arrived(frame(9))
    waiting.expire(99)
    assert len(answers) == 5 and len(waiting) == 0


def test_too_many_are_refused():
    waiting = Waiting()
    for _ in range(MOST):
        waiting.add(['a'], 0, 1, lambda a: None)
    with pytest.raises(ValueError, match='call again later'):
        waiting.add(['a'], 0, 1, lambda a: None)
    waiting.arrived(frame(1))
    waiting.add(['a'], 0, 1, lambda a: None)
    assert len(waiting) == 1


def test_answers_take_turns():
    turns, given = Turns(batch=3), []
    for n in range(8):
        turns.ask(lambda n=n: given.append(n))
    assert given == [0, 1, 2]
    turns.tick()
    assert given == [0, 1, 2, 3, 4, 5] and not turns.idle
    turns.tick()
    turns.ask(lambda: given.append(8))
    turns.ask(lambda: given.append(9))
    assert given == list(range(9))
    turns.tick()
    turns.tick()
    assert given == list(range(10)) and turns.idle
