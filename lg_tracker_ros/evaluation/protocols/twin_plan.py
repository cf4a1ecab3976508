"""
Plans of the kind ``twin``: while the target is away a look-alike is in the picture.

The target's absences are those of the kind ``jump`` (its own scene, where nothing of it shows) or
``cut-away`` (another sequence's pictures) of the same seed. The twin is the same object's picture
from another moment, at least APART frames away where there are as many, mirrored, in another hue,
saturation and brightness: a careful observer can tell the two. It keeps clear of the target. In
half of the sequences it stands there for BETWEEN frames before each loss (``stays``), in the
others it comes while the target is away (``comes``); and it leaves before the target returns, with
its return or after it. It slides in and out at the picture's sides.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import NamedTuple, Sequence

from lg_tracker_ros.datasets.sequence import Boxes, Flags, LabelledSequence
from lg_tracker_ros.evaluation.protocols.absent_plan import (
    BETWEEN,
    Plan,
    plan,
    Size,
    TRIES,
    Twin,
    UnfitError,
)
from lg_tracker_ros.evaluation.protocols.window import Stretch
import numpy as np
import numpy.typing as npt

TWIN = 'twin'
APART = 30
"""Frames between the target's look and the twin's, at least, where the source has as many."""
SLIDE = 8
"""Frames in which a twin slides into the picture, or out of it; fewer in a short absence."""
LEAVES = ('before', 'with', 'after')
SIZES = (0.85, 1.2)
"""Side of the twin over the target's, least and most."""
LARGEST = 0.6
"""Side of the twin over the picture's, at most."""
INSIDE = 0.9
"""Share of the box that the source shows in the frames that a twin is cut from, at least."""
HUE = (6.0, 12.0)
PALER, DEEPER = (0.6, 0.8), (1.2, 1.4)
DARKER, BRIGHTER = (0.68, 0.8), (1.22, 1.38)


class Life(NamedTuple):
    """A twin slides in from frame ``comes`` to ``stands``, and out from ``goes`` to ``gone``."""

    comes: int
    stands: int
    goes: int
    gone: int


def plan_twin(sequence: LabelledSequence, others: Sequence[LabelledSequence], seed: int,
              size: Size, max_frames: int = 300) -> Plan:
    """
    Plan absences with a twin for a sequence whose pictures are of ``size``.

    Depends on the seed and the sequence as ``plan`` does, which has the other arguments. Raises
    UnfitError when the sequence allows neither kind of absence, or no place for a twin.
    """
    rng = Random(f'{seed}/{sequence.name}/{TWIN}')
    kinds = ['jump', 'cut-away'] if rng.random() < 0.5 else ['cut-away', 'jump']
    ways = ['stays', 'comes'] if rng.random() < 0.5 else ['comes']
    look = (rng.choice((-1, 1)) * rng.uniform(*HUE), rng.uniform(*rng.choice((PALER, DEEPER))),
            rng.uniform(*rng.choice((DARKER, BRIGHTER))))
    reasons = []
    for kind in kinds:
        try:
            base = plan(sequence, others, seed, kind, size, max_frames)
        except UnfitError as e:
            reasons.append(str(e))
            continue
        for way in ways:
            found = _lead(base, sequence, size, way == 'stays', rng)
            if found is not None:
                return replace(base, kind=TWIN, tags=(way, kind), twin=Twin(*found, *look))
        reasons.append(f'{sequence.name}: no place for a twin apart from the target')
    raise UnfitError('; '.join(dict.fromkeys(reasons)))


def _absences(base: Plan, present: Flags) -> list[Stretch]:
    """List the stretches (from, to) in which the plan hides a target that the source shows."""
    gone = np.concatenate([[False], ~np.isfinite(base.truth[:, 0]), [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(gone))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2]) if present[a:b].any()]


def _lead(base: Plan, sequence: LabelledSequence, size: Size, stays: bool, rng: Random
          ) -> tuple[Boxes, npt.NDArray[np.int64]] | None:
    """Lead a twin through every absence: its boxes and the frames it is cut from; None: can't."""
    n = len(base.truth)
    boxes, frames = np.full((n, 4), np.nan), np.full(n, -1)
    absences = _absences(base, sequence.present[base.first:base.first + n])
    begins = [a - BETWEEN - SLIDE if stays else a for a, _ in absences]
    free = 0
    for (a, b), until in zip(absences, [*(begin - 1 for begin in begins[1:]), n]):
        wish = rng.choice(LEAVES)
        for leave in dict.fromkeys((wish, 'with', 'before')):
            life = _life(a, b, free, until, stays, leave, rng)
            placed = _place(base, sequence, size, a, b, life, rng)
            if placed is not None:
                break
        else:
            return None
        part = slice(life.comes, life.gone)
        boxes[part], frames[part] = placed
        free = life.gone + 1  # between two twins there is none, unless the picture is cut there
    return boxes, frames


def _life(a: int, b: int, free: int, until: int, stays: bool, leave: str, rng: Random) -> Life:
    """Draw when the twin of an absence (``a`` to ``b``) comes and goes: ``free`` to ``until``."""
    quarter = max((b - a) // 4, 1)
    slide = min(SLIDE, quarter)
    if stays:
        stands = a - BETWEEN
        comes = min(max(stands - SLIDE, free), stands)
    else:
        comes = a + rng.randint(1, quarter)
        stands = comes + slide
    if leave == 'before':
        gone = b - rng.randint(1, quarter)
        return Life(comes, stands, gone - slide, gone)
    if leave == 'with' or until <= b + SLIDE:
        return Life(comes, stands, b, b)
    gone = min(b + BETWEEN + SLIDE, until)
    return Life(comes, stands, gone - SLIDE, gone)


def _place(base: Plan, sequence: LabelledSequence, size: Size, a: int, b: int, life: Life,
           rng: Random) -> tuple[Boxes, npt.NDArray[np.int64]] | None:
    """Draw a moment of the source and a path clear of the target; None where none was found."""
    count = life.gone - life.comes
    starts = _moments(sequence, size, base.first + life.comes, count)
    if not len(starts):
        return None
    target = base.truth[life.comes:life.gone]
    side = np.sqrt(np.mean(base.truth[[a - 1, b], 2:].prod(axis=1)))
    for _ in range(TRIES):
        frames = int(rng.choice(starts)) + np.arange(count)
        sides = sequence.truth[frames, 2:]
        k = rng.uniform(*SIZES) * side / np.sqrt(sides.prod(axis=1).mean())
        sides = sides * min(k, *(LARGEST * np.array(base.size) / sides.max(axis=0)))
        boxes = _path(sides, np.array(base.size), life, rng)
        if boxes is not None and not _touch(boxes, target):
            return boxes, frames
    return None


def _moments(sequence: LabelledSequence, size: Size, at: int, count: int
             ) -> npt.NDArray[np.int64]:
    """
    List the frames from which on the target shows as a whole for ``count`` frames.

    Those APART or more from frame ``at`` of the source; where there are none, those farthest.
    """
    truth = sequence.truth
    inside = (np.clip(truth[:, :2] + truth[:, 2:], 0, size) - np.clip(truth[:, :2], 0, size))
    whole = inside.prod(axis=1) >= INSIDE * truth[:, 2:].prod(axis=1)  # false where nan
    if len(whole) < count:
        return np.zeros(0, np.int64)
    starts = np.flatnonzero(np.convolve(whole, np.ones(count), 'valid') > count - 0.5)
    away = np.abs(starts - at)
    return starts[away >= min(APART, away.max(initial=0))]


def _path(sides: Boxes, size: Boxes, life: Life, rng: Random) -> Boxes | None:
    """Draw a smooth path for boxes of ``sides`` (K x 2) through a picture; None: it leaves it."""
    t = np.arange(len(sides))
    side = float(np.sqrt(sides.prod(axis=1).mean()))
    most = sides.max(axis=0)
    centre = np.array([rng.uniform(w / 2, max(s - w / 2, w / 2)) for w, s in zip(most, size)])
    drift = [rng.uniform(-0.01, 0.01) * side, rng.uniform(-0.004, 0.004) * side]
    sway = [0.06 * side * np.sin(2 * np.pi * (t / rng.uniform(25, 60) + rng.random())),
            0.02 * side * np.sin(2 * np.pi * (t / rng.uniform(25, 60) + rng.random()))]
    centres = centre + np.outer(t, drift) + np.stack(sway, axis=1)
    low, high = centres - sides / 2, centres + sides / 2
    if (low < 0).any() or (high > size).any():
        return None
    right = centre[0] > size[0] / 2
    for frames, way in ((t[:life.stands - life.comes], 1), (t[life.goes - life.comes:], -1)):
        share = (np.arange(len(frames)) + 1) / (len(frames) + 1)
        out = (1 - share[::way]) ** 2
        low[frames, 0] += out * (size[0] - low[frames, 0] if right else -high[frames, 0])
    return np.hstack([low, sides])


def _touch(boxes: Boxes, target: Boxes) -> bool:
    """Tell whether the boxes, grown by a fifth, ever overlap the target's; nan: it isn't there."""
    apart = np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - target[:, :2] - target[:, 2:] / 2)
    return bool((apart < 0.6 * (boxes[:, 2:] + target[:, 2:])).all(axis=1).any())
