"""
What a second target and more cameras cost, in processor time and on the wall; without ROS.

    python dev/targets.py [--moments 60]

Every variant is a worker; all share the shipped networks, and all get the same moments, one
after the other, so that what else the machine does meets all alike. The bundled clip, 1280 x 720,
there and back as JPEG; while lost it is blurred until nothing is to be recognised. The time on
the wall ends with the last result; its median says less of what else the machine does.
"""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
import threading
import time
from types import SimpleNamespace

import cv2
from lg_tracker_ros.boxes import scale
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.results import Result, Target
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.types import Box, Image, Mode
import numpy as np

CLIP = Path(__file__).parents[1] / 'test' / 'data' / 'woman'
SIZE = 1280, 720
BOTH, MAN = 16, Box(230, 48, 48, 136)
"""Frames of the clip in which both persons are in view, and the second one's box in the first."""


def told(camera: str, text: str) -> None:
    """Fail: nothing goes wrong in a measurement."""
    raise RuntimeError(text)


class Variant:
    """A worker with so many cameras and targets; ``ms``, ``wall_ms``, ``modes`` of moments."""

    def __init__(self, name: str, cameras: int, boxes: list[Box], shared: dict,
                 every: int = 1, at_once: int = 1) -> None:
        """Build it."""
        self.name, self.boxes = name, boxes
        self.cameras = [f'camera {n}' for n in range(cameras)]
        self.ms: list[float] = []
        self.wall_ms: list[float] = []
        self._last = 0.0
        self.modes: list[list[Mode]] = [[] for _ in boxes]
        first, *more = [build_tracker(Settings(device='cpu'), shared) for _ in boxes]
        self.worker = Worker(first, self._take, told, more=more, every=every,
                             at_once=at_once)
        self._idle = threading.Event()

    def _take(self, result: Result) -> None:
        self._last = time.perf_counter()
        self.modes[result.target.place].append(result.track.mode)

    def figures(self) -> tuple[float, float, float]:
        """Milliseconds of a moment: processor, mean, and on the wall, median and mean."""
        return (float(np.mean(self.ms)), float(np.median(self.wall_ms)),
                float(np.mean(self.wall_ms)))

    def moment(self, n: int, jpeg: bytes) -> None:
        """Give every camera an image; the target's own comes last, so that all come along."""
        begun, wall = time.process_time(), time.perf_counter()
        for camera in reversed(self.cameras):
            message = SimpleNamespace(format='jpeg', data=jpeg)
            stamp = (n + 1) * 33_000_000
            self.worker.offer(Item(camera, stamp, message, stamp, size=len(jpeg)))
        while not self.worker.idle:
            self._idle.wait(0.002)
        self.ms.append(1e3 * (time.process_time() - begun))
        self.wall_ms.append(1e3 * (self._last - wall))

    def begin(self, image: Image) -> None:
        """Begin on every target."""
        item = self.worker.find(33_000_000, self.cameras[:1])
        assert item is not None
        for place, box in enumerate(self.boxes):
            self.worker.begin(item, image, box, Target(f't{place}', '', place))
        while not self.worker.idle:
            self._idle.wait(0.002)
        self.ms.clear()
        self.wall_ms.clear()
        for modes in self.modes:
            modes.clear()


def jpeg(image: Image) -> bytes:
    """Encode an image."""
    return bytes(cv2.imencode('.jpg', image)[1])


def measure(count: int, lost: bool) -> list[Variant]:
    """Let all variants process ``count`` moments."""
    clip = [f.image for _, f in zip(range(BOTH), Source(str(CLIP / 'video.mp4')))]
    x, y = SIZE[0] / clip[0].shape[1], SIZE[1] / clip[0].shape[0]
    box = scale(Box(*np.genfromtxt(CLIP / 'groundtruth.txt', delimiter=',')[0]), x, y)
    other = scale(MAN, x, y)
    there_and_back = itertools.cycle([*clip, *clip[-2:0:-1]])
    frames = [cv2.resize(image, SIZE) for image in itertools.islice(there_and_back, count + 1)]
    shared: dict = {}
    variants = [Variant('1 camera, 1 target', 1, [box], shared),
                Variant('1 camera, 2 targets, one after the other', 1, [box, other], shared),
                Variant('1 camera, 2 targets at once', 1, [box, other], shared, 1, 2),
                Variant('1 camera, 2 targets, targets_every 2', 1, [box, other], shared, 2),
                Variant('1 camera, 2 targets, targets_every 3', 1, [box, other], shared, 3),
                Variant('4 cameras, 1 target', 4, [box], shared)]
    for v in variants:
        v.worker.start()
        v.moment(0, jpeg(frames[0]))
        v.begin(frames[0])
    for n, image in enumerate(frames[1:], 1):
        encoded = jpeg(cv2.GaussianBlur(image, (0, 0), 40) if lost else image)
        for v in variants:
            v.moment(n, encoded)
    for v in variants:
        v.worker.stop()
    return variants


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--moments', type=int, default=60)
    count = parser.parse_args().moments
    print('| | variant | processor, ms a moment, mean | ratio | wall, median | ratio | wall, mean '
          '| ratio | GLOBAL, of each target |')
    print('|---|---|---|---|---|---|---|---|---|')
    for lost in (False, True):
        variants = measure(count, lost)
        first, *wall = variants[0].figures()
        for v in variants:
            ms, median, mean = v.figures()
            print(f'| {"lost" if lost else "in view"} | {v.name} | {ms:.1f} | {ms / first:.2f} | '
                  f'{median:.1f} | {median / wall[0]:.2f} | {mean:.1f} | {mean / wall[1]:.2f} | '
                  + ', '.join(str(sum(m is Mode.GLOBAL for m in modes)) for modes in v.modes)
                  + ' |')
    print(f'load of the last minutes: {os.getloadavg()}')


if __name__ == '__main__':
    main()
