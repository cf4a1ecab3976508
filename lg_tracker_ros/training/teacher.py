"""
Pseudo-labels on real video without labels: a teacher tracks there and back again.

Any patch with texture is a target (no classes). A track is kept when the teacher, run backwards
from its end, returns to where it began: cycle consistency. The result is a folder in the layout
that ``train fit --data`` takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Sequence

import cv2
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.local import opencv
from lg_tracker_ros.training.sources import Rng
from lg_tracker_ros.types import Box, Frame, Image
from lg_tracker_ros.video import Source, VideoOut
import numpy as np


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


def follow(teacher: opencv.OpenCVTracker, frames: Sequence[Frame], box: Box, least: float
           ) -> list[Box]:
    """Track through ``frames`` from ``box`` in the first; stops where the score is too low."""
    teacher.init(frames[0], box)
    boxes = [box]
    for frame in frames[1:]:
        output = teacher.track(frame, boxes[-1:])[0]
        if output.confidence < least:
            break
        boxes.append(output.box)
    return boxes


def label(video: Path, out: Path, teacher: opencv.OpenCVTracker, rng: Rng, tracks: int,
          length: int, step: int, least: float = 0.1) -> int:
    """Write up to ``tracks`` consistent tracks of one video; returns how many."""
    frames: list[Frame] = []
    for i, frame in enumerate(Source(str(video))):
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
        if box is None:
            continue
        boxes = follow(teacher, part, box, least)
        if len(boxes) < 15:
            continue
        back = follow(teacher, part[:len(boxes)][::-1], boxes[-1], least)
        if len(back) < len(boxes) or iou(back[-1], box) < 0.6:
            continue
        moved = max(abs(b.cx - box.cx) + abs(b.cy - box.cy) for b in boxes)
        if moved < 0.15 * (box.w + box.h) and rng.random() < 0.8:
            continue  # still scenery is easy and plentiful
        name = f'{video.stem}{kept:03d}'
        writer = VideoOut(out / name / f'{name}.mp4', 10)
        for frame in part[:len(boxes)]:
            writer.write(frame.image)
        writer.close()
        np.savetxt(out / name / 'groundtruth.txt', [[b.x, b.y, b.w, b.h] for b in boxes],
                   fmt='%.2f', delimiter=',')
        kept += 1
    return kept


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train label``."""
    parser.add_argument('videos', nargs='+', type=Path)
    parser.add_argument('--teacher', required=True, type=Path,
                        help="folder with NanoTrack's ONNX files")
    parser.add_argument('--out', required=True, type=Path)
    parser.add_argument('--tracks', type=int, default=25, help='for each video')
    parser.add_argument('--length', type=int, default=50, help='frames of a track at most')
    parser.add_argument('--step', type=int, default=2, help='take every so many frames')
    parser.add_argument('--seed', type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Run ``train label``."""
    teacher = opencv.nano(str(args.teacher))
    rng = np.random.default_rng(args.seed)
    for video in args.videos:
        kept = label(video, args.out, teacher, rng, args.tracks, args.length, args.step)
        print(f'{video.name}: {kept} tracks', flush=True)
    return 0
