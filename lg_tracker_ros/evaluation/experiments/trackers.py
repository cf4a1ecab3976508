"""
What can be run, by name: configurations of ours, and peers as they come.

``default``; a parameter file (``robot.yaml``); ``LOCAL+REDETECTOR`` (``ncc+none``,
``opencv_csrt+tanet_lite``); each with ``@name=value`` behind it (``default@beta1=0.7@beta2=8``).
``opencv_csrt`` and the like are OpenCV's own trackers without our search.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import cv2
from lg_tracker_ros.boxes import clip_to_image
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.opencv_makers import maker
from lg_tracker_ros.parameters.reading import read_settings
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Mode, Track
from lg_tracker_ros.words.nearest import meant

PEERS = ('opencv_csrt', 'opencv_kcf', 'opencv_mil', 'opencv_tld', 'opencv_nano', 'opencv_vit')


class Runner(Protocol):
    """What a run needs of a tracker."""

    def init(self, frame: Frame, box: Box) -> Track:
        """Start on ``box`` in ``frame``."""

    def step(self, frame: Frame) -> Track:
        """Follow into the next frame."""


class Ours:
    """A configuration of the package."""

    def __init__(self, tracker: LongTermTracker) -> None:
        """Take the tracker, built."""
        self.tracker = tracker

    def init(self, frame: Frame, box: Box) -> Track:
        """Start on ``box`` in ``frame``."""
        return self.tracker.init(frame, box)

    def step(self, frame: Frame) -> Track:
        """Follow into the next frame."""
        return self.tracker.step([frame])[0]


class Peer:
    """
    One of OpenCV's trackers as it comes.

    Where it says that it failed no box is claimed. Nano and Vit tell a score, which is taken for
    the confidence as it is, cut to [0, 1]; of the others every box counts as certain.
    """

    def __init__(self, name: str, weights: str) -> None:
        """Look up what makes ``name`` (one of PEERS); ValueError when it can't be had."""
        self._make = maker(name.removeprefix('opencv_'), weights)
        self._tracker: Any = None

    def init(self, frame: Frame, box: Box) -> Track:
        """Start on ``box`` in ``frame``, whole pixels as OpenCV wants them."""
        inside = clip_to_image(box, frame.width, frame.height)
        if inside is None:
            raise ValueError(f'box {box} lies outside the {frame.width} x {frame.height} image')
        self._tracker = self._make()
        self._tracker.init(frame.image, (round(inside.x), round(inside.y),
                                         max(round(inside.w), 2), max(round(inside.h), 2)))
        return Track(frame.camera, frame.stamp, Mode.LOCAL, box, 1.0, 0, place=box)

    def step(self, frame: Frame) -> Track:
        """Follow into the next frame."""
        try:
            good, (x, y, w, h) = self._tracker.update(frame.image)
        except cv2.error:
            good, x, y, w, h = False, 0, 0, 0, 0  # some throw when their window leaves the image
        if not good or w <= 0 or h <= 0:
            return Track(frame.camera, frame.stamp, Mode.LOCAL, None, 0.0, 0)
        score = getattr(self._tracker, 'getTrackingScore', lambda: 1.0)()
        return Track(frame.camera, frame.stamp, Mode.LOCAL, Box(x, y, w, h),
                     min(max(float(score), 0.0), 1.0), 0)


def peer_weights(name: str, folder: Path | None) -> str:
    """Find the files that tracker ``name`` needs below ``folder``; as LocalSpec.found_below."""
    spec = LOCAL_TRACKERS.get(name)
    return spec.found_below(folder) if spec is not None else ''


def folder_name(name: str) -> str:
    """Name a tracker's folder of results: a file goes by its stem, paths have no folders."""
    base, *rest = name.split('@')
    stem = Path(base).stem if base.endswith(('.yaml', '.yml')) else base
    return '@'.join([stem, *(r.replace('/', '_') for r in rest)])


def settings_of(name: str, weights: Path | None = None) -> Settings:
    """
    Return the settings that ``name`` stands for (see above); ``weights`` as in peer_weights.

    One thread, so that several runs side by side don't disturb each other, unless the name says
    otherwise. Raises ValueError for a name that stands for none.
    """
    base, *params = name.split('@')
    if base.endswith(('.yaml', '.yml')):
        settings = read_settings(base, params)
        return replace(settings, threads=settings.threads or 1)
    if base == 'default':
        return read_settings(None, ['threads=1', *params])
    local, plus, redetector = base.partition('+')
    if not plus or local not in LOCAL_TRACKERS or redetector not in REDETECTORS:
        raise ValueError(f'unknown tracker {name!r}; {_expected(local, plus, redetector)}')
    given = any(word.startswith('tracker_weights=') for word in params)
    found = '' if given else peer_weights(local, weights)
    return read_settings(None, ['threads=1', f'tracker={local}', f'redetector={redetector}',
                                *([f'tracker_weights={found}'] if found else []), *params])


def _expected(local: str, plus: str, redetector: str) -> str:
    """Say what a name that stands for no settings should be."""
    if local in LOCAL_TRACKERS:
        return (meant(redetector, REDETECTORS) if plus else '') or (
            f'expected a re-detector behind it, as {local}+none, of {", ".join(REDETECTORS)}')
    return meant(local, ['default', *PEERS, *LOCAL_TRACKERS]) or (
        "expected 'default', a parameter file NAME.yaml, an OpenCV tracker such as opencv_csrt "
        'or LOCAL+REDETECTOR, which config/tracker.yaml names at tracker and redetector')


def local_of(runner: Runner) -> Any:
    """Return the local tracker within a runner of ours, uncalibrated; None of a peer."""
    return getattr(runner.tracker.local, 'tracker', None) if isinstance(runner, Ours) else None


def make_runner(name: str, weights: Path | None = None) -> Runner:
    """Build what ``name`` stands for; ValueError, in one line, when it can't be had."""
    if name in PEERS:
        return Peer(name, peer_weights(name, weights))
    return Ours(build_tracker(settings_of(name, weights)))
