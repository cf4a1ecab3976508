"""Measure the parts and their peers side by side: one run, the same frames, interleaved."""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
import subprocess
import sys
import time
from typing import Any, Callable, Iterator, Sequence

import cv2
from lg_tracker_ros.boxes import parse_box, scale
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.local import opencv
from lg_tracker_ros.local.online import ONLINE_MODULES
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import (
    Box,
    Frame,
    Image,
    LocalTracker,
    Mode,
    OnlineTracker,
    Region,
    TrackerOutput,
)
import numpy as np
from tqdm import tqdm

CLIP = Path(__file__).resolve().parent.parent / 'test' / 'data' / 'woman' / 'video.mp4'
CLIP_BOX = (184.0, 141.0, 72.0, 147.0)
NODE_RATE, NODE_FRAMES = 20.0, 120
"""Images a second for the node, and how many: below its capacity, so that none waits for another.
"""
SIZES = ((640, 480), (1280, 720))
WARM_UP = 3
"""Frames that are not timed."""
LOST_AFTER = 4
"""Fruitless global searches after which a target certainly counts as lost."""
LEARNERS = {**{name: {'online_module': name} for name in ONLINE_MODULES},
            **{name: {'tracker': name} for name in ('dimp_lite', 'mdnet_lite', 'dat_lite',
                                                    'attentive_lite')}}
"""What learns while it tracks and needs no checkpoint, by name: its parameters."""
BUSY = 2
"""Processes that compute all the time beside the tracker, as others do on a robot."""

Step = Callable[[Frame], Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``bench``."""
    parser.add_argument('--video', default=str(CLIP), help='what to play; default: bundled clip')
    parser.add_argument('--box', default='', metavar='x,y,w,h',
                        help='the target in its first frame')
    parser.add_argument('--frames', type=int, default=40, help='frames for each size')
    parser.add_argument('--nano', default='', metavar='FOLDER',
                        help='folder with the ONNX files of NanoTrack v2, measured alongside')
    parser.add_argument('--threads', type=int, default=Settings.threads,
                        help='CPU threads of a network; 0: all cores')
    parser.add_argument('--no-node', action='store_true', help='leave out the ROS node')
    parser.add_argument('--processor-time', action='store_true',
                        help='count the time that this process computes, for a busy machine; '
                        'what needs other processes is left out')
    parser.add_argument('--published', nargs='?', const='', metavar='A,B',
                        help="the papers' networks instead, on random weights, at 640 x 480: "
                        'operations and one CPU time; without names all of them, which takes '
                        'minutes')


def parts(frame: Frame, box: Box, tracker: LongTermTracker, nano: str) -> dict[str, Step]:
    """Make the things to time, each started on ``box`` in ``frame``; a Step takes one frame."""
    steps: dict[str, Step] = {}
    tracker.init(frame, box)
    steps['whole tracker, LOCAL'] = lambda f: tracker.step([f])
    local, redetector = tracker.local, tracker.redetector
    steps['local tracker, 1 region'] = lambda f: local.track(f, [Region(box)])
    steps['local tracker, 5 regions'] = lambda f: local.track(f, [Region(box)] * 5)
    if redetector is not None:
        steps['re-detection, whole image'] = lambda f: redetector.propose(
            [f, f], (box.w, box.h), 5)
    other = build_tracker(Settings(tracker='ncc', redetector='globaltrack_lite')).redetector
    assert other is not None
    other.init(frame, box)
    steps['globaltrack_lite, whole image'] = lambda f: other.propose([f], (box.w, box.h), 5)
    floor = build_tracker(Settings(tracker='ncc', redetector='correlation'))
    floor.init(frame, box)
    steps['ncc (untrained floor)'] = lambda f: floor.local.track(f, [Region(box)])
    dimp = build_tracker(Settings(tracker='dimp_lite', redetector='none'))
    dimp.init(frame, box)
    steps['dimp_lite, LOCAL, learning'] = lambda f: dimp.step([f])
    peers: dict[str, Callable[[], LocalTracker]] = {'OpenCV CSRT': opencv.csrt}
    if nano:
        peers['NanoTrack v2 (OpenCV)'] = lambda: opencv.nano(nano)
    for name, make in peers.items():
        try:
            peer = make()
        except ValueError as e:
            print(f'{name}: {e}', file=sys.stderr)
            continue
        peer.init(frame, box)
        steps[name] = peer_step(peer, box)
    return steps


def lost_steps(frame: Frame, box: Box, settings: Settings) -> dict[str, Step]:
    """
    Make the steps of a tracker whose target is lost and stays so: one searches, the next goes on.

    They take turns, the search first; nothing is clear enough to be believed.
    """
    tracker = build_tracker(replace(settings, beta1=1.0, visible_threshold=1.0, retry_frames=1))
    tracker.init(frame, box)
    searches = 0
    while searches < LOST_AFTER or tracker.mode is not Mode.GLOBAL:
        searches += tracker.mode is Mode.GLOBAL
        tracker.step([frame])
    return {'whole tracker, GLOBAL': lambda f: tracker.step([f]),
            'whole tracker, the frame after it': lambda f: tracker.step([f])}


def peer_step(peer: LocalTracker, box: Box) -> Step:
    """Let a peer track by itself: around its own last box."""
    place = [box]

    def step(frame: Frame) -> None:
        place[0] = peer.track(frame, [Region(place[0])])[0].box
    return step


def measure(frames: Sequence[Frame], steps: dict[str, Step],
            clock: Callable[[], float] = time.perf_counter) -> dict[str, np.ndarray]:
    """Time every step on every frame, in turn, in ms; the first WARM_UP frames don't count."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i, frame in enumerate(tqdm(frames, unit='frame', disable=not sys.stderr.isatty())):
        for name, step in steps.items():
            start = clock()
            step(frame)
            if i >= WARM_UP:
                times[name].append(1e3 * (clock() - start))
    return {name: np.array(t) for name, t in times.items()}


def show(title: str, table: dict[str, np.ndarray]) -> None:
    """Print medians and 95th percentiles."""
    print(f'\n{title:34s} {"median ms":>10s} {"p95 ms":>8s} {"frames/s":>9s}')
    for name, t in table.items():
        rate = '' if name.endswith('share') else f'{1e3 / np.median(t):.1f}'
        print(f'{name:34s} {np.median(t):10.2f} {np.percentile(t, 95):8.2f} {rate:>9s}')


def node_rows(images: Sequence[Image], box: Box, threads: int
              ) -> tuple[dict[str, np.ndarray], str]:
    """Measure the ROS node; rows for the table, and a line: how much came through, or why not."""
    try:
        from lg_tracker_ros.ros.bench import measure_node
    except ImportError as e:
        return {}, f'ROS node: not measured, ROS 2 is not here ({e})'
    try:
        t = measure_node(images, box, NODE_RATE, NODE_FRAMES, threads)
    except ValueError as e:
        return {}, f'ROS node: not measured, {e}'
    rows = {'ROS node, message in to out': t.total, 'ROS node, its own share': t.own,
            'ROS node, camera to listener': t.heard}
    lost = ', '.join(f'{v} {k.replace("_", " ")}' for k, v in t.dropped.items())
    return rows, (f'ROS node: {t.published} images at {NODE_RATE:g} a second from another '
                  f'process, {t.rate:.1f} results a second, {lost}; {t.processor:.1f} ms of '
                  'processor time a frame')


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Let ``count`` other processes compute meanwhile."""
    others = [subprocess.Popen([sys.executable, '-S', '-c', 'while True: pass'])
              for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def thread_rows(frames: Sequence[Frame], box: Box) -> dict[str, np.ndarray]:
    """Time a local step with one thread, two and all cores, by itself and beside BUSY loops."""
    steps: dict[str, Step] = {}
    for threads, name in ((1, '1 thread'), (2, '2 threads'), (0, 'all cores')):
        local = build_tracker(Settings(threads=threads, redetector='none')).local
        local.init(frames[0], box)
        steps[name] = partial(local.track, regions=[Region(box)])
    table = measure(frames, steps)
    with busy(BUSY):
        table |= {f'{name}, {BUSY} busy processes': times
                  for name, times in measure(frames, steps).items()}
    return table


def search_rows(frames: Sequence[Frame], box: Box, settings: Settings) -> dict[str, np.ndarray]:
    """Time the frames of a lost target with one thread and with two for what a search adds."""
    steps: dict[str, Step] = {}
    for count in (1, 2):
        lost = lost_steps(frames[0], box, replace(settings, search_threads=count))
        steps |= {f'search_threads {count}: {name.removeprefix("whole tracker, ")}': step
                  for name, step in lost.items()}
    return measure(frames, steps)


def learning_rows(frames: Sequence[Frame], box: Box, names: Sequence[str] = tuple(LEARNERS),
                  clock: Callable[[], float] = time.perf_counter) -> dict[str, np.ndarray]:
    """Time what learns while it tracks, in ms: first frame, a step, learning."""
    steps: dict[str, Step] = {}
    first: dict[str, np.ndarray] = {}
    for name in names:
        local = build_tracker(Settings(threads=1, redetector='none').changed(LEARNERS[name])).local
        start = clock()
        local.init(frames[0], box)
        first[f'{name}: first frame'] = np.array([1e3 * (clock() - start)])
        if isinstance(local, OnlineTracker):
            steps |= online_steps(name, local, box)
    return first | measure(frames, steps, clock)


def online_steps(name: str, local: OnlineTracker, box: Box) -> dict[str, Step]:
    """Make the two steps of a tracker that learns from what it finds at ``box``."""
    found: list[TrackerOutput] = []

    def track(frame: Frame) -> None:
        found[:] = local.track(frame, [Region(box)])

    def learn(frame: Frame) -> None:
        local.update(frame, found[0], [])
    return {f'{name}: local tracker, 1 region': track, f'{name}: learning': learn}


def run(args: argparse.Namespace) -> int:
    """Run ``bench``."""
    if args.video == str(CLIP) and not CLIP.is_file():
        raise ValueError('the bundled clip is in the source tree and not in an installation; give '
                         '--video FILE and --box x,y,w,h')
    source = Source(args.video)
    if args.box:
        box = parse_box(args.box)
    elif args.video == str(CLIP):
        box = Box(*CLIP_BOX)
    else:
        raise ValueError('--video needs --box x,y,w,h, the target in its first frame')
    if args.threads:
        cv2.setNumThreads(args.threads)
    settings = Settings(threads=args.threads)
    clock = time.process_time if args.processor_time else time.perf_counter
    engine = settings.engine_config()
    images = [f.image for _, f in zip(range(args.frames), source)]
    if len(images) <= WARM_UP:
        raise ValueError(f'expected more than {WARM_UP} frames, the first of which only warm up, '
                         f'got {len(images)}; give --frames, or a longer --video')
    if args.published is not None:
        width, height = SIZES[0]
        three = [Frame(np.asarray(cv2.resize(im, SIZES[0]), np.uint8), i, 'bench')
                 for i, im in enumerate(images[:3])]
        sized = scale(box, width / images[0].shape[1], height / images[0].shape[0])
        from lg_tracker_ros.evaluation.tables.costs import costs
        print('\n'.join(costs([n for n in args.published.split(',') if n], three, sized)))
        return 0
    print(f'tracker {settings.tracker}, re-detector {settings.redetector}, engine {engine.engine} '
          f'on {engine.device}, {len(images)} frames, everything on the same frames in turn')
    for width, height in SIZES:
        frames = [Frame(np.asarray(cv2.resize(im, (width, height)), np.uint8), i, 'bench')
                  for i, im in enumerate(images)]
        sized = scale(box, width / images[0].shape[1], height / images[0].shape[0])
        tracker = build_tracker(settings)
        table = measure(frames, lost_steps(frames[0], sized, settings)
                        | parts(frames[0], sized, tracker, args.nano), clock)
        note = ''
        if not (args.no_node or args.processor_time):
            rows, note = node_rows([f.image for f in frames], sized, args.threads)
            table.update(rows)
        show(f'{width} x {height}', table)
        if note:
            print(f'  {note}')
        if tracker.mode is not Mode.LOCAL:
            print('  note: the target was lost on the way; LOCAL times hold searches, too')
    if not args.processor_time:
        show('local tracker, 1 region', thread_rows(frames, sized))
        show('a lost target', search_rows(frames, sized, settings))
    show('what learns, 1 thread', learning_rows(frames, sized, clock=clock))
    return 0
