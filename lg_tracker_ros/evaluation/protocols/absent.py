"""
Build long-term sequences from any: the target leaves and returns, with exact labels.

    OUT/NAME-KIND/images/000000.jpg ...   JPEG, quality 95
    OUT/NAME-KIND/groundtruth.txt         x,y,w,h; nan,nan,nan,nan where there is no box
    OUT/NAME-KIND/protocol.json           from what and how, and which frames are unlabelled
    OUT/NAME-twin/twin.txt                the look-alike's boxes, as in groundtruth.txt

That is the plain form (readers/plain.py). The kinds and their rules are in absent_plan.py and
twin_plan.py.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from random import Random
import shutil
import sys
from typing import Iterator, Sequence

import cv2
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.data import add_data, read_data
from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.protocols.absent_plan import (
    KINDS,
    Plan,
    plan,
    SHORTEST,
    Size,
    UnfitError,
)
from lg_tracker_ros.evaluation.protocols.twin import with_twin
from lg_tracker_ros.evaluation.protocols.twin_plan import plan_twin, TWIN
from lg_tracker_ros.types import Frame, Image
from lg_tracker_ros.words.arguments import at_least
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

ALL_KINDS = (*KINDS, TWIN)
"""Those to draw from, and the one that must be asked for."""
QUALITY = 95
TONES = ((8, 8, 10), (30, 34, 78), (46, 50, 56))
"""Of covers, BGR: a cap, a finger against the light, a cloth."""


def fill(image: Image, size: Size) -> Image:
    """Scale an image so that it fills ``size`` (width, height) and cut off what is too much."""
    k = max(size[0] / image.shape[1], size[1] / image.shape[0])
    width, height = (max(round(k * s), t) for s, t in zip(image.shape[1::-1], size))
    big = cv2.resize(image, (width, height),
                     interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_LINEAR)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    return np.asarray(big[y:y + size[1], x:x + size[0]], np.uint8)


def cover(image: Image, strength: float, look: int, frame: int) -> Image:
    """
    Slide something out of focus over the lens; at ``strength`` 1 nothing of ``image`` is left.

    ``look`` seeds its tone and whence it comes, ``frame`` the sensor's noise.
    """
    rng = np.random.default_rng(look)
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    tone = np.array(TONES[rng.integers(len(TONES))], np.float32)
    shade = cv2.resize(rng.uniform(0.5, 1.5, (4, 4)).astype(np.float32), (width, height),
                       interpolation=cv2.INTER_CUBIC)
    thing = shade[..., None] * tone
    thing += np.random.default_rng((look, frame)).integers(-3, 4, image.shape)
    y, x = np.mgrid[0:height, 0:width]
    along = (np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)) / 1.5 + 0.5
    soft = 0.3  # of the way across: the edge is far out of focus
    hidden = np.clip((strength * (1 + soft) - along) / soft, 0, 1)[..., None]
    hidden = hidden ** 2 * (3 - 2 * hidden)
    return np.asarray(np.clip(hidden * thing + (1 - hidden) * image, 0, 255).round(), np.uint8)


def pictures(p: Plan, sequence: LabelledSequence, other: LabelledSequence | None
             ) -> Iterator[Image]:
    """Give the pictures of a plan, uint8 BGR; ValueError for one of another size than planned."""
    away: Iterator[Frame] = iter(())
    look = 0
    for i, frame in zip(range(len(p.truth)), sequence.frames(p.first)):
        x, y = p.corner[i]
        image = frame.image[y:y + p.size[1], x:x + p.size[0]]
        if image.shape[1::-1] != p.size:
            raise ValueError(f'{sequence.name}: frame {p.first + i} is {frame.width} x '
                             f'{frame.height}; all must be of one size')
        if other is not None and p.cut[i] >= 0:
            if p.cut[i - 1] < 0:
                away = other.frames(int(p.cut[i]))
            image = fill(next(away).image, p.size)
        if p.cover[i] > 0:
            if p.cover[i - 1] == 0:
                look = Random(f'{p.seed}/{p.name}/{i}').getrandbits(32)
            image = cover(image, float(p.cover[i]), look, i)
        yield image


def describe(p: Plan, sequence: LabelledSequence, other: LabelledSequence | None) -> str:
    """Return the text of protocol.json."""
    noted = {'protocol': TWIN if p.twin else 'absent', 'source': sequence.source or sequence.name,
             'made_from': sequence.name, 'first': p.first, 'kind': p.kind, 'seed': p.seed,
             'attributes': [p.kind, *p.tags], 'unlabelled': np.flatnonzero(p.unlabelled).tolist(),
             'other': (other.source or other.name) if other is not None else ''}
    if p.twin:
        noted['twin'] = {'hue': p.twin.hue, 'saturation': p.twin.saturation,
                         'brightness': p.twin.brightness}
    return json.dumps(noted, sort_keys=True) + '\n'


def rows(boxes: npt.NDArray[np.float64]) -> str:
    """Write boxes N x 4 as the plain form has them."""
    return ''.join(','.join(f'{v:.2f}' for v in row) + '\n' for row in boxes)


def build(p: Plan, sequence: LabelledSequence, others: Sequence[LabelledSequence], out: Path
          ) -> Path:
    """
    Build a plan's folder below ``out`` and return it; the same one that is there is left.

    The same plan gives the same bytes. Raises ValueError when another folder of that name is
    there, when a picture can't be read or isn't of the size that was planned for.
    """
    other = next((o for o in others if o.name == p.other), None)
    note = describe(p, sequence, other)
    texts = {'protocol.json': note, 'groundtruth.txt': rows(p.truth)}
    if p.twin:
        texts['twin.txt'] = rows(p.twin.labels(p.size))
    folder = out / p.name
    if folder.exists():
        if all((folder / n).is_file() and (folder / n).read_text() == t for n, t in texts.items()):
            return folder
        raise ValueError(f'{folder} was built otherwise (another seed, length or source); remove '
                         'it or use another --out')
    part = out / f'.{p.name}.{os.getpid()}'
    (part / 'images').mkdir(parents=True)
    try:
        for i, image in enumerate(with_twin(p, sequence, pictures(p, sequence, other))):
            path = part / 'images' / f'{i:06d}.jpg'
            if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY]):
                raise OSError(f'{path} cannot be written; is there room left?')
        for name, text in texts.items():
            (part / name).write_text(text)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def plans(sequence: LabelledSequence, others: Sequence[LabelledSequence], seed: int,
          kinds: Sequence[str], each: bool, max_frames: int) -> list[Plan]:
    """
    Plan every kind that a sequence allows, or (not ``each``) one of them, drawn by its name.

    Raises UnfitError, with every reason, when it allows none.
    """
    order = [k for k in ALL_KINDS if k in kinds]
    Random(f'{seed}/{sequence.name}').shuffle(order)
    first = next(sequence.frames(sequence.start))
    found: list[Plan] = []
    reasons = []
    for kind in order:
        try:
            size = first.width, first.height
            found.append(plan_twin(sequence, others, seed, size, max_frames) if kind == TWIN
                         else plan(sequence, others, seed, kind, size, max_frames))
        except UnfitError as e:
            reasons.append(str(e))
        if found and not each:
            break
    if not found:
        raise UnfitError('; '.join(dict.fromkeys(reasons)))
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval absent``."""
    add_data(parser, 'the sequences to build from, in a layout that people have on disk',
             'build from these; cut-aways still go to any')
    parser.add_argument('--out', type=Path, required=True, metavar='OUT',
                        help='folder for the sequences')
    parser.add_argument('--seed', type=at_least(0), default=1, metavar='SEED',
                        help='of what is drawn')
    parser.add_argument('--kinds', default=','.join(KINDS), metavar='KIND,KIND',
                        help=f'kinds of absence to draw from; default: {",".join(KINDS)}; {TWIN}: '
                        'with a look-alike in the picture')
    parser.add_argument('--each', action='store_true',
                        help='every kind of every sequence instead of one')
    parser.add_argument('--max-frames', type=int, default=300, metavar='N',
                        help='frames of a sequence, from its first box on; default: 300')


def run(args: argparse.Namespace) -> int:
    """Run ``eval absent``."""
    kinds = words(args.kinds)
    unknown = [k for k in kinds if k not in ALL_KINDS]
    if unknown or not kinds:
        raise ValueError(f'--kinds takes some of {",".join(ALL_KINDS)}, got {args.kinds!r}')
    if args.max_frames < SHORTEST:
        raise ValueError(f'--max-frames must be at least {SHORTEST}, got {args.max_frames}')
    everything = read_dataset(args.data, args.layout)
    chosen = read_data(args) if words(args.only) else everything
    args.out.mkdir(parents=True, exist_ok=True)
    count = 0
    for sequence in tqdm(chosen, unit='sequence', disable=not sys.stderr.isatty()):
        try:
            todo = plans(sequence, everything, args.seed, kinds, args.each, args.max_frames)
        except UnfitError as e:
            tqdm.write(f'left out: {e}', file=sys.stderr)
            continue
        for p in todo:
            tqdm.write(str(build(p, sequence, everything, args.out)))
            count += 1
    if not count:
        raise ValueError(f'no sequence of {args.data} allows {" or ".join(kinds)}')
    return 0
