"""An online module watched at its host: the score maps of some frames, and every template made."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from lg_tracker_ros.crops import Crop
from lg_tracker_ros.evaluation.experiments.trackers import local_of, make_runner, Runner
from lg_tracker_ros.local.online.host import Fill, Floats, Host, Pick, Selector, Template
from lg_tracker_ros.types import Box, Frame, Image
from lg_tracker_ros.vision.cells import Array
import numpy as np
import numpy.typing as npt
from torch import Tensor

RECENT = 64
"""Template crops of which it is known which frame they are of: more than any module waits."""


class Scored(NamedTuple):
    """The first place searched in a frame: the host's scores and all ranks, g x g in [0, 1]."""

    frame: int
    crop: Crop
    host: Array
    fused: Array
    box: Box


class Made(NamedTuple):
    """A template: made in ``frame`` of what frame ``of`` showed."""

    frame: int
    of: int
    image: Image


@dataclass
class Log:
    """
    What is seen; ``frame`` is the one that runs, scores are kept of those ``wanted``.

    ``points``: where the columns and rows of the maps lie in a crop, in its pixels.
    """

    wanted: frozenset[int]
    points: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    frame: int = 0
    scored: dict[int, Scored] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)
    cuts: deque[tuple[Crop, int]] = field(default_factory=lambda: deque(maxlen=RECENT))


class _Selector:
    """A host's selector, with a log."""

    def __init__(self, selector: Selector, log: Log) -> None:
        self._selector, self._log = selector, log
        self.instance, self.points = selector.instance, selector.points
        self.online_window = selector.online_window
        self.cut, self.read, self.rank = selector.cut, selector.read, selector.rank

    def cut_template(self, image: Image, box: Box, fill: Fill) -> Crop:
        """Note which frame a template's crop is of."""
        crop = self._selector.cut_template(image, box, fill)
        self._log.cuts.append((crop, self._log.frame))
        return crop

    def pick(self, frame: Frame, crop: Crop, around: Box, scores: Array, geometry: Array,
             ranks: Floats | None = None) -> Pick:
        """Note the maps of the first place in a frame; of several anchors the highest."""
        found = self._selector.pick(frame, crop, around, scores, geometry, ranks)
        log, cells = self._log, len(self.points)
        if log.frame in log.wanted and log.frame not in log.scored:
            maps = [np.asarray(m).reshape(-1, cells, cells).max(axis=0)
                    for m in (scores, scores if ranks is None else ranks)]
            log.scored[log.frame] = Scored(log.frame, crop, maps[0], maps[1], found.output.box)
        return found


class _Host(Host):
    """A host, with a log; it shares everything with the one that it was made of."""

    def __init__(self, host: Host, log: Log) -> None:
        vars(self).update(vars(host))
        self.selector, self._log = _Selector(host.selector, log), log

    def template(self, crop: Crop, box: Box) -> tuple[Template, Tensor]:
        """Note what becomes a template."""
        of = next(i for known, i in reversed(self._log.cuts) if known is crop)
        self._log.made.append(Made(self._log.frame, of, crop.image))
        return super().template(crop, box)


def watched(name: str, wanted: frozenset[int]) -> tuple[Runner, Log]:
    """
    Build the tracker ``name`` and watch its online module.

    Raises ValueError where it has none.
    """
    runner, log = make_runner(name), Log(wanted)
    module = local_of(runner)
    if not isinstance(getattr(module, 'host', None), Host):
        raise ValueError(f'{name} has no online module; expected one as in '
                         'default@online_module=drol')
    log.points = module.host.selector.points
    module.host = _Host(module.host, log)
    return runner, log
