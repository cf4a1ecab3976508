"""Who looks like the target elsewhere in the image, shown to a tracker that wants to know."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.boxes import APART, iou
from lg_tracker_ros.tracking.whole_images import WholeImages
from lg_tracker_ros.types import Box, Frame, Kind, LocalTracker, Proposals, Region, RivalLearner

AT_ONCE = 2
"""Places in which a frame looks for rivals at most: a camera doesn't wait for all at once."""


class RivalSearch:
    """Searches the image in one frame and looks at the places in the next, few in each."""

    def __init__(self, local: LocalTracker, images: WholeImages) -> None:
        """Show rivals to ``local``, where it is a RivalLearner."""
        self._local, self._images = local, images
        self._waiting: dict[str, list[Region]] = {}

    def waits(self, camera: str) -> bool:
        """Whether places in a camera's image have yet to be looked at."""
        return bool(self._waiting.get(camera))

    def due(self, camera: str) -> bool:
        """Whether a camera's image is to be searched in this frame, at once."""
        local, images = self._local, self._images
        return (isinstance(local, RivalLearner) and local.wants_rivals and not images.aside
                and images.redetector is not None and not self.waits(camera))

    def forget(self) -> None:
        """Look at no place that was found."""
        self._waiting.clear()

    def drop(self, camera: str) -> None:
        """Look at no place that was found in this camera, nor at what is being searched."""
        self._waiting.pop(camera, None)
        self._images.drop_rivals()

    def look_around(self, frame: Frame, target: Box, most: int, others: Sequence[Box] = (),
                    likes: Proposals | None = None) -> None:
        """
        Go on with looking for the target's likes, ``most`` places, while it is in view.

        ``others``: where other targets are in this frame; they are looked at first. ``likes``:
        what a search of this frame, if there was one, proposed.
        """
        local = self._local
        if not isinstance(local, RivalLearner):
            return
        if self._images.redetector is None and not others:
            return
        waiting = self._waiting.pop(frame.camera, [])
        now, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        if not now:
            proposals = likes if likes is not None else self._images.rivals(
                frame, (target.w, target.h), most, local.wants_rivals)
            if proposals is None:
                return
            known = [box for box in others if iou(box, target) < APART]
            waiting = [Region(box, Kind.PROPOSAL) for box in (*known, *(
                box for box in proposals.boxes if all(iou(box, o) < APART
                                                      for o in (target, *known))))]
        self._waiting[frame.camera] = waiting
        local.meet(frame, target, now)
