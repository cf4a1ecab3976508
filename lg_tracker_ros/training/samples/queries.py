"""Whole frames with several things in them that may be asked for, each by its first look."""

from __future__ import annotations

from dataclasses import dataclass

from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import Rng
from lg_tracker_ros.training.samples.views import sample_views, View
from lg_tracker_ros.training.synthesis.generator import draw_scenario, SceneConfig
from lg_tracker_ros.training.synthesis.scene import Scenario
from lg_tracker_ros.training.synthesis.target_motion import StoryConfig
from lg_tracker_ros.types import Box, Image

SMALLEST = 8.0
"""Pixels of a look-alike's shorter side below which it isn't asked for."""
AWAY = 0.05
"""Share of frames from somewhere else."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Something to look for: its box in the first frame and in the newest, None where it left."""

    first: Box
    now: Box | None


@dataclass(frozen=True, eq=False)
class QueryClip:
    """A first frame, two successive ones, and what to look for; the target comes first."""

    first: Image
    before: Image
    now: Image
    asked: tuple[Asked, ...]


def crowded_scenario(rng: Rng, m: Material) -> Scenario:
    """Draw a sequence with look-alikes in every scene; its target is often tiny."""
    width = int(rng.integers(400, 600))
    largest = float(rng.choice([0.1, 0.2, 0.7], p=[0.4, 0.35, 0.25]))
    config = SceneConfig(int(width * rng.uniform(0.55, 0.85)), width, story=StoryConfig(
        smallest=SMALLEST, largest=largest, lookalikes=(1, 5)))
    return draw_scenario(rng, m.sprites, m.backgrounds, config)


def asked_for(first: View, last: View, most: int) -> tuple[Asked, ...]:
    """
    List at most ``most`` things to look for: the target, then look-alikes seen in both views.

    A look-alike that is in one view only may be hidden rather than gone: it is left out.
    """
    if first.box is None:
        raise ValueError('the first view has no target')
    now = dict(zip(last.names, last.others))
    others = [Asked(box, now[name]) for name, box in zip(first.names, first.others)
              if name in now and min(box.w, box.h) >= SMALLEST]
    return (Asked(first.box, last.box), *others)[:most]


def query_clip(rng: Rng, m: Material, most: int) -> QueryClip:
    """Make a first frame, two successive ones, and at most ``most`` things to look for."""
    first, before, last = sample_views(rng, m, 2, crowded_scenario)
    asked = asked_for(first, last, most)
    if rng.random() < AWAY:
        before, last = sample_views(rng, m, 2, crowded_scenario)[1:]
        asked = tuple(Asked(a.first, None) for a in asked)
    return QueryClip(first.image, before.image, last.image, asked)
