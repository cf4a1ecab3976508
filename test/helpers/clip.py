"""The bundled clip for tests: real frames and the boxes of the target in them."""

from pathlib import Path

from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Box
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


def first_box():
    """Box of the target in frame 0."""
    return Box(*truth()[0])
