"""The long-term tracker: a local tracker, a re-detector and the search policy, composed."""

from __future__ import annotations

from collections import deque
import time
from typing import Sequence

from lg_tracker_ros.boxes import clip_to_image, inside_fraction
from lg_tracker_ros.search import SearchConfig, SearchPolicy
from lg_tracker_ros.types import (
    Box,
    Frame,
    LocalTracker,
    Mode,
    OnlineTracker,
    Proposals,
    Redetector,
    Track,
    TrackerOutput,
)

MIN_SIDE = 4.0
"""Smallest side of a first box in pixels: below it there is nothing to recognise."""


def check_init_box(box: Box, width: int, height: int) -> None:
    """
    Refuse a first box that can't be tracked.

    Raises ValueError, in one line, for a box smaller than MIN_SIDE pixels or with less than half
    of its area inside the image of ``width`` x ``height``.
    """
    if min(box.w, box.h) < MIN_SIDE:
        raise ValueError(f'box of {box.w:g} x {box.h:g} px is too small; '
                         f'each side must be at least {MIN_SIDE:g} px')
    inside = inside_fraction(box, width, height)
    if inside < 0.5:
        raise ValueError(f'only {inside:.0%} of the box {box.x:g},{box.y:g},{box.w:g},{box.h:g} '
                         f'lies inside the {width} x {height} image; at least half must')


def choose(tracks: Sequence[Track], last: Track) -> Track:
    """Pick the one result of a moment: where the target is seen, else the best guess."""
    return max(tracks, key=lambda t: (t.visible, t.confidence), default=last)


class LongTermTracker:
    """
    Follows one target through one or several cameras.

    Looks locally in the camera that saw the target last; searches the whole image of every
    camera after ``beta2`` failing frames (Algorithm 2 of the TANet paper).
    """

    def __init__(self, local: LocalTracker, redetector: Redetector | None = None,
                 config: SearchConfig | None = None) -> None:
        """Compose; without a re-detector the tracker stays local, and says so when it is lost."""
        self.local, self.redetector = local, redetector
        self.config = config or SearchConfig()
        self.policy: SearchPolicy | None = None
        self.camera = ''
        self._trial_camera = ''
        self.proposals: dict[str, Proposals] = {}
        self._clips: dict[str, deque[Frame]] = {}

    @property
    def mode(self) -> Mode:
        """The mode in which the next frame will be searched; IDLE without a target."""
        if self.policy is None:
            return Mode.IDLE
        return self.policy.mode if self.redetector is not None else Mode.LOCAL

    def wants(self, camera: str) -> bool:
        """Whether the next step has use for a frame of ``camera``."""
        return self.mode is Mode.GLOBAL or (
            self.mode is Mode.LOCAL and camera in (self.camera, self._trial_camera))

    def configure(self, config: SearchConfig) -> None:
        """Change the policy's parameters between two frames; the target stays."""
        self.config = config
        if self.policy is not None:
            self.policy.config = config

    def reset(self) -> None:
        """Forget the target."""
        self.policy = None
        self.camera = self._trial_camera = ''
        self.proposals.clear()
        self._clips.clear()

    def init(self, frame: Frame, box: Box) -> Track:
        """
        Learn the target from its box in ``frame``; what was tracked before is forgotten.

        Raises ValueError for a box that can't be tracked; then the target before stays.
        """
        check_init_box(box, frame.width, frame.height)
        start = time.perf_counter()
        self.local.init(frame, box)
        local_ms = 1e3 * (time.perf_counter() - start)
        ms = {'local': local_ms}
        if self.redetector is not None:
            self.redetector.init(frame, box)
            ms['redetect'] = 1e3 * (time.perf_counter() - start) - local_ms
        self.reset()
        self.policy = SearchPolicy(self.config, box)
        self.camera = frame.camera
        self._remember(frame)
        return Track(frame.camera, frame.stamp, Mode.LOCAL, box, 1.0, 0, ms, box)

    def step(self, frames: Sequence[Frame]) -> list[Track]:
        """
        Process one moment: at most one frame of each camera; a Track for each frame used.

        In LOCAL mode only the frame of the target's camera is used. When that camera gave none
        (it was unplugged, say), the others are searched globally.
        """
        if self.policy is None:
            return []
        mode = self.mode
        wanted = [f for f in frames if self.wants(f.camera)]
        if not wanted and frames and self.redetector is not None:
            mode, wanted = Mode.GLOBAL, list(frames)
        # the target's own camera first: its last place goes before any candidate
        wanted.sort(key=lambda f: f.camera != self.camera)
        for frame in wanted:
            self._remember(frame)
        return self._search(mode, wanted, self.policy)

    def _search(self, mode: Mode, frames: Sequence[Frame], policy: SearchPolicy) -> list[Track]:
        """Look at every place worth it in every frame; the best one decides."""
        outputs: list[TrackerOutput] = []
        owners: list[Frame] = []
        times: list[dict[str, float]] = []
        local: int | None = None
        for frame in frames:
            start = time.perf_counter()
            around: list[Box] = []
            if frame.camera == self.camera:
                local = 0
                around.append(policy.place)
            if policy.trial is not None and frame.camera == self._trial_camera:
                around.append(policy.trial)
            ms: dict[str, float] = {}
            if mode is Mode.GLOBAL and self.redetector is not None:
                found = self.redetector.propose(
                    list(self._clips[frame.camera]), policy.sought, self.config.k)
                self.proposals[frame.camera] = found
                around += found.boxes
                ms['redetect'] = 1e3 * (time.perf_counter() - start)
            middle = time.perf_counter()
            got = self.local.track(frame, around) if around else []
            outputs += got
            owners += [frame] * len(got)
            ms['local'] = 1e3 * (time.perf_counter() - middle)
            times.append(ms)
        decision = policy.decide(mode, local, outputs)
        self._trial_camera = owners[decision.trial].camera if decision.trial is not None else ''
        winner = owners[decision.source] if decision.source is not None else None
        if winner is not None and decision.source is not None and decision.reliable:
            self.camera = winner.camera
            if isinstance(self.local, OnlineTracker):
                self.local.accept(winner, outputs[decision.source])
        tracks = []
        for frame, ms in zip(frames, times):
            mine = [o.confidence for o, f in zip(outputs, owners) if f is frame]
            box = decision.box if frame is winner else None
            if box is not None and clip_to_image(box, frame.width, frame.height) is None:
                box = None  # wholly outside the image: nothing of it is seen
            confidence = decision.confidence if frame is winner else max(mine, default=0.0)
            place = policy.place if frame.camera == self.camera else None
            tracks.append(Track(frame.camera, frame.stamp, mode, box, confidence,
                                policy.failures, ms, place))
        return tracks

    def _remember(self, frame: Frame) -> None:
        if self.redetector is not None:
            clip = self._clips.setdefault(frame.camera, deque(maxlen=self.redetector.history))
            clip.append(frame)
