"""OpenCV's trackers that keep the first look and tell a score, as local trackers: Nano, Vit."""

from __future__ import annotations

from typing import Any, Callable, Sequence

import cv2
from lg_tracker_ros.boxes import clip_to_image, keep_center_inside
from lg_tracker_ros.crops import context_side, mean_color, Square, square_crop
from lg_tracker_ros.types import Box, Frame, Image, Kind, Region, TrackerOutput

SHOWN = 512
"""Side in pixels of the picture that shows a place."""
CONTEXTS = 4.0
"""Its side in those of the target with context; a tracker searches two, the rest is for motion."""
SAME_SIZE, SAME_PLACE = 1.1, 0.05
"""What counts as the place where it looks anyway: ratio of sides; shift by side with context."""


def seen(tracker: Any, image: Image) -> Box | None:
    """Let one of OpenCV's trackers look; None where it finds nothing."""
    try:
        good, (x, y, w, h) = tracker.update(image)
    except cv2.error:
        return None  # some trackers throw when their window leaves the image
    return Box(x, y, w, h) if good and w > 0 and h > 0 else None


class FirstLook:
    """
    One of OpenCV's trackers, which is shown the image so that it looks where it is to look.

    It knows the first look, and where and how large it saw the target last; of the latter nothing
    can be set. So, to look elsewhere or for another size, it starts anew on the first look in the
    middle of a picture, and the next is shown to it with that place in the middle, as large. What
    it took for the target meanwhile, where there was none, is forgotten with that.
    """

    def __init__(self, tracker: Any, frame: Frame, box: Box) -> None:
        """Start ``tracker`` on ``box``; raises ValueError for a box that OpenCV refuses."""
        self._tracker, self._fill = tracker, mean_color(frame.image)
        self._first = square_crop(frame.image, box.cx, box.cy,
                                  CONTEXTS * context_side(box.w, box.h), SHOWN, self._fill)
        self._box = self._first.to_crop(box)
        self._shown: Square | None = None  # the image as it is
        self._start(frame.image, box)

    def _start(self, image: Image, box: Box) -> None:
        rectangle = (round(box.x), round(box.y), max(round(box.w), 2), max(round(box.h), 2))
        try:
            self._tracker.init(image, rectangle)
        except cv2.error as e:
            raise ValueError(f'OpenCV refuses the box {rectangle}: {e.err}') from e
        self._place = box

    def point(self, around: Box) -> None:
        """Look at ``around`` next, in its size."""
        self._start(self._first.image, self._box)
        self._shown = Square(around.cx, around.cy, CONTEXTS * context_side(around.w, around.h),
                             SHOWN)

    def points(self, around: Box) -> bool:
        """Whether it looks at ``around`` as it is."""
        place, shown = self._place, self._shown
        reach = context_side(place.w, place.h)
        if shown is not None:
            if max(abs(place.cx - SHOWN / 2), abs(place.cy - SHOWN / 2)) + reach > SHOWN / 2:
                return False  # it would look beyond the picture
            around = shown.to_crop(around)
        return (max(abs(around.cx - place.cx), abs(around.cy - place.cy)) <= SAME_PLACE * reach
                and all(1 / SAME_SIZE <= a / b <= SAME_SIZE
                        for a, b in ((around.w, place.w), (around.h, place.h))))

    def look(self, frame: Frame, around: Box) -> TrackerOutput:
        """Search ``around``, at which it points."""
        shown = self._shown
        image = frame.image if shown is None else square_crop(
            frame.image, shown.cx, shown.cy, shown.side, shown.size, self._fill).image
        found = seen(self._tracker, image)
        if found is None:
            return TrackerOutput(around, 0.0, 0.0)
        self._place = found
        box = found if shown is None else shown.to_image(found)
        score = min(max(float(self._tracker.getTrackingScore()), 0.0), 1.0)
        return TrackerOutput(keep_center_inside(box, frame.width, frame.height), score, score)


class ScoredTracker:
    """
    Steers one of OpenCV's trackers that keep the first look.

    One follows, and another looks at what is proposed, so that the one isn't led away by that.
    Confidence is the plain score.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        """Take a maker of fresh trackers."""
        self._make = make
        self._follower: FirstLook | None = None
        self._scout: FirstLook | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """Start fresh trackers; raises ValueError for a box that OpenCV refuses."""
        part = clip_to_image(box, frame.width, frame.height)
        if part is None:
            raise ValueError(f'box {box} lies outside the {frame.width} x {frame.height} image')
        self._follower, self._scout = (FirstLook(self._make(), frame, part) for _ in range(2))

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search each region."""
        if self._follower is None or self._scout is None:
            raise RuntimeError('no target: call init first')
        found = []
        for region in regions:
            follows = region.kind is Kind.LOCAL
            tracker = self._follower if follows else self._scout
            if not follows or not tracker.points(region.box):
                tracker.point(region.box)
            found.append(tracker.look(frame, region.box))
        return found
