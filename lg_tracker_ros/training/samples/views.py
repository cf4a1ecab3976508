"""Training pictures of a target: by two cameras of one still, of a clip, of a composed scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
from lg_tracker_ros.boxes import clip_to_image
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import decode, Instance, Rng
from lg_tracker_ros.training.synthesis.generator import draw_scenario, SceneConfig
from lg_tracker_ros.training.synthesis.photometric import degrade, jitter_color
from lg_tracker_ros.training.synthesis.scene import Scenario
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class View:
    """
    A training picture: ``box`` is the target's, None when absent.

    ``others`` are the boxes of look-alikes; ``names`` tell each from the others in all views.
    """

    image: Image
    box: Box | None
    others: tuple[Box, ...] = ()
    names: tuple[int, ...] = ()


Views = tuple[View, ...]
"""The target's first view, then successive ones: one for motion, and those that are judged."""

MOST_STILLS, ENOUGH_STILLS = 0.45, 2000
"""Share of samples from stills, of those not from clips, and how many stills that takes."""

HARDLY = 0.2
"""Share of the target that must show for it to be searched for."""


def still_views(rng: Rng, m: Material, later: int = 2) -> Views:
    """Take pictures of one still by two virtual cameras; look-alikes come by nature."""
    i = int(rng.integers(len(m.stills)))
    still = m.stills[i]
    j = int(rng.integers(len(still.instances)))
    image, item = still.image(), still.instances[j]
    others = [o for k, o in enumerate(still.instances) if k != j and o.category == item.category]
    flip = rng.random() < 0.5
    look = rng.integers(1 << 31)

    def shot(seed: int, angle: float, stretch: npt.NDArray[np.float64],
             slide: npt.NDArray[np.float64]) -> View:
        h, w = image.shape[:2]
        a = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
        a[0] *= stretch[0]
        a[1] *= stretch[1]
        a[:, 2] += slide
        if flip:
            a[0] *= -1
            a[0, 2] += w
        out = cv2.warpAffine(image, a, (w, h), borderMode=cv2.BORDER_REFLECT_101)
        tone = np.random.default_rng(seed)
        out = degrade(tone, jitter_color(tone, out, 0.8))

        def moved(o: Instance) -> Box | None:
            points = (np.concatenate(o.polygons) if o.polygons and abs(angle) > 2 else
                      np.array([[o.box.x, o.box.y], [o.box.x + o.box.w, o.box.y],
                                [o.box.x, o.box.y + o.box.h],
                                [o.box.x + o.box.w, o.box.y + o.box.h]]))
            p = points @ a[:, :2].T + a[:, 2]
            low, high = p.min(0), p.max(0)
            return clip_to_image(Box(low[0], low[1], *(high - low)), w, h)
        got = {k: b for k, b in enumerate(map(moved, others)) if b}
        return View(out, moved(item), tuple(got.values()), tuple(got))

    def pose() -> tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        lean = rng.normal(0, 6) if item.polygons and rng.random() < 0.4 else 0.0
        return lean, np.exp(rng.normal(0, 0.12, 2)), rng.normal(0, 0.04, 2) * image.shape[1::-1]
    angle, stretch, slide = pose()
    first = shot(int(rng.integers(1 << 31)), *pose())
    slides = [slide]
    for _ in range(later - 1):  # the second camera's hand shakes
        slides.insert(0, slides[0] + rng.normal(0, 1.5, 2))
    return first, *(shot(int(look), angle, stretch, s) for s in slides)


def clip_views(rng: Rng, m: Material, later: int = 2) -> Views:
    """Take frames of a labelled clip: any, and ``later`` near each other."""
    clip = m.clips[rng.integers(len(m.clips))]
    i, k = int(rng.integers(len(clip.frames))), int(rng.integers(later - 1, len(clip.frames)))
    seeds = rng.integers(1 << 31, size=2)

    def shot(n: int, seed: int) -> View:
        tone = np.random.default_rng(seed)
        image = decode(clip.frames[n])
        return View(degrade(tone, jitter_color(tone, image, 0.5)), clip.boxes[n])
    return shot(i, int(seeds[0])), *(shot(n, int(seeds[1])) for n in range(k - later + 1, k + 1))


def drawn_scenario(rng: Rng, m: Material) -> Scenario:
    """Draw a sequence to learn from; its frames are rendered when they are asked for."""
    width = int(rng.integers(320, 560))
    config = SceneConfig(int(width * rng.uniform(0.55, 0.85)), width)
    return draw_scenario(rng, m.sprites, m.backgrounds, config)


Draw = Callable[[Rng, Material], Scenario]
"""Draws a sequence to learn from."""


def scene_views(rng: Rng, m: Material, later: int = 2, draw: Draw = drawn_scenario) -> Views:
    """Render frames of a generated sequence: the first, and any ``later`` successive ones."""
    scenario = draw(rng, m)
    k = int(rng.integers(later - 1, len(scenario)))
    shown = [scenario.render(i) for i in (0, *range(k - later + 1, k + 1))]
    if any(0 < s.visibility < HARDLY for s in shown[2:]):
        return scene_views(rng, m, later, draw)  # neither there nor away: no honest label
    return tuple(View(s.image, s.box, s.others, s.names) for s in shown)


def sample_views(rng: Rng, m: Material, later: int = 2, draw: Draw = drawn_scenario) -> Views:
    """
    Draw views from a source chosen at random: stills, clips, composed scenes by ``draw``.

    The first comes with ``later`` (2 to 6) successive ones, of which all but the first are fit to
    be judged. Raises ValueError where the material hardly has any.
    """
    clips = m.clip_share
    # few stills would be learned by heart
    stills = min(MOST_STILLS, len(m.stills) / ENOUGH_STILLS) * (1 - clips)
    for _ in range(50):
        u = rng.random()
        if u < clips and m.clips:
            views = clip_views(rng, m, later)
        elif clips <= u < clips + stills and m.stills:
            views = still_views(rng, m, later)
        else:
            views = scene_views(rng, m, later, draw)
        box = views[0].box
        if box is None or min(box.w, box.h) < 7 or max(box.w, box.h) < 10:
            continue
        if any(v.box is not None and min(v.box.w, v.box.h) < 5 for v in views[2:]):
            continue
        return views
    raise ValueError('no usable view in 50 tries: the sources hold hardly any targets')
