"""How one moment is searched: regions by the local tracker, whole images by the re-detector."""

from __future__ import annotations

import time
from typing import Callable, Sequence

from lg_tracker_ros.search import Candidate, SearchPolicy
from lg_tracker_ros.search.aside import Found
from lg_tracker_ros.tracking.rivals import RivalSearch
from lg_tracker_ros.tracking.views import View
from lg_tracker_ros.tracking.whole_images import WholeImages
from lg_tracker_ros.types import Exclusive, LocalTracker, Mode, Proposals


class Looking:
    """Looks where a policy says, and tells the policy what the re-detector proposes."""

    def __init__(self, local: LocalTracker, images: WholeImages, rivals: RivalSearch) -> None:
        """Look with ``local``; ``rivals`` says when a followed target's image is searched."""
        self._local, self._images, self._rivals = local, images, rivals

    def found_aside(self, views: Sequence[View], policy: SearchPolicy) -> Found | None:
        """Take what a search found aside, and propose it; None while there is nothing."""
        found = self._images.found_aside(
            max(v.frame.stamp for v in views), [v.frame.camera for v in views], policy.sought,
            policy.config.max_candidates)
        if found is not None:
            for camera, proposals in found.proposals.items():
                policy.propose(camera, proposals.boxes)
        return found

    def look(self, mode: Mode, view: View, policy: SearchPolicy, found: Found | None) -> None:
        """
        Search every region of a frame that is worth it, and the whole image if that is due.

        ``found``: what a search aside gave for this moment, if it gave anything.
        """
        camera, images = view.frame.camera, self._images
        if found is not None:
            view.proposals, view.ms['redetect'] = found.proposals.get(camera), found.ms
        due = (found is None and images.redetector is not None if mode is Mode.GLOBAL
               else camera == policy.place.camera and self._rivals.due(camera))
        if not due:
            self._track(mode, view, policy)
            return
        search = images.begin(camera, policy.sought, policy.config.max_candidates)
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
        if isinstance(self._local, Exclusive):
            self._local.yield_to(frame, view.others)
        start, regions = time.perf_counter(), policy.regions(mode, frame.camera)
        outputs = self._local.track(frame, regions) if regions else []
        view.candidates = [Candidate(frame.camera, output, region.kind)
                           for output, region in zip(outputs, regions)]
        view.ms['local'] = 1e3 * (time.perf_counter() - start)


def _waited(view: View, search: Callable[[], Proposals]) -> Proposals:
    """Wait for a search of the view's image; notes how long."""
    start = time.perf_counter()
    proposals = search()
    view.ms['redetect'] = 1e3 * (time.perf_counter() - start)
    return proposals
