"""
``eval trax``: any tracker that ``eval run`` knows, served to vot-toolkit by the TraX protocol.

TraX (Čehovin 2017, TraX: The visual Tracking eXchange protocol) speaks over the standard input
and output of the tracker's process; the package `vot-trax` has it as ``trax``. The client says
``initialize`` with an image and a region, then ``frame`` with an image each; every request is
answered with a region and properties. vot-toolkit's long-term measures read the property
``confidence``.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
import os
import sys
from typing import Any, Iterator

import cv2
from lg_tracker_ros.evaluation.experiments.trackers import make_runner, Ours, Runner
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Track
import numpy as np


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval trax``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--tracker', default='default', metavar='NAME',
                       help='any name that `eval run` takes')
    which.add_argument('--config', metavar='FILE.yaml',
                       help='parameters, as in config/tracker.yaml')
    parser.add_argument('--param', action='append', default=[], metavar='NAME=VALUE',
                        help='one parameter; goes over the file; may be repeated')


@contextmanager
def protocol_output() -> Iterator[None]:
    """
    Keep the standard output for the protocol: what anything else writes there goes to stderr.

    Libraries print from C, so the file descriptor itself is moved; libtrax learns of the new one
    by the environment (TRAX_OUT), as it does from clients that choose their own.
    """
    sys.stdout.flush()
    kept, mine = os.dup(1), 'TRAX_OUT' not in os.environ
    os.dup2(2, 1)
    if mine:
        os.environ['TRAX_OUT'] = str(kept)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        if mine:
            del os.environ['TRAX_OUT']


def decode(image: Any) -> np.ndarray:
    """
    Turn a trax.Image (path, encoded buffer or raw memory) into uint8 height x width x 3, BGR.

    Raises ValueError for one that can't be read.
    """
    kind, found = image.type(), None
    if kind == 'path':
        found = cv2.imread(image.path(), cv2.IMREAD_COLOR)
    elif kind == 'buffer':
        found = cv2.imdecode(np.frombuffer(image.buffer(), np.uint8), cv2.IMREAD_COLOR)
    elif kind == 'memory':
        raw = image.array()  # RGB, or one channel of 8 or 16 bits
        if raw.dtype == np.uint8:
            found = cv2.cvtColor(
                raw, cv2.COLOR_RGB2BGR if raw.shape[2] == 3 else cv2.COLOR_GRAY2BGR)
    if found is None:
        raise ValueError(f'{image} cannot be read as a colour image of 8 bits')
    return np.asarray(found, np.uint8)


def answer(track: Track, last: Box) -> tuple[Box, float]:
    """
    Say what goes to the client: a box in every frame, and its confidence in [0, 1].

    The protocol's rectangle can't say "not in view", and vot-toolkit takes no other answer: where
    nothing is claimed it gets the ``last`` box, with confidence 0. So the sweep over confidence
    (VOT-LT, Lukežič et al. 2018, Now you see me) leaves those frames out at every threshold above
    0; ``track.confidence`` may be that of a candidate not yet confirmed, somewhere else.
    """
    return (track.box, track.confidence) if track.box is not None else (last, 0.0)


def serve(tracker: LongTermTracker | Runner) -> int:
    """
    Answer a TraX client until it says quit; returns the exit status.

    Rectangles of 0-based x, y, w, h in pixels, both ways and unchanged (a client turns other
    regions into those by itself). Raises ValueError, after telling the client, for what can't be
    tracked or read, and when `vot-trax` is not installed; ConnectionError when the client leaves
    without a word.
    """
    try:
        import trax
    except ImportError as e:
        raise ValueError(f'TraX needs the package vot-trax ({e}); pip install vot-trax') from e
    runner = Ours(tracker) if isinstance(tracker, LongTermTracker) else tracker
    server = trax.Server([trax.Region.RECTANGLE],
                         [trax.Image.PATH, trax.Image.BUFFER, trax.Image.MEMORY],
                         tracker_name='lg_tracker')
    box: Box | None = None
    number = 0
    try:
        while True:
            request = server.wait()
            if request.type == trax.TraxStatus.QUIT:
                return 0
            image = decode(request.image['color'])
            if request.type == trax.TraxStatus.INITIALIZE:
                (region, _), = request.objects
                box, number = Box(*region.bounds()), 0
                track = runner.init(Frame(image, 0, 'trax'), box)
            elif box is None:
                raise ValueError('the TraX client sent a frame before it gave a target')
            else:
                number += 1
                track = runner.step(Frame(image, round(number * 1e9 / 30), 'trax'))
            box, confidence = answer(track, box)
            server.status([(trax.Rectangle.create(box.x, box.y, box.w, box.h),
                            {'confidence': f'{confidence:.6f}'})])
    except ValueError as e:
        server.quit(str(e))
        raise
    except trax.TraxException as e:
        raise ConnectionError(f'the TraX client left without saying quit ({e})') from e


def run(args: argparse.Namespace) -> int:
    """Run ``eval trax``; nothing but the protocol is written to the standard output."""
    with protocol_output():
        return serve(make_runner('@'.join([args.config or args.tracker, *args.param])))
