"""What a soak counts, and what of it is wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

WARM_UP = 0.2
"""The first part of a run, in which memory may still grow."""
MEGABYTE = 2**20


@dataclass
class Account:
    """What happened; a sample is (frame, resident bytes, threads, descriptors)."""

    frames: int = 0
    processed: int = 0
    lost: int = 0  # on the way, as the node itself counts them
    unheard: int = 0  # sent around a camera's end or return: never heard
    unaccounted: int = 0
    calls: int = 0
    refused: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[int, int, int, int]] = field(default_factory=list)

    def steady(self) -> list[tuple[int, int, int, int]]:
        """Return the samples after the warm-up."""
        return self.samples[round(WARM_UP * len(self.samples)):]

    def growth(self) -> float:
        """Return how much resident memory grew after the warm-up; medians of thirds, 0.01: 1 %."""
        memory = [s[1] for s in self.steady()]
        third = max(1, len(memory) // 3)
        return float(np.median(memory[-third:]) / np.median(memory[:third]) - 1)

    def faults(self, short: bool = False) -> list[str]:
        """Say what is wrong, a line each; a ``short`` run says nothing of memory."""
        wrong = []
        if self.unaccounted:
            wrong.append(f'{self.unaccounted} frames unaccounted for')
        if self.unanswered:
            wrong.append(f'{self.unanswered} calls without an answer')
        if not short and self.growth() >= 0.01:
            wrong.append(f'memory grew by {100 * self.growth():.2f} %')
        for name, at in (('threads', 2), ('descriptors', 3)):
            counts = sorted({s[at] for s in self.steady()})
            if len(counts) > 1:
                wrong.append(f'{name} vary: {counts}')
        return wrong

    def table(self) -> str:
        """Write the table of docs/soak.md."""
        steady = self.steady()
        memory = [s[1] / MEGABYTE for s in steady]
        rows = [('minutes', f'{self.seconds / 60:.1f}'), ('frames', f'{self.frames:,}'),
                ('processed', f'{self.processed:,}'), ('lost on the way, as counted by the node',
                                                       f'{self.lost:,}'),
                ('sent around the end or return of a camera, and never heard',
                 f'{self.unheard:,}'),
                ('**unaccounted for**', str(self.unaccounted)),
                *((f'events: {name}', f'{n:,}') for name, n in sorted(self.events.items())),
                ('calls of services', f'{self.calls:,}'),
                ('refused with a reason', f'{self.refused:,}'),
                ('**without an answer**', str(self.unanswered)),
                ('resident memory after warm-up, first and last third, MiB',
                 f'{np.median(memory[:max(1, len(memory) // 3)]):.1f}, '
                 f'{np.median(memory[-max(1, len(memory) // 3):]):.1f}'),
                ('**growth**', f'{100 * self.growth():+.2f} %'),
                ('threads', ' '.join(str(n) for n in sorted({s[2] for s in steady}))),
                ('descriptors', ' '.join(str(n) for n in sorted({s[3] for s in steady})))]
        return '\n'.join(['| what | |', '|---|---|', *(f'| {a} | {b} |' for a, b in rows)])
