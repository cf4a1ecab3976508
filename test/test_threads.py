"""Pools that a process shares: one for each name, and none that a fork left without threads."""

import os
import signal
import threading
import warnings

from lg_tracker_ros.threads import shared_pool


def test_a_name_has_one_pool_of_its_count():
    seen = {name: {shared_pool(f'test {name}', 2).submit(threading.get_ident).result(9)
                   for _ in range(8)} for name in 'ab'}
    assert 1 <= len(seen['a']) <= 2 and 1 <= len(seen['b']) <= 2
    assert not seen['a'] & seen['b'] and threading.get_ident() not in seen['a'] | seen['b']


def test_a_process_that_forked_has_threads_of_its_own():
    assert shared_pool('test fork', 2).submit(max, 1, 2).result(9) == 2
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of threads, which are what this is about
        child = os.fork()
    if not child:
        signal.alarm(20)  # where it waits for threads that stayed behind
        os._exit(shared_pool('test fork', 2).submit(max, 2, 3).result())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
