"""
The command line, without ROS.

``track`` follows a target, ``bench`` times the parts, ``eval`` measures how well they track,
``train`` makes the weights.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path
import sys
import time
from typing import Iterator, Sequence, TextIO

from lg_tracker_ros import bench
from lg_tracker_ros.boxes import parse_box
from lg_tracker_ros.evaluation import cli as evaluation
from lg_tracker_ros.evaluation.experiments import ablation
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.media.drawing import annotate
from lg_tracker_ros.media.video import Source, VideoOut
from lg_tracker_ros.parameters.reading import read_settings
from lg_tracker_ros.reading.guard import one_line
from lg_tracker_ros.rows import COLUMNS, track_row
from lg_tracker_ros.tracker import choose, LongTermTracker
from lg_tracker_ros.training import cli as training
from lg_tracker_ros.types import Box, Frame, Track
from tqdm import tqdm


def box_argument(text: str) -> Box:
    """Read ``x,y,w,h`` for argparse, which wants an error of its own."""
    try:
        return parse_box(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from e


def moments(sources: Sequence[Source]) -> Iterator[list[Frame]]:
    """Go through several synchronous sources together, until the shortest ends."""
    yield from (list(frames) for frames in zip(*sources))


def run_track(tracker: LongTermTracker, sources: Sequence[Source], box: Box, out: TextIO,
              video: VideoOut | None, label: str = '') -> tuple[int, int]:
    """
    Follow ``box``, drawn in the first frame of the first source; a CSV line for each frame.

    Returns the number of frames and of those in which the target was visible.
    """
    several = len(sources) > 1
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow(COLUMNS + (('camera',) if several else ()))
    bar = tqdm(total=(sources[0].count - sources[0].start) or None, unit='frame', file=sys.stderr,
               disable=not sys.stderr.isatty())
    last: Track | None = None
    seen = number = 0
    for number, frames in enumerate(moments(sources), 1):
        start = time.perf_counter()
        last = tracker.init(frames[0], box) if last is None else choose(tracker.step(frames), last)
        ms = 1e3 * (time.perf_counter() - start)
        seen += last.visible
        row = track_row(sources[0].start + number - 1, frames[0].stamp, last, ms)
        writer.writerow(row + ([last.camera] if several else []))
        if video is not None:
            where = next(f for f in frames if f.camera == last.camera)
            video.write(annotate(where.image, last, label))
        bar.update()
    bar.close()
    return number, seen


def track(args: argparse.Namespace) -> int:
    """Run ``track``."""
    settings = read_settings(args.config, args.param)
    sources = [Source(s, args.start) for s in args.source]
    if len({s.name for s in sources}) != len(sources):
        raise ValueError(f'each source must be named once, got {" ".join(args.source)}')
    tracker = build_tracker(settings)
    video = VideoOut(Path(args.video), sources[0].fps) if args.video else None
    if args.out:
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    out = open(args.out, 'w', newline='') if args.out else sys.stdout
    try:
        frames, seen = run_track(tracker, sources, args.init, out, video)
    finally:
        if args.out:
            out.close()
        if video is not None:
            video.close()
    if not frames:
        raise ValueError(f'{args.source[0]} holds no frames from frame {args.start} on')
    print(f'{frames} frames, target visible in {seen}', file=sys.stderr)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; a user's error is one line on stderr and exit status 1."""
    parser = argparse.ArgumentParser(prog='lg_tracker_ros', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    p = commands.add_parser('track', help='follow a target in a video, without ROS')
    p.add_argument('source', nargs='+', metavar='SOURCE',
                   help='video file, folder of images or webcam number; several are cameras that '
                   'show the same moments, and the box is in the first')
    p.add_argument('--init', required=True, type=box_argument, metavar='x,y,w,h',
                   help='the target in the first frame, 0-based pixels of the source')
    p.add_argument('--config', metavar='FILE', help='parameters, as in config/tracker.yaml')
    p.add_argument('--param', action='append', default=[], metavar='NAME=VALUE',
                   help='one parameter; goes over the file; may be repeated')
    p.add_argument('--start', type=int, default=0, metavar='N', help='begin at frame N')
    p.add_argument('--out', metavar='FILE.csv', help='instead of the standard output')
    p.add_argument('--video', metavar='FILE.mp4', help='write an annotated video')
    p.set_defaults(run=track)
    p = commands.add_parser('bench', help='measure the parts side by side on this machine')
    bench.add_arguments(p)
    p.set_defaults(run=bench.run)
    p = commands.add_parser('eval', help='measure trackers on labelled sequences')
    evaluation.add_arguments(p)
    p = commands.add_parser('train', help='train the networks')
    training.add_arguments(p, {
        'ablation': (ablation.add_arguments, ablation.run,
                     'train with and without discriminators over seeds, and compare')})
    args = parser.parse_args(argv)
    if getattr(args, 'start', 0) < 0:
        parser.error('--start must be at least 0')
    try:
        status: int = args.run(args)
        return status
    except BrokenPipeError:
        # the reader of our output left, as `head` does; nothing more can be written there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as e:
        print(f'lg_tracker_ros: {one_line(e)}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
