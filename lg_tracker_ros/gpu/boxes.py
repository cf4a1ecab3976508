"""Boxes of one way beside those of the CPU, on real sequences."""

from __future__ import annotations

from dataclasses import dataclass
import math
from pathlib import Path
import time

import cv2
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, Frame, Region, Track
import numpy as np


@dataclass(frozen=True, eq=False)
class Clip:
    """A real sequence: its frames and the target's box in the first."""

    name: str
    frames: list[Frame]
    box: Box


@dataclass(frozen=True)
class Agreement:
    """
    How far two runs over one clip agree.

    ``same_place``: mean IoU of the boxes that both find where the CPU looked, frame by frame.

    ``iou``: mean over frames in which both see the target, nan without any; ``least``: the
    smallest. ``modes`` and ``seen``: shares of frames in which both were in the same mode, and
    said the same of the target being visible. ``searched``: frames in which the CPU searched the
    whole image. ``ms``: median milliseconds of a frame, decoding not counted.
    """

    clip: str
    frames: int
    iou: float
    least: float
    modes: float
    seen: float
    searched: int
    confidence: float
    ms: float
    same_place: float


def read_clip(folder: Path, most: int) -> Clip:
    """
    Read ``video.mp4`` and the first line of ``groundtruth.txt`` (x,y,w,h) of a folder.

    OpenCV decodes: a GPU machine need not have PyAV. Raises ValueError, in one line, for a video
    that can't be read.
    """
    video = cv2.VideoCapture(str(folder / 'video.mp4'))
    frames: list[Frame] = []
    while len(frames) < most:
        good, image = video.read()
        if not good:
            break
        frames.append(Frame(np.asarray(image, np.uint8), round(len(frames) * 1e9 / 30), 'camera'))
    video.release()
    if not frames:
        raise ValueError(f'{folder}/video.mp4: OpenCV {cv2.__version__} reads no frame of it')
    x, y, w, h = (float(v) for v in
                  (folder / 'groundtruth.txt').read_text().splitlines()[0].split(','))
    return Clip(folder.name, frames, Box(x, y, w, h))


def follow(clip: Clip, settings: Settings) -> tuple[list[Track], float]:
    """Track through a clip; the tracks, one a frame, and the median ms of a frame."""
    tracker = build_tracker(settings)
    tracks, times = [tracker.init(clip.frames[0], clip.box)], []
    for frame in clip.frames[1:]:
        start = time.perf_counter()
        tracks += tracker.step([frame])
        times.append(1e3 * (time.perf_counter() - start))
    return tracks, float(np.median(times)) if times else math.nan


def ask(clip: Clip, settings: Settings, tracks: list[Track]) -> list[Box]:
    """
    Ask the local tracker where another run looked: no difference grows from frame to frame.

    Returns a box for each frame but the first.
    """
    local = build_tracker(settings).local
    local.init(clip.frames[0], clip.box)
    places = [t.place or clip.box for t in tracks]
    return [local.track(frame, [Region(place)])[0].box
            for frame, place in zip(clip.frames[1:], places)]


def compare(clip: Clip, mine: list[Track], theirs: list[Track], ms: float,
            asked: tuple[list[Box], list[Box]]) -> Agreement:
    """
    Compare the tracks of two runs, frame by frame; ``theirs`` are the CPU's.

    ``asked``: what ``ask`` gave of both.
    """
    both = [(a, b) for a, b in zip(mine, theirs)]
    overlaps = [iou(a.box, b.box) for a, b in both if a.box is not None and b.box is not None]
    return Agreement(
        clip.name, len(both), float(np.mean(overlaps)) if overlaps else math.nan,
        min(overlaps, default=math.nan), float(np.mean([a.mode is b.mode for a, b in both])),
        float(np.mean([a.visible == b.visible for a, b in both])),
        sum(b.proposals is not None for _, b in both),
        max(abs(a.confidence - b.confidence) for a, b in both), ms,
        float(np.mean([iou(a, b) for a, b in zip(*asked)])))
