"""
The lowest bar for an attention network: what stands out, whatever the target looks like.

Spectral residual: Hou and Zhang, Saliency Detection: A Spectral Residual Approach, CVPR 2007.
"""

from __future__ import annotations

from typing import Sequence

import cv2
from lg_tracker_ros.redetect.regions import attention_boxes
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.types import Box, Frame, Image, Proposals
import numpy as np
import numpy.typing as npt

SIDE = 64
"""Columns of the image that is transformed; the paper's."""


def spectral_residual(image: Image) -> npt.NDArray[np.float32]:
    """
    Compute the saliency of an image: h x 64, float32 in [0, 1], the highest value 1 if any is.

    What the logarithm of the spectrum's amplitude has above its mean over 3 x 3 is taken back,
    with the phase as it was; squared, and blurred by a Gaussian of 2.5 pixels.
    """
    height = max(round(SIDE * image.shape[0] / image.shape[1]), 1)
    small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (SIDE, height),
                       interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small.astype(np.float64))
    level = np.log(np.maximum(np.abs(spectrum), 1e-9))
    residual = level - cv2.blur(level, (3, 3), borderType=cv2.BORDER_REPLICATE)
    back = np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))
    found = cv2.GaussianBlur(np.abs(back) ** 2, (0, 0), 2.5)
    found -= found.min()
    return np.asarray(found / max(found.max(), 1e-12), np.float32)


class Saliency:
    """A Redetector that knows nothing of its target."""

    history = 1

    def __init__(self, threshold: float = 5 / 255) -> None:
        """Take the threshold of attention_boxes."""
        self.threshold = threshold

    def init(self, frame: Frame, box: Box) -> None:
        """Learn nothing."""

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """Propose what stands out in the newest frame."""
        frame = clip[-1]
        attention = spectral_residual(frame.image)
        return Proposals(attention_boxes(attention, (frame.width, frame.height), size, k,
                                         self.threshold), attention)


SPEC = RedetectorSpec('saliency', 'what stands out, whatever the target',
                      lambda weights, threshold, engine: Saliency(threshold))
