"""The newest images of each camera and the searches of them, within the frame or aside."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from typing import Callable, Sequence

from lg_tracker_ros.search.aside import Asides, Found
from lg_tracker_ros.threads import shared_pool
from lg_tracker_ros.types import Box, Frame, Proposals, Redetector
import numpy as np


class WholeImages:
    """
    What a re-detector searches, and when: at once, or by ``asides`` while frames go on.

    ``redetector`` may be replaced between two frames; without one nothing is searched.
    """

    def __init__(self, redetector: Redetector | None, two_cores: bool = False) -> None:
        """Start without an image; with ``two_cores`` searches begin in a second thread."""
        self.redetector, self._two_cores = redetector, two_cores
        self._asides: Asides | None = None
        self._clips: dict[str, deque[Frame]] = {}
        self._refilled: set[str] = set()  # cameras that write into an image that is still kept

    @property
    def aside(self) -> bool:
        """Whether searches run in a thread of their own."""
        return self._asides is not None

    @property
    def busy(self) -> bool:
        """Whether a search for the target is under way aside."""
        return self._asides is not None and self._asides.target.busy

    def search_aside(self, asides: Asides | None) -> None:
        """Search by ``asides`` from now on; waits for a search that is under way."""
        self.wait()
        self._asides = asides

    def init(self, frame: Frame, box: Box) -> None:
        """Let the re-detector learn the target."""
        if self.redetector is not None:
            self.redetector.init(frame, box)

    def remember(self, frame: Frame) -> None:
        """Take a camera's newest frame; of one that fills its buffer again a copy is kept."""
        if self.redetector is not None:
            clip = self._clips.setdefault(frame.camera, deque(maxlen=self.redetector.history))
            if any(np.may_share_memory(frame.image, kept.image) for kept in clip):
                self._refilled.add(frame.camera)
            if frame.camera in self._refilled:
                frame = replace(frame, image=frame.image.copy())
            clip.append(frame)

    def forget(self) -> None:
        """Drop every image, and what a search under way will find."""
        self.drop()
        self._clips.clear()
        self._refilled.clear()

    def drop(self) -> None:
        """Believe nothing of what searches under way will find."""
        if self._asides is not None:
            self._asides.drop()

    def drop_target(self) -> None:
        """Believe nothing of what a search for the target will find: it is there."""
        if self._asides is not None:
            self._asides.target.drop()

    def drop_rivals(self) -> None:
        """Believe nothing of what a search for rivals will find."""
        if self._asides is not None:
            self._asides.rivals.drop()

    def wait(self) -> None:
        """Drop searches under way, and wait until they have ended."""
        if self._asides is not None:
            self._asides.wait()

    def begin(self, camera: str, size: tuple[float, float], most: int
              ) -> Callable[[], Proposals]:
        """
        Search a camera's newest image for ``size`` in pixels; returns what gives ``most`` places.

        That must be called: with two cores the search has begun in a second thread.
        """
        search = self._searches([camera], size, most)
        found = (shared_pool('lg_tracker network beside').submit(search).result if self._two_cores
                 else search)
        return lambda: found()[camera]

    def found_aside(self, stamp: int, cameras: Sequence[str], size: tuple[float, float],
                    most: int) -> Found | None:
        """Take what a search found that was begun on earlier frames; begin one on these."""
        assert self._asides is not None
        found = self._asides.target.take(stamp)
        if found is None:
            self._asides.target.begin(stamp, self._searches(cameras, size, most))
        return found

    def rivals(self, frame: Frame, size: tuple[float, float], most: int, wanted: bool
               ) -> Proposals | None:
        """
        Return where the target's likes may be, as far as a search aside has told by now.

        None: not yet, or it isn't ``wanted``. Nothing where there is no re-detector to ask.
        """
        if self.redetector is None:
            return Proposals(()) if wanted else None
        if self._asides is None:
            return None
        found = self._asides.rivals.take(frame.stamp)
        if found is None and wanted:
            self._asides.rivals.begin(frame.stamp, self._searches([frame.camera], size, most))
        return None if found is None else found.proposals.get(frame.camera, Proposals(()))

    def _searches(self, cameras: Sequence[str], size: tuple[float, float], most: int
                  ) -> Callable[[], dict[str, Proposals]]:
        """Return what searches the newest image of each camera, as they are now."""
        assert self.redetector is not None
        searches = {camera: partial(self.redetector.propose, list(self._clips[camera]), size,
                                    most) for camera in cameras}
        return lambda: {camera: search() for camera, search in searches.items()}
