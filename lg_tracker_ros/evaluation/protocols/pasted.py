"""Scenes for targets of a given size: cut-outs of videos with masks over other videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import cv2
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.types import Box, Frame, Image
import numpy as np

SIZE = (640, 480)
"""Width and height of a scene in pixels."""
OTHERS = 4
LIKE = 1.25
"""How many others a scene shows, and by what factor at most they are larger or smaller."""
MOMENTS = 6
"""Of so many moments of a video one is shown first, and the next one later."""
ELSEWHERE = SIZE[0] / 4
"""The target comes back so far from its first place, centre to centre, in pixels."""
LEAST, MOST = 6.0, 240.0
"""Sizes in pixels that can be shown."""
FILLED = 0.9
"""No cut-out is larger than this share of the scene's width or height."""
TRIES = 100


@dataclass(frozen=True, eq=False)
class Video:
    """
    What scenes are made of, for each of MOMENTS frames in order.

    ``cuts`` is the target, tight around its mask: uint8 BGRA, BGR times alpha. ``pictures`` are
    the frames in the size of a scene.
    """

    cuts: tuple[Image, ...]
    pictures: tuple[Image, ...]


@dataclass(frozen=True, eq=False)
class Later:
    """The scene later on: the target has ``factor`` times its first size, and is in ``box``."""

    factor: float
    frame: Frame
    box: Box


@dataclass(frozen=True, eq=False)
class Scene:
    """A target as it is first shown, and twice later on: its size unchanged, and changed."""

    frame: Frame
    box: Box
    later: tuple[Later, Later]


def cut_out(image: Image, mask: Image) -> Image:
    """
    Cut out what ``mask`` (not 0: target) shows of a BGR image, tight around it, BGR times alpha.

    Of several parts the largest is taken: a box around a surfer and a kite is mostly background.
    The outermost pixel is left out, so that the old background doesn't shine through.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
    part = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    x, y, w, h = stats[part, :4]
    inner = cv2.copyMakeBorder((parts[y:y + h, x:x + w] == part).astype(np.uint8), 1, 1, 1, 1,
                               cv2.BORDER_CONSTANT)
    alpha = cv2.blur(255 * cv2.erode(inner, np.ones((3, 3), np.uint8)), (3, 3))[1:-1, 1:-1]
    front = cv2.multiply(image[y:y + h, x:x + w], cv2.merge([alpha] * 3), scale=1 / 255)
    return np.asarray(np.dstack([front, alpha]), np.uint8)


def fill(image: Image) -> Image:
    """Bring an image to SIZE: the middle of it, as much as has that shape."""
    h, w = image.shape[:2]
    k = max(SIZE[0] / w, SIZE[1] / h)
    whole = cv2.resize(image, (max(round(w * k), SIZE[0]), max(round(h * k), SIZE[1])),
                       interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
    x, y = (whole.shape[1] - SIZE[0]) // 2, (whole.shape[0] - SIZE[1]) // 2
    return np.asarray(whole[y:y + SIZE[1], x:x + SIZE[0]], np.uint8)


def read_video(sequence: LabelledSequence) -> Video | None:
    """
    Read MOMENTS frames, evenly spread over those with the target; None where there are fewer.

    Raises ValueError for an image or a mask that can't be read.
    """
    present = np.flatnonzero(sequence.present)
    if not sequence.masks or len(present) < MOMENTS:
        return None
    cuts, pictures = [], []
    for i in present[np.linspace(0, len(present) - 1, MOMENTS).astype(int)]:
        image = next(sequence.frames(int(i))).image
        cuts.append(cut_out(image, sequence.mask(int(i))))
        pictures.append(fill(image))
    return Video(tuple(cuts), tuple(pictures))


def sized(cut: Image, size: float) -> Image:
    """Bring a cut-out to ``size`` px, the root of its box's area, or what fits into a scene."""
    h, w = cut.shape[:2]
    k = min(size / np.sqrt(w * h), FILLED * SIZE[0] / w, FILLED * SIZE[1] / h)
    to = (max(round(w * k), 2), max(round(h * k), 2))
    return np.asarray(cv2.resize(
        cut, to, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR), np.uint8)


def place(rng: np.random.Generator, cut: Image, taken: Sequence[Box], away: Box | None = None
          ) -> Box:
    """
    Draw a place in the scene: clear of ``taken``, and ELSEWHERE from ``away``.

    Where TRIES find none the last one is taken.
    """
    h, w = cut.shape[:2]
    for _ in range(TRIES):
        box = Box(int(rng.integers(SIZE[0] - w + 1)), int(rng.integers(SIZE[1] - h + 1)), w, h)
        clear = all(box.x + w <= b.x or b.x + b.w <= box.x or box.y + h <= b.y
                    or b.y + b.h <= box.y for b in taken)
        far = away is None or np.hypot(box.cx - away.cx, box.cy - away.cy) >= ELSEWHERE
        if clear and far:
            break
    return box


def paste(picture: Image, cut: Image, box: Box) -> None:
    """Lay a cut-out upon a picture, which is changed."""
    x, y, h, w = int(box.x), int(box.y), *cut.shape[:2]
    under = picture[y:y + h, x:x + w]
    alpha = cut[..., 3:].astype(np.float32) / 255
    under[:] = np.rint(cut[..., :3] + (1 - alpha) * under)


def show(rng: np.random.Generator, picture: Image, target: Image, others: Sequence[Image],
         size: float, away: Box | None = None) -> tuple[Image, Box]:
    """
    Show the target in ``size`` px among the others; the picture is copied.

    The target is drawn last, so that all of it is in view.
    """
    target = sized(target, size)
    box = place(rng, target, (), away)
    made, taken = picture.copy(), [box]
    for cut in others:
        cut = sized(cut, size * LIKE ** rng.uniform(-1, 1))
        taken.append(place(rng, cut, taken))
        paste(made, cut, taken[-1])
    paste(made, target, box)
    return made, box


def make_scene(videos: Sequence[Video], size: int, change: float, number: int, seed: int
               ) -> Scene:
    """
    Make scene ``number`` of those with targets of ``size`` px; all of it follows from the numbers.

    ``videos`` are three or more: the target's, the background's, and those of the others. In
    every second scene, and where the target would have less than LEAST px, ``change`` makes it
    larger, else smaller.
    """
    rng = np.random.default_rng((seed, size, number))
    whose, behind, *rest = rng.permutation(len(videos))
    moments = [(int(v), int(rng.integers(MOMENTS - 1)))
               for v in (whose, behind, *(rest[i % len(rest)] for i in range(OTHERS)))]

    def shown(factor: float, after: int, away: Box | None = None) -> tuple[Frame, Box]:
        target, *others = (videos[v].cuts[m + after] for v, m in (moments[0], *moments[2:]))
        picture = videos[behind].pictures[moments[1][1] + after]
        image, box = show(rng, picture, target, others, size * factor, away)
        return Frame(image, round(after * 1e9)), box

    frame, box = shown(1, 0)
    grows = number % 2 == 0 or size / change < LEAST
    later = [Later(factor, *shown(factor, 1, box))
             for factor in (1.0, change if grows else 1 / change)]
    return Scene(frame, box, (later[0], later[1]))
