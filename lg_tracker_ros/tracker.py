"""The long-term tracker: a local tracker, a re-detector and the search policy, composed."""

from __future__ import annotations

import time
from typing import Callable, Sequence

from lg_tracker_ros.boxes import inside_fraction
from lg_tracker_ros.search import (
    Candidate,
    Decision,
    make_policy,
    Place,
    SearchConfig,
    SearchPolicy,
)
from lg_tracker_ros.search.aside import Asides, Found
from lg_tracker_ros.tracking.rhythm import Rhythm
from lg_tracker_ros.tracking.rivals import RivalSearch
from lg_tracker_ros.tracking.views import report, View, Views
from lg_tracker_ros.tracking.whole_images import WholeImages
from lg_tracker_ros.types import (
    Advised,
    Box,
    Exclusive,
    Frame,
    Kind,
    LocalTracker,
    Mode,
    OnlineTracker,
    Others,
    Proposals,
    Redetector,
    RivalLearner,
    Track,
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


def choose(tracks: Sequence[Track]) -> Track:
    """Pick the one result, of at least one, of a moment: where it is seen, or the best guess."""
    return max(tracks, key=lambda t: (t.visible, t.confidence))


def _waited(view: View, search: Callable[[], Proposals]) -> Proposals:
    """Wait for a search of the view's image; notes how long."""
    start = time.perf_counter()
    proposals = search()
    view.ms['redetect'] = 1e3 * (time.perf_counter() - start)
    return proposals


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
                 config: SearchConfig | None = None, two_cores: bool = False) -> None:
        """
        Compose; without a re-detector the tracker stays local, and says so when it is lost.

        ``two_cores``: whole images are searched in a second thread while the local tracker looks.
        What is found doesn't depend on it.
        """
        self.local, self._images = local, WholeImages(redetector, two_cores)
        self.config = config or SearchConfig()
        self.policy: SearchPolicy | None = None
        self._rhythm = Rhythm()
        self._views = Views()
        self._rivals = RivalSearch(local, self._images)

    @property
    def redetector(self) -> Redetector | None:
        """What searches whole images; may be replaced between two frames."""
        return self._images.redetector

    @redetector.setter
    def redetector(self, redetector: Redetector | None) -> None:
        self._images.redetector = redetector

    def search_aside(self, asides: Asides | None) -> None:
        """
        Search whole images by ``asides`` from now on, while frames go on; None: within the frame.

        What is found is looked at in the next frame of each camera, which counts as GLOBAL; until
        then frames are LOCAL. Waits for one that is under way.
        """
        self._images.search_aside(asides)

    @property
    def mode(self) -> Mode:
        """The mode in which the next frame will be searched; IDLE without a target."""
        if self.policy is None:
            return Mode.IDLE
        if self.redetector is None or self._images.busy:
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
        self._images.drop()

    def reset(self) -> None:
        """Forget the target."""
        self.policy = None
        self._rhythm = Rhythm()
        self._images.forget()
        self._views.forget()
        self._rivals.forget()

    def init(self, frame: Frame, box: Box, others: Others = tuple) -> Track:
        """
        Learn the target from its box in ``frame``; what was tracked before is forgotten.

        ``others`` tells of other targets: the rivals that are known from the start on.
        Raises ValueError for a box that can't be tracked; then the target before stays. TypeError
        where an image or four numbers stand for a Frame and a Box.
        """
        if not (isinstance(frame, Frame) and isinstance(box, Box)):
            raise TypeError('init takes a Frame and a Box, as init(Frame(image), Box(x, y, w, h)),'
                            f' got {type(frame).__name__} and {type(box).__name__}')
        check_init_box(box, frame.width, frame.height)
        self._images.wait()
        start = time.perf_counter()
        self.local.init(frame, box)
        local_ms = 1e3 * (time.perf_counter() - start)
        ms = {'local': local_ms}
        if self.redetector is not None:
            self._images.init(frame, box)
            ms['redetect'] = 1e3 * (time.perf_counter() - start) - local_ms
        self.reset()
        self._rhythm.span(frame.stamp)
        self.policy = make_policy(self.config, Place(frame.camera, box))
        view = self._views.view(frame, others=others)
        self._images.remember(frame)
        if self._rivals.due(frame.camera):
            view.likes = self._images.begin(frame.camera, (box.w, box.h),
                                            self.config.max_candidates)()
        self._look_around(view, box)
        while self._rivals.waits(frame.camera):  # at once: they must be known before a loss
            self._look_around(view, box)
        return Track(frame.camera, frame.stamp, Mode.LOCAL, box, 1.0, 0, ms, box)

    def reject(self) -> None:
        """
        Take an operator's word that what is followed is not the target, and search on.

        Raises ValueError without a target.
        """
        self._policy().lose()
        self._images.drop()
        if isinstance(self.local, Advised):
            self.local.disown()

    def confirm(self) -> None:
        """
        Take an operator's word that what is followed is the target.

        Raises ValueError without a target.
        """
        self._policy().assure()
        self._images.drop()
        if isinstance(self.local, Advised):
            self.local.own()

    def _policy(self) -> SearchPolicy:
        if self.policy is None:
            raise ValueError('there is no target; init one first')
        return self.policy

    def step(self, frames: Sequence[Frame], others: Others = tuple) -> list[Track]:
        """
        Process one moment: at most one frame of each camera; a Track for each frame used.

        In LOCAL mode only the frame of the target's camera is used. When that camera gave none
        (it was unplugged, say), the others are searched globally. ``others`` tells of other
        targets: what is theirs more surely isn't this one. It is asked when boxes are judged.
        Raises ValueError for two frames of one camera: those are two moments.
        """
        frames = list(frames)  # of a generator nothing would be left
        cameras = [f.camera for f in frames]
        if len(set(cameras)) < len(cameras):
            raise ValueError('step takes one moment, one frame of each camera, got frames of '
                             f'{cameras}; call it once for each moment')
        if self.policy is None or not frames:
            return []
        mode = self.mode
        wanted = [f for f in frames if self._wants(mode, f.camera)]
        if not wanted and self.redetector is not None:
            mode, wanted = Mode.GLOBAL, list(frames)
        # of equally good results the first is taken: the target's own camera comes first
        wanted.sort(key=lambda f: f.camera != self.camera)
        span = self._rhythm.span(max(f.stamp for f in wanted)) if wanted else 1
        views = [self._views.view(frame, span, others) for frame in wanted]
        for view in views:
            self._images.remember(view.frame)
        found, meanwhile = None, self.policy.looks_meanwhile
        if mode is Mode.GLOBAL and self._images.aside:
            found = self._found_aside(views, self.policy)
            if found is None:
                mode = Mode.LOCAL
                views = [v for v in views if self._wants(mode, v.frame.camera)] or views
        for view in views:
            self._look(mode, view, self.policy, found)
        decision = self.policy.decide(mode, [c for v in views for c in v.candidates], span)
        if decision.reliable:
            self._images.drop_target()
        elif meanwhile and found is None:
            for view in views:
                if view.proposals is not None:
                    self.policy.propose(view.frame.camera, view.proposals.boxes)
        self._learn(views, decision)
        return [report(mode, view, decision, self.policy) for view in views]

    def _found_aside(self, views: Sequence[View], policy: SearchPolicy) -> Found | None:
        """Take what a search found aside, and propose it; None while there is nothing."""
        found = self._images.found_aside(
            max(v.frame.stamp for v in views), [v.frame.camera for v in views], policy.sought,
            self.config.max_candidates)
        if found is not None:
            for camera, proposals in found.proposals.items():
                policy.propose(camera, proposals.boxes)
        return found

    def _look(self, mode: Mode, view: View, policy: SearchPolicy, found: Found | None) -> None:
        """Search every region of a frame that is worth it, and the whole image if that is due."""
        camera, most = view.frame.camera, self.config.max_candidates
        if found is not None:
            view.proposals, view.ms['redetect'] = found.proposals.get(camera), found.ms
        due = (found is None and self.redetector is not None if mode is Mode.GLOBAL
               else camera == policy.place.camera and self._rivals.due(camera))
        if not due:
            self._track(mode, view, policy)
            return
        search = self._images.begin(camera, policy.sought, most)
        if mode is Mode.GLOBAL and not policy.looks_meanwhile:
            view.proposals = _waited(view, search)
            policy.propose(camera, view.proposals.boxes)
            self._track(mode, view, policy)
            return
        try:
            self._track(mode, view, policy)
        finally:
            found_now = _waited(view, search)
        if mode is Mode.GLOBAL:
            view.proposals = found_now
        else:
            view.likes = found_now

    def _track(self, mode: Mode, view: View, policy: SearchPolicy) -> None:
        """Let the local tracker search where the policy looks."""
        frame = view.frame
        if isinstance(self.local, Exclusive):
            self.local.yield_to(frame, view.others)
        start, regions = time.perf_counter(), policy.regions(mode, frame.camera)
        outputs = self.local.track(frame, regions) if regions else []
        view.candidates = [Candidate(frame.camera, output, region.kind)
                           for output, region in zip(outputs, regions)]
        view.ms['local'] = 1e3 * (time.perf_counter() - start)

    def _learn(self, views: Sequence[View], decision: Decision) -> None:
        """Let a tracker that learns online know what became of what it found in this moment."""
        if not isinstance(self.local, OnlineTracker) or not views:
            return
        start = time.perf_counter()
        accepted = decision.chosen if decision.reliable else None
        view = views[0]  # of the target's camera, where that gave one
        for each in views:
            if accepted is not None and each.frame.camera == accepted.camera:
                view = each
            else:
                self._rivals.drop(each.frame.camera)
        if accepted is not None:
            rejected = [c.output for c in view.candidates if c is not accepted]
            self.local.update(view.frame, accepted.output, rejected)
            self._look_around(view, accepted.output.box)
        elif isinstance(self.local, RivalLearner) and self._glimpsed(view):
            self.local.glimpse(view.frame)
        else:
            self.local.miss(view.frame)
        view.ms['learn'] = 1e3 * (time.perf_counter() - start)

    def _look_around(self, view: View, target: Box) -> None:
        """Look for the target's likes, while it is in view."""
        self._rivals.look_around(view.frame, target, self.config.max_candidates,
                                 [o.box for o in view.others()], view.likes)

    def _glimpsed(self, view: View) -> bool:
        """Whether the target was seen where it was followed, though not accepted."""
        return any(c.kind is Kind.LOCAL and c.confidence >= self.config.visible_threshold
                   for c in view.candidates)
