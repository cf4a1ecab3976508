"""Jobs over processes and over Ray: results, errors, workers that die, and Ctrl-C."""

from contextlib import contextmanager
from importlib.util import find_spec
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
from lg_tracker_ros.evaluation.experiments import jobs
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[3]


def double(number):
    if number == 13:
        raise ValueError('13 brings\n  bad luck')
    if number == 14:
        return 1 // (number - 14)
    return 2 * number


def die_once(marker):
    """Kill its own process the first time, as the kernel does when memory is out."""
    if marker.name == 'healthy':
        return os.getpid()
    if marker.exists():
        return marker.read_text(), os.getpid()
    marker.write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGKILL)


def die(marker):
    with open(marker, 'a') as file:
        file.write('x')
    os.kill(os.getpid(), signal.SIGSEGV)


def threads(name):
    return cv2.getNumThreads(), os.environ.get(name)


def unpicklable(number):
    return lambda: number


def by_job(results):
    return {job: (result, error) for job, result, error in results}


@pytest.mark.parametrize('workers', [1, 2])
def test_results_and_errors_in_one_line(workers):
    got = by_job(jobs.over_processes(double, [1, 2, 13, 14, 5], workers))
    assert [got[i] for i in (1, 2, 5)] == [(2, ''), (4, ''), (10, '')]
    assert got[13] == (None, '13 brings bad luck')
    result, error = got[14]
    assert result is None
    assert error.startswith('ZeroDivisionError: ')
    assert 'test_jobs.py:' in error


def test_one_worker_is_this_process_with_one_thread_and_leaves_no_trace():
    before = cv2.getNumThreads()
    assert list(jobs.over_processes(threads, ['HOME'], 1)) == [
        ('HOME', (1, os.environ['HOME']), '')]
    assert cv2.getNumThreads() == before


def test_each_process_has_one_thread():
    before = dict(os.environ)
    got = by_job(jobs.over_processes(threads, list(jobs.ONE_THREAD), 2))
    assert got == {name: ((1, '1'), '') for name in jobs.ONE_THREAD}
    assert dict(os.environ) == before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_dead_workers_job_is_done_again_in_a_fresh_process(tmp_path):
    marker, healthy = tmp_path / 'marker', tmp_path / 'healthy'
    got = by_job(jobs.over_processes(die_once, [marker, healthy], 2))
    (first, second), error = got[marker]
    assert error == ''
    assert int(first) not in (second, os.getpid())
    assert got[healthy][0] != second, 'the second attempt must have a process of its own'


def test_a_job_that_kills_two_workers_is_an_error_and_the_others_are_done(tmp_path):
    wanted = [tmp_path / 'healthy', tmp_path / 'marker']
    got = by_job(jobs.over_processes(die, [wanted[1]], 2))
    assert got == {wanted[1]: (None, 'its process died twice (signal SIGSEGV)')}
    assert wanted[1].read_text() == 'xx'


def test_a_result_that_cannot_be_sent_is_an_error():
    got = by_job(jobs.over_processes(unpicklable, [7], 2))
    assert got[7][0] is None
    assert got[7][1].startswith('the result cannot leave its process: ')


def test_no_workers():
    with pytest.raises(ValueError, match='at least one worker is needed, got 0'):
        jobs.over_processes(double, [1], 0)


def test_closing_the_iterator_ends_the_processes():
    results = jobs.over_processes(double, [1, 2, 3, 4], 2)
    next(results)
    assert len(workers_of(psutil.Process())) == 2
    results.close()
    assert not workers_of(psutil.Process())


def workers_of(process):
    return [p for p in process.children(recursive=True)
            if p.status() != psutil.STATUS_ZOMBIE and 'spawn_main' in ' '.join(p.cmdline())
            and 'resource_tracker' not in ' '.join(p.cmdline())]


@contextmanager
def long_jobs(folder):
    """Start a process whose two workers are in a job of ten minutes; gives it and them."""
    script = folder / 'long.py'
    # a shell that starts tests in the background has them ignore Ctrl-C, and so would this
    script.write_text('import signal, sys, time\n'
                      'signal.signal(signal.SIGINT, signal.default_int_handler)\n'
                      'from lg_tracker_ros.evaluation.experiments.jobs import over_processes\n'
                      'def work(i):\n'
                      f'    open({str(folder)!r} + f"/begun{{i}}", "w").close()\n'
                      '    time.sleep(600)\n'
                      'if __name__ == "__main__":\n'
                      '    try:\n'
                      '        list(over_processes(work, [0, 1, 2], 2))\n'
                      '    except KeyboardInterrupt:\n'
                      '        sys.exit(130)\n')
    parent = subprocess.Popen([sys.executable, script], cwd=ROOT, stderr=subprocess.PIPE,
                              env={**os.environ, 'PYTHONPATH': str(ROOT)}, start_new_session=True)
    try:
        deadline = time.monotonic() + 120
        while not (folder / 'begun1').exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        children = workers_of(psutil.Process(parent.pid))
        assert len(children) == 2
        yield parent, children
    finally:
        parent.kill()


def test_a_killed_parent_leaves_no_worker(tmp_path):
    """Nobody would wait for what it makes."""
    with long_jobs(tmp_path) as (parent, children):
        parent.kill()
        parent.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


def test_ctrl_c_ends_all_at_once(tmp_path):
    with long_jobs(tmp_path) as (parent, children):
        os.killpg(parent.pid, signal.SIGINT)  # the terminal's Ctrl-C goes to the whole group
        _, errors = parent.communicate(timeout=60)
    assert parent.returncode == 130
    assert errors == b''
    assert not any(p.is_running() for p in children)
    assert not (tmp_path / 'begun2').exists()


def test_the_first_worker_hears_no_ctrl_c_while_it_loads(tmp_path):
    """It is the one that Python's resource tracker is started with, which unblocks SIGINT."""
    script = tmp_path / 'first.py'
    script.write_text('import os, signal\n'
                      'from lg_tracker_ros.evaluation.experiments import jobs\n'
                      'if __name__ == "__main__":\n'
                      '    pipe, worker = jobs._start(abs)\n'
                      '    os.kill(worker.pid, signal.SIGINT)\n'
                      '    pipe.send(-7)\n'
                      '    print(pipe.recv())\n')
    run = subprocess.run([sys.executable, script], env={**os.environ, 'PYTHONPATH': str(ROOT)},
                         capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("(7, '')\n", '')


@pytest.mark.skipif(find_spec('ray') is None, reason='the extra `ray` is not installed')
def test_ray_does_a_dead_workers_job_again_and_hears_the_loopback_only(tmp_path, monkeypatch):
    # its workers find this file as they would an installed package
    monkeypatch.setenv('PYTHONPATH', f'{ROOT}:{ROOT / "test"}')
    marker, healthy = tmp_path / 'marker', tmp_path / 'healthy'
    results, outside = [], set()
    for result in jobs.over_ray(die_once, [marker, healthy, 13], 'local'):
        results.append(result)
        ours = {os.getpid(), *(p.pid for p in psutil.Process().children(recursive=True))}
        listening = {(c.pid, c.laddr.ip) for c in psutil.net_connections()
                     if c.status == psutil.CONN_LISTEN and c.pid in ours}
        assert listening
        outside |= {(pid, ip) for pid, ip in listening
                    if ip not in ('127.0.0.1', '::1', '::ffff:127.0.0.1')}
    got = by_job(results)
    assert set(got) == {marker, healthy, 13}
    (first, second), error = got[marker]
    assert error == ''
    assert int(first) != second
    assert isinstance(got[healthy][0], int)
    assert got[13][0] is None
    assert got[13][1].startswith("AttributeError: 'int' object has no attribute 'name' (test_jobs")
    assert not outside


def test_ray_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(ValueError, match='needs the Python package ray: pip install ray'):
        jobs.over_ray(double, [1], 'local')
