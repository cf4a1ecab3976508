"""What the package has to know of a re-detector; each module ends with the one of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lg_tracker_ros.checkpoint import weights_file
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.types import Redetector


@dataclass(frozen=True)
class RedetectorSpec:
    """
    A re-detector: its name and all that the package has to know of it.

    ``build(redetector_weights, attention_threshold, engine)`` reads weights and compiles networks
    for the resolved engine; it raises ValueError, in one line, when that can't be had, and
    returns None where nothing searches the whole image. ``weights``: file name of weights of
    ours, '' where it reads none.
    """

    name: str
    summary: str
    build: Callable[[str, float, EngineConfig], Redetector | None]
    weights: str = ''

    def files(self, redetector_weights: str) -> list[Path]:
        """List the files that it reads; they need not exist."""
        return [weights_file(redetector_weights, self.weights)] if self.weights else []
