"""
Pseudo-labels on real video without labels: a teacher tracks there and back again.

Targets are those whose first boxes a user drew (recordings.py), else any patch with texture (no
classes). A track is kept when the teacher, run backwards from its end, returns to where it began:
cycle consistency. The result is a folder in the layout that ``train fit --data`` takes.
"""

from __future__ import annotations

import argparse
from itertools import count
import json
from pathlib import Path
from typing import Sequence

import cv2
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.datasets.readers.files import folder_name
from lg_tracker_ros.factory import make_local
from lg_tracker_ros.media.writer import VideoOut
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.training.data.media import decode, held_out, Rng
from lg_tracker_ros.training.data.recordings import (
    BOXES,
    Part,
    read_frames,
    read_parts,
    read_starts,
)
from lg_tracker_ros.types import Box, Frame, Image, LocalTracker, Region
import numpy as np

LEAST = 15
"""Frames of a track at the least."""


def make_teacher(folder: Path | None) -> tuple[LocalTracker, float]:
    """
    Make NanoTrack of its ONNX files in ``folder``, or this package's default local tracker.

    Also returns the confidence below which the target counts as lost.
    """
    settings = Settings() if folder is None else Settings(tracker='opencv_nano',
                                                          tracker_weights=str(folder))
    return (make_local(settings, settings.engine_config()),
            settings.visible_threshold if folder is None else 0.1)


def textured_box(rng: Rng, image: Image) -> Box | None:
    """Draw a box around a strong corner; None when the patch is too plain."""
    h, w = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    points = cv2.goodFeaturesToTrack(grey, 60, 0.02, 10)
    if points is None:
        return None
    x, y = points[rng.integers(len(points)), 0]
    side = np.exp(rng.uniform(np.log(0.08), np.log(0.45))) * min(h, w)
    aspect = np.exp(rng.normal(0, 0.35))
    box = Box.from_center(float(x), float(y), float(side * aspect), float(side / aspect))
    if box.x < 0 or box.y < 0 or box.x + box.w > w or box.y + box.h > h:
        return None
    patch = grey[int(box.y):int(box.y + box.h), int(box.x):int(box.x + box.w)]
    return box if patch.std() > 18 else None


def follow(teacher: LocalTracker, frames: Sequence[Frame], box: Box, least: float
           ) -> list[Box]:
    """Track through ``frames`` from ``box`` in the first; stops where the score is too low."""
    teacher.init(frames[0], box)
    boxes = [box]
    for frame in frames[1:]:
        output = teacher.track(frame, [Region(boxes[-1])])[0]
        if output.confidence < least:
            break
        boxes.append(output.box)
    return boxes


def consistent(teacher: LocalTracker, frames: Sequence[Frame], box: Box, least: float
               ) -> list[Box]:
    """Track through ``frames`` as far as ``least`` allows; [] unless the way back ends there."""
    boxes = follow(teacher, frames, box, least)
    if len(boxes) < LEAST:
        return []
    back = follow(teacher, frames[:len(boxes)][::-1], boxes[-1], least)
    return boxes if len(back) == len(boxes) and iou(back[-1], box) >= 0.6 else []


def label(video: Path, out: Path, teacher: LocalTracker, rng: Rng, tracks: int, length: int,
          step: int, least: float = 0.1, topic: str = '') -> int:
    """Write up to ``tracks`` consistent tracks of patches of one video; returns how many."""
    frames: list[Frame] = []
    for i, frame in enumerate(read_frames(video, topic)):
        if i % step == 0 and len(frames) < 400:
            k = min(480 / max(frame.width, frame.height), 1.0)
            image = cv2.resize(frame.image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            frames.append(Frame(np.asarray(image, np.uint8), frame.stamp))
    kept = 0
    for _ in range(4 * tracks):
        if kept == tracks or len(frames) < 20:
            break
        start = int(rng.integers(max(len(frames) - length, 1)))
        part = frames[start:start + length]
        box = textured_box(rng, part[0].image)
        boxes = consistent(teacher, part, box, least) if box else []
        if box is None or not boxes:
            continue
        moved = max(abs(b.cx - box.cx) + abs(b.cy - box.cy) for b in boxes)
        if moved < 0.15 * (box.w + box.h) and rng.random() < 0.8:
            continue  # still scenery is easy and plentiful
        name = f'{video.stem}{kept:03d}'
        writer = VideoOut(out / name / f'{name}.mp4', 10)
        for frame in part[:len(boxes)]:
            writer.write(frame.image)
        writer.close()
        write_boxes(out / name, boxes)
        kept += 1
    return kept


def write_boxes(folder: Path, boxes: Sequence[Box]) -> None:
    """Write groundtruth.txt."""
    np.savetxt(folder / 'groundtruth.txt', [[b.x, b.y, b.w, b.h] for b in boxes], fmt='%.2f',
               delimiter=',')


def follow_part(teacher: LocalTracker, part: Part, least: float) -> list[Box]:
    """Follow a given box as far as the way back ends there: all of it, half of it, ...; or []."""
    frames = [Frame(decode(data)) for data in part.frames]
    while len(frames) >= LEAST:
        boxes = consistent(teacher, frames, part.box, least)
        if boxes:
            return boxes
        frames = frames[:len(frames) // 2]
    return []


def label_given(folder: Path, out: Path, teacher: LocalTracker, length: int, step: int,
                least: float, topic: str = '', before: int = 0) -> tuple[int, int]:
    """
    Follow the boxes in a folder's boxes.csv; a folder below ``out`` for each track that is kept.

    The first of every ten (``before`` others) is held out, so that there is something to measure
    on: its name is chosen for that, since the split goes by names. Returns how many were kept and
    lost. Raises ValueError for what recordings.py can't read, and where ``out`` is there already.
    """
    if out.exists():
        raise ValueError(f'{out} exists; labels of two runs would mix there')
    kept = lost = 0
    for part in read_parts(read_starts(folder), length, step, topic):
        boxes = follow_part(teacher, part, least)
        if not boxes:
            lost += 1
            print(f'{part.start.where}: the teacher loses it within {LEAST} frames or does not '
                  'find back; left out', flush=True)
            continue
        stem = part.start.recording.stem
        names = (f'{stem}_{kept:03d}_{n}' for n in count())
        place = out / next(n for n in names if held_out(n) == ((before + kept) % 10 == 0))
        (place / 'images').mkdir(parents=True)
        for i, data in enumerate(part.frames[:len(boxes)]):
            (place / 'images' / f'{i:04d}.jpg').write_bytes(data)
        write_boxes(place, boxes)
        (place / 'protocol.json').write_text(json.dumps(
            {'source': f'{folder_name(folder)}/{part.start.recording.name}'}))
        kept += 1
    return kept, lost


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train label``."""
    parser.add_argument('recordings', nargs='+', type=Path, metavar='RECORDING',
                        help=f'a folder with {BOXES} (the first boxes of its targets, which are '
                        'followed), or a video or a bag of which patches are followed')
    add_shared(parser)
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='where to write')
    parser.add_argument('--tracks', type=int, default=25, metavar='N',
                        help='patches of each video')
    parser.add_argument('--length', type=int, default=50, metavar='N',
                        help='frames of a track at most')
    parser.add_argument('--seed', type=int, default=0, metavar='SEED', help='of what is drawn')


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Declare what ``train finetune`` takes as well."""
    parser.add_argument('--teacher', type=Path, metavar='DIR',
                        help="folder with NanoTrack's ONNX files; default: our own tracker")
    parser.add_argument('--step', type=int, default=2, metavar='N',
                        help='take every so many frames')
    parser.add_argument('--topic', default='', help='of the images in a bag that has several')


def check(args: argparse.Namespace) -> None:
    """Raise ValueError for numbers that no track can come of."""
    if args.step < 1:
        raise ValueError(f'--step must be at least 1, got {args.step}')
    if args.length < LEAST:
        raise ValueError(f'--length must be at least {LEAST}, the frames of a track at the '
                         f'least, got {args.length}')


def run(args: argparse.Namespace) -> int:
    """Run ``train label``."""
    check(args)
    for what, least_ in (('tracks', 1), ('seed', 0)):
        if getattr(args, what) < least_:
            raise ValueError(f'--{what} must be at least {least_}, got {getattr(args, what)}')
    teacher, least = make_teacher(args.teacher)
    rng = np.random.default_rng(args.seed)
    for path in args.recordings:
        if (path / BOXES).is_file():
            kept, lost = label_given(path, args.out / folder_name(path), teacher, args.length,
                                     args.step, least, args.topic)
            print(f'{path}: {kept} tracks kept, {lost} lost', flush=True)
            continue
        kept = label(path, args.out, teacher, rng, args.tracks, args.length, args.step, least,
                     args.topic)
        print(f'{path.name}: {kept} tracks', flush=True)
    return 0
