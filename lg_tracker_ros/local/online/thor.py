"""
THOR: several templates on a Siamese host (Sauer et al., BMVC 2019).

Short-term templates are the last ones that were cut; long-term ones span the largest volume, the
first frame's for ever among them. Templates are cut of frames that the search policy believed
(the published code admits every frame, whatever its score).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.crops import mean_color
from lg_tracker_ros.local.online.host import Floats, Host, Pick, Template
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
    which its features fade towards the border (Tukey's alpha).
    """

    recent: int = 3
    lasting: int = 4
    every: int = 10
    bound: float = 0.3947
    agree: float = 0.8757
    taper: float = 0.3743


@dataclass(frozen=True, eq=False)
class Kept:
    """A template, and its features as a vector, weighed by the Tukey window."""

    template: Template
    vector: Array


def tukey(size: int, taper: float) -> npt.NDArray[np.float64]:
    """
    Tukey's window at ``size`` points, 2 at least: 0 at both ends, 1 in the middle.

    Between them a cosine, over ``taper`` of the side together; 1 everywhere where that is 0.
    """
    if not taper:
        return np.ones(size)
    x = np.arange(size) / (size - 1)
    edge = np.minimum(np.minimum(x, 1 - x) * 2 / taper, 1)
    return np.asarray((1 - np.cos(np.pi * edge)) / 2)


class Thor:
    """
    An OnlineTracker around a host: each place is searched with all templates.

    ``recent`` and ``lasting`` are always full: slots that nothing took yet hold the first frame's
    template, and it counts as often where templates are weighed.
    """

    def __init__(self, host: Host, config: ThorConfig | None = None) -> None:
        """Wrap ``host``; there is no target yet."""
        self.host, self.config = host, config or ThorConfig()
        self.recent: tuple[Kept, ...] = ()
        self.lasting: tuple[Kept, ...] = ()

    def init(self, frame: Frame, box: Box) -> None:
        """Begin with the first frame's template alone."""
        self._fill = mean_color(frame.image)
        self._fill_with(self._cut(frame, box))
        self._updates = 0
        self._apart: dict[str, list[tuple[Box, bool]]] = {}

    def _fill_with(self, first: Kept) -> None:
        self.recent = (first,) * self.config.recent
        self.lasting = (first,) * self.config.lasting

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
        slots = Counter((*self.lasting, *self.recent))
        answers = [self.host.match(searched, k.template) for k in slots]
        selector, cells, outputs = self.host.selector, len(self.host.selector.points) ** 2, []
        for i, (crop, around) in enumerate(zip(searched.crops, searched.around)):
            maps = [(scores[i], geometry[i]) for scores, geometry in answers]
            ranks: Floats = np.stack([selector.rank(crop, around, *m) for m in maps])
            if sum(slots.values()) > 1:
                ranks = modulated(ranks, cells, list(slots.values()))
            picks = [selector.pick(frame, crop, around, *m, r) for m, r in zip(maps, ranks)]
            outputs.append(self._chosen(frame.camera, dict(zip(slots, picks))))
        return outputs

    def _chosen(self, camera: str, picks: Mapping[Kept, Pick]) -> TrackerOutput:
        """Take the short-term box where the long-term one agrees; the score is the latter's."""
        lasting = max((picks[k] for k in self.lasting), key=lambda p: p.rank).output
        box, apart = lasting.box, False
        if self.recent:
            recent = max((picks[k] for k in self.recent), key=lambda p: p.rank).output
            apart = iou(recent.box, box) < self.config.agree
            box = box if apart else recent.box
        self._apart[camera].append((box, apart))
        return replace(lasting, box=box)

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Cut a template of every tenth frame that the search policy believes."""
        self._updates += 1
        if self._updates % self.config.every:
            return
        new = self._cut(frame, accepted.box)
        self._admit(new)
        drifted = (accepted.box, True) in self._apart.get(frame.camera, [])
        self.recent = (new,) * len(self.recent) if drifted else (*self.recent, new)[1:]

    def _admit(self, new: Kept) -> None:
        """Keep a template for long if it is the target's, and widens what is known of it."""
        known = np.stack([k.vector for k in self.lasting])
        if (known @ new.vector).min() < self.config.bound * (known[0] @ known[0]):
            return
        taken = len(set(self.lasting))  # the rest are copies of the first
        slot = taken if taken < len(known) else worth_replacing(known, new.vector)
        if slot is not None:
            self.lasting = (*self.lasting[:slot], new, *self.lasting[slot + 1:])

    def miss(self, frame: Frame) -> None:
        """Cut no template of a frame in which nothing was believed."""

    def disown(self) -> None:
        """Keep the first template only: what was followed last is not the target."""
        self._fill_with(self.lasting[0])


def modulated(ranks: Floats, cells: int, counts: Sequence[int]) -> Floats:
    """
    Weigh how points rank for T templates (T x P) by where the templates agree.

    Each is multiplied by one map of ``cells`` values, scaled to a greatest value of 1: the mean
    over all templates, each ``counts`` times, and their anchors, in which each template weighs by
    the maximum of its own mean over anchors.
    """
    maps = ranks.reshape(len(ranks), -1, cells)
    each = maps.mean(1)
    mean = (each.max(1) * np.asarray(counts)) @ each
    return np.asarray((maps * (mean / max(float(mean.max()), 1e-9))).reshape(ranks.shape))
