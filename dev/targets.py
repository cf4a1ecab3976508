"""
What a second target and more cameras cost, in processor time; without ROS.

    python dev/targets.py [--moments 60]

Every variant is a worker with the shipped networks of its own table. All get the same moments, one
after the other, so that what else the machine does meets all alike. The bundled clip in 1280 x 720,
as JPEG; while lost it is blurred until nothing is to be recognised.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import threading
import time
from types import SimpleNamespace

import cv2
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


def told(camera: str, text: str) -> None:
    """Fail: nothing goes wrong in a measurement."""
    raise RuntimeError(text)


class Variant:
    """A worker with so many cameras and targets; ``ms`` and ``modes`` of its moments."""

    def __init__(self, name: str, cameras: int, boxes: list[Box], shared: dict) -> None:
        """Build it."""
        self.name, self.boxes = name, boxes
        self.cameras = [f'camera {n}' for n in range(cameras)]
        self.ms: list[float] = []
        self.modes: list[Mode] = []
        first, *more = [build_tracker(Settings(device='cpu'), shared) for _ in boxes]
        self.worker = Worker(first, self._take, told, more=more)
        self._idle = threading.Event()

    def _take(self, result: Result) -> None:
        if not result.target.place:
            self.modes.append(result.track.mode)

    def moment(self, n: int, jpeg: bytes) -> None:
        """Give every camera an image; the target's own comes last, so that all come along."""
        begun = time.process_time()
        for camera in reversed(self.cameras):
            message = SimpleNamespace(format='jpeg', data=jpeg)
            stamp = (n + 1) * 33_000_000
            self.worker.offer(Item(camera, stamp, message, stamp, size=len(jpeg)))
        while not self.worker.idle:
            self._idle.wait(0.002)
        self.ms.append(1e3 * (time.process_time() - begun))

    def begin(self, image: Image) -> None:
        """Begin on every target."""
        item = self.worker.find(33_000_000, self.cameras[:1])
        assert item is not None
        for place, box in enumerate(self.boxes):
            self.worker.begin(item, image, box, Target(f't{place}', '', place))
        while not self.worker.idle:
            self._idle.wait(0.002)
        self.ms.clear()
        self.modes.clear()


def jpeg(image: Image) -> bytes:
    """Encode an image."""
    return bytes(cv2.imencode('.jpg', image)[1])


def measure(count: int, lost: bool) -> list[Variant]:
    """Let all variants process ``count`` moments."""
    frames = [cv2.resize(f.image, SIZE) for _, f in zip(range(count + 1), Source(
        str(CLIP / 'video.mp4')))]
    video = Source(str(CLIP / 'video.mp4'))
    w, h = next(iter(video)).image.shape[1::-1]
    x, y, bw, bh = np.genfromtxt(CLIP / 'groundtruth.txt', delimiter=',')[0]
    box = Box(x * SIZE[0] / w, y * SIZE[1] / h, bw * SIZE[0] / w, bh * SIZE[1] / h)
    other = Box(SIZE[0] - 200, 100, 90, 120)
    shared: dict = {}
    variants = [Variant('1 camera, 1 target', 1, [box], shared),
                Variant('1 camera, 2 targets', 1, [box, other], shared),
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
    print('| | variant | ms of processor time a moment, mean | ratio | moments GLOBAL |')
    print('|---|---|---|---|---|')
    for lost in (False, True):
        variants = measure(count, lost)
        first = np.mean(variants[0].ms)
        for v in variants:
            print(f'| {"lost" if lost else "in view"} | {v.name} | {np.mean(v.ms):.1f} | '
                  f'{np.mean(v.ms) / first:.2f} | {sum(m is Mode.GLOBAL for m in v.modes)} |')


if __name__ == '__main__':
    main()
