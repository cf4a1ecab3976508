"""
Many jobs over several processes of this machine, or over a Ray cluster; a sequence is a job.

Each job has one thread, so that the times of jobs that run side by side can be compared. ONNX
Runtime alone asks neither the environment nor OpenCV: a job that makes networks passes it
``threads: 1`` (Settings.threads).
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
import logging
from multiprocessing import connection, get_context, process, resource_tracker
import os
from pathlib import Path
import signal
import threading
import traceback
from typing import Any, Callable, Iterator, Sequence, TypeVar

import cv2

J = TypeVar('J')
R = TypeVar('R')
Connection = connection.Connection

ONE_THREAD = {name: '1' for name in (
    'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS', 'NUMEXPR_NUM_THREADS',
    'VECLIB_MAXIMUM_THREADS', 'OPENCV_FOR_THREADS_NUM')}
"""What makes NumPy, PyTorch and OpenCV use one thread; read when they are loaded."""


def over_processes(work: Callable[[J], R], jobs: Sequence[J], workers: int
                   ) -> Iterator[tuple[J, R | None, str]]:
    """
    Do ``work(job)`` for each job in ``workers`` processes; gives each as soon as it is done.

    Gives (job, result, '') or, when it failed, (job, None, error in one line). A job whose
    process dies (out of memory, a fault in native code) is done once more, in a new process and
    after all others; when that dies, too, it has failed. ``work`` and the jobs must be picklable:
    a function at a module's top level. One worker means this process, where a debugger works and
    a death is one's own. On Ctrl-C, or when the iterator is closed, the processes are killed.

    Raises ValueError for fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f'at least one worker is needed, got {workers}')
    return _here(work, jobs) if workers == 1 else _in_processes(work, jobs, workers)


def _here(work: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[J, R | None, str]]:
    import torch  # here: a spawned process whose work has no use for it needn't load it

    before = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        for job in jobs:
            yield job, *_attempt(work, job)
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])


def _attempt(work: Callable[[J], R], job: J) -> tuple[R | None, str]:
    """Do the job; what goes wrong comes back as one line that says what and where."""
    try:
        return work(job), ''
    except (ValueError, OSError) as e:  # a user's wrong input: its text says all
        return None, _line(str(e))
    except Exception as e:
        at = traceback.extract_tb(e.__traceback__)[-1]
        return None, _line(f'{type(e).__name__}: {e} ({Path(at.filename).name}:{at.lineno})')


def _attempt_alone(work: Callable[[J], R], job: J) -> tuple[R | None, str]:
    cv2.setNumThreads(1)
    return _attempt(work, job)


def _line(text: str) -> str:
    return ' '.join(text.split()) or 'failed without a word'


def _serve(pipe: Connection, work: Callable[[J], R]) -> None:
    """Do jobs as they come through the pipe, until the other side closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    while True:
        try:
            job = pipe.recv()
        except (EOFError, ConnectionError):
            return
        outcome = _attempt(work, job)
        try:
            pipe.send(outcome)
        except ConnectionError:
            return
        except Exception as e:  # could not be pickled: nothing of it was sent yet
            pipe.send((None, _line(f'the result cannot leave its process: {e}')))


def _end_with_parent() -> None:
    """End this process with the one that gave it work: killed, that one can't say so."""
    parent = process.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _quiet_start() -> Iterator[None]:
    """
    Let processes started within have one thread each, and hear no Ctrl-C while they load.

    The environment is set here because a spawned process loads NumPy before any line of ours.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    # started with the first process otherwise, and it unblocks SIGINT, whoever blocked it
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _start(work: Callable[[J], R]) -> tuple[Connection, process.BaseProcess]:
    # spawn: a forked copy of a process with PyTorch's threads may hang
    context = get_context('spawn')
    ours, theirs = context.Pipe()
    worker = context.Process(target=_serve, args=(theirs, work), daemon=True)
    with _quiet_start():
        worker.start()
    theirs.close()  # so that the death of the worker is the end of the pipe
    return ours, worker


def _in_processes(work: Callable[[J], R], jobs: Sequence[J], workers: int
                  ) -> Iterator[tuple[J, R | None, str]]:
    waiting = deque((job, False) for job in jobs)
    running: dict[Connection, tuple[process.BaseProcess, J, bool]] = {}
    idle: list[tuple[Connection, process.BaseProcess]] = []
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job, again = waiting.popleft()
                # a job that killed its process gets a new one, with a clean memory
                pipe, worker = idle.pop() if idle and not again else _start(work)
                running[pipe] = worker, job, again
                try:
                    pipe.send(job)
                except ConnectionError:
                    pass  # died on start: seen below, as any death
            ready = set(connection.wait(list(running)))
            for pipe in [p for p in running if p in ready]:
                worker, job, again = running.pop(pipe)
                try:
                    result, error = pipe.recv()
                    idle.append((pipe, worker))
                except (EOFError, OSError):
                    pipe.close()
                    worker.join()
                    if not again:
                        waiting.append((job, True))
                        continue
                    result, error = None, f'its process died twice ({_death(worker.exitcode)})'
                yield job, result, error
    finally:
        for pipe, worker in [*idle, *((p, w) for p, (w, _, _) in running.items())]:
            worker.kill()
            worker.join()
            pipe.close()


def _death(code: int | None) -> str:
    if code is None or code >= 0:
        return f'exit status {code}'
    return f'signal {signal.Signals(-code).name}'


def over_ray(work: Callable[[J], R], jobs: Sequence[J], address: str
             ) -> Iterator[tuple[J, R | None, str]]:
    """
    Do ``work(job)`` for each job on a Ray cluster; gives what over_processes gives.

    ``address`` is that of the cluster's head (``HOST:6379``, ``auto``: the one that runs here) or
    ``local``: a cluster of this machine alone is started, heard on the loopback only, and ended
    with the iterator. Each job has one CPU; one whose worker or machine is lost is done up to
    twice more. The cluster's machines need this package, and the data under the same paths.

    Raises ValueError when Ray isn't installed or no cluster answers.
    """
    # Ray otherwise reports each use to its makers
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    if address == 'local':
        # Ray's word for `no other machines`, whatever the system: without it an address of
        # 127.0.0.1 is replaced by the outer one, and all its servers listen there
        os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'
    try:
        import ray
    except ImportError as e:
        raise ValueError('running over Ray needs the Python package ray: pip install ray') from e
    alone: dict[str, Any] = {'include_dashboard': False, '_node_ip_address': '127.0.0.1'}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR,
                 **(alone if address == 'local' else {}))
    except (ConnectionError, ValueError, RuntimeError) as e:
        raise ValueError(f'no Ray cluster at {address} ({_line(str(e))}); give HOST:PORT of one '
                         "that `ray start --head` began, or 'local'") from e
    return _on_cluster(work, jobs)


def _on_cluster(work: Callable[[J], R], jobs: Sequence[J]) -> Iterator[tuple[J, R | None, str]]:
    import ray

    try:
        options: dict[str, Any] = {'num_cpus': 1, 'max_retries': 2,
                                   'runtime_env': {'env_vars': ONE_THREAD}}
        remote: Any = ray.remote(**options)(_attempt_alone)
        waiting = {remote.remote(work, job): job for job in jobs}
        while waiting:
            ready, _ = ray.wait(list(waiting))
            for reference in ready:
                job = waiting.pop(reference)
                try:
                    result, error = ray.get(reference)
                except ray.exceptions.RayError as e:
                    result, error = None, f'{type(e).__name__}: {str(e).strip().splitlines()[-1]}'
                yield job, result, error
    finally:
        ray.shutdown()
