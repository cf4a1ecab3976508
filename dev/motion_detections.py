"""
A stand-in for a detector: what moves before a camera that stands still, as a table of boxes.

``python dev/motion_detections.py VIDEO OUT.csv`` subtracts the background (OpenCV's MOG2,
Zivkovic 2004) and writes a line for each blob. It knows no classes, finds what stands still for a
while no longer, and joins people who walk side by side: a trained detector does better. It
is there to measure with, and to try ``track --detections`` without a network.
"""

from __future__ import annotations

import argparse
import csv
import sys

import cv2
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Box, Image
import numpy as np


class MotionDetector:
    """
    Boxes around what moves; causal, one call for each image of one camera.

    ``least``: smallest area of a blob, as a share of the image. ``warm_up``: images until the
    background is known well enough.
    """

    def __init__(self, least: float = 5e-4, warm_up: int = 30) -> None:
        """Start without a background."""
        self._subtractor = cv2.createBackgroundSubtractorMOG2(500, 25, detectShadows=True)
        self._least, self._left = least, warm_up
        self._close = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 13))
        self._open = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

    def __call__(self, image: Image) -> list[Box]:
        """Return the boxes in the next image, the largest first."""
        moves = (self._subtractor.apply(image) == 255).astype(np.uint8)  # 127 is a shadow
        if self._left > 0:
            self._left -= 1
            return []
        moves = cv2.morphologyEx(moves, cv2.MORPH_OPEN, self._open)
        moves = cv2.morphologyEx(moves, cv2.MORPH_CLOSE, self._close)
        _, _, stats, _ = cv2.connectedComponentsWithStats(moves, connectivity=8)
        blobs = [s for s in stats[1:] if s[cv2.CC_STAT_AREA] >= self._least * moves.size]
        blobs.sort(key=lambda s: -s[cv2.CC_STAT_AREA])
        return [Box(*(float(v) for v in s[:4])) for s in blobs]


def main(words: list[str] | None = None) -> int:
    """Write the table of a video."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').strip().splitlines()[0])
    parser.add_argument('video', help='video file, folder of images or bag')
    parser.add_argument('out', metavar='OUT.csv')
    args = parser.parse_args(words)
    detect, count = MotionDetector(), 0
    with open(args.out, 'w', newline='') as file:
        rows = csv.writer(file, lineterminator='\n')
        rows.writerow(('frame', 'x', 'y', 'w', 'h', 'class'))
        for number, frame in enumerate(Source(args.video)):
            for box in detect(frame.image):
                rows.writerow((number, box.x, box.y, box.w, box.h, 'moving'))
                count += 1
    print(f'{count} boxes in {args.out}', file=sys.stderr)
    return 0


if __name__ == '__main__':
    sys.exit(main())
