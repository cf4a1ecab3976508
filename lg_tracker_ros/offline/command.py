"""``track``: its options and its run."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
import sys
import time
from typing import Hashable, Sequence, TextIO, TYPE_CHECKING

from lg_tracker_ros.boxes import parse_box
from lg_tracker_ros.detections.recorded import RecordedDetector
from lg_tracker_ros.engine import Runner
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.media.drawing import annotate
from lg_tracker_ros.media.video import files_of, Source
from lg_tracker_ros.media.writer import VideoOut
from lg_tracker_ros.offline.asked import (
    chooses,
    refuse_nonsense,
    say,
    tell_what_was_in_vain,
    Words,
)
from lg_tracker_ros.offline.beginning import begin
from lg_tracker_ros.offline.outputs import Growing, refuse_inputs, Rows
from lg_tracker_ros.offline.progress import drawn_on, moments, outcome, Progress
from lg_tracker_ros.offline.several import follow_all
from lg_tracker_ros.offline.signals import Ended, Signals
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.reading import read_settings
from lg_tracker_ros.rows import COLUMNS, track_row
from lg_tracker_ros.team import Team
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Mode, Track
from tqdm import tqdm

if TYPE_CHECKING:
    from lg_tracker_ros.offline.viewed import Viewed


def box_argument(text: str) -> Box:
    """Read ``x,y,w,h`` for argparse, which wants an error of its own."""
    try:
        return parse_box(text)
    except ValueError as e:
        raise argparse.ArgumentTypeError(str(e)) from e


def frame_argument(text: str) -> int:
    """Read a frame's number for argparse."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"expected a frame's number, 0 or more, got {text!r}")
    return int(text)


def add_arguments(p: argparse.ArgumentParser) -> None:
    """Declare the options of ``track``."""
    p.add_argument('source', nargs='+', metavar='SOURCE',
                   help='video file, folder of images, ROS 2 bag or webcam number; several are '
                   'cameras that show the same moments, and the box is in the first')
    p.add_argument('--init', type=box_argument, action='append', default=[], metavar='x,y,w,h',
                   help='the target in the first frame, 0-based pixels of the source; without it '
                   'the first detection that is selected; given more than once: several targets')
    p.add_argument('--topic', default='', metavar='TOPIC',
                   help='of a bag; needed where it has several of images')
    p.add_argument('--config', metavar='FILE', help='parameters, as in config/tracker.yaml')
    p.add_argument('--param', action='append', default=[], metavar='NAME=VALUE',
                   help='one parameter; goes over the file; may be repeated')
    p.add_argument('--start', type=frame_argument, default=0, metavar='N', help='begin at frame N')
    p.add_argument('--reject', type=frame_argument, action='append', default=[], metavar='N',
                   help='what is followed in frame N is not the target, as ~/reject says to the '
                   'node; may be repeated')
    p.add_argument('--confirm', type=frame_argument, action='append', default=[], metavar='N',
                   help='what is followed in frame N is the target, as ~/confirm')
    p.add_argument('--detections', action='append', default=[], metavar='FILE.csv',
                   help='what a detector saw in the source, frame,x,y,w,h,class,score,id; once '
                   'for each source, in order')
    p.add_argument('--out', metavar='FILE.csv', help='instead of the standard output, which is -')
    p.add_argument('--video', metavar='FILE.mp4', help='write an annotated video')
    p.add_argument('--ui', action='store_true',
                   help='show it in the browser, at the pace of the source; without --init a '
                   'recording waits until a box is drawn there')
    p.add_argument('--ui-host', default=NodeOptions.ui_host, metavar='ADDRESS',
                   help='of the page, 0.0.0.0: all of this machine; any but its own needs the '
                   'token that is printed')
    p.add_argument('--ui-port', type=int, default=NodeOptions.ui_port, metavar='N',
                   help='0: one that is free')
    p.add_argument('--ui-token', default='', metavar='WORD', help='instead of one that is made')
    p.set_defaults(run=run)


def follow(tracker: LongTermTracker, sources: Sequence[Source], box: Box | None,
           out: TextIO, video: VideoOut | None, done: Progress, signals: Signals,
           words: Words, detector: RecordedDetector | None = None,
           viewed: Viewed | None = None) -> None:
    """
    Follow ``box``, drawn in the first frame of the first source; a CSV line for each frame.

    None: what ``detector`` selects, or who looks on (``viewed``) draws. ``words`` are said after
    the frame with that number, and taken out.
    """
    several = len(sources) > 1
    rows = Rows(out)
    rows.write(COLUMNS + (('camera',) if several else ()))
    last: Track | None = None
    with tqdm(total=(sources[0].count - sources[0].start) or None, unit='frame',
              file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for number, aligned in moments(sources):
            if last is None and box is not None:
                drawn_on(aligned, number, sources[0])
            frames = [f for f in aligned if f is not None]
            start = time.perf_counter()
            chosen = detector.show(number, aligned) if detector is not None else []
            drawn = viewed.turn(number, frames) if viewed is not None else None
            if drawn is not None:
                last = drawn
            elif last is None or tracker.mode is Mode.IDLE:
                last = begin(tracker, frames, box if last is None else None, chosen)
            else:
                last = outcome(tracker.step(frames), last, frames)
            ms = 1e3 * (time.perf_counter() - start)
            say(words, number, last.mode)
            if viewed is not None:
                viewed.show(number, frames, last)
            row = track_row(number, frames[0].stamp, last, ms)
            with signals.whole():
                rows.write(row + ([last.camera] if several else []))
                done.frames += 1
                done.followed = done.followed or last.mode is not Mode.IDLE
                done.seen[0] += last.visible
                if video is not None:
                    where = next(f for f in frames if f.camera == last.camera)
                    video.write(annotate(where.image, last), frames[0].stamp)
            bar.update()


def run(args: argparse.Namespace) -> int:
    """
    Run ``track``; returns the exit status.

    What was tracked before an error or a signal is kept, as files that can be read.
    """
    done = Progress()
    try:
        with Signals() as signals:
            _run(args, done, signals)
    except Ended as e:
        print(f'lg_tracker_ros: {e} after {done.frames} frames, target visible in {done}',
              file=sys.stderr)
        return e.status
    print(f'{done.frames} frames, target visible in {done}', file=sys.stderr)
    return 0


def _run(args: argparse.Namespace, done: Progress, signals: Signals) -> None:
    settings = read_settings(args.config, args.param)
    rows_to = '' if args.out == '-' else args.out
    sources = [Source(s, args.start, args.topic) for s in args.source]
    refuse_nonsense(args, sources, settings)
    detections = [Path(n) for n in args.detections]
    several = len(args.init) > 1
    names = [Path(n) for n in (rows_to, args.video) if n]
    given = (args.config, settings.tracker_weights, settings.redetector_weights)
    inputs = [f for s in sources for f in s.files] + detections + [
        f for n in given if n for f in files_of(Path(n))]
    refuse_inputs(names, inputs)
    detector = RecordedDetector(detections, settings.selection())
    growing: list[Growing] = []
    viewed: Viewed | None = None
    try:
        # files first: what may not be written is told before the networks are made
        growing.extend(Growing(name) for name in names)
        video = VideoOut(growing[-1].working, sources[0].fps) if args.video else None
        shared: dict[Hashable, Runner] | None = {} if several else None
        trackers = [build_tracker(settings, shared) for _ in args.init or [None]]
        for tracker in trackers:
            detector.assist(tracker)
        tracker = trackers[0]
        if args.ui:
            # here: a run without the page starts without its server
            from lg_tracker_ros.offline.viewed import Viewed
            live = any(s.live for s in sources)
            viewed = Viewed(tracker, settings, [s.name for s in sources], live,
                            not chooses(args, settings))
            print(f'page in the browser: '
                  f'{viewed.start(args.ui_host, args.ui_port, args.ui_token)}', file=sys.stderr)
        out = open(growing[0].working, 'w', newline='', encoding='utf-8',
                   errors='surrogateescape') if rows_to else sys.stdout
        words: Words = {**dict.fromkeys(args.reject, tracker.reject),
                        **dict.fromkeys(args.confirm, tracker.confirm)}
        try:
            if several:
                at_once = settings.engine_config().at_once
                with closing(Team(trackers, at_once=at_once)) as team:
                    follow_all(team, sources, args.init, out, video, done, signals, detector)
            else:
                follow(tracker, sources, next(iter(args.init), None), out, video, done, signals,
                       words, detector, viewed)
        finally:
            with signals.whole():
                _finish(out, video)
    finally:
        with signals.whole():
            for file in growing:
                file.keep() if done.frames else file.drop()
            if viewed is not None:
                viewed.close()
    if not done.frames:
        raise ValueError(f'{args.source[0]} holds no frames from frame {args.start} on')
    tell_what_was_in_vain(words, args.start, done, args)


def _finish(out: TextIO, video: VideoOut | None) -> None:
    """Close what was written."""
    try:
        if video is not None:
            video.close()
    finally:
        if out is not sys.stdout:
            out.close()
