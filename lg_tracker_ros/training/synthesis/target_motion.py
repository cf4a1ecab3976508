"""What happens in a shot: how the target goes, who crosses its way, what hides it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from lg_tracker_ros.training.data.media import Rng, Sprite
from lg_tracker_ros.training.synthesis.actors import Actor, Array, draw_bend, Look, turning
from lg_tracker_ros.training.synthesis.camera_motion import Camera, curve, wander
from lg_tracker_ros.training.synthesis.photometric import Table
from lg_tracker_ros.types import Image
import numpy as np


@dataclass(frozen=True)
class StoryConfig:
    """
    Ranges and probabilities of what happens.

    ``smallest`` (pixels) and ``largest`` (share of the frame's shorter side) bound the target's
    size, the root of width x height, and its longer side's share too; ``growth`` is the largest
    ratio of two of its sizes in a shot; ``speed`` the median of its sizes a frame; ``stretch``
    the change of its aspect (logarithm); ``lean`` in degrees; ``spin`` and ``turn`` how often it
    turns in the plane and round its upright axis, ``turn_rate`` in degrees a frame; ``warp`` is a
    share of its size. ``lookalikes``, ``passers`` (of other classes), ``occluders`` are numbers;
    ``crossing`` is how often one of the former crosses the target's way, ``hiding`` how often an
    occluder is large enough to hide it; ``leave`` how often it leaves and comes back;
    ``shadow`` how often there is a ground with shadows; ``blend`` how far colours may be drawn
    to the background's, ``soft`` how often one is less sharp than the scene.
    """

    smallest: float = 10.0
    largest: float = 0.7
    growth: float = 4.0
    speed: float = 0.06
    stretch: float = 0.25
    lean: float = 12.0
    spin: float = 0.06
    turn: float = 0.2
    turn_rate: tuple[float, float] = (1.0, 12.0)
    warp: float = 0.06
    lookalikes: tuple[int, int] = (0, 4)
    passers: tuple[int, int] = (0, 3)
    crossing: float = 0.5
    occluders: tuple[int, int] = (0, 2)
    hiding: float = 0.4
    leave: float = 0.15
    shadow: float = 0.4
    blend: float = 0.6
    soft: float = 0.3


@dataclass(frozen=True, eq=False)
class Stage:
    """
    Where a shot is played: its camera, the frame's (height, width), the mean colour there.

    ``scenery`` is the picture behind it where that stands still (a photograph), else None.
    """

    camera: Camera
    frame: tuple[int, int]
    color: Array
    scenery: Image | None
    shadow: float
    config: StoryConfig

    @property
    def length(self) -> int:
        """Frames of the shot."""
        return len(self.camera.matrices)


def colored(rng: Rng, sprite: Sprite, base: Table, stage: Stage) -> Look:
    """Dress a sprite in ``base``, drawn a little to the colours of the place, or out of focus."""
    view = (sprite.views or (sprite.image,))[0]
    few = np.ascontiguousarray(view[::4, ::4])
    own = np.array(cv2.mean(few[..., :3], np.ascontiguousarray(few[..., 3]))[:3])
    pull = stage.config.blend * rng.random() ** 2
    tint = np.clip((stage.color + 20) / (own + 20), 0.4, 2.5) ** pull
    blurred = rng.random() < stage.config.soft
    return Look(sprite, base * tint, rng.uniform(0.35, 0.9) if blurred else 1.0)


def fold(values: Array, low: Array, high: Array) -> Array:
    """Reflect values at both ends of a range until they are in it."""
    span = np.maximum(high - low, 1e-6)
    return np.asarray(low + span - np.abs((values - low) % (2 * span) - span))


def screen_path(rng: Rng, sizes: Array, extent: Array, stage: Stage) -> Array:
    """
    Draw where in the frame the target's middle is, T x 2 pixels, begun wholly inside.

    ``sizes`` (T) are its own; ``extent`` (T x 2) its width and height in pixels.
    """
    n, c = stage.length, stage.config
    area = np.array(stage.frame[::-1], np.float64)
    gap = np.exp(rng.uniform(np.log(4), np.log(30)))
    count = int(n / gap) + 2
    speed = c.speed * np.exp(rng.normal(0, 0.9))
    step = np.minimum(speed * sizes.mean() * gap, 0.6 * area.min())
    heading = np.cumsum(rng.normal(0, 0.8, count)) + rng.uniform(0, 2 * np.pi)
    walk = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * step, 0)
    room = np.maximum(area - 1.1 * extent[0], 0)
    start = area / 2 + rng.uniform(-0.5, 0.5, 2) * room
    margin = np.minimum(0.3 * extent.mean(0), 0.4 * area)
    path = curve(fold(walk - walk[0] + start, np.minimum(margin, start),
                      np.maximum(area - margin, start)), n)
    if rng.random() < c.leave and n >= 12:
        path = leave(rng, path, extent, area)
    return path


def leave(rng: Rng, path: Array, extent: Array, area: Array) -> Array:
    """Let a path go out of the frame at one place and come back at another."""
    n = len(path)
    out = rng.uniform(0.15, 0.6) * n
    ramp = rng.uniform(3, 0.2 * n + 3)
    back = out + ramp + rng.uniform(2, 0.5 * n)  # may be beyond the end: it stays away
    t = np.arange(n, dtype=np.float64)

    def smooth(u: Array) -> Array:
        u = np.clip(u, 0, 1)
        return np.asarray(u * u * (3 - 2 * u))
    away = smooth((t - out) / ramp) - smooth((t - back) / ramp)

    def outside() -> Array:
        place = rng.uniform(0.05, 0.95, 2) * area
        axis = int(rng.integers(2))
        beyond = 0.75 * float(extent.max()) + 10
        place[axis] = -beyond if rng.random() < 0.5 else area[axis] + beyond
        return np.asarray(place)
    gone = np.where((t < (out + ramp + back) / 2)[:, None], outside(), outside())
    return np.asarray(path + away[:, None] * (gone - path))


def draw_target(rng: Rng, sprite: Sprite, base: Table, stage: Stage, size: float,
                view: int) -> Actor:
    """Draw the target's way through a shot; ``size`` in pixels is about its own there."""
    n, c = stage.length, stage.config
    look = colored(rng, sprite, base, stage)
    aspect = np.sqrt(max(look.width / look.height, look.height / look.width))
    # what is enlarged more than twice shows nothing
    high = min(c.largest * min(stage.frame) / aspect, 2.0 * np.sqrt(look.width * look.height))
    high = max(high, c.smallest)
    knots = 2 + int(n / rng.uniform(12, 60))
    grow = rng.random() * np.log(c.growth) / 2 * wander(rng, n, knots)[:, 0]
    sizes = np.clip(size * np.exp(grow), c.smallest, high)
    stretch = c.stretch * rng.random() ** 2 * wander(rng, n, knots)
    scale = sizes[:, None] / np.sqrt(look.width * look.height) * np.exp(stretch * (0.5, -0.5))
    scale /= np.maximum(scale * (look.width, look.height)
                        / (c.largest * min(stage.frame)), 1).max(1)[:, None]
    lean = np.radians(c.lean) * rng.random() * wander(rng, n, knots)[:, 0]
    views = np.full(n, view)
    rate = np.radians(rng.uniform(*c.turn_rate)) * rng.choice([-1, 1])
    if sprite.views:
        views += np.round(turning(rng, n, rate)[1] * len(sprite.views) / (2 * np.pi)).astype(int)
    elif rng.random() < c.turn:
        scale[:, 0] *= turning(rng, n, rate)[0]
    if rng.random() < c.spin:
        lean = lean + np.cumsum(np.radians(8) * rng.random() * wander(rng, n, 3)[:, 0])
    extent = np.abs(scale) * (look.width, look.height)
    extent = extent + extent[:, ::-1] * np.minimum(np.abs(np.sin(lean)), 1)[:, None]
    place = stage.camera.unproject(screen_path(rng, sizes, extent, stage))
    return Actor(sprite, look, place, scale / stage.camera.zoom()[:, None], lean, views,
                 draw_bend(rng, c.warp * rng.random()), stage.shadow)
