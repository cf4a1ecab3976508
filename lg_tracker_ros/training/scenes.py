"""Composed scenes: cut-outs that move over photographs, seen by a moving camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Sequence

import cv2
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.training.sources import Rng, Sprite
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
    others: tuple[Box, ...] = field(default=())


def jitter_color(rng: Rng, image: Image, strength: float) -> Image:
    """Change gain, offset, gamma and hue of an image at random; alpha stays."""
    ramp = np.arange(256, dtype=np.float32) / 255
    gamma = np.exp(rng.normal(0, 0.25 * strength))
    table = np.empty((1, 256, 3), np.uint8)
    gain = np.exp(rng.normal(0, 0.15 * strength))
    for c in range(3):
        own = np.exp(rng.normal(0, 0.06 * strength))
        curve = ramp ** gamma * gain * own + rng.normal(0, 0.05 * strength)
        table[0, :, c] = np.clip(curve * 255, 0, 255)
    out = image.copy()
    out[..., :3] = cv2.LUT(np.ascontiguousarray(image[..., :3]), table)
    return out


def degrade(rng: Rng, image: Image) -> Image:
    """Blur, motion blur, noise, compression or grey, each now and then, as cameras do."""
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.0))
    if rng.random() < 0.12:
        n = int(rng.integers(3, 12))
        kernel = np.zeros((n, n), np.float32)
        kernel[n // 2] = 1
        m = cv2.getRotationMatrix2D(((n - 1) / 2, (n - 1) / 2), rng.uniform(0, 180), 1)
        kernel = cv2.warpAffine(kernel, m, (n, n))
        image = cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3))
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.2:
        sigma = rng.uniform(2, 10)
        noise = rng.normal(0, sigma, image.shape[:2]).astype(np.float32)[..., None]
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(20, 80))
        image = cv2.imdecode(
            cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return np.asarray(image, np.uint8)


def warp_softly(rng: Rng, image: Image, amount: float) -> Image:
    """Bend an image by a smooth random field of ``amount`` times its size (non-rigid motion)."""
    h, w = image.shape[:2]
    grid = rng.normal(0, amount, (2, 4, 4)).astype(np.float32)
    dx = cv2.resize(grid[0], (w, h), interpolation=cv2.INTER_CUBIC) * w
    dy = cv2.resize(grid[1], (w, h), interpolation=cv2.INTER_CUBIC) * h
    xs, ys = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    return np.asarray(cv2.remap(image, xs + dx, ys + dy, cv2.INTER_LINEAR), np.uint8)


@dataclass
class Actor:
    """A cut-out with its place (centre, pixels), height, lean and velocity a frame."""

    sprite: Image
    x: float
    y: float
    height: float
    angle: float
    velocity: tuple[float, float]
    growth: float
    turned: Image | None = None

    def draw(self, canvas: Image, t: float) -> Box | None:
        """Paste onto ``canvas`` as at time ``t``; the box of what shows, None if nothing does."""
        image = self.sprite if self.turned is None or t < 0.5 else self.turned
        h, w = image.shape[:2]
        k = self.height * np.exp(self.growth * t) / h
        if k < 0.5:
            image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            h, w = image.shape[:2]
            k = 1.0
        cx, cy = self.x + self.velocity[0] * t, self.y + self.velocity[1] * t
        m = cv2.getRotationMatrix2D((w / 2, h / 2), self.angle * (1 + 0.3 * t), k)
        corners = m @ np.array([[0, w, w, 0], [0, 0, h, h], [1, 1, 1, 1]])
        left, top = np.floor(corners.min(1)).astype(int)
        bw, bh = (np.ceil(corners.max(1)).astype(int) - (left, top))
        m[:, 2] -= (left, top)
        x0, y0 = round(cx - w / 2 + left), round(cy - h / 2 + top)
        patch = cv2.warpAffine(image, m, (int(bw), int(bh)))
        return paste(canvas, patch, x0, y0)


def paste(canvas: Image, patch: Image, x0: int, y0: int) -> Box | None:
    """Blend a BGRA patch at ``x0, y0``; the box of its solid part inside, None if nothing is."""
    h, w = canvas.shape[:2]
    ax, ay = max(x0, 0), max(y0, 0)
    bx, by = min(x0 + patch.shape[1], w), min(y0 + patch.shape[0], h)
    if ax >= bx or ay >= by:
        return None
    part = patch[ay - y0:by - y0, ax - x0:bx - x0]
    alpha = part[..., 3:].astype(np.uint16)
    region = canvas[ay:by, ax:bx]
    region[:] = ((part[..., :3] * alpha + region * (255 - alpha)) // 255).astype(np.uint8)
    solid = part[..., 3] > 100
    xs, ys = np.nonzero(solid.any(0))[0], np.nonzero(solid.any(1))[0]
    if len(xs) < 4 or len(ys) < 4:
        return None
    return Box(float(ax + xs[0]), float(ay + ys[0]), float(xs[-1] - xs[0] + 1),
               float(ys[-1] - ys[0] + 1))


def compose(rng: Rng, sprites: Sequence[Sprite], backgrounds: Sequence[Image],
            absent: float = 0.12) -> tuple[View, View, View]:
    """
    Make the views of one scene: the template's, the frame before the search, the search's.

    With probability ``absent`` the target has left in the last two.
    """
    width = int(rng.integers(320, 560))
    height = int(width * rng.uniform(0.55, 0.85))
    back = backgrounds[int(rng.integers(len(backgrounds)))]
    target = sprites[int(rng.integers(len(sprites)))]
    same = [s for s in sprites if s.category == target.category]
    size = height * np.exp(rng.uniform(np.log(0.08), np.log(0.6)))

    def actor(sprite: Sprite, tall: float) -> Actor:
        image = sprite.image[:, ::-1] if rng.random() < 0.5 else sprite.image
        image = jitter_color(rng, image, 0.7)
        turned = warp_softly(rng, image, 0.03) if rng.random() < 0.7 else image
        if rng.random() < 0.08:
            turned = turned[:, ::-1]
        stretch = np.exp(rng.normal(0, 0.15, 2))
        turned = cv2.resize(jitter_color(rng, turned, 0.5), None, fx=stretch[0], fy=stretch[1])
        speed = rng.normal(0, 0.04 * tall + 2, 2)
        return Actor(np.ascontiguousarray(image), rng.uniform(0.05, 0.95) * width,
                     rng.uniform(0.1, 0.9) * height, tall, float(rng.normal(0, 8)),
                     (float(speed[0]), float(speed[1])), 0.0, np.asarray(turned, np.uint8))

    main = actor(target, size)
    crowd = [actor(same[int(rng.integers(len(same)))] if rng.random() < 0.6
                   else sprites[int(rng.integers(len(sprites)))],
                   size * np.exp(rng.normal(0, 0.25)))
             for _ in range(rng.integers(0, 5))]
    camera = rng.normal(0, 0.25, 2)
    angle, zoom = rng.normal(0, 3), np.exp(rng.normal(0, 0.1))
    other = backgrounds[int(rng.integers(len(backgrounds)))] if rng.random() < 0.25 else back
    light, looks = rng.uniform(0, 1.2), rng.integers(1 << 31, size=2)

    def render(t: float, image: Image, shift: npt.NDArray[np.float64], leave: bool) -> View:
        h, w = image.shape[:2]
        k = max(width / w, height / h) * 1.35 * (1 + (zoom - 1) * t)
        m = cv2.getRotationMatrix2D((w / 2, h / 2), angle * t, k)
        m[:, 2] += (width / 2 - w / 2 + shift[0] * 0.15 * width,
                    height / 2 - h / 2 + shift[1] * 0.15 * height)
        canvas = cv2.warpAffine(image, m, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        order = [(a, False) for a in crowd] + ([] if leave else [(main, True)])
        front = rng.random() < 0.15 and t > 0.5  # someone may pass in front of the target
        if front:
            order = order[::-1]
        box, others = None, []
        for who, is_main in order:
            got = who.draw(canvas, t)
            if is_main:
                box = got
            elif got is not None:
                others.append(got)
        if front and box is not None and any(iou(box, o) > 0.4 for o in others):
            box = main.draw(canvas, t)  # hidden for the most part: no honest label; show it
        # light and lens stay as they are between two successive frames
        tone = np.random.default_rng(looks[int(t > 0.5)])
        canvas = jitter_color(tone, canvas, light)
        return View(degrade(tone, canvas), box, tuple(others))

    # the template shows the target alone in front; later the actors have moved to new places
    first = render(0.0, back, np.zeros(2), leave=False)
    for who in [main, *crowd]:
        who.x, who.y = rng.uniform(0.05, 0.95) * width, rng.uniform(0.1, 0.9) * height
        who.growth = float(rng.normal(0, 0.15))
    gone = rng.random() < absent
    before = render(0.95, other, camera * 0.98, gone)
    for who in [main, *crowd]:
        step = rng.normal(0, 0.03 * size + 1, 2)
        who.x, who.y = who.x + step[0], who.y + step[1]
    last = render(1.0, other, camera, gone)
    return first, before, last
