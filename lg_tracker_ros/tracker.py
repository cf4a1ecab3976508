"""The long-term tracker: a local tracker, a re-detector and the search policy, composed."""

from __future__ import annotations

from dataclasses import replace
import time
from typing import Sequence

from lg_tracker_ros.boxes import check_init_box
from lg_tracker_ros.search import make_policy, Place, SearchConfig, SearchPolicy
from lg_tracker_ros.search.aside import Asides
from lg_tracker_ros.tracking.learning import Learning
from lg_tracker_ros.tracking.looking import Looking
from lg_tracker_ros.tracking.rhythm import Rhythm
from lg_tracker_ros.tracking.rivals import RivalSearch
from lg_tracker_ros.tracking.views import report, Views
from lg_tracker_ros.tracking.whole_images import WholeImages
from lg_tracker_ros.types import (
    Advised,
    Box,
    Correctable,
    Frame,
    LocalTracker,
    Mode,
    Others,
    Redetector,
    Track,
)


def choose(tracks: Sequence[Track]) -> Track:
    """Pick the one result, of at least one, of a moment: where it is seen, or the best guess."""
    return max(tracks, key=lambda t: (t.visible, t.confidence))


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
        self._looking = Looking(local, self._images, self._rivals)
        self._learning = Learning(local, self._rivals)

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
        # some keep it, and a camera may fill its buffer again
        frame = replace(frame, image=frame.image.copy())
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
        self._learning.look_around(view, box, self.config)
        while self._rivals.waits(frame.camera):  # at once: they must be known before a loss
            self._learning.look_around(view, box, self.config)
        return Track(frame.camera, frame.stamp, Mode.LOCAL, box, 1.0, 0, ms, box)

    def reject(self) -> None:
        """
        Take an operator's word that what is followed is not the target, and search on.

        Raises ValueError without a target.
        """
        self._policy().lose()
        self._images.drop()
        if isinstance(self.local, Correctable):
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
            found = self._looking.found_aside(views, self.policy)
            if found is None:
                mode = Mode.LOCAL
                views = [v for v in views if self._wants(mode, v.frame.camera)] or views
        for view in views:
            self._looking.look(mode, view, self.policy, found)
        decision = self.policy.decide(mode, [c for v in views for c in v.candidates], span)
        if decision.reliable:
            self._images.drop_target()
        elif meanwhile and found is None:
            for view in views:
                if view.proposals is not None:
                    self.policy.propose(view.frame.camera, view.proposals.boxes)
        self._learning.learn(views, decision, self.config)
        return [report(mode, view, decision, self.policy) for view in views]
