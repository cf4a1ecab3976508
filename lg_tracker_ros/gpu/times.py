"""Milliseconds of every part, of one way after the other, on the same images."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
import time
from typing import Any, Callable, Iterator, Sequence

import cv2
from lg_tracker_ros.boxes import scale
from lg_tracker_ros.checkpoint import checked_file, count_heads, read_into, shared_backbone
from lg_tracker_ros.crops import context_side, square_crop
from lg_tracker_ros.engine import BATCHES, compile_network, EngineConfig
from lg_tracker_ros.engine.uploads import Uploads
from lg_tracker_ros.factory import assemble, build_tracker
from lg_tracker_ros.gpu.boxes import Clip
from lg_tracker_ros.local.pixelwise import SPEC
from lg_tracker_ros.local.pixelwise_net import PixelwiseHeads, SearchNet
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.recognition.look import LookNet
from lg_tracker_ros.redetect.small import squeeze
from lg_tracker_ros.types import Box, Frame, LocalTracker, Redetector, Region
from lg_tracker_ros.vision.cells import CELLS, SEARCH, TEMPLATE
import numpy as np

SIZES = ((640, 480), (1280, 720))
"""Width and height of the images."""
Timed = dict[str, tuple[float, float]]
"""Median and 95th percentile of each part, in ms."""


def timed(parts: dict[str, Callable[[], Any]], times: int, warm: int = 3) -> Timed:
    """Time parts in turn, after ``warm`` runs of each."""
    found: dict[str, list[float]] = {name: [] for name in parts}
    for i in range(warm + times):
        for name, part in parts.items():
            start = time.perf_counter()
            part()
            if i >= warm:
                found[name].append(1e3 * (time.perf_counter() - start))
    return {name: (float(np.median(t)), float(np.percentile(t, 95)))
            for name, t in found.items()}


def resized(clip: Clip, width: int, height: int, count: int) -> tuple[list[Frame], Box]:
    """Bring the first frames of a clip, and its first box, to a size."""
    first = clip.frames[0]
    frames = [Frame(np.asarray(cv2.resize(f.image, (width, height)), np.uint8), f.stamp, f.camera)
              for f in clip.frames[:count]]
    return frames, scale(clip.box, width / first.width, height / first.height)


def tracker_parts(settings: Settings, frames: Sequence[Frame], box: Box, times: int) -> Timed:
    """Time the parts of a tracker that the settings make."""
    tracker = build_tracker(settings)
    tracker.init(frames[0], box)
    local, redetector = tracker.local, tracker.redetector
    turn = iter(range(10**9))

    def frame() -> Frame:
        return frames[next(turn) % len(frames)]
    assert redetector is not None
    return timed({
        'init': lambda: local.init(frames[0], box),
        **{f'local search and look, {n} region{"s" * (n > 1)}': partial(
            lambda n: local.track(frame(), [Region(box)] * n), n) for n in BATCHES},
        'global search, whole image': lambda: redetector.propose(
            [frame(), frame()], (box.w, box.h), 5)}, times) | whole(settings, frames, box)


def whole(settings: Settings, frames: Sequence[Frame], box: Box) -> Timed:
    """Time the whole tracker from frame to frame."""
    tracker = build_tracker(settings)
    tracker.init(frames[0], box)
    turn = iter([*frames[1:], *frames[:0:-1]] * 2)
    steps = min(4 * (len(frames) - 1), 60)
    return timed({'whole tracker, a frame': lambda: tracker.step([next(turn)])}, steps - 3)


def picture_parts(settings: Settings, frames: Sequence[Frame], box: Box, times: int
                  ) -> dict[str, Timed]:
    """
    Time frames with crops and small images made on the CPU, where that wins, and on the GPU.

    A frame looks at one place or several, or searches the whole image and looks at one place; of
    ``policy: paper`` at five. ``frames``: more than are kept on a GPU.
    """
    parts: dict[str, Callable[[], Any]] = {}
    made = {'on the CPU': None, 'where that wins': Uploads(), 'on the GPU': Uploads(always=True)}
    for words, uploads in made.items():
        tracker = assemble(settings, replace(settings.engine_config(), uploads=uploads))
        tracker.init(frames[0], box)
        local, redetector, turn = tracker.local, tracker.redetector, iter(range(1, 10**9))
        assert redetector is not None

        def look(places: int, search: bool, local: LocalTracker = local,
                 redetector: Redetector = redetector, turn: Iterator[int] = turn) -> None:
            i = next(turn) % len(frames)
            if search:
                redetector.propose([frames[i - 1], frames[i]], (box.w, box.h), 5)
            local.track(frames[i], [Region(box)] * places)
        for name, places, search in (
                ('LOCAL frame', 1, False), ('LOCAL frame, 3 places', 3, False),
                ('LOCAL frame, 5 places', 5, False), ('GLOBAL frame', 1, True),
                ('GLOBAL frame, 5 places', 5, True)):
            parts[f'{name}|{words}'] = partial(look, places, search)
    found = timed(parts, times)
    return {words: {name.partition('|')[0]: value for name, value in found.items()
                    if name.endswith(f'|{words}')} for words in made}


def cpu_parts(frames: Sequence[Frame], box: Box, times: int) -> Timed:
    """Time what the CPU does to images before the networks get them."""
    image, side = frames[0].image, context_side(box.w, box.h)

    def cut(count: int, size: int, around: float) -> None:
        np.stack([square_crop(image, box.cx, box.cy, around, size, (0.0, 0.0, 0.0)).image
                  for _ in range(count)])
    return timed({**{f'cut {n} search crop{"s" * (n > 1)} (OpenCV)':
                     partial(cut, n, SEARCH, 2 * side) for n in BATCHES},
                  'squeeze the image (OpenCV)': lambda: squeeze(image)}, times)


def network_parts(config: EngineConfig, times: int) -> Timed:
    """Time the two networks of every frame by themselves, images in host memory to outputs."""
    heads = PixelwiseHeads(count_heads(checked_file('', SPEC.weights)))
    read_into(heads, '', SPEC.weights)
    rng = np.random.default_rng(0)
    embed = heads.channels
    target = [np.ones((1, CELLS, embed), np.float32), np.ones((1, embed), np.float32),
              np.ones((1, embed), np.float32)]
    look = [np.ones((1, 112, 8, 8), np.float32)]
    parts: dict[str, Callable[[], Any]] = {}
    for name, net, side, rest in (
            ('search network', SearchNet(shared_backbone(), heads), SEARCH, target),
            ('look network', LookNet(shared_backbone()), TEMPLATE, look)):
        images = rng.integers(0, 256, (max(BATCHES), side, side, 3)).astype(np.uint8)
        shared = tuple(range(1, 1 + len(rest)))
        runs = {'': compile_network(net, [images[:1], *rest], config, shared, BATCHES)}
        if config.engine == 'torch' and config.device != 'cpu':
            runs[', not recorded'] = compile_network(net, [images[:1], *rest], config, shared)
        for words, run in runs.items():
            for n in BATCHES:
                parts[f'{name}, batch {n}{words}'] = partial(run, images[:n], *rest)
    return timed(parts, times)
