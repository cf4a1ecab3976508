"""What the tables share: where a row comes from, a gain, and a paper's own table."""

from __future__ import annotations

from typing import Mapping, Sequence

from lg_tracker_ros.evaluation.metrics.record import Record
from lg_tracker_ros.evaluation.papers import Table
from lg_tracker_ros.evaluation.reports.markdown import number, titled

Results = Mapping[str, Mapping[str, Record]]
"""By tracker and sequence."""


def origin(records: Mapping[str, Record], data: str) -> str:
    """Say of a row where its figures come from: data, moved first boxes, weights, and so on."""
    made = [r.made for r in records.values()]
    weights = sorted({f'{name} {digest[:8]}' for m in made
                      for name, digest in m.get('weights', {}).items()})
    commits = sorted({str(m.get('commit', 'unknown'))[:12] for m in made})
    machines = sorted({str(m.get('machine', {}).get('cpu', 'unknown')) for m in made})
    seeds = sorted({int(m.get('jitter', 0)) for m in made})
    moved = f', --jitter {", ".join(map(str, seeds))}' if any(seeds) else ''
    return (f'{data}{moved}; {", ".join(weights) or "no weights"}; commit {", ".join(commits)}; '
            f'{", ".join(machines)}')


def run_of(results: Results, name: str) -> str:
    """Name the run of a configuration: that of pixelwise+tanet_lite may be called default."""
    return 'default' if name not in results and name == 'pixelwise+tanet_lite' else name


def host_of(tracker: str) -> str:
    """Name the host of a run: as LOCAL@name=value, without its file of weights."""
    base, *given = tracker.split('@')
    return '@'.join([base.partition('+')[0],
                     *(g for g in given if not g.startswith('tracker_weights='))])


def pairs(results: Results, redetector: str) -> list[tuple[str, str]]:
    """List the runs of local trackers alone, each with that which has ``redetector`` as well."""
    found = [(name, run_of(results, name.replace('+none', f'+{redetector}', 1)))
             for name in results if '+none' in name.partition('@')[0]]
    return [(without, with_it) for without, with_it in found if with_it in results]


def theirs(title: str, head: Sequence[str], table: Table, digits: int = 3) -> list[str]:
    """Write a table of a paper."""
    return titled(f'{title} (the paper)', head,
                  [[name, *(number(v, digits) for v in row)] for name, row in table.items()])


def gain(before: float | None, after: float | None) -> str:
    """Write a difference with its sign."""
    return '-' if before is None or after is None else f'{after - before:+.3f}'
