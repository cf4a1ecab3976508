"""Light, lens and sensor: what happens to a scene before it is a frame of a video."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from lg_tracker_ros.training.data.media import Rng
from lg_tracker_ros.training.synthesis.camera_motion import wander
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
LONGEST = 11
"""Side of a blur kernel up to which OpenCV filters directly; larger ones go the slow way."""


@dataclass(frozen=True)
class LightConfig:
    """
    How light changes: a gain over time, a gradient that turns, the edge of a shadow that passes.

    ``gain`` is the largest change as a logarithm; the others are probabilities.
    """

    gain: float = 0.35
    gradient: float = 0.3
    edge: float = 0.25


@dataclass(frozen=True)
class LensConfig:
    """
    What lens and sensor do: probabilities, with the range of each where it occurs.

    ``sigma`` of defocus in pixels, of noise in grey levels; ``quality`` is JPEG's; ``coarse`` is
    a small picture enlarged.
    """

    tone: float = 0.7
    defocus: float = 0.2
    defocus_sigma: tuple[float, float] = (0.5, 2.0)
    noise: float = 0.4
    noise_sigma: tuple[float, float] = (1.5, 10.0)
    compression: float = 0.5
    quality: tuple[int, int] = (15, 80)
    grey: float = 0.08
    coarse: float = 0.1


def tone_curve(rng: Rng, strength: float) -> Table:
    """Draw gain, offset, gamma and hue of a camera: 256 x 3, what each level becomes."""
    ramp = (np.arange(256) / 255)[:, None]
    gamma = np.exp(rng.normal(0, 0.25 * strength))
    gain = np.exp(rng.normal(0, 0.15 * strength) + rng.normal(0, 0.06 * strength, 3))
    return np.asarray(255 * (ramp ** gamma * gain + rng.normal(0, 0.05 * strength, 3)))


def apply_curve(image: Image, table: Table) -> Image:
    """Put the colours of a BGR or BGRA image through a 256 x 3 table; alpha stays."""
    levels = np.clip(table, 0, 255).astype(np.uint8)[None]
    if image.shape[2] == 4:
        levels = np.dstack([levels, np.arange(256, dtype=np.uint8)[None, :, None]])
    return np.asarray(cv2.LUT(np.ascontiguousarray(image), np.ascontiguousarray(levels)), np.uint8)


def jitter_color(rng: Rng, image: Image, strength: float) -> Image:
    """Change gain, offset, gamma and hue of an image at random; alpha stays."""
    return apply_curve(image, tone_curve(rng, strength))


def blur_along(image: Image, shift: Vector) -> Image:
    """Blur as an object that moves by ``shift`` (x, y pixels) while the shutter is open does."""
    length = float(np.hypot(*shift))
    times = 1
    while length > LONGEST - 1 and times < 4:
        # two lines one after the other blur like one longer by sqrt 2
        length, times = length / np.sqrt(2), times * 2
    if length < 1:
        return image
    n = 2 * int(np.ceil(min(length, LONGEST - 1) / 2)) + 1
    half = shift / np.hypot(*shift) * min(length, n - 1) / 2
    kernel = np.zeros((n, n), np.uint8)
    ends = [tuple(int(v) for v in np.round((n // 2 + s * half) * 16)) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
    line = kernel.astype(np.float32) / kernel.sum()
    for _ in range(times):
        image = np.asarray(cv2.filter2D(image, -1, line, borderType=cv2.BORDER_REFLECT_101),
                           np.uint8)
    return image


@dataclass(frozen=True, eq=False)
class Light:
    """
    Light on a scene over time.

    ``gain`` is T x 3; ``gradient`` (T x 2: log gain across the frame's width and height) and
    ``edge`` (T x 3: direction of a shadow's border, its place; ``depth`` is what it leaves of
    the light) are None where there is none.
    """

    gain: Table
    gradient: Table | None
    edge: Table | None
    depth: float
    softness: float

    def shine(self, image: Image, t: int, cells: int = 48) -> Image:
        """Light a scene (BGR) as at frame ``t``; local light is reckoned on a coarse grid."""
        axis = np.linspace(-1, 1, cells, dtype=np.float32)
        x, y = axis[None], axis[:, None]
        local = np.full((cells, cells), 128, np.float32)
        if self.gradient is not None:
            gx, gy = self.gradient[t]
            local *= np.exp(gx * x + gy * y, dtype=np.float32)
        if self.edge is not None:
            cx, cy, place = self.edge[t]
            dark = np.clip((cx * x + cy * y - place) / self.softness, 0, 1)
            local *= 1 - (1 - self.depth) * dark
        gain = np.clip(local[..., None] * self.gain[t], 0, 255).astype(np.uint8)
        gain = cv2.resize(gain, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(image, gain, scale=1 / 128), np.uint8)


def draw_light(rng: Rng, length: int, config: LightConfig) -> Light:
    """Draw the light of a shot."""
    knots = 2 + int(length / rng.uniform(8, 60))
    amount = config.gain * rng.random() ** 2
    gain = np.exp(amount * wander(rng, length, knots) + 0.15 * amount * wander(rng, length, 2, 3))
    gradient = edge = None
    if rng.random() < config.gradient:
        gradient = 0.5 * wander(rng, length, knots, 2)
    if rng.random() < config.edge:
        angle = rng.uniform(0, 2 * np.pi)
        start, end = rng.uniform(-1.3, 1.3, 2)
        edge = np.stack([np.full(length, np.cos(angle)), np.full(length, np.sin(angle)),
                         np.linspace(start, end, length)], 1)
    return Light(gain, gradient, edge, rng.uniform(0.35, 0.8), rng.uniform(0.04, 0.4))


@dataclass(frozen=True, eq=False)
class Lens:
    """Lens and sensor of one camera; what changes over time has a row a frame."""

    tone: Table
    defocus: npt.NDArray[np.float64]
    noise: npt.NDArray[np.int16] | None
    offsets: npt.NDArray[np.int64]
    quality: int | None
    grey: bool
    coarse: float

    def develop(self, image: Image, t: int) -> Image:
        """Turn a lit scene (BGR) into the frame ``t`` that the camera gives."""
        h, w = image.shape[:2]
        image = apply_curve(image, self.tone)
        if self.coarse < 1:
            image = cv2.resize(image, None, fx=self.coarse, fy=self.coarse,
                               interpolation=cv2.INTER_AREA)
            image = cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
        if self.defocus[t] > 0.3:
            side = 2 * int(np.ceil(2 * self.defocus[t])) + 1
            image = cv2.GaussianBlur(image, (side, side), self.defocus[t])
        if self.grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if self.noise is not None:
            x, y = self.offsets[t] % MARGIN
            image = cv2.add(image, self.noise[y:y + h, x:x + w], dtype=cv2.CV_8U)
        if self.quality is not None:
            coded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
            image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        return np.asarray(image, np.uint8)


MARGIN = 61
"""Noise is drawn once, this much larger than a frame, and moved about from frame to frame."""


def draw_lens(rng: Rng, frame: tuple[int, int], length: int, config: LensConfig) -> Lens:
    """Draw a camera for frames of (height, width)."""
    tone = tone_curve(rng, config.tone * rng.random() * 1.5)
    defocus = np.zeros(length)
    if rng.random() < config.defocus:
        # the focus comes and goes
        sway = wander(rng, length, 2 + length // 20)[:, 0]
        defocus = rng.uniform(*config.defocus_sigma) * (sway + 1) / 2
    noise = None
    grey = bool(rng.random() < config.grey)
    if rng.random() < config.noise:
        shape = (frame[0] + MARGIN, frame[1] + MARGIN)
        field = rng.standard_normal(shape, dtype=np.float32) * rng.uniform(*config.noise_sigma)
        grain = field.astype(np.int16)
        # three shifted copies look like noise in colour and cost a third of it
        parts = [grain] * 3 if grey or rng.random() < 0.5 else [
            np.roll(grain, 17 * i, (0, 1)) for i in range(3)]
        noise = np.asarray(cv2.merge(parts), np.int16)
    quality = None
    if rng.random() < config.compression:
        quality = int(rng.integers(config.quality[0], config.quality[1] + 1))
    coarse = rng.uniform(0.35, 0.8) if rng.random() < config.coarse else 1.0
    return Lens(tone, defocus, noise, rng.integers(0, 1 << 30, (length, 2)), quality, grey,
                float(coarse))


def degrade(rng: Rng, image: Image) -> Image:
    """Blur, motion blur, noise, compression or grey, each now and then, as cameras do."""
    if rng.random() < 0.12:
        angle, length = rng.uniform(0, np.pi), rng.uniform(3, 12)
        image = blur_along(image, length * np.array([np.cos(angle), np.sin(angle)]))
    return draw_lens(rng, (image.shape[0], image.shape[1]), 1, STILL).develop(image, 0)


STILL = LensConfig(tone=0.0, defocus=0.25, noise=0.2, noise_sigma=(2.0, 10.0), compression=0.3,
                   quality=(20, 80), grey=0.1)
"""For single pictures: the tone is changed apart, and less often the rest."""
