"""Who else is there: look-alikes, passers-by, and what hides the target."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

import cv2
from lg_tracker_ros.training.data.media import Rng, Sprite
from lg_tracker_ros.training.synthesis.actors import Actor, draw_bend, Look, turning
from lg_tracker_ros.training.synthesis.camera_motion import Camera, wander
from lg_tracker_ros.training.synthesis.compositing import (
    blob,
    OTHER,
    patch_sprite,
    stamp,
    TARGET,
    tight_box,
)
from lg_tracker_ros.training.synthesis.photometric import tone_curve
from lg_tracker_ros.training.synthesis.target_motion import colored, Stage
from lg_tracker_ros.types import Image
import numpy as np

CLEAR = 0.92
"""Share of the target that shows in the first frame at the least, with some room to .9."""

Cast = list[tuple[Actor, int]]


def draw_other(rng: Rng, sprite: Sprite, target: Actor, stage: Stage, ratio: float, cross: bool,
               shadow: float | None = None, length: float | None = None) -> Actor:
    """
    Draw something that isn't the target and ``ratio`` times its size.

    With ``cross`` it goes straight over the target's place at some time, else anywhere.
    ``length`` is its height in pixels of the frame, where that isn't to follow from its size.
    """
    n = stage.length
    look = colored(rng, sprite, tone_curve(rng, 0.6), stage)
    zoom = stage.camera.zoom()
    at = int(rng.uniform(0.2, 0.98) * n)
    wide = np.abs(target.scale[at]) * (target.look.width, target.look.height)
    own = np.full(2, ratio * np.sqrt(wide.prod() / (look.width * look.height)))
    if length is not None:
        own = np.array([ratio * wide[0] / look.width, length / look.height / zoom[at]])
    reach = (own * (look.width, look.height) + wide) / 2
    t = (np.arange(n) - at)[:, None]
    angle = rng.uniform(0, 2 * np.pi)
    if cross and rng.random() < 0.7:
        angle = rng.choice([0, np.pi]) + rng.normal(0, 0.3)  # most things move on the level
    heading = np.array([np.cos(angle), np.sin(angle)])
    if cross:
        speed = 2 * float(np.abs(heading) @ reach) / rng.uniform(5, 30)
        middle = target.place[at] + rng.normal(0, 0.15, 2) * wide
    else:
        speed = float(reach.mean()) * 0.06 * np.exp(rng.normal(0, 1)) * (rng.random() < 0.7)
        seen = rng.uniform(0.05, 0.95, (n, 2)) * stage.frame[::-1]
        middle = stage.camera.unproject(seen)[at]
    sway = 0.3 * rng.random() * reach * wander(rng, n, 2 + n // 12, 2)
    place = middle + heading * speed * t + (0 if length is not None else sway - sway[at])
    scale = np.tile(own, (n, 1))
    lean = np.full(n, rng.normal(0, 0.1 if length is None else 0.03))
    view = np.zeros(n, np.int64)
    if sprite.views:
        rate = np.radians(rng.uniform(*stage.config.turn_rate))
        view += np.round(rng.uniform(0, len(sprite.views)) + turning(rng, n, rate)[1]
                         * len(sprite.views) / (2 * np.pi)).astype(int)
    elif rng.random() < 0.5:
        scale[:, 0] *= -1
    bend = None if length is not None else draw_bend(rng, stage.config.warp * rng.random())
    return Actor(sprite, look, place, scale, lean, view, bend,
                 stage.shadow if shadow is None else shadow)


def bar_sprite(rng: Rng, image: Image) -> Sprite:
    """Cut a strip out of a photograph: a post, a tree, a door's frame."""
    w = image.shape[1]
    wide = int(rng.integers(4, max(w // 5, 5) + 1))
    x = int(rng.integers(w - wide + 1))
    strip = cv2.resize(image[:, x:x + wide], (48, 256), interpolation=cv2.INTER_AREA)
    return Sprite('bar', 'bar', np.asarray(np.dstack([strip, np.full((256, 48), 255, np.uint8)]),
                                           np.uint8))


def draw_scenery(rng: Rng, picture: Image, target: Actor, stage: Stage,
                 ratio: float) -> Actor | None:
    """
    Draw a piece of the scene that stands before the target, which passes behind it.

    None when the target is beyond the picture there and has nothing to hide behind.
    """
    at = int(rng.uniform(0.2, 0.98) * stage.length)
    wide = np.abs(target.scale[at]) * (target.look.width, target.look.height)
    w, h = (int(max(v, 8)) for v in ratio * wide * np.exp(rng.normal(0, 0.3, 2)))
    if rng.random() < 0.4:
        h = int(3 * wide[1]) + 8  # something tall
    x, y = (int(v) for v in target.place[at] - (w / 2, h / 2))
    x0, y0 = max(x, 0), max(y, 0)
    part = picture[y0:max(y + h, 0), x0:max(x + w, 0)]
    if min(part.shape[:2]) < 4:
        return None
    h, w = part.shape[:2]
    sprite = Sprite('scenery', 'scenery', np.asarray(np.dstack([part, blob(rng, w, h)]), np.uint8))
    n, middle = stage.length, np.array([x0 + (w - 1) / 2, y0 + (h - 1) / 2])
    plain = np.repeat(np.arange(256.0)[:, None], 3, 1)
    return Actor(sprite, Look(sprite, plain), np.tile(middle, (n, 1)), np.ones((n, 2)),
                 np.zeros(n), np.zeros(n, np.int64))


def draw_occluder(rng: Rng, sprites: list[Sprite], image: Image, target: Actor,
                  stage: Stage) -> Actor:
    """Draw what hides the target: the scene itself, a bar, a patch, or one of ``sprites``."""
    whole = rng.random() < stage.config.hiding
    kind = rng.random()
    if stage.scenery is not None and rng.random() < 0.4:
        ratio = rng.uniform(1.3, 2.5) if whole else rng.uniform(0.4, 1.2)
        piece = draw_scenery(rng, stage.scenery, target, stage, ratio)
        if piece is not None:
            return piece
    if kind < 0.4:
        ratio = rng.uniform(1.2, 2.0) if whole else rng.uniform(0.25, 0.8)
        return draw_other(rng, bar_sprite(rng, image), target, stage, ratio, True, 0.0,
                          3.0 * max(stage.frame))
    sprite = patch_sprite(rng, image)
    if kind > 0.75 and sprites:
        sprite = sprites[int(rng.integers(len(sprites)))]
    ratio = rng.uniform(1.5, 2.2) if whole else rng.uniform(0.5, 1.1)
    return draw_other(rng, sprite, target, stage, ratio, True, 0.0)


def draw_cast(rng: Rng, target: Actor, sprites: Sequence[Sprite], alike: Sequence[Sprite],
              photograph: Image, stage: Stage) -> Cast:
    """Draw who else is there; gives everyone in the order of drawing, with a label each."""
    c = stage.config
    behind: Cast = []
    front: Cast = []
    unlike = [s for s in sprites if s.category != target.sprite.category]
    for i in range(rng.integers(c.lookalikes[0], c.lookalikes[1] + 1) if alike else 0):
        other = draw_other(rng, alike[int(rng.integers(len(alike)))], target, stage,
                           np.exp(rng.normal(0, 0.2)), rng.random() < c.crossing)
        (front if rng.random() < 0.5 else behind).append((other, TARGET + 1 + i))
    for _ in range(rng.integers(c.passers[0], c.passers[1] + 1) if unlike else 0):
        other = draw_other(rng, unlike[int(rng.integers(len(unlike)))], target, stage,
                           np.exp(rng.normal(0, 0.5)), rng.random() < 0.3 * c.crossing)
        (front if rng.random() < 0.3 else behind).append((other, OTHER))
    for _ in range(rng.integers(c.occluders[0], c.occluders[1] + 1)):
        front.append((draw_occluder(rng, unlike, photograph, target, stage), OTHER))
    return [*behind, (target, TARGET), *front]


def clear_first(cast: Cast, camera: Camera,
                frame: tuple[int, int]) -> Cast | None:
    """
    Send away whoever hides the target in the first frame: a template must show it.

    A target that reaches over the border is moved inside. None when it hardly has solid pixels or
    falls into pieces: such a thing is no target.
    """
    k = [label for _, label in cast].index(TARGET)
    target = cast[k][0]
    patch = target.draw(0, camera, frame, 0)
    if patch is None or np.count_nonzero(patch.solid) < 30:
        return None
    _, _, stats, _ = cv2.connectedComponentsWithStats(patch.solid.view(np.uint8))
    area = np.count_nonzero(patch.solid)
    if stats[1:, cv2.CC_STAT_AREA].max() < 0.9 * area:
        return None
    box = tight_box(patch.solid)
    x0, y0 = patch.x + box.x, patch.y + box.y
    over = np.array([max(-x0, 0) - max(x0 + box.w - frame[1], 0),
                     max(-y0, 0) - max(y0 + box.h - frame[0], 0)])
    if over.any():
        target = replace(target, place=target.place + over / camera.zoom()[0])
        patch = target.draw(0, camera, frame, 0)
        if patch is None:
            return None
    labels = np.zeros(frame, np.uint8)
    stamp(labels, patch, TARGET)
    kept = [*cast[:k], (target, TARGET)]
    if np.count_nonzero(labels) < CLEAR * area:
        return None
    for actor, label in cast[k + 1:]:
        cover = actor.draw(0, camera, frame, 0)
        if cover is not None:
            after = labels.copy()
            stamp(after, cover, OTHER)
            if np.count_nonzero(after == TARGET) < CLEAR * area:
                continue
            labels = after
        kept.append((actor, label))
    return kept
