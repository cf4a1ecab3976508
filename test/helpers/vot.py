"""Overlaps as vot-toolkit has them."""

from lg_tracker_ros.evaluation.metrics.overlap import overlaps
import numpy as np


def pixel_overlaps(boxes, truth, size=None):
    """
    Compute the IoU as vot-toolkit does, which counts pixels.

    As ``overlaps``, but x, y, w, h are each rounded to whole pixels (float32, halves to even) and
    with ``size`` only pixels inside the image count. Holds for boxes of two pixels and more; where
    a box reaches left of or above the image and there is no ``size``, the toolkit cuts it short.
    """
    both = np.round(np.array([boxes, truth], np.float32)).astype(np.float64)
    if size is not None:
        corners = np.clip(both[..., :2] + both[..., 2:], 0, size)
        both[..., :2] = np.clip(both[..., :2], 0, size)
        both[..., 2:] = corners - both[..., :2]
    return overlaps(both[0], both[1])
