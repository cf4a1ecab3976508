"""What a local tracker that learns online is told of a moment."""

from __future__ import annotations

import time
from typing import Sequence

from lg_tracker_ros.search import Decision, SearchConfig
from lg_tracker_ros.tracking.rivals import RivalSearch
from lg_tracker_ros.tracking.views import View
from lg_tracker_ros.types import Box, Kind, LocalTracker, OnlineTracker, RivalLearner


class Learning:
    """Tells a tracker that learns what became of what it found; others are told nothing."""

    def __init__(self, local: LocalTracker, rivals: RivalSearch) -> None:
        """Tell ``local``; ``rivals`` shows it the target's likes."""
        self._local, self._rivals = local, rivals

    def learn(self, views: Sequence[View], decision: Decision, config: SearchConfig) -> None:
        """Tell what was accepted of what was found in this moment; notes how long it takes."""
        if not isinstance(self._local, OnlineTracker) or not views:
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
            self._local.update(view.frame, accepted.output, rejected)
            self.look_around(view, accepted.output.box, config)
        elif isinstance(self._local, RivalLearner) and _glimpsed(view, config.visible_threshold):
            self._local.glimpse(view.frame)
        else:
            self._local.miss(view.frame)
        view.ms['learn'] = 1e3 * (time.perf_counter() - start)

    def look_around(self, view: View, target: Box, config: SearchConfig) -> None:
        """Look for the target's likes, while it is in view."""
        self._rivals.look_around(view.frame, target, config.max_candidates,
                                 [o.box for o in view.others()], view.likes)


def _glimpsed(view: View, visible: float) -> bool:
    """Whether the target was seen where it was followed, though not accepted."""
    return any(c.kind is Kind.LOCAL and c.confidence >= visible for c in view.candidates)
