"""From views to what the networks eat: template and search crops, whole frames and maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
from lg_tracker_ros.boxes import clip_to_image, inside_fraction, iou, scale
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import decode, Instance, Rng
from lg_tracker_ros.training.synthesis.generator import draw_scenario, SceneConfig
from lg_tracker_ros.training.synthesis.photometric import degrade, jitter_color
from lg_tracker_ros.training.synthesis.scene import Scenario
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.vision.cells import inside_cells, SEARCH, TEMPLATE
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


@dataclass(frozen=True, eq=False)
class LocalPair:
    """Template crop, the share of each of its cells inside the box, search crop, its box."""

    template: Image
    inside: npt.NDArray[np.float32]
    search: Image
    box: Box | None


@dataclass(frozen=True, eq=False)
class GlobalClip:
    """
    Whole frames, squeezed, and the target's first view.

    ``first`` is that view; ``template`` a crop of it and ``drawn`` the target's box in the crop.
    ``frames`` (uint8 T x s x s x 3) are successive; ``boxes`` are the target's in the last of
    them, as many as are judged. ``others`` are look-alikes that were in the first view, too: each
    one's template, box in it and boxes.
    """

    first: View
    template: Image
    drawn: Box
    frames: npt.NDArray[np.uint8]
    boxes: tuple[Box | None, ...]
    others: tuple[tuple[Image, Box, tuple[Box, ...]], ...] = ()


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


def drawn_by_hand(rng: Rng, box: Box) -> Box:
    """Give a box with a person's small errors."""
    noise = rng.normal(0, 0.03, 4)
    return Box.from_center(box.cx + noise[0] * box.w, box.cy + noise[1] * box.h,
                           box.w * np.exp(noise[2]), box.h * np.exp(noise[3]))


def template_crop(rng: Rng, view: View, size: int = TEMPLATE) -> tuple[Image, Box]:
    """
    Cut the template around a box with a person's small errors; also the box in the crop.

    ``size`` is the crop's side in pixels.
    """
    box = view.box
    if box is None:
        raise ValueError('a template needs a view with a target')
    box = drawn_by_hand(rng, box)
    crop = square_crop(view.image, box.cx, box.cy, context_side(box.w, box.h), size,
                       mean_color(view.image))
    return crop.image, crop.to_crop(box)


def local_pair(rng: Rng, m: Material, negative: float = 0.15, exemplar: int = TEMPLATE,
               instance: int = SEARCH) -> LocalPair:
    """
    Make a template and a search crop around (or, with ``negative``, beside) the target.

    ``exemplar`` and ``instance`` are the sides of the crops in pixels, at the same scale.
    """
    first, _, last = sample_views(rng, m)
    template, drawn = template_crop(rng, first, exemplar)
    box = last.box
    center = box
    if box is None or rng.random() < negative:
        # a look-alike first; else any place of the target's size that isn't the target
        options = [o for o in last.others if box is None or iou(o, box) < 0.2]
        if options and rng.random() < 0.75:
            center = options[rng.integers(len(options))]
        elif rng.random() < 0.4:
            last = sample_views(rng, m)[2]
            center, box = last.box, None
        else:
            center = None
    if center is None:
        h, w = last.image.shape[:2]
        size = first.box if first.box is not None else Box(0, 0, 32, 32)
        center = Box.from_center(rng.uniform(0, w), rng.uniform(0, h), size.w, size.h)
    found = search_crop(rng, last, center, box, exemplar, instance)
    if found is None:
        return local_pair(rng, m, negative, exemplar, instance)
    return LocalPair(template, inside_cells(drawn, exemplar), *found)


def search_crop(rng: Rng, view: View, center: Box, box: Box | None, exemplar: int = TEMPLATE,
                instance: int = SEARCH) -> tuple[Image, Box | None] | None:
    """
    Cut a search crop near ``center``, with a tracker's errors of place and size.

    Returns it and the target's ``box`` in it, None where that is outside; None in place of both
    where the target is cut by the border: neither there nor away, so no honest label.
    """
    side = (instance / exemplar * context_side(center.w, center.h)
            * np.exp(np.clip(rng.normal(0, 0.22), -0.6, 0.6)))
    if rng.random() < 0.65:
        shift = rng.normal(0, 0.06, 2)
    else:
        shift = rng.uniform(-0.34, 0.34, 2)
    crop = square_crop(view.image, center.cx + shift[0] * side, center.cy + shift[1] * side, side,
                       instance, mean_color(view.image))
    if box is None:
        return crop.image, None
    inner = crop.to_crop(box)
    if 0 < inner.cx < instance and 0 < inner.cy < instance:
        return crop.image, inner
    return None if inside_fraction(inner, instance, instance) > 0 else (crop.image, None)


def mirror(pair: LocalPair) -> LocalPair:
    """Flip both crops left to right, and what belongs to them."""
    box, wide = pair.box, pair.search.shape[1]
    return LocalPair(np.ascontiguousarray(pair.template[:, ::-1]),
                     np.ascontiguousarray(pair.inside[:, ::-1]),
                     np.ascontiguousarray(pair.search[:, ::-1]),
                     None if box is None else Box(wide - box.x - box.w, box.y, box.w, box.h))


def without_color(pair: LocalPair) -> LocalPair:
    """Turn both crops grey, so that shape and texture must do."""
    def grey(image: Image) -> Image:
        return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY),
                                       cv2.COLOR_GRAY2BGR), np.uint8)
    return LocalPair(grey(pair.template), pair.inside, grey(pair.search), pair.box)


def global_clip(rng: Rng, m: Material, size: int, judged: int = 1, earlier: int = 1,
                others: int = 0) -> GlobalClip:
    """
    Make successive whole frames squeezed to ``size`` x ``size``, and the target's first view.

    ``earlier`` frames come before those that are ``judged``; at most ``others`` look-alikes, seen
    in all of those, come with their templates.
    """
    first, *later = sample_views(rng, m, earlier + judged)
    if rng.random() < 0.06:
        later = [View(sample_views(rng, m)[2].image, None)] * len(later)
    template, drawn = template_crop(rng, first)
    seen = later[earlier:]

    def squeezed(view: View, b: Box) -> Box:
        return scale(b, size / view.image.shape[1], size / view.image.shape[0])
    boxes = tuple(v.box and squeezed(v, v.box) for v in seen)
    frames = [cv2.resize(v.image, (size, size), interpolation=cv2.INTER_AREA) for v in later]
    everywhere = [dict(zip(v.names, v.others)) for v in seen]
    alike = [(name, box) for name, box in zip(first.names, first.others)
             if all(name in now for now in everywhere) and min(box.w, box.h) >= 7]
    return GlobalClip(first, template, drawn, np.stack(frames), boxes, tuple(
        (*template_crop(rng, View(first.image, box)),
         tuple(squeezed(v, now[name]) for v, now in zip(seen, everywhere)))
        for name, box in alike[:others]))
