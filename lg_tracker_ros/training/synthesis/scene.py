"""Scenes whose every detail is decided, and how they are rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import cv2
from lg_tracker_ros.training.data.media import decode
from lg_tracker_ros.training.synthesis.actors import Actor
from lg_tracker_ros.training.synthesis.camera_motion import Camera
from lg_tracker_ros.training.synthesis.compositing import (
    darken,
    OTHER,
    paste,
    stamp,
    TARGET,
    tight_box,
)
from lg_tracker_ros.training.synthesis.photometric import blur_along, Lens, Light
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

Background = Image | Sequence[bytes]
"""A photograph (BGR), or the frames of a video as the bytes of image files."""


@dataclass(frozen=True, eq=False)
class Shown:
    """
    A rendered frame.

    ``mask`` (h x w bool) is what shows of the target, ``box`` the tight box around that (as
    LaSOT and TrackingNet label), None when the target is absent; ``visibility`` is the share of
    its pixels that shows, neither hidden nor out of the frame, 0 when absent. ``others`` are the
    boxes of what shows of look-alikes, ``names`` tell each of them from the others in all frames.
    """

    image: Image
    box: Box | None
    mask: npt.NDArray[np.bool_]
    visibility: float
    others: tuple[Box, ...]
    names: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Shot:
    """A piece of a sequence from one viewpoint; ``cast`` is drawn in order, with its labels."""

    background: Background
    first: int
    pace: float
    mirrored: bool
    camera: Camera
    light: Light
    cast: tuple[tuple[Actor, int], ...]

    def picture(self, t: int) -> Image:
        """Give the background at frame ``t``; a video goes to and fro."""
        if isinstance(self.background, np.ndarray):
            return self.background
        n = len(self.background)
        i = (self.first + int(t * self.pace)) % max(2 * n - 2, 1)
        image = decode(self.background[i if i < n else 2 * n - 2 - i])
        return np.asarray(image[:, ::-1], np.uint8) if self.mirrored else image


@dataclass(frozen=True, eq=False)
class Scenario:
    """All that happens in a sequence; rendering it draws nothing more at random."""

    shots: tuple[Shot, ...]
    lens: Lens
    frame: tuple[int, int]
    shutter: float
    least: float
    category: str

    def __len__(self) -> int:
        """Count the frames."""
        return sum(len(s.camera.matrices) for s in self.shots)

    def render(self, i: int) -> Shown:
        """Render frame ``i``, from 0; raises IndexError beyond the end."""
        t = i
        for number, shot in enumerate(self.shots):
            if t < len(shot.camera.matrices):
                return self._render(shot, t, i, number)
            t -= len(shot.camera.matrices)
        raise IndexError(f'frame {i} of {len(self)}')

    def _render(self, shot: Shot, t: int, i: int, number: int) -> Shown:
        h, w = self.frame
        canvas = np.asarray(cv2.warpAffine(shot.picture(t), shot.camera.matrices[t], (w, h),
                                           borderMode=cv2.BORDER_REFLECT_101), np.uint8)
        canvas = blur_along(canvas, self.shutter * shot.camera.motion(t, w / 2, h / 2))
        labels = np.zeros((h, w), np.uint8)
        areas = {}
        for actor, label in shot.cast:
            patch = actor.draw(t, shot.camera, self.frame, self.shutter)
            if patch is None:
                continue
            if actor.shadow > 0:
                darken(canvas, *actor.foot(t, shot.camera), actor.shadow)
            paste(canvas, patch)
            stamp(labels, patch, label)
            areas[label] = np.count_nonzero(patch.solid)
        mask = labels == TARGET
        shown = np.count_nonzero(mask)
        share = shown / areas[TARGET] if areas.get(TARGET) else 0.0
        if share < self.least or shown < 8:
            share, mask = 0.0, np.zeros_like(mask)
        alike = [k for k in areas if k not in (TARGET, OTHER)
                 and np.count_nonzero(labels == k) > max(0.25 * areas[k], 16)]
        others = tuple(tight_box(labels == k) for k in alike)
        # after a cut others are there
        names = tuple(k + (OTHER + 1) * number for k in alike)
        image = self.lens.develop(shot.light.shine(canvas, t), i)
        return Shown(image, tight_box(mask) if share else None, mask, share, others, names)
