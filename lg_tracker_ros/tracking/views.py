"""From frames to views of one size for each camera, and from views to the tracks reported."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Sequence

import cv2
from lg_tracker_ros.boxes import clip_to_image, scale
from lg_tracker_ros.search import Candidate, Decision, SearchPolicy
from lg_tracker_ros.search.telling import found_again
from lg_tracker_ros.types import Claim, Frame, Mode, Others, Proposals, Track
import numpy as np


@dataclass
class View:
    """
    One frame while it is processed: what was found in it, and how long each stage took.

    ``frame`` has the size of its camera's first one, and so have the candidates and what
    ``others`` gives (other targets in this frame alone); ``zoom`` leads from there to the image
    as it came. ``proposals`` are of a search for the target, ``likes`` of one for its likes.
    """

    frame: Frame
    zoom: tuple[float, float] = (1.0, 1.0)
    others: Others = tuple
    candidates: Sequence[Candidate] = ()
    proposals: Proposals | None = None
    likes: Proposals | None = None
    ms: dict[str, float] = field(default_factory=dict)


class Views:
    """Brings the frames of each camera to the size that it had first."""

    def __init__(self) -> None:
        """Start without a camera."""
        self._sizes: dict[str, tuple[int, int]] = {}

    def forget(self) -> None:
        """Take the next size of each camera for its first."""
        self._sizes.clear()

    def view(self, frame: Frame, span: int = 1, others: Others = tuple) -> View:
        """
        Bring a frame to its camera's size, and note the ``span`` of frames it counts for.

        ``others`` tells of other targets, in pixels of the images as they came.
        """
        def here() -> list[Claim]:
            return [o for o in others() if o.camera == frame.camera]
        came = frame.width, frame.height
        if (size := self._sizes.setdefault(frame.camera, came)) == came:
            return View(frame.counting(span), others=here)
        smaller = size[0] * size[1] < came[0] * came[1]
        image = cv2.resize(frame.image, size,
                           interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
        x, y = size[0] / came[0], size[1] / came[1]
        return View(Frame(np.asarray(image, np.uint8), frame.stamp, frame.camera, span),
                    (came[0] / size[0], came[1] / size[1]),
                    lambda: [replace(o, box=scale(o.box, x, y)) for o in here()])


def report(mode: Mode, view: View, decision: Decision, policy: SearchPolicy) -> Track:
    """Say what was found in one frame, in pixels of the image as it came."""
    frame, box = view.frame, None
    best = max(view.candidates, key=lambda c: c.confidence, default=None)
    if decision.chosen is not None and decision.chosen.camera == frame.camera:
        best, box = decision.chosen, decision.box
        if box is not None and clip_to_image(box, frame.width, frame.height) is None:
            box = None  # wholly outside the image: nothing of it is seen
    judged = confidence = 0.0 if best is None else best.confidence
    if best is not None and best.output.again:
        confidence = found_again(judged, policy.config.visible_threshold)
    place = policy.place.box if frame.camera == policy.place.camera else None
    doubtful, unsure = decision.unsure, None
    if doubtful is not None and doubtful.camera == frame.camera:
        unsure = doubtful.output.box
    proposals, found = view.proposals, [c.output for c in view.candidates]
    if view.zoom != (1.0, 1.0):
        box, place, unsure = (None if b is None else scale(b, *view.zoom)
                              for b in (box, place, unsure))
        found = [replace(o, box=scale(o.box, *view.zoom), mask=None if o.mask is None else replace(
            o.mask, box=scale(o.mask.box, *view.zoom))) for o in found]
        if proposals is not None:
            proposals = replace(proposals, boxes=[scale(b, *view.zoom) for b in proposals.boxes])
    return Track(frame.camera, frame.stamp, mode, box, confidence, policy.failures, view.ms,
                 place, proposals, unsure, found, judged)
