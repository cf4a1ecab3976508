"""The long-term tracker: a local tracker, a re-detector and the search policy, composed."""

from __future__ import annotations

from collections import deque
import time
from typing import Sequence

from lg_tracker_ros.boxes import clip_to_image, inside_fraction
from lg_tracker_ros.search import SearchConfig, SearchPolicy
from lg_tracker_ros.types import (Box, Frame, LocalTracker, Mode, OnlineTracker, Proposals,
                                  Redetector, Track, TrackerOutput)

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
        return self.mode is Mode.GLOBAL or (self.mode is Mode.LOCAL and camera == self.camera)

    def configure(self, config: SearchConfig) -> None:
        """Change the policy's parameters between two frames; the target stays."""
        self.config = config
        if self.policy is not None:
            self.policy.config = config

    def reset(self) -> None:
        """Forget the target."""
        self.policy = None
        self.camera = ''
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
        return Track(frame.camera, frame.stamp, Mode.LOCAL, box, 1.0, 0, ms)

    def step(self, frames: Sequence[Frame]) -> list[Track]:
        """
        Process one moment: at most one frame of each camera; a Track for each frame used.

        In LOCAL mode only the frame of the target's camera is used. When that camera gave none
        (it was unplugged, say), the others are searched globally.
        """
        if self.policy is None:
            return []
        mode = self.mode
        own = next((f for f in frames if f.camera == self.camera), None)
        if mode is Mode.LOCAL and own is None and self.redetector is not None:
            mode = Mode.GLOBAL
        used = list(frames) if mode is Mode.GLOBAL else [own] if own is not None else []
        if not used:
            return []
        for frame in used:
            self._remember(frame)
        if mode is Mode.LOCAL:
            return [self._local(used[0])]
        return self._global(used, own)

    def _local(self, frame: Frame) -> Track:
        policy = self._policy()
        start = time.perf_counter()
        outputs = self.local.track(frame, [policy.place])
        decision = policy.decide(Mode.LOCAL, outputs)
        if decision.reliable:
            self._learn(frame, outputs[0])
        ms = {'local': 1e3 * (time.perf_counter() - start)}
        return self._track(frame, Mode.LOCAL, decision.box, decision.confidence, ms)

    def _global(self, frames: Sequence[Frame], own: Frame | None) -> list[Track]:
        """Candidates of every camera and the last place compete; the best one decides."""
        policy = self._policy()
        if self.redetector is None:
            raise RuntimeError('global search without a re-detector')
        ordered = ([own] if own is not None else []) + [f for f in frames if f is not own]
        outputs: list[TrackerOutput] = []
        owners: list[Frame] = []
        times: list[dict[str, float]] = []
        for frame in ordered:
            start = time.perf_counter()
            found = self.redetector.propose(
                list(self._clips[frame.camera]), policy.size, self.config.k)
            self.proposals[frame.camera] = found
            middle = time.perf_counter()
            around = ([policy.place] if frame is own else []) + list(found.boxes)
            got = self.local.track(frame, around) if around else []
            outputs += got
            owners += [frame] * len(got)
            times.append({'redetect': 1e3 * (middle - start),
                          'local': 1e3 * (time.perf_counter() - middle)})
        decision = policy.decide(Mode.GLOBAL, outputs, has_local=own is not None)
        winner = owners[decision.source] if decision.source is not None else None
        if winner is not None and decision.source is not None and decision.reliable:
            self.camera = winner.camera
            self._learn(winner, outputs[decision.source])
        tracks = []
        for frame, ms in zip(ordered, times):
            mine = [o.confidence for o, f in zip(outputs, owners) if f is frame]
            box = decision.box if frame is winner else None
            confidence = decision.confidence if frame is winner else max(mine, default=0.0)
            tracks.append(self._track(frame, Mode.GLOBAL, box, confidence, ms))
        return tracks

    def _policy(self) -> SearchPolicy:
        if self.policy is None:
            raise RuntimeError('no target: call init first')
        return self.policy

    def _learn(self, frame: Frame, output: TrackerOutput) -> None:
        if isinstance(self.local, OnlineTracker):
            self.local.accept(frame, output)

    def _remember(self, frame: Frame) -> None:
        if self.redetector is not None:
            clip = self._clips.setdefault(frame.camera, deque(maxlen=self.redetector.history))
            clip.append(frame)

    def _track(self, frame: Frame, mode: Mode, box: Box | None, confidence: float,
               ms: dict[str, float]) -> Track:
        """Report; a box whose every pixel lies outside the image is nothing that is seen."""
        if box is not None and clip_to_image(box, frame.width, frame.height) is None:
            box = None
        return Track(frame.camera, frame.stamp, mode, box, confidence, self._policy().failures, ms)
