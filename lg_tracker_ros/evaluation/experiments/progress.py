"""What a user sees while jobs are done: a bar with the time left, a line for each failure."""

from __future__ import annotations

import sys
import time
from typing import Any, Callable, Iterable, Protocol, Sequence, TypeVar

from lg_tracker_ros.offline.signals import Ended
from tqdm import tqdm


class Labelled(Protocol):
    """A job that can say in a few words what it is."""

    @property
    def label(self) -> str:
        """``tracker on sequence``."""


J = TypeVar('J', bound=Labelled)
QUIET_SECONDS = 60.0
"""Without a terminal a line says at most so often how far it is."""


def carry_out(done: Iterable[tuple[J, Any, str]], jobs: Sequence[J], unit: str,
              size: Callable[[J], int] = lambda job: 1) -> int:
    """
    Wait for all ``jobs``, as over_processes and over_ray give them; returns how many failed.

    The bar counts ``size(job)`` ``unit``s. Where there is no terminal to draw it on, lines say
    the same. A signal's Ended says how many jobs were done.
    """
    failed, count, units, total = [], 0, 0, sum(map(size, jobs))
    terminal, begin = sys.stderr.isatty(), time.monotonic()
    said = begin
    with tqdm(total=total, unit=unit, file=sys.stderr, disable=not terminal,
              smoothing=0.05) as bar:
        try:
            for job, _, error in done:
                count += 1
                if error:
                    failed.append(f'{job.label}: {error}')
                bar.set_postfix_str(job.label, refresh=False)
                bar.update(size(job))
                units, now = units + size(job), time.monotonic()
                if not terminal and now - said >= QUIET_SECONDS and units < total:
                    said = now
                    left = tqdm.format_interval((now - begin) * (total - units) / units)
                    print(f'{units} of {total} {unit}s, about {left} left; last {job.label}',
                          file=sys.stderr, flush=True)
        except Ended as e:
            e.where = f'after {count - len(failed)} of {len(jobs)} jobs'
            raise
    for line in failed:
        print(f'lg_tracker_ros: {line}', file=sys.stderr)
    return len(failed)
