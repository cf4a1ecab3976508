"""Sets of search crops of one target: some to learn it from, others to find it in (DiMP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import cv2
from lg_tracker_ros.boxes import APART, iou
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import decode, Rng
from lg_tracker_ros.training.samples.crops import search_crop
from lg_tracker_ros.training.samples.views import (
    drawn_scenario,
    ENOUGH_STILLS,
    HARDLY,
    MOST_STILLS,
    still_views,
    View,
)
from lg_tracker_ros.training.synthesis.photometric import degrade, jitter_color
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.vision.cells import SEARCH
import numpy as np

FIRST_ONLY = 0.35
"""Share of sets that are learned from the first view alone."""
TRIES = 50


@dataclass(frozen=True, eq=False)
class CropSet:
    """
    Search crops and the target's box in each, in pixels.

    ``train`` all show the target; ``test`` may not (None).
    """

    train: tuple[tuple[Image, Box | None], ...]
    test: tuple[tuple[Image, Box | None], ...]


Shoot = Callable[[int], View]


def scene_shots(rng: Rng, m: Material) -> tuple[int, Shoot]:
    """Draw a composed scene: how many frames it has, and what renders one of them."""
    scenario = drawn_scenario(rng, m)

    def shoot(i: int) -> View:
        shown = scenario.render(i)
        hidden = 0 < shown.visibility < HARDLY  # neither there nor away
        return View(shown.image, None if hidden else shown.box, shown.others)
    return len(scenario), shoot


def clip_shots(rng: Rng, m: Material) -> tuple[int, Shoot]:
    """Draw a labelled clip, in one light: how many frames it has, and what gives one of them."""
    clip = m.clips[rng.integers(len(m.clips))]
    seed = int(rng.integers(1 << 31))

    def shoot(i: int) -> View:
        tone = np.random.default_rng((seed, i))
        image = jitter_color(np.random.default_rng(seed), decode(clip.frames[i]), 0.5)
        return View(degrade(tone, image), clip.boxes[i])
    return len(clip.frames), shoot


def still_shots(rng: Rng, m: Material) -> tuple[int, Shoot]:
    """Draw a still, seen by two cameras: the first view, and some of the other."""
    views = still_views(rng, m, 5)
    return len(views), lambda i: views[i]


def usable(view: View, least: float) -> bool:
    """Whether a view shows a target of at least ``least`` pixels."""
    return view.box is not None and min(view.box.w, view.box.h) >= least


def draw_views(rng: Rng, m: Material, train: int, test: int) -> tuple[list[View], list[View]]:
    """
    Draw views from a source chosen at random: stills, clips, composed scenes.

    The first of ``train`` is the sequence's first, and shows the target well; the others show it
    too. Those of ``test`` come from anywhere later. Raises ValueError where the material hardly
    has any.
    """
    clips = m.clip_share if m.clips else 0.0
    stills = min(MOST_STILLS, len(m.stills) / ENOUGH_STILLS) * (1 - clips)
    for _ in range(TRIES):
        u = rng.random()
        make = clip_shots if u < clips else still_shots if u < clips + stills else scene_shots
        count, shoot = make(rng, m)
        first = shoot(0)
        if count < 2 or not usable(first, 8):
            continue
        alone = make is still_shots or rng.random() < FIRST_ONLY
        learned = [first]
        for i in [0] * (train - 1) if alone else rng.integers(0, count, train - 1):
            view = shoot(int(i)) if i else first
            learned.append(view if usable(view, 6) else first)
        judged = [shoot(int(i)) for i in rng.integers(1, count, test)]
        return learned, judged
    raise ValueError(f'no usable set in {TRIES} tries: the sources hold hardly any targets')


def crop_set(rng: Rng, m: Material, train: int, test: int, negative: float = 0.15,
             grey: float = 0.1) -> CropSet:
    """
    Make crops of ``train`` views that show the target, and of ``test`` views.

    The share ``negative`` of the latter, and all whose target is away, are around a look-alike or
    anywhere. Half of the sets are mirrored; the share ``grey`` is without colour.
    """
    learned, judged = draw_views(rng, m, train, test)
    shown = [around(rng, view, view.box) for view in learned]
    sought = []
    for view in judged:
        center = view.box
        if center is None or rng.random() < negative:
            others = [o for o in view.others if view.box is None or iou(o, view.box) < APART]
            center = others[rng.integers(len(others))] if others else anywhere(rng, view, learned)
        sought.append(around(rng, view, center))
    change: list[Callable[[Image], Image]] = []
    flip = bool(rng.random() < 0.5)
    if flip:
        change.append(lambda image: np.ascontiguousarray(image[:, ::-1]))
    if rng.random() < grey:
        change.append(lambda image: np.asarray(cv2.cvtColor(cv2.cvtColor(
            image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8))

    def changed(crop: tuple[Image, Box | None]) -> tuple[Image, Box | None]:
        image, box = crop
        for apply in change:
            image = apply(image)
        if flip and box is not None:
            box = Box(SEARCH - box.x - box.w, box.y, box.w, box.h)
        return image, box
    return CropSet(tuple(map(changed, shown)), tuple(map(changed, sought)))


def around(rng: Rng, view: View, center: Box | None) -> tuple[Image, Box | None]:
    """Cut a search crop near ``center``; the target is in it where that is the target."""
    assert center is not None  # whoever asks has seen to that
    while True:
        found = search_crop(rng, view, center, view.box)
        if found is not None and (center is not view.box or found[1] is not None):
            return found


def anywhere(rng: Rng, view: View, learned: list[View]) -> Box:
    """Draw a place of the target's first size."""
    h, w = view.image.shape[:2]
    size = learned[0].box
    assert size is not None  # draw_views has seen to that
    return Box.from_center(rng.uniform(0, w), rng.uniform(0, h), size.w, size.h)
