"""Cut-outs that move: how an object looks in a frame, and how it is laid upon the picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from lg_tracker_ros.training.data.media import Rng, Sprite
from lg_tracker_ros.training.synthesis.camera_motion import Camera, neighbours, wander
from lg_tracker_ros.training.synthesis.photometric import apply_curve, blur_along, Table
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]

SOLID = 100
"""Alpha above which a pixel belongs to an object."""

TARGET, OTHER = 1, 255
"""Labels of the target and of what is no look-alike; look-alikes have those from 2 on."""

STEP = float(np.sqrt(2))
"""Ratio of two neighbouring sizes that are kept of an image."""


class Look:
    """
    A sprite ready to be drawn in any size: coloured, times its alpha, in several sizes.

    Premultiplied, so that no colour from outside the cut comes in where pixels are mixed.
    """

    def __init__(self, sprite: Sprite, colors: Table, sharpness: float = 1.0) -> None:
        """
        Take a sprite and the 256 x 3 table that colours it.

        ``sharpness`` in (0, 1] is the share of its resolution that is left.
        """
        self.sharpness = sharpness
        self.views = sprite.views or (sprite.image,)
        self.colors = colors
        self.height, self.width = self.views[0].shape[:2]
        self._kept: dict[tuple[int, int], Image] = {}

    def at(self, view: int, scale: float) -> Image:
        """Give the view (counted round) in the least kept size that serves ``scale``."""
        view %= len(self.views)
        level = max(int(np.floor(-np.log(max(scale * self.sharpness, 1e-3)) / np.log(STEP))), 0)
        if (view, level) not in self._kept:
            image = self.views[view]
            if level:
                h, w = image.shape[:2]
                size = (max(round(w * STEP ** -level), 2), max(round(h * STEP ** -level), 2))
                bgr = self._premultiplied(image)
                self._kept[view, level] = np.asarray(
                    cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
            else:
                self._kept[view, level] = self._premultiplied(image)
        return self._kept[view, level]

    def _premultiplied(self, image: Image) -> Image:
        alpha = image[..., 3]
        bgr = cv2.multiply(apply_curve(image[..., :3], self.colors), cv2.merge([alpha] * 3),
                           scale=1 / 255)
        return np.asarray(cv2.merge([*cv2.split(bgr), alpha]), np.uint8)


@dataclass(frozen=True, eq=False)
class Patch:
    """
    What an object covers of a frame, with its corner there; it may reach beyond.

    ``image`` is premultiplied BGRA with motion blur; ``solid`` (bool) is the object without.
    """

    image: Image
    solid: npt.NDArray[np.bool_]
    x: int
    y: int


@dataclass(frozen=True, eq=False)
class Bend:
    """A smooth field that flows: two fields of 5 x 5 vectors that swing, each with its period."""

    fields: npt.NDArray[np.float32]
    periods: Array
    phases: Array

    @property
    def reach(self) -> float:
        """Longest displacement of all times, a share of the object's size."""
        return float(np.abs(self.fields).sum(0).max())

    def at(self, t: int, width: int, height: int) -> npt.NDArray[np.float32]:
        """Displacements at frame ``t`` in shares of the object's size, height x width x 2."""
        swing = np.sin(2 * np.pi * t / self.periods + self.phases).astype(np.float32)
        field = self.fields[0] * swing[0] + self.fields[1] * swing[1]
        return np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC),
                          np.float32)


def draw_bend(rng: Rng, amount: float) -> Bend | None:
    """Draw a field whose vectors measure about ``amount``, a share of the object's size."""
    fields = rng.normal(0, amount, (2, 5, 5, 2)).astype(np.float32)
    bend = Bend(fields, rng.uniform(8, 60, 2), rng.uniform(0, 2 * np.pi, 2))
    return bend if amount > 0.002 else None


@dataclass(frozen=True, eq=False)
class Actor:
    """
    An object on its way, a row a frame: T x 2 ``place`` (centre) and T x 2 ``scale``.

    Both are in pixels of the background's picture, scale for one pixel of the sprite and negative
    where it is mirrored; ``lean`` (T) is in radians; ``view`` (T) counts the sprite's views;
    ``shadow`` in [0, 1] is how dark the ground below it is.
    """

    sprite: Sprite
    look: Look
    place: Array
    scale: Array
    lean: Array
    view: npt.NDArray[np.int64]
    bend: Bend | None = None
    shadow: float = 0.0

    def matrix(self, t: int, camera: Camera) -> Array:
        """Affine map of the sprite (pixels from its middle) to the frame, 2 x 3."""
        c, s = np.cos(self.lean[t]), np.sin(self.lean[t])
        own = np.array([[c, -s], [s, c]]) * self.scale[t]
        m = camera.matrices[t]
        return np.concatenate([m[:, :2] @ own, (m[:, :2] @ self.place[t] + m[:, 2])[:, None]], 1)

    def shift(self, t: int, camera: Camera) -> Array:
        """Displacement in the frame, pixels a frame."""
        before, after = (self.matrix(i, camera)[:, 2] for i in neighbours(t, len(self.place)))
        return np.asarray((after - before) / 2)

    def draw(self, t: int, camera: Camera, frame: tuple[int, int],
             shutter: float) -> Patch | None:
        """Draw the object for a frame of (height, width); None when it is wholly outside."""
        m = self.matrix(t, camera)
        longest = float(np.linalg.norm(m[:, :2], axis=0).max())
        image = self.look.at(int(self.view[t]), longest)
        h, w = image.shape[:2]
        view = self.look.views[int(self.view[t]) % len(self.look.views)]
        m[:, :2] *= view.shape[0] / h, view.shape[0] / h
        reach = np.abs(m[:, :2]) @ (w / 2, h / 2)
        blur = np.minimum(np.abs(self.shift(t, camera)) * shutter, 40)
        pad = 1 + blur / 2 + (self.bend.reach * longest * max(view.shape[:2]) if self.bend else 0)
        # what is further out than a frame is not worth the work: no target is as large
        far = min(frame)
        limit = np.array([frame[1] + far, frame[0] + far])
        x0, y0 = (int(v) for v in np.maximum(np.floor(m[:, 2] - reach - pad), -far))
        x1, y1 = (int(v) for v in np.minimum(np.ceil(m[:, 2] + reach + pad) + 1, limit))
        if x1 <= 0 or y1 <= 0 or x0 >= frame[1] or y0 >= frame[0]:
            return None
        back = np.linalg.inv(m[:, :2]).astype(np.float32)
        xs = np.arange(x0, x1, dtype=np.float32)[None] - np.float32(m[0, 2])
        ys = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(m[1, 2])
        map_x = back[0, 0] * xs + (back[0, 1] * ys + np.float32((w - 1) / 2))
        map_y = back[1, 0] * xs + (back[1, 1] * ys + np.float32((h - 1) / 2))
        if self.bend is not None:
            field = self.bend.at(t, x1 - x0, y1 - y0)
            map_x += field[..., 0] * w
            map_y += field[..., 1] * h
        out = np.asarray(cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR,
                                   borderMode=cv2.BORDER_CONSTANT), np.uint8)
        solid = out[..., 3] > SOLID
        if shutter > 0:
            out = blur_along(out, self.shift(t, camera) * shutter)
        return Patch(out, solid, x0, y0)

    def foot(self, t: int, camera: Camera) -> tuple[float, float, float]:
        """Say where the object stands in the frame (x, y) and how wide it is, in pixels."""
        m = self.matrix(t, camera)
        x, y = m @ (0, self.look.height / 2, 1)
        return float(x), float(y), float(np.hypot(*m[:, 0]) * self.look.width)


def overlap(canvas: Labels, x: int, y: int, w: int,
            h: int) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Find the part of a w x h patch at ``x, y`` inside the canvas: slices there and in it."""
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + w, canvas.shape[1]), min(y + h, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    return ((slice(y0, y1), slice(x0, x1)), (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)))


def stamp(labels: Labels, patch: Patch, label: int) -> None:
    """Write ``label`` where a patch is solid."""
    h, w = patch.solid.shape
    both = overlap(labels, patch.x, patch.y, w, h)
    if both is not None:
        labels[both[0]][patch.solid[both[1]]] = label


def tight_box(mask: npt.NDArray[np.bool_]) -> Box:
    """Box around the true pixels of a mask; raises ValueError when there are none."""
    return Box(*cv2.boundingRect(mask.view(np.uint8)))


def paste(canvas: Image, patch: Patch) -> None:
    """Lay a patch upon ``canvas`` (BGR)."""
    h, w = patch.solid.shape
    both = overlap(canvas[..., 0], patch.x, patch.y, w, h)
    if both is None:
        return
    there, here = both
    part = patch.image[here]
    clear = cv2.bitwise_not(np.ascontiguousarray(part[..., 3]))
    below = cv2.multiply(canvas[there], cv2.merge([clear] * 3), scale=1 / 255)
    canvas[there] = cv2.add(below, np.ascontiguousarray(part[..., :3]))


def darken(canvas: Image, x: float, y: float, width: float, strength: float) -> None:
    """Lay the shadow of something ``width`` pixels wide that stands at ``x, y``."""
    w, h = int(1.3 * width) + 2, int(0.35 * width) + 2
    left, top = round(x - w / 2), round(y - h * 0.6)
    both = overlap(canvas[..., 0], left, top, w, h)
    if both is None:
        return
    there, here = both
    light = 255 - cv2.resize(SPOT, (w, h))[here].astype(np.float32) * strength
    canvas[there] = cv2.multiply(canvas[there], cv2.merge([light.astype(np.uint8)] * 3),
                                 scale=1 / 255)


def _spot() -> Image:
    axis = np.linspace(-1, 1, 33)
    r = np.hypot(axis[None], axis[:, None])
    return np.asarray(255 * np.clip(1.25 - 1.25 * r, 0, 1) ** 1.2, np.uint8)


SPOT = _spot()
"""A round soft spot, brightest in its middle."""


def blob(rng: Rng, w: int, h: int) -> Image:
    """Draw an irregular shape with a soft border that fills w x h pixels, as alpha."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    waves = np.arange(2, 7)
    swing = rng.normal(0, 0.28, len(waves)) / (waves - 1)
    radius = 1 + (swing[:, None] * np.cos(waves[:, None] * angle
                                          + rng.uniform(0, 6.3, (len(waves), 1)))).sum(0)
    # corners stay for some: signs, screens and boxes are objects too
    square = rng.uniform(0, 1) ** 2 / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
    radius = np.clip(radius, 0.45, None) / max(radius.max(), 1) * np.maximum(square, 1)
    points = np.stack([w / 2 * (1 + radius * np.cos(angle)), h / 2 * (1 + radius * np.sin(angle))],
                      1)
    alpha = np.zeros((h, w), np.uint8)
    cv2.fillPoly(alpha, [np.round(np.clip(points, 1, (w - 2, h - 2))).astype(np.int32)], 255)
    return np.asarray(cv2.blur(alpha, (3, 3), borderType=cv2.BORDER_CONSTANT), np.uint8)


def patch_sprite(rng: Rng, image: Image, name: str = 'patch', side: int = 128) -> Sprite:
    """
    Cut an irregular piece with a soft border out of a photograph: an object without a class.

    Of eight places the one with the most texture is taken. The piece measures ``side`` pixels at
    the most. Raises ValueError for an image of less than 16 pixels.
    """
    h, w = image.shape[:2]
    if min(h, w) < 16:
        raise ValueError(f'{name}: a patch needs an image of 16 x 16 pixels or more, got {w} x '
                         f'{h}; leave it out')

    def piece() -> Image:
        tall, wide = (int(n * rng.uniform(0.12, 0.5)) + 8 for n in (h, w))
        y, x = rng.integers(h - tall + 1), rng.integers(w - wide + 1)
        return image[y:y + tall, x:x + wide]
    part = max((piece() for _ in range(8)), key=lambda p: float(p[::4, ::4].std()))
    k = min(side / max(part.shape[:2]), 1.0)
    part = cv2.resize(part, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    alpha = blob(rng, part.shape[1], part.shape[0])
    return Sprite(name, 'patch', np.asarray(np.dstack([part, alpha]), np.uint8))


def turning(rng: Rng, length: int, rate: float) -> tuple[Array, Array]:
    """
    Turn a flat cut-out round its upright axis, as well as a flat thing can.

    Returns the factor of its width (T), negative where it is mirrored, and the angle (T, radians)
    that an object with views has turned by; ``rate`` is in radians a frame.
    """
    path = np.cumsum(rate * (1 + 0.8 * wander(rng, length, 2 + length // 15)[:, 0]))
    c = np.cos(path)
    return np.where(c < 0, -1, 1) * np.maximum(np.abs(c), 0.35), path
