"""
THOR: several templates on a Siamese host (Sauer et al., BMVC 2019).

Short-term templates are the last ones that were cut; long-term ones span the largest volume, the
first frame's for ever among them. Templates are cut of frames that the search policy believed
(the published code admits every frame, whatever its score).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Sequence

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import mean_color
from lg_tracker_ros.local.online.host import Host, Pick, Template
from lg_tracker_ros.recognition.diversity import worth_replacing
from lg_tracker_ros.types import Box, Frame, Region, TrackerOutput
from lg_tracker_ros.vision.cells import Array
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ThorConfig:
    """
    The constants of the published 'ensemble' setting for VOT, with fewer templates.

    ``recent`` and ``lasting``: templates of short and of long term. ``every``: accepted frames
    between two that are cut. ``bound``: similarity to each lasting template, of the first one's
    with itself, from which a template may last. ``agree``: IoU of the short-term box with the
    long-term one's below which the latter is taken. ``taper``: share of a template's side over
    which its features fade towards the border.
    """

    recent: int = 3
    lasting: int = 4
    every: int = 10
    bound: float = 0.3947
    agree: float = 0.8757
    taper: float = 0.3


@dataclass(frozen=True, eq=False)
class Kept:
    """A template, and its features as a vector, weighed by the Tukey window."""

    template: Template
    vector: Array


def tukey(size: int, taper: float) -> npt.NDArray[np.float64]:
    """Tukey's window at ``size`` points: 1 in the middle, a cosine over ``taper`` of the side."""
    x = (np.arange(size) + .5) / size
    edge = np.minimum(np.minimum(x, 1 - x) * 2 / max(taper, 1e-9), 1)
    return np.asarray((1 - np.cos(np.pi * edge)) / 2)


class Thor:
    """An OnlineTracker around a host: each place is searched with all templates."""

    def __init__(self, host: Host, config: ThorConfig | None = None) -> None:
        """Wrap ``host``; there is no target yet."""
        self.host, self.config = host, config or ThorConfig()
        self.recent: tuple[Kept, ...] = ()
        self.lasting: tuple[Kept, ...] = ()

    def init(self, frame: Frame, box: Box) -> None:
        """Begin with the first frame's template alone."""
        self._fill = mean_color(frame.image)
        self.recent, self.lasting = (), (self._cut(frame, box),)
        self._updates, self._drifted = 0, False
        self._apart: dict[str, list[tuple[Box, bool]]] = {}

    def _cut(self, frame: Frame, box: Box) -> Kept:
        crop = self.host.selector.cut_template(frame.image, box, self._fill)
        template, features = self.host.template(crop, box)
        window = tukey(features.shape[3], self.config.taper)
        weighed = features[0].cpu().numpy() * np.outer(window, window)
        return Kept(template, np.asarray(weighed.ravel(), np.float32))

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """
        Search around each region, as one batch, with every template.

        Raises RuntimeError before the first ``init``.
        """
        if not self.lasting:
            raise RuntimeError('no target: call init first')
        self._apart[frame.camera] = []
        if not regions:
            return []
        searched = self.host.search(frame, regions, self._fill)
        answers = [self.host.match(searched, k.template) for k in (*self.lasting, *self.recent)]
        outputs = []
        for i, (crop, around) in enumerate(zip(searched.crops, searched.around)):
            maps = np.stack([scores[i] for scores, _ in answers])
            ranked = modulated(maps)
            picks = [self.host.selector.pick(frame, crop, around, maps[t], geometry[i], ranked[t])
                     for t, (_, geometry) in enumerate(answers)]
            outputs.append(self._chosen(frame.camera, picks))
        return outputs

    def _chosen(self, camera: str, picks: Sequence[Pick]) -> TrackerOutput:
        """Take the short-term box where the long-term one agrees; the score is the latter's."""
        count = len(self.lasting)
        lasting = max(picks[:count], key=lambda p: p.rank).output
        box, apart = lasting.box, False
        if self.recent:
            recent = max(picks[count:], key=lambda p: p.rank).output
            apart = iou(recent.box, box) < self.config.agree
            box = box if apart else recent.box
        self._apart[camera].append((box, apart))
        return replace(lasting, box=box)

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Cut a template of every tenth frame that the search policy believes."""
        self._updates += 1
        self._drifted |= any(apart for box, apart in self._apart.get(frame.camera, [])
                             if box == accepted.box)
        if self._updates % self.config.every:
            return
        new = self._cut(frame, accepted.box)
        self._admit(new)
        kept = () if self._drifted else self.recent
        self._drifted = False
        self.recent = (*kept, new)[-self.config.recent:] if self.config.recent else ()

    def _admit(self, new: Kept) -> None:
        """Keep a template for long if it is the target's, and widens what is known of it."""
        known = np.stack([k.vector for k in self.lasting])
        if (known @ new.vector).min() < self.config.bound * (known[0] @ known[0]):
            return
        if len(self.lasting) < self.config.lasting:
            self.lasting += (new,)
            return
        slot = worth_replacing(known, new.vector)
        if slot is not None:
            self.lasting = (*self.lasting[:slot], new, *self.lasting[slot + 1:])

    def miss(self, frame: Frame) -> None:
        """Cut no template of a frame in which nothing was believed."""

    def disown(self) -> None:
        """Keep the first template only: what was followed last is not the target."""
        self.recent, self.lasting, self._drifted = (), self.lasting[:1], False

    def own(self) -> None:
        """Nothing more is learned of what was followed last: it was accepted."""


def modulated(maps: Array) -> Array:
    """
    Weigh T score maps (T x P) by where they agree.

    Each is multiplied by their mean, in which each weighs by its maximum, scaled to a greatest
    value of 1. One map alone stays as it is.
    """
    if len(maps) == 1:
        return maps
    weight = maps.max(1)
    mean = weight @ maps / max(float(weight.sum()), 1e-9)
    return np.asarray(maps * (mean / max(float(mean.max()), 1e-9)))
