"""
Success AUC of configurations and peers on sequences, side by side in one run.

A stop-gap for judging changes until the evaluation command exists. A sequence is a folder with
video.mp4 and groundtruth.txt (x,y,w,h a line, nan where the target is absent). A name is
``default``, ``local`` (without re-detection) or ``opencv_csrt`` and the like: OpenCV's tracker by
itself, whose every box counts as claimed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import time

from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.settings import Settings
from lg_tracker_ros.types import Box, Frame, Mode, Track
from lg_tracker_ros.video import Source
import numpy as np


def alone(settings: Settings, frames: list[Frame], box: Box) -> list[Track]:
    """Run a tracker by itself: around its own last box, every box claimed."""
    local = build_tracker(settings).local
    local.init(frames[0], box)
    boxes = [box]
    for frame in frames[1:]:
        boxes.append(local.track(frame, boxes[-1:])[0].box)
    return [Track(f.camera, f.stamp, Mode.LOCAL, b, 1.0, 0) for f, b in zip(frames, boxes)]


def run(name: str, weights: str, frames: list[Frame], box: Box) -> list[Track]:
    """Track one sequence with one configuration."""
    if name.startswith('opencv_'):
        return alone(Settings(tracker=name, redetector='none', weights=weights), frames, box)
    redetector = 'none' if name == 'local' else Settings().redetector
    tracker = build_tracker(Settings(redetector=redetector, threads=1))
    return [tracker.init(frames[0], box)] + [tracker.step([f])[0] for f in frames[1:]]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('data', type=Path)
    parser.add_argument('--trackers', default='default,opencv_csrt')
    parser.add_argument('--nano', default='', help="folder with NanoTrack's ONNX files")
    args = parser.parse_args()
    names = args.trackers.split(',')
    rows: dict[str, list[float]] = {n: [] for n in names}
    claimed: dict[str, list[float]] = {n: [] for n in names}
    print(f'{"sequence":20s} ' + ' '.join(f'{n:>14s}' for n in names))
    for folder in sorted(args.data.iterdir()):
        truth = np.genfromtxt(folder / 'groundtruth.txt', delimiter=',')
        if np.isnan(truth[0, 0]):
            continue  # the target is absent at first: a camera of a group
        frames = list(Source(str(folder / 'video.mp4')))[:len(truth)]
        truth = truth[:len(frames)]
        present = np.isfinite(truth[:, 0])
        line = f'{folder.name:20s} '
        for name in names:
            start = time.perf_counter()
            tracks = run(name, args.nano if name == 'opencv_nano' else '', frames,
                         Box(*truth[0]))
            ms = 1e3 * (time.perf_counter() - start) / len(frames)
            boxes = [[t.box.x, t.box.y, t.box.w, t.box.h] if t.box else [np.nan] * 4
                     for t in tracks]
            overlap = np.nan_to_num(iou_pairs(boxes, truth))[present]
            # OTB's success AUC: share of frames above each of 21 thresholds, averaged
            rows[name].append(float(np.mean([(overlap > t).mean()
                                             for t in np.linspace(0, 1, 21)])))
            if not present.all():
                claimed[name].append(float(np.mean([t.visible for t, p in zip(tracks, present)
                                                    if not p])))
            line += f' {rows[name][-1]:6.3f} {ms:5.0f} ms'
        print(line, flush=True)
    for name in names:
        absent = f'{np.mean(claimed[name]):.3f}' if claimed[name] else 'none'
        print(f'{name:14s} mean AUC {np.mean(rows[name]):.3f}, claimed in absent frames {absent}')


if __name__ == '__main__':
    main()
