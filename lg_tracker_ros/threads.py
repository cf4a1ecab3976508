"""Pools of threads that all parts of a process share; a process that forks off gets its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
import os


@cache
def shared_pool(name: str, count: int | None = None) -> ThreadPoolExecutor:
    """
    Return the process's pool of ``count`` threads that are called ``name``.

    Without a count it has as many as Python finds right. It lives as long as the process does, for
    trackers come and go: what asked for it first may be gone.
    """
    return ThreadPoolExecutor(count, name)


os.register_at_fork(after_in_child=shared_pool.cache_clear)  # no thread survives a fork
