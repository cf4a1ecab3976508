"""
OpenCV's trackers as local trackers: TANet is plug and play, and this is the proof.

A black box looks where it last saw the target, so to make it look elsewhere the image is moved:
the place to search is brought to where the box believes the target to be.
"""

from __future__ import annotations

from contextlib import suppress
import math
from pathlib import Path
from typing import Any, Callable, Sequence

import cv2
from lg_tracker_ros.boxes import clip_to_image, keep_center_inside
from lg_tracker_ros.local.opencv_makers import find_nano, find_vit, maker
from lg_tracker_ros.local.opencv_scored import ScoredTracker, seen
from lg_tracker_ros.local.spec import ExternalFiles, LocalSpec
from lg_tracker_ros.recognition.confidence import platt
from lg_tracker_ros.types import Box, Frame, Image, Kind, Region, TrackerOutput
import numpy as np

PATCH = 32


def appearance(image: Image, box: Box) -> Image | None:
    """Cut the box and resample it to 32 x 32; None when it lies outside the image."""
    part = clip_to_image(box, image.shape[1], image.shape[0])
    if part is None:
        return None
    x0, y0 = int(part.x), int(part.y)
    x1, y1 = max(math.ceil(part.x + part.w), x0 + 1), max(math.ceil(part.y + part.h), y0 + 1)
    return np.asarray(cv2.resize(image[y0:y1, x0:x1], (PATCH, PATCH),
                                 interpolation=cv2.INTER_AREA), np.uint8)


def similarity(a: Image, b: Image) -> float:
    """Normalised cross-correlation of two 32 x 32 patches, brought to [0, 1]."""
    return (1 + float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0])) / 2


class OpenCVTracker:
    """
    Steers one of OpenCV's trackers that learn at every look (CSRT, KCF, MIL).

    They tell no score: it is how alike the box looks to the first and the last reliable one.
    Candidates of a global search are judged by that alone, and the tracker starts anew on one
    that the search policy accepts. Confidence is the plain score.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        """Take a maker of fresh trackers."""
        self._make = make
        self._tracker: Any = None
        self._place = Box(0, 0, 1, 1)
        self._own: Box | None = None
        self._first: Image | None = None
        self._latest: Image | None = None
        self._beginning: tuple[Frame, Box] | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """Start a fresh tracker; raises ValueError for a box that OpenCV refuses."""
        part = clip_to_image(box, frame.width, frame.height)
        if part is None:
            raise ValueError(f'box {box} lies outside the {frame.width} x {frame.height} image')
        self._start(frame, part)
        self._first = self._latest = appearance(frame.image, part)
        self._beginning = frame, part

    def _start(self, frame: Frame, box: Box) -> None:
        tracker = self._make()
        rectangle = (round(box.x), round(box.y), max(round(box.w), 2), max(round(box.h), 2))
        try:
            tracker.init(frame.image, rectangle)
        except cv2.error as e:
            raise ValueError(f'OpenCV refuses the box {rectangle}: {e.err}') from e
        self._tracker, self._place = tracker, box

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Search each region; the tracker itself looks only where it is followed."""
        if self._tracker is None:
            raise RuntimeError('no target: call init first')
        return [self._look(frame, r.box) if r.kind is Kind.LOCAL
                else self._judge(frame, r.box) for r in regions]

    def update(self, frame: Frame, accepted: TrackerOutput,
               rejected: Sequence[TrackerOutput]) -> None:
        """Remember the look of a reliable box; start anew where a candidate was accepted."""
        patch = appearance(frame.image, accepted.box)
        if patch is not None:
            self._latest = patch
        if accepted.box != self._own:
            inside = clip_to_image(accepted.box, frame.width, frame.height)
            if inside is not None:
                with suppress(ValueError):  # refused, a sliver at the border say: it goes on
                    self._start(frame, inside)

    def miss(self, frame: Frame) -> None:
        """Learn nothing of a frame in which nothing was accepted."""

    def _look(self, frame: Frame, around: Box) -> TrackerOutput:
        """Move the image so that ``around`` lies where the tracker looks, and let it look."""
        dx, dy = self._shift(around)
        if abs(dx) > frame.width or abs(dy) > frame.height:
            # a box that drifts on in one direction, while the search stays in the image, would
            # take ever larger pictures to follow (one ran to 7 GB): back to the first frame
            assert self._beginning is not None  # set by init, without which there is no tracker
            self._start(*self._beginning)
            dx, dy = self._shift(around)
        found = seen(self._tracker, _moved(frame.image, dx, dy))
        if found is None:
            return TrackerOutput(around, 0.0, 0.0)
        self._place = found
        box = keep_center_inside(Box(found.x - dx, found.y - dy, found.w, found.h),
                                 frame.width, frame.height)
        self._own = box
        score = self._alike(frame, box)
        return TrackerOutput(box, score, score)

    def _shift(self, around: Box) -> tuple[int, int]:
        """By how many pixels to move the image; a pixel is not worth the while."""
        dx, dy = round(self._place.cx - around.cx), round(self._place.cy - around.cy)
        return (0, 0) if abs(dx) <= 1 and abs(dy) <= 1 else (dx, dy)

    def _judge(self, frame: Frame, around: Box) -> TrackerOutput:
        """Find the first look again within a window of twice the size."""
        nothing = TrackerOutput(around, 0.0, 0.0)
        window = clip_to_image(
            Box.from_center(around.cx, around.cy, 2 * around.w, 2 * around.h), frame.width,
            frame.height)
        if window is None or self._first is None:
            return nothing
        x0, y0 = int(window.x), int(window.y)
        cut = frame.image[y0:y0 + math.ceil(window.h), x0:x0 + math.ceil(window.w)]
        small = cv2.resize(cut, None, fx=PATCH / around.w, fy=PATCH / around.h,
                           interpolation=cv2.INTER_AREA)
        if min(small.shape[:2]) < PATCH:
            return nothing
        found = cv2.matchTemplate(small, self._first, cv2.TM_CCOEFF_NORMED)
        _, _, _, (px, py) = cv2.minMaxLoc(found)
        box = Box(x0 + px * around.w / PATCH, y0 + py * around.h / PATCH, around.w, around.h)
        score = self._alike(frame, box)
        return TrackerOutput(box, score, score)

    def _alike(self, frame: Frame, box: Box) -> float:
        patch = appearance(frame.image, box)
        if patch is None or self._first is None or self._latest is None:
            return 0.0
        return max(similarity(patch, self._first), similarity(patch, self._latest))


def _moved(image: Image, dx: int, dy: int) -> Image:
    """Move the content by dx, dy pixels: padded where it moves in, cut where it moves out."""
    image = image[max(-dy, 0):, max(-dx, 0):]
    if dx > 0 or dy > 0:
        image = np.asarray(cv2.copyMakeBorder(image, max(dy, 0), 0, max(dx, 0), 0,
                                              cv2.BORDER_REPLICATE), np.uint8)
    return np.ascontiguousarray(image) if image.size else np.zeros((2, 2, 3), np.uint8)


def csrt() -> OpenCVTracker:
    """Make CSRT (Lukezic et al. 2017), from opencv-contrib."""
    return OpenCVTracker(maker('csrt'))


def kcf() -> OpenCVTracker:
    """Make KCF (Henriques et al. 2015), from opencv-contrib."""
    return OpenCVTracker(maker('kcf'))


def mil() -> OpenCVTracker:
    """Make MIL (Babenko et al. 2009)."""
    return OpenCVTracker(maker('mil'))


def vit(weights: str) -> ScoredTracker:
    """Make VitTrack (OpenCV Zoo); ``weights`` is its ONNX file."""
    return ScoredTracker(maker('vit', weights))


def nano(weights: str) -> ScoredTracker:
    """Make NanoTrack; ``weights`` is the folder of its backbone and head (``*.onnx``)."""
    return ScoredTracker(maker('nano', weights))


SPECS = (
    LocalSpec('opencv_csrt', 'OpenCV CSRT', lambda weights, backbone, engine: csrt(),
              platt(0.04, 11.38, -3.71)),
    LocalSpec('opencv_kcf', 'OpenCV KCF', lambda weights, backbone, engine: kcf(),
              platt(0.0, 13.31, -4.9)),
    LocalSpec('opencv_mil', 'OpenCV MIL', lambda weights, backbone, engine: mil(),
              platt(0.0, 13.03, -4.73)),
    # DATASET.NAMES in HonglinChu/SiamTrackers, NanoTrack/models/config/configv2.yaml, on a
    # backbone trained on ImageNet
    LocalSpec('opencv_nano', 'OpenCV NanoTrack v2',
              lambda weights, backbone, engine: nano(weights), platt(0.66, 9.7, -4.62),
              external=ExternalFiles(
                  find_nano, lambda given: sorted(Path(given or 'missing').glob('*.onnx'))),
              trained_on=('GOT-10k/GOT-10k_Train_*', 'ImageNet/*')),
    # lpylpy0514/VitTracker, issue 4 and experiments/vit_dist; of LaSOT and TrackingNet that is
    # the training split, which a sequence's name doesn't tell: the whole counts
    LocalSpec('opencv_vit', 'OpenCV VitTrack',
              lambda weights, backbone, engine: vit(weights), platt(0.12, 11.68, -4.31),
              external=ExternalFiles(find_vit, lambda given: [Path(given)]),
              trained_on=('COCO 2017/*', 'GOT-10k/GOT-10k_Train_*', 'LaSOT/*', 'TrackingNet/*')),
)
