"""From views to what the networks eat: template and search crops, whole frames and maps."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from lg_tracker_ros.boxes import inside_fraction, iou, scale
from lg_tracker_ros.crops import context_side, mean_color, square_crop
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import Rng
from lg_tracker_ros.training.samples.views import sample_views, View
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.vision.cells import inside_cells, SEARCH, TEMPLATE
import numpy as np
import numpy.typing as npt


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
