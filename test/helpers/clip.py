"""The bundled clip for tests: real frames and the boxes of the target in them."""

from pathlib import Path

import cv2
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Box, Frame
import numpy as np

DATA = Path(__file__).resolve().parents[1] / 'data'
CLIP = DATA / 'woman'
VIDEO = CLIP / 'video.mp4'


def truth():
    """Boxes of the target as N x 4, nan where it is absent."""
    return np.genfromtxt(CLIP / 'groundtruth.txt', delimiter=',')


def frames(count=None):
    """Read the first ``count`` frames, all of them by default."""
    return [f for _, f in zip(range(count or 10 ** 6), Source(str(VIDEO)))]


def read_by_opencv(count):
    """Read the first ``count`` frames where there is no PyAV."""
    video = cv2.VideoCapture(str(VIDEO))
    found = [Frame(video.read()[1], i, 'camera') for i in range(count)]
    video.release()
    return found


def shorter(folder, count, name='short', lines=None, first=0):
    """Lay ``count`` frames of the clip down as one sequence of a user's data set; its folder."""
    images = folder / name / 'images'
    images.mkdir(parents=True)
    for i, frame in enumerate(frames(first + count)[first:]):
        cv2.imwrite(str(images / f'{i:04}.png'), frame.image)
    text = (CLIP / 'groundtruth.txt').read_text().splitlines()[first:first + count]
    (folder / name / 'groundtruth.txt').write_text('\n'.join(lines or text) + '\n')
    return folder


def first_box():
    """Box of the target in frame 0."""
    return Box(*truth()[0])
