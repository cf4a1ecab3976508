"""The processes that fill a ring with samples."""

from __future__ import annotations

import gc
from itertools import count
import multiprocessing
import os
import signal
import sys
import time
from types import TracebackType
from typing import Any

from lg_tracker_ros.training.samples.ring import MakeSampler, one_thread, Ring
import numpy as np
from tqdm import tqdm


def fill(ring: Ring, make: MakeSampler, seed: int, last: int | None, first: int = 0,
         stride: int = 1) -> None:
    """
    Write the samples ``first``, ``first`` + ``stride`` and so on below ``last`` (None: endlessly).

    Those that are there are not made again. Sample n is made from the generator of (``seed``, n).
    """
    sample = None
    begin = max(ring.newest + 1 - ring.capacity, 0) // stride * stride + first
    for n in range(begin, last, stride) if last is not None else count(begin, stride):
        if not ring.has(n):
            sample = make() if sample is None else sample
            ring.write(n, sample(np.random.default_rng((seed, n))))


def _work(parent: int, errors: Any, ring: Ring, make: MakeSampler, *how: Any) -> None:
    one_thread()
    # a handler of the process that forked (rclpy leaves one behind) would keep it from ending
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def orphaned(sample: Any) -> Any:
        def one(rng: np.random.Generator) -> Any:
            if os.getppid() != parent:
                raise SystemExit  # who trained was killed
            return sample(rng)
        return one
    try:
        fill(ring, lambda: orphaned(make()), *how)
    except (ValueError, OSError) as e:
        errors.put(str(e))
    except KeyboardInterrupt:
        pass  # whoever trains got it too, and says so


class Writers:
    """
    ``workers`` processes that fill ``ring`` up to sample ``last`` (None: for ever); a context.

    Start them before anything runs on a GPU: they are forked, so that the pictures are in memory
    once.
    """

    def __init__(self, ring: Ring, make: MakeSampler | None, seed: int, workers: int,
                 last: int | None = None) -> None:
        """Remember what to do; without ``workers`` ``make`` isn't needed."""
        self.ring = ring
        fork = multiprocessing.get_context('fork')
        self.errors = fork.SimpleQueue()
        self.processes = [
            fork.Process(target=_work, daemon=True, args=(
                os.getpid(), self.errors, ring, make, seed, last, w, workers))
            for w in range(workers)]

    def __enter__(self) -> Writers:
        """Start them."""
        # a child that took this process's garbage for its own would wait for ever where that has
        # threads, which stayed behind: a decoder's frames have
        gc.collect()
        gc.freeze()
        try:
            for p in self.processes:
                p.start()
        finally:
            gc.unfreeze()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End them."""
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            p.join()

    def check(self) -> None:
        """Raise ValueError with what one of them met with."""
        if not self.errors.empty():
            raise ValueError(self.errors.get())
        for p in self.processes:
            if p.exitcode not in (None, 0):
                raise ValueError(f'a process that makes samples ended with status {p.exitcode}')

    def wait(self, least: int, what: str) -> None:
        """Wait until ``least`` samples are there, with a progress bar; ValueError as ``check``."""
        bar = tqdm(total=least, initial=min(len(self.ring), least), desc=what, unit='sample',
                   file=sys.stderr, disable=not sys.stderr.isatty())
        while len(self.ring) < least:
            self.check()
            if not any(p.is_alive() for p in self.processes) and len(self.ring) < least:
                self.check()
                raise ValueError(
                    f'{self.ring.folder} holds {len(self.ring)} {what}, {least} are needed: give '
                    '--data and at least one of --workers')
            time.sleep(0.2)
            bar.update(min(len(self.ring), least) - bar.n)
        bar.close()
