"""Cut-outs that move: where an object is in a frame, and how it looks there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from lg_tracker_ros.training.data.media import Rng, Sprite
from lg_tracker_ros.training.synthesis.camera_motion import Camera, neighbours, wander
from lg_tracker_ros.training.synthesis.photometric import apply_curve, blur_along, Table
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

SOLID = 100
"""Alpha above which a pixel belongs to an object."""

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


def turning(rng: Rng, length: int, rate: float) -> tuple[Array, Array]:
    """
    Turn a flat cut-out round its upright axis, as well as a flat thing can.

    Returns the factor of its width (T), negative where it is mirrored, and the angle (T, radians)
    that an object with views has turned by; ``rate`` is in radians a frame.
    """
    path = np.cumsum(rate * (1 + 0.8 * wander(rng, length, 2 + length // 15)[:, 0]))
    c = np.cos(path)
    return np.where(c < 0, -1, 1) * np.maximum(np.abs(c), 0.35), path
