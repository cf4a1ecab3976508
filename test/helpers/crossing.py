"""A drawn clip in which two targets that look alike cross, one in front of the other."""

import cv2
from lg_tracker_ros.types import Box, Frame
import numpy as np

WIDTH, HEIGHT, W, H = 480, 320, 44, 60


def crossing(count=45, seed=1, apart=0.25, camera='a'):
    """Draw it; (frame, box of the one in front, box of the one behind) of each of its frames."""
    rng = np.random.default_rng(seed)
    back = cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), (0, 0), 3)
    back = cv2.normalize(back, None, 60, 190, cv2.NORM_MINMAX)
    front, other = (cv2.resize(rng.integers(0, 256, (8, 6, 3), np.uint8), (W, H),
                               interpolation=cv2.INTER_CUBIC) for _ in range(2))
    behind = cv2.addWeighted(front, 1 - apart, other, apart, 0)
    for i in range(count):
        way = (WIDTH - 80 - W) * i / (count - 1)
        boxes = (Box(40 + way, 120 + 30 * i / (count - 1), W, H),
                 Box(WIDTH - 40 - W - way, 130, W, H))
        image = back.copy()
        for box, patch in ((boxes[1], behind), (boxes[0], front)):
            move = np.float32([[1, 0, box.x], [0, 1, box.y]])
            inside = cv2.warpAffine(np.full((H, W), 255, np.uint8), move, (WIDTH, HEIGHT))
            image = np.where(inside[..., None] > 127,
                             cv2.warpAffine(patch, move, (WIDTH, HEIGHT)), image)
        noisy = np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
        yield Frame(noisy, i * 33_000_000, camera), *boxes
