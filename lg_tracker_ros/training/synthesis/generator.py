"""
Sequences made of cut-outs and photographs, with box, mask and visibility of their target.

``draw_scenario`` decides everything; its frames can then be rendered one by one, in any order,
since nothing is drawn at random after it. ``generate`` renders them all.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Callable, Sequence

import cv2
from lg_tracker_ros.training.data.media import decode, Rng, Sprite
from lg_tracker_ros.training.synthesis.actors import Array
from lg_tracker_ros.training.synthesis.camera_motion import Camera, CameraConfig, draw_camera
from lg_tracker_ros.training.synthesis.compositing import patch_sprite
from lg_tracker_ros.training.synthesis.distractors import clear_first, draw_cast
from lg_tracker_ros.training.synthesis.photometric import (
    draw_lens,
    draw_light,
    LensConfig,
    LightConfig,
    tone_curve,
)
from lg_tracker_ros.training.synthesis.scene import Background, Scenario, Shot
from lg_tracker_ros.training.synthesis.target_motion import draw_target, Stage, StoryConfig
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class SceneConfig:
    """
    Everything that may be chosen about generated sequences; ``dataclasses.asdict`` saves it.

    ``frames`` is the range of lengths; ``patch`` how often the target is a piece of a photograph,
    ``cut`` how often the viewpoint changes at once, ``video`` how often the background is a video
    where there are any; ``shutter`` the range of the share of a frame's time in which light
    falls. ``least`` is the share of the target under which it counts as absent. Raises ValueError
    for a frame under 32 pixels, lengths that aren't a range, and targets that don't fit.
    """

    height: int = 320
    width: int = 320
    frames: tuple[int, int] = (16, 60)
    patch: float = 0.15
    cut: float = 0.12
    video: float = 0.3
    shutter: tuple[float, float] = (0.0, 0.8)
    least: float = 0.05
    camera: CameraConfig = field(default_factory=CameraConfig)
    light: LightConfig = field(default_factory=LightConfig)
    lens: LensConfig = field(default_factory=LensConfig)
    story: StoryConfig = field(default_factory=StoryConfig)

    def __post_init__(self) -> None:
        """Refuse what can't be rendered."""
        if min(self.height, self.width) < 32:
            raise ValueError('height and width must be 32 pixels or more, got '
                             f'{self.height} x {self.width}')
        if not 1 <= self.frames[0] <= self.frames[1]:
            raise ValueError(f'frames must be a range such as (16, 60), got {self.frames}')
        most = self.story.largest * min(self.height, self.width)
        if not 1 <= self.story.smallest <= most:
            raise ValueError(f'story.smallest must be from 1 to {most:g} px, which is largest '
                             f'times the shorter side, got {self.story.smallest:g}')


@dataclass(frozen=True, eq=False)
class GeneratedSequence:
    """
    A sequence with its labels.

    ``frames`` T x h x w x 3 uint8 BGR; ``boxes`` T x 4 (x, y, w, h in pixels; nan when absent);
    ``masks`` T x h x w bool; ``visibility`` T in [0, 1]; ``others`` n x 4 for each frame. What
    they mean is said in Shown.
    """

    frames: npt.NDArray[np.uint8]
    boxes: Array
    masks: npt.NDArray[np.bool_]
    visibility: Array
    others: tuple[Array, ...]
    category: str


def photograph(background: Background) -> Image:
    """Give a picture of a background: itself, or the first frame of a video."""
    return background if isinstance(background, np.ndarray) else decode(background[0])


def draw_backdrop(rng: Rng, background: Background, length: int,
                  config: SceneConfig) -> tuple[Background, Camera, Array, bool]:
    """Draw a camera over a background; also its mean colour, and whether it is mirrored."""
    frame = (config.height, config.width)
    still = isinstance(background, np.ndarray)
    picture = photograph(background)
    mirrored = bool(rng.random() < 0.5)
    ph, pw = picture.shape[:2]
    camera = draw_camera(rng, (ph, pw), frame, length, config.camera, still)
    color = np.array(cv2.mean(picture[::4, ::4])[:3])
    if still:
        k = min(float(camera.zoom().max()), 1.0)
        picture = np.asarray(picture[:, ::-1] if mirrored else picture, np.uint8)
        if k < 0.8:  # warpAffine samples points: shrink by areas first
            size = (round(pw * k), round(ph * k))
            camera = camera.over(k)
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA),
                                 np.uint8)
        background = np.ascontiguousarray(picture)
    return background, camera, color, mirrored


def draw_scenario(rng: Rng, sprites: Sequence[Sprite], backgrounds: Sequence[Background],
                  config: SceneConfig) -> Scenario:
    """
    Draw a sequence without rendering it.

    ``sprites`` are possible targets and whatever else moves; ``backgrounds`` are photographs and
    videos. Raises ValueError when there are no sprites or no photographs to work with, or when
    none of twenty sprites gives a target.
    """
    if not sprites or not backgrounds:
        raise ValueError(f'a scene needs sprites and backgrounds, got {len(sprites)} and '
                         f'{len(backgrounds)}; add a folder of stills or stamps')
    stills = [b for b in backgrounds if isinstance(b, np.ndarray)]
    videos = [b for b in backgrounds if not isinstance(b, np.ndarray)]

    def background() -> Background:
        if videos and (not stills or rng.random() < config.video):
            return videos[int(rng.integers(len(videos)))]
        return stills[int(rng.integers(len(stills)))]
    length = int(rng.integers(config.frames[0], config.frames[1] + 1))
    cut = int(rng.uniform(0.3, 0.8) * length)
    lengths = [cut, length - cut] if rng.random() < config.cut and cut > 1 else [length]
    lens = draw_lens(rng, (config.height, config.width), length, config.lens)
    shutter = float(rng.uniform(*config.shutter)) if rng.random() < 0.75 else 0.0
    for _ in range(20):
        if rng.random() < config.patch:
            of = photograph(background())
            target, *alike = (patch_sprite(rng, of) for _ in range(4))
        else:
            target = sprites[int(rng.integers(len(sprites)))]
            alike = [s for s in sprites if s.category == target.category and s is not target]
        shots = draw_shots(rng, target, alike, sprites, background, lengths, config)
        if shots:
            return Scenario(shots, lens, (config.height, config.width), shutter, config.least,
                            target.category)
    raise ValueError('none of twenty sprites is solid enough to be a target: give sprites whose '
                     'alpha is above 100 in one piece')


def draw_shots(rng: Rng, target: Sprite, alike: Sequence[Sprite], sprites: Sequence[Sprite],
               background: Callable[[], Background], lengths: Sequence[int],
               config: SceneConfig) -> tuple[Shot, ...] | None:
    """Draw the shots in which ``target`` is seen; None when it isn't solid enough for one."""
    frame = (config.height, config.width)
    base = tone_curve(rng, 0.5)
    low = config.story.smallest
    high = config.story.largest * min(frame)
    size = low * (high / low) ** rng.random(2).max()  # the smallest are rare
    view = int(rng.integers(len(target.views) or 1))
    shadow = rng.uniform(0.2, 0.7) if rng.random() < config.story.shadow else 0.0
    shots: list[Shot] = []
    for length in lengths:
        where, camera, color, mirrored = draw_backdrop(rng, background(), length, config)
        scenery = where if isinstance(where, np.ndarray) else None
        stage = Stage(camera, frame, color, scenery, shadow, config.story)
        actor = draw_target(rng, target, base, stage, size, view)
        cast = draw_cast(rng, actor, sprites, alike, photograph(background()), stage)
        kept = cast if shots else clear_first(cast, camera, frame)
        if kept is None:
            return None
        shots.append(Shot(where, int(rng.integers(1000)), float(rng.uniform(0.3, 1.5)), mirrored,
                          camera, draw_light(rng, length, config.light), tuple(kept)))
        # after a cut it is seen from another side and in another size
        view = int(rng.integers(len(target.views) or 1))
        size *= np.exp(rng.normal(0, 0.4))
    return tuple(shots)


def generate(rng: Rng, sprites: Sequence[Sprite], backgrounds: Sequence[Background],
             config: SceneConfig | None = None) -> GeneratedSequence:
    """
    Make a sequence; the same generator state gives the same bytes.

    ``sprites`` and ``backgrounds`` as in draw_scenario, which see for what is raised.
    """
    scenario = draw_scenario(rng, sprites, backgrounds, config or SceneConfig())
    shown = [scenario.render(i) for i in range(len(scenario))]
    absent = (np.nan,) * 4
    return GeneratedSequence(
        np.stack([s.image for s in shown]),
        np.array([absent if s.box is None else astuple(s.box) for s in shown]),
        np.stack([s.mask for s in shown]), np.array([s.visibility for s in shown]),
        tuple(np.array([astuple(b) for b in s.others]).reshape(-1, 4) for s in shown),
        scenario.category)
