"""From views to what the networks eat: template and search crops, whole frames and maps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from lg_tracker_ros.boxes import clip_to_image, inside_fraction, iou
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.local.look import inside_cells
from lg_tracker_ros.local.pixelwise_net import SEARCH, TEMPLATE
from lg_tracker_ros.training.folders import Material
from lg_tracker_ros.training.optics import degrade, jitter_color
from lg_tracker_ros.training.sequences import draw_scenario, SceneConfig
from lg_tracker_ros.training.sources import decode, Instance, Rng
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class View:
    """
    A training picture: ``box`` is the target's, None when absent.

    ``others`` are the boxes of look-alikes.
    """

    image: Image
    box: Box | None
    others: tuple[Box, ...] = ()


Views = tuple[View, View, View]

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
class GlobalPair:
    """Template crop and the box in it, two successive frames (squeezed), and the box there."""

    template: Image
    target: Box
    before: Image
    frame: Image
    box: Box | None


def still_views(rng: Rng, m: Material) -> Views:
    """Take two pictures of one still by two virtual cameras; look-alikes come by nature."""
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
        got = [b for b in map(moved, others) if b]
        return View(out, moved(item), tuple(got))

    def pose() -> tuple[float, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        lean = rng.normal(0, 6) if item.polygons and rng.random() < 0.4 else 0.0
        return lean, np.exp(rng.normal(0, 0.12, 2)), rng.normal(0, 0.04, 2) * image.shape[1::-1]
    angle, stretch, slide = pose()
    first = shot(int(rng.integers(1 << 31)), *pose())
    before = shot(int(look), angle, stretch, slide + rng.normal(0, 1.5, 2))
    return first, before, shot(int(look), angle, stretch, slide)


def clip_views(rng: Rng, m: Material) -> Views:
    """Take three frames of a labelled clip: any, and two near each other."""
    clip = m.clips[rng.integers(len(m.clips))]
    i, k = int(rng.integers(len(clip.frames))), int(rng.integers(1, len(clip.frames)))
    seeds = rng.integers(1 << 31, size=2)

    def shot(n: int, seed: int) -> View:
        tone = np.random.default_rng(seed)
        image = decode(clip.frames[n])
        return View(degrade(tone, jitter_color(tone, image, 0.5)), clip.boxes[n])
    return shot(i, int(seeds[0])), shot(k - 1, int(seeds[1])), shot(k, int(seeds[1]))


def scene_views(rng: Rng, m: Material) -> Views:
    """Render three frames of a generated sequence: the first, and any two successive ones."""
    width = int(rng.integers(320, 560))
    config = SceneConfig(int(width * rng.uniform(0.55, 0.85)), width)
    scenario = draw_scenario(rng, m.sprites, m.backgrounds, config)
    k = int(rng.integers(1, len(scenario)))
    first, before, last = (scenario.render(i) for i in (0, k - 1, k))
    if 0 < last.visibility < HARDLY:
        return scene_views(rng, m)  # neither there nor away: no honest label
    return (View(first.image, first.box, first.others),
            View(before.image, before.box, before.others), View(last.image, last.box, last.others))


def sample_views(rng: Rng, m: Material) -> Views:
    """Draw views from a source chosen at random: stills, clips, composed scenes."""
    # of the rest, 7 in 16 from stills: .35 of all where clips have their usual .2
    clips, stills = m.clip_share, 0.4375 * (1 - m.clip_share)
    for _ in range(50):
        u = rng.random()
        if u < clips and m.clips:
            views = clip_views(rng, m)
        elif clips <= u < clips + stills and m.stills:
            views = still_views(rng, m)
        else:
            views = scene_views(rng, m)
        box = views[0].box
        if box is None or min(box.w, box.h) < 7 or max(box.w, box.h) < 10:
            continue
        later = views[2].box
        if later is not None and min(later.w, later.h) < 5:
            continue
        return views
    raise ValueError('no usable view in 50 tries: the sources hold hardly any targets')


def template_crop(rng: Rng, view: View, size: int = TEMPLATE) -> tuple[Image, Box]:
    """
    Cut the template around a box with a person's small errors; also the box in the crop.

    ``size`` is the crop's side in pixels.
    """
    box = view.box
    if box is None:
        raise ValueError('a template needs a view with a target')
    noise = rng.normal(0, 0.03, 4)
    box = Box.from_center(box.cx + noise[0] * box.w, box.cy + noise[1] * box.h,
                          box.w * np.exp(noise[2]), box.h * np.exp(noise[3]))
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
    side = (instance / exemplar * context_side(center.w, center.h)
            * np.exp(np.clip(rng.normal(0, 0.22), -0.6, 0.6)))
    if rng.random() < 0.65:
        shift = rng.normal(0, 0.06, 2)
    else:
        shift = rng.uniform(-0.34, 0.34, 2)
    crop = square_crop(last.image, center.cx + shift[0] * side, center.cy + shift[1] * side, side,
                       instance, mean_color(last.image))
    target = None
    if box is not None:
        inner = crop.to_crop(box)
        if 0 < inner.cx < instance and 0 < inner.cy < instance:
            target = inner
        elif inside_fraction(inner, instance, instance) > 0:
            # neither there nor away: no honest label
            return local_pair(rng, m, negative, exemplar, instance)
    return LocalPair(template, inside_cells(drawn, exemplar), crop.image, target)


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


def global_pair(rng: Rng, m: Material, size: int) -> GlobalPair:
    """Make a template and two successive whole frames squeezed to ``size`` x ``size``."""
    first, before, last = sample_views(rng, m)
    if rng.random() < 0.06:
        before = last = View(sample_views(rng, m)[2].image, None)
    template, drawn = template_crop(rng, first)
    h, w = last.image.shape[:2]
    box = None
    if last.box is not None:
        box = Box(last.box.x * size / w, last.box.y * size / h, last.box.w * size / w,
                  last.box.h * size / h)

    def squeeze(image: Image) -> Image:
        return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
    return GlobalPair(template, drawn, squeeze(before.image), squeeze(last.image), box)
