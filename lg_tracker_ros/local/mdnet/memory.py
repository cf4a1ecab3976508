"""What a tracker of MDNet's kin keeps of the frames that it learned from."""

from __future__ import annotations

from collections import deque

from lg_tracker_ros.local.mdnet.classifier import Samples


class Memories:
    """Samples of the last frames: positives of a long time, negatives of a short one."""

    def __init__(self, long: int, short: int, keep_first: bool) -> None:
        """``long`` and ``short`` are in frames; ``keep_first``: the first stays, beside them."""
        self._short = short
        self._first: tuple[Samples, Samples] | None = None
        self._keep_first = keep_first
        self._positives: deque[Samples] = deque(maxlen=long)
        self._negatives: deque[Samples] = deque(maxlen=short)

    def add(self, positives: Samples, negatives: Samples) -> None:
        """Keep the samples of a frame; the oldest go."""
        if self._first is None:
            self._first = positives, negatives
            if self._keep_first:
                return
        self._positives.append(positives)
        self._negatives.append(negatives)

    def forget(self) -> None:
        """Keep the samples of the first frame, and nothing else."""
        first, self._first = self._first, None
        self._positives.clear()
        self._negatives.clear()
        if first is not None:
            self.add(*first)

    def long_term(self) -> tuple[Samples, Samples]:
        """Return all positives, and the negatives of the short time."""
        return self._joined(len(self._positives))

    def short_term(self) -> tuple[Samples, Samples]:
        """Return the positives and negatives of the short time."""
        return self._joined(self._short)

    def _joined(self, count: int) -> tuple[Samples, Samples]:
        positives = list(self._positives)[-count:] if count else []
        first = [self._first] if self._first is not None and self._keep_first else []
        return (Samples.joined([p for p, _ in first] + positives),
                Samples.joined([n for _, n in first] + list(self._negatives)))
