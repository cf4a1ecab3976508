"""The long-term tracker: a local tracker, a re-detector and the search policy, composed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
import time
from typing import Callable, Sequence

import cv2
from lg_tracker_ros.boxes import APART, clip_to_image, inside_fraction, iou, scale
from lg_tracker_ros.rhythm import Rhythm
from lg_tracker_ros.search import (
    Candidate,
    Decision,
    make_policy,
    Place,
    SearchConfig,
    SearchPolicy,
)
from lg_tracker_ros.search.aside import Aside, Asides, Found
from lg_tracker_ros.types import (
    Advised,
    Box,
    Frame,
    Kind,
    LocalTracker,
    Mode,
    OnlineTracker,
    Proposals,
    Redetector,
    Region,
    RivalLearner,
    Track,
)
import numpy as np

MIN_SIDE = 4.0
"""Smallest side of a first box in pixels: below it there is nothing to recognise."""

RIVALS_AT_ONCE = 2
"""Places in which a frame looks for rivals at most: a camera doesn't wait for all at once."""


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


@dataclass
class _View:
    """
    One frame while it is processed: what was found in it, and how long each stage took.

    ``frame`` has the size of its camera's first one, and so have the candidates; ``zoom`` leads
    from there to the image as it came.
    """

    frame: Frame
    zoom: tuple[float, float] = (1.0, 1.0)
    candidates: Sequence[Candidate] = ()
    proposals: Proposals | None = None
    ms: dict[str, float] = field(default_factory=dict)


class LongTermTracker:
    """
    Follows one target through one or several cameras.

    Looks locally in the camera that saw the target last; searches the whole image of every
    camera when the search policy says so (Algorithm 2 of the TANet paper).

    A camera that changes the size of its images goes on being searched in the size that it had
    first: so the place, the size, the first look and what a tracker has learned stay right.
    Tracks are in pixels of the image as it came.
    """

    def __init__(self, local: LocalTracker, redetector: Redetector | None = None,
                 config: SearchConfig | None = None) -> None:
        """Compose; without a re-detector the tracker stays local, and says so when it is lost."""
        self.local, self.redetector = local, redetector
        self.config = config or SearchConfig()
        self.policy: SearchPolicy | None = None
        self._rhythm = Rhythm()
        self._clips: dict[str, deque[Frame]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._rivals: dict[str, list[Region]] = {}
        self._asides: Asides | None = None

    def search_aside(self, asides: Asides | None) -> None:
        """
        Search whole images by ``asides`` from now on, while frames go on; None: within the frame.

        What is found is looked at in the next frame of each camera, which counts as GLOBAL; until
        then frames are LOCAL. Waits for one that is under way.
        """
        if self._asides is not None:
            self._asides.wait()
        self._asides = asides

    @property
    def mode(self) -> Mode:
        """The mode in which the next frame will be searched; IDLE without a target."""
        if self.policy is None:
            return Mode.IDLE
        if self.redetector is None or (self._asides is not None and self._asides.target.busy):
            return Mode.LOCAL
        return self.policy.mode

    @property
    def camera(self) -> str:
        """The camera in which the target is followed; empty without a target."""
        return self.policy.place.camera if self.policy is not None else ''

    def wants(self, camera: str) -> bool:
        """Whether the next step has use for a frame of ``camera``."""
        return self._wants(self.mode, camera)

    def _wants(self, mode: Mode, camera: str) -> bool:
        policy = self.policy
        return mode is Mode.GLOBAL or (policy is not None and bool(policy.regions(mode, camera)))

    def configure(self, config: SearchConfig) -> None:
        """
        Change the policy's parameters between two frames; the target stays.

        Another policy, or other rules, start anew with the target where it is.
        """
        if self.policy is not None:
            if (config.policy, config.rules) == (self.config.policy, self.config.rules):
                self.policy.config = config
            else:
                self.policy = make_policy(config, self.policy.place)
        self.config = config
        self._drop()

    def reset(self) -> None:
        """Forget the target."""
        self._drop()
        self.policy = None
        self._rhythm = Rhythm()
        self._clips.clear()
        self._sizes.clear()
        self._rivals.clear()

    def init(self, frame: Frame, box: Box) -> Track:
        """
        Learn the target from its box in ``frame``; what was tracked before is forgotten.

        Raises ValueError for a box that can't be tracked; then the target before stays.
        """
        check_init_box(box, frame.width, frame.height)
        if self._asides is not None:
            self._asides.wait()
        start = time.perf_counter()
        self.local.init(frame, box)
        local_ms = 1e3 * (time.perf_counter() - start)
        ms = {'local': local_ms}
        if self.redetector is not None:
            self.redetector.init(frame, box)
            ms['redetect'] = 1e3 * (time.perf_counter() - start) - local_ms
        self.reset()
        self._rhythm.span(frame.stamp)
        self.policy = make_policy(self.config, Place(frame.camera, box))
        self._sizes[frame.camera] = frame.width, frame.height
        self._remember(frame)
        self._look_around(frame, box)
        while self._rivals.get(frame.camera):  # at once: they must be known before a loss
            self._look_around(frame, box)
        return Track(frame.camera, frame.stamp, Mode.LOCAL, box, 1.0, 0, ms, box)

    def reject(self) -> None:
        """
        Take an operator's word that what is followed is not the target, and search on.

        Raises ValueError without a target.
        """
        self._policy().lose()
        self._drop()
        if isinstance(self.local, Advised):
            self.local.disown()

    def confirm(self) -> None:
        """
        Take an operator's word that what is followed is the target.

        Raises ValueError without a target.
        """
        self._policy().assure()
        self._drop()
        if isinstance(self.local, Advised):
            self.local.own()

    def _drop(self) -> None:
        """Believe nothing of what a search under way will find."""
        if self._asides is not None:
            self._asides.drop()

    def _policy(self) -> SearchPolicy:
        if self.policy is None:
            raise ValueError('there is no target; init one first')
        return self.policy

    def step(self, frames: Sequence[Frame]) -> list[Track]:
        """
        Process one moment: at most one frame of each camera; a Track for each frame used.

        In LOCAL mode only the frame of the target's camera is used. When that camera gave none
        (it was unplugged, say), the others are searched globally.
        """
        if self.policy is None:
            return []
        mode = self.mode
        wanted = [f for f in frames if self._wants(mode, f.camera)]
        if not wanted and frames and self.redetector is not None:
            mode, wanted = Mode.GLOBAL, list(frames)
        # of equally good results the first is taken: the target's own camera comes first
        wanted.sort(key=lambda f: f.camera != self.camera)
        span = self._rhythm.span(max(f.stamp for f in wanted)) if wanted else 1
        views = [self._view(frame, span) for frame in wanted]
        for view in views:
            self._remember(view.frame)
        found = None
        if mode is Mode.GLOBAL and self._asides is not None:
            found = self._found_aside(self._asides.target, views, self.policy)
            if found is None:
                mode = Mode.LOCAL
                views = [v for v in views if self._wants(mode, v.frame.camera)] or views
        for view in views:
            self._look(mode, view, self.policy, found)
        decision = self.policy.decide(mode, [c for v in views for c in v.candidates], span)
        if decision.reliable and self._asides is not None:
            self._asides.target.drop()
        for view in views:
            self._learn(view, decision)
        return [self._report(mode, view, decision, self.policy) for view in views]

    def _view(self, frame: Frame, span: int) -> _View:
        """Bring a frame to the size that its camera had first, and note what it counts for."""
        came = frame.width, frame.height
        if (size := self._sizes.setdefault(frame.camera, came)) == came:
            return _View(replace(frame, span=span))
        smaller = size[0] * size[1] < came[0] * came[1]
        image = cv2.resize(frame.image, size,
                           interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        return _View(Frame(np.asarray(image, np.uint8), frame.stamp, frame.camera, span),
                     (came[0] / size[0], came[1] / size[1]))

    def _searches(self, cameras: Sequence[str], size: tuple[float, float]
                  ) -> Callable[[], dict[str, Proposals]]:
        """Return what searches the newest image of each camera, as they are now."""
        assert self.redetector is not None
        searches = {camera: partial(self.redetector.propose, list(self._clips[camera]), size,
                                    self.config.max_candidates) for camera in cameras}
        return lambda: {camera: search() for camera, search in searches.items()}

    def _found_aside(self, aside: Aside, views: Sequence[_View], policy: SearchPolicy
                     ) -> Found | None:
        """Take what a search found that was begun on earlier frames; begin one on these."""
        stamp, cameras = max(v.frame.stamp for v in views), [v.frame.camera for v in views]
        found = aside.take(stamp)
        if found is None:
            aside.begin(stamp, self._searches(cameras, policy.sought))
            return None
        for camera, proposals in found.proposals.items():
            policy.propose(camera, proposals.boxes)
        return found

    def _look(self, mode: Mode, view: _View, policy: SearchPolicy, found: Found | None) -> None:
        """Search every region of a frame that is worth it."""
        start, frame = time.perf_counter(), view.frame
        if found is not None:
            view.proposals = found.proposals.get(frame.camera)
            view.ms['redetect'] = found.ms
        elif mode is Mode.GLOBAL and self.redetector is not None:
            view.proposals = self._searches([frame.camera], policy.sought)()[frame.camera]
            policy.propose(frame.camera, view.proposals.boxes)
            view.ms['redetect'] = 1e3 * (time.perf_counter() - start)
        middle, regions = time.perf_counter(), policy.regions(mode, frame.camera)
        outputs = self.local.track(frame, regions) if regions else []
        view.candidates = [Candidate(frame.camera, output, region.kind)
                           for output, region in zip(outputs, regions)]
        view.ms['local'] = 1e3 * (time.perf_counter() - middle)

    def _learn(self, view: _View, decision: Decision) -> None:
        """Let a tracker that learns online know what became of what it found."""
        if not isinstance(self.local, OnlineTracker):
            return
        start = time.perf_counter()
        accepted = decision.chosen if decision.reliable else None
        if accepted is not None and accepted.camera == view.frame.camera:
            rejected = [c.output for c in view.candidates if c is not accepted]
            self.local.update(view.frame, accepted.output, rejected)
            self._look_around(view.frame, accepted.output.box)
        else:
            self._rivals.pop(view.frame.camera, None)
            if self._asides is not None:
                self._asides.rivals.drop()
            if isinstance(self.local, RivalLearner) and self._glimpsed(view):
                self.local.glimpse(view.frame)
            else:
                self.local.miss(view.frame)
        view.ms['learn'] = 1e3 * (time.perf_counter() - start)

    def _glimpsed(self, view: _View) -> bool:
        """Whether the target was seen where it was followed, though not accepted."""
        return any(c.kind is Kind.LOCAL and c.confidence >= self.config.visible_threshold
                   for c in view.candidates)

    def _look_around(self, frame: Frame, target: Box) -> None:
        """
        Show the target's likes in the same image to a tracker that wants to know them.

        The image is searched in one frame and the places are looked at in the next, few in each.
        """
        if not isinstance(self.local, RivalLearner) or self.redetector is None:
            return
        waiting = self._rivals.pop(frame.camera, [])
        now, waiting = waiting[:RIVALS_AT_ONCE], waiting[RIVALS_AT_ONCE:]
        if not now:
            proposals = self._around(frame, target, self.local.wants_rivals)
            if proposals is None:
                return
            waiting = [Region(box, Kind.PROPOSAL) for box in proposals.boxes
                       if iou(box, target) < APART]
        self._rivals[frame.camera] = waiting
        self.local.meet(frame, target, self.local.track(frame, now) if now else [])

    def _around(self, frame: Frame, target: Box, wanted: bool) -> Proposals | None:
        """Return where the target's likes may be, if that is ``wanted`` and known now."""
        found = self._asides.rivals.take(frame.stamp) if self._asides is not None else None
        if found is not None:
            return found.proposals.get(frame.camera, Proposals(()))
        if not wanted:
            return None
        search = self._searches([frame.camera], (target.w, target.h))
        if self._asides is None:
            return search()[frame.camera]
        self._asides.rivals.begin(frame.stamp, search)
        return None

    @staticmethod
    def _report(mode: Mode, view: _View, decision: Decision, policy: SearchPolicy) -> Track:
        """Say what was found in one frame."""
        frame, box = view.frame, None
        confidence = max((c.confidence for c in view.candidates), default=0.0)
        if decision.chosen is not None and decision.chosen.camera == frame.camera:
            confidence, box = decision.confidence, decision.box
            if box is not None and clip_to_image(box, frame.width, frame.height) is None:
                box = None  # wholly outside the image: nothing of it is seen
        place = policy.place.box if frame.camera == policy.place.camera else None
        doubtful, unsure = decision.unsure, None
        if doubtful is not None and doubtful.camera == frame.camera:
            unsure = doubtful.output.box
        proposals = view.proposals
        if view.zoom != (1.0, 1.0):
            box, place, unsure = (None if b is None else scale(b, *view.zoom)
                                  for b in (box, place, unsure))
            if proposals is not None:
                proposals = replace(proposals, boxes=[scale(b, *view.zoom)
                                                      for b in proposals.boxes])
        return Track(frame.camera, frame.stamp, mode, box, confidence, policy.failures, view.ms,
                     place, proposals, unsure, [c.output for c in view.candidates])

    def _remember(self, frame: Frame) -> None:
        if self.redetector is not None:
            clip = self._clips.setdefault(frame.camera, deque(maxlen=self.redetector.history))
            clip.append(frame)
