"""
Plans of the absent protocol: where in a sequence the target leaves and returns; no image is read.

Three kinds. ``cut-away``: for a stretch the pictures are another sequence's; the target's own
clock goes on, so that it returns at another place. ``jump``: the picture is a window of fixed size
in the source's, which follows the target and for a stretch jumps to where nothing of it shows.
``covered``: something slides over the lens; while it slides, the frames are unlabelled.

Frame i of a plan is frame ``first`` + i of its source in every kind. Absences of the source's own
stay; ours have LENGTH absent frames and at least BETWEEN with a box before and after each.
A fourth kind, ``twin``, puts a look-alike into the first or second: twin_plan.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
import re
from typing import Iterator, Sequence

from lg_tracker_ros.datasets.sequence import Boxes, Flags, LabelledSequence
from lg_tracker_ros.evaluation.protocols.window import Corner, lead, Stretch
import numpy as np
import numpy.typing as npt

KINDS = ('cut-away', 'jump', 'covered')
LENGTH = (10, 60)
"""Absent frames of one absence, least and most."""
BETWEEN = 15
MOST = 4
"""Absences in a sequence, at most; at least one."""
SHORTEST = 60
FADE = (3, 6)
"""Frames in which a cover slides over the lens, and again in which it slides off."""
WINDOWS = (0.6, 0.5, 0.4)
"""Sides of a jumping window as a share of the picture's, the first that can be had."""
SMALLEST = 64
TRIES = 60
SHOWN = 0.25
"""Share of a twin's box that must lie in the picture for the twin to be labelled."""

Size = tuple[int, int]


class UnfitError(ValueError):
    """The sequence doesn't allow this kind of absence; another kind may do."""


@dataclass(frozen=True, eq=False)
class Twin:
    """
    A look-alike: the source's own target of another moment, mirrored and in other colours.

    ``boxes`` (N x 4, x, y, w, h in pixels of the built pictures, perhaps beyond them) are where it
    is drawn, nan where it isn't; ``frames`` (N) which frame of the source it is cut from, -1 for
    none. Its hue is turned by ``hue`` (OpenCV's units of two degrees), its saturation and
    brightness are multiplied.
    """

    boxes: Boxes = field(repr=False)
    frames: npt.NDArray[np.int64] = field(repr=False)
    hue: float
    saturation: float
    brightness: float

    def labels(self, size: Size) -> Boxes:
        """Give the part of each box inside pictures of ``size``; nan: less than a quarter is."""
        low = np.clip(self.boxes[:, :2], 0, size)
        sides = np.clip(self.boxes[:, :2] + self.boxes[:, 2:], 0, size) - low
        hidden = ~(sides.prod(axis=1) >= SHOWN * self.boxes[:, 2:].prod(axis=1))
        found = np.hstack([low, sides])
        found[hidden] = np.nan
        return found


@dataclass(frozen=True, eq=False)
class Plan:
    """
    One sequence to be built, with N frames of ``size`` (width, height in pixels).

    ``truth`` (N x 4, x, y, w, h in pixels of the built pictures) and ``absent`` (N) are labels as
    in LabelledSequence. ``corner`` (N x 2) is the top left pixel of the window in the source's
    picture. ``cut`` (N) is the frame of the sequence ``other`` that is shown instead, -1 for
    none. ``cover`` (N) in [0, 1] is how far the lens is covered; 1: nothing shows. ``tags`` become
    attributes of the sequence, beside the kind.
    """

    made_from: str
    kind: str
    seed: int
    first: int
    size: Size
    truth: Boxes
    absent: Flags
    corner: Corner = field(repr=False)
    cut: npt.NDArray[np.int64] = field(repr=False)
    cover: npt.NDArray[np.float64] = field(repr=False)
    other: str = ''
    tags: tuple[str, ...] = ()
    twin: Twin | None = None

    @property
    def name(self) -> str:
        """The name of the sequence to be built."""
        return f'{self.made_from}-{self.kind}'

    @property
    def unlabelled(self) -> Flags:
        """Frames with neither a box nor the word that the target is absent (N)."""
        return np.asarray(~self.absent & ~np.isfinite(self.truth[:, 0]))


def group(name: str) -> str:
    """
    Return what the names of pictures of one scene share: before the camera, or the last numbers.

    ``wtrack_cam1_first`` and ``wtrack_cam2_first`` give ``wtrack``, ``person12_1`` and
    ``person7`` give ``person``. A number of four digits or more counts through a data set and
    says nothing of the scene (GOT-10k).
    """
    scene = re.sub(r'[_-]?cam(era)?[_-]?\d.*$', '', name.casefold())
    return re.sub(r'([_-]?(?<!\d)\d{1,3})+$', '', scene) or name.casefold()


def related(a: LabelledSequence, b: LabelledSequence) -> bool:
    """Tell whether one may show the other's target: the same source or group."""
    def groups(s: LabelledSequence) -> set[str]:
        return {group(s.name), group(s.source.rpartition('/')[2] or s.name)}
    return bool(a.source and a.source == b.source) or bool(groups(a) & groups(b))


def plan(sequence: LabelledSequence, others: Sequence[LabelledSequence], seed: int, kind: str,
         size: Size, max_frames: int = 300) -> Plan:
    """
    Plan the absences of ``kind`` (one of KINDS) for a sequence whose pictures are of ``size``.

    Begins at the sequence's first box and takes at most ``max_frames`` frames. Depends on the
    seed, the kind and the sequence only; ``others`` (where cut-aways may go) decide no more than
    which pictures a cut-away shows. Raises UnfitError, a ValueError, when the sequence doesn't
    allow the kind.
    """
    truth = sequence.truth[sequence.start:sequence.start + max_frames].copy()
    absent = sequence.absent[sequence.start:sequence.start + max_frames].copy()
    n = len(truth)
    if n < SHORTEST:
        raise UnfitError(f'{sequence.name}: {n} frames from its first box on, {SHORTEST} are '
                         'needed')
    rng = Random(f'{seed}/{sequence.name}/{kind}')
    corner, cut, cover = np.zeros((n, 2), np.int64), np.full(n, -1), np.zeros(n)
    other, present = '', np.isfinite(truth[:, 0])
    if kind == 'cut-away':
        chosen = _choose(sequence, others, seed)
        other = chosen.name
        clock = Random(f'{seed}/{sequence.name}/{other}')
        for a, b in _need(next(_schedules(present, rng), None), sequence.name):
            cut[a:b] = clock.randint(0, len(chosen.truth) - (b - a)) + np.arange(b - a)
            truth[a:b], absent[a:b] = np.nan, True
    elif kind == 'jump':
        size, corner, away = _jump(truth, present, size, rng, sequence.name)
        truth[:, :2] -= corner
        absent |= away & present  # where the source is unlabelled the target might be anywhere
        truth[away] = np.nan
    elif kind == 'covered':
        fade = rng.randint(*FADE)
        ramp = np.arange(1, fade + 1) / (fade + 1)
        for a, b in _need(next(_schedules(present, rng, fade), None), sequence.name):
            cover[a:b] = np.concatenate([ramp, np.ones(b - a - 2 * fade), ramp[::-1]])
            truth[a:b], absent[a:b] = np.nan, cover[a:b] == 1
    else:
        raise ValueError(f'no kind {kind!r}; there are {", ".join(KINDS)}')
    return Plan(sequence.name, kind, seed, sequence.start, size, truth, absent, corner, cut,
                cover, other)


def _choose(sequence: LabelledSequence, others: Sequence[LabelledSequence], seed: int
            ) -> LabelledSequence:
    """Choose where to cut away to: each draws a number, so that a newcomer changes little."""
    fit = [o for o in others if len(o.truth) >= LENGTH[1] and not related(sequence, o)]
    if not fit:
        raise UnfitError(f'{sequence.name}: no unrelated sequence of {LENGTH[1]} frames to cut '
                         'away to')
    return max(fit, key=lambda o: Random(f'{seed}/{sequence.name}/{o.name}').random())


def _schedules(present: Flags, rng: Random, fade: int = 0) -> Iterator[list[Stretch]]:
    """Draw stretches (from, to) that suit; fewer of them where many can't be had."""
    n = len(present)
    for count in range(rng.randint(1, MOST), 0, -1):
        for _ in range(TRIES):
            lengths = [rng.randint(*LENGTH) + 2 * fade for _ in range(count)]
            room = n - BETWEEN * (count + 1) - sum(lengths)
            if room < 0:
                continue
            free = sorted(rng.randint(0, room) for _ in lengths)
            starts = [BETWEEN * (i + 1) + f + sum(lengths[:i]) for i, f in enumerate(free)]
            found = [(a, a + length) for a, length in zip(starts, lengths)]
            if all(present[a - BETWEEN:a].all() and present[b:b + BETWEEN].all()
                   for a, b in found):
                yield found


def _need(schedule: list[Stretch] | None, name: str) -> list[Stretch]:
    if schedule is None:
        raise UnfitError(f'{name}: no {LENGTH[0]} frames between {BETWEEN} with a box before and '
                         'after')
    return schedule


def _jump(truth: Boxes, present: Flags, size: Size, rng: Random, name: str
          ) -> tuple[Size, Corner, Flags]:
    """Find a window and its way; return its size, its corners and where it is away."""
    for schedule in _schedules(present, rng):
        for share in WINDOWS:
            window = np.array(size) * share // 2 * 2
            if window.min() < SMALLEST:
                break
            corner = lead(truth, present, schedule, np.array(size), window, rng)
            if corner is not None:
                away = np.zeros(len(truth), bool)
                for a, b in schedule:
                    away[a:b] = True
                return (int(window[0]), int(window[1])), corner, away
    raise UnfitError(f'{name}: no window of {WINDOWS[-1]:g} to {WINDOWS[0]:g} of the picture '
                     f'({SMALLEST} pixels or more) holds the target and finds a place without it')
