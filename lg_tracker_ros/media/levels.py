"""From 16 bits or floats to 8 bits: a range that follows what is seen, slowly."""

from __future__ import annotations

from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

TAIL = 0.1
"""Per cent of an image's values at each end that may lie outside of the range."""
ADAPT = 0.05
"""The share of the way to an image's own range that is gone with each image."""
LEAST_STEPS, LEAST_SHARE = 16.0, 1e-3
"""The least width of a range: of whole numbers, and of floats as a share of their size."""
_SAMPLE = 1 << 16


class Levels:
    """
    Brings the wide images of one camera to 8 bits, linearly between two values.

    The two are the ends of the middle 99.8 % of the values, so that a few dead or hot pixels don't
    count, whether a camera fills 10 bits or counts hundredths of a Kelvin. They follow slowly,
    so that the brightness of neighbouring images can be compared; where less than half of an
    image lies between them (another scene, a shutter) they are taken anew.
    """

    def __init__(self) -> None:
        """Start without a range."""
        self.span: tuple[float, float] | None = None

    def __call__(self, image: npt.NDArray[np.uint16] | npt.NDArray[np.float32]) -> Image:
        """
        Return a uint8 image of the same shape.

        What is not finite (a depth that wasn't measured) becomes 0 and doesn't count.
        """
        whole = image.dtype == np.uint16
        sample = image.ravel()[::max(image.size // _SAMPLE, 1)]
        if not whole:
            sample = sample[np.isfinite(sample)]
        if sample.size:
            self._follow(sample, LEAST_STEPS if whole else LEAST_SHARE)
        low, high = self.span or (0.0, 1.0)
        # NumPy would warn of floats at the end of their range: they are clipped
        with np.errstate(all='ignore'):
            if whole:
                steps = (np.arange(1 << 16) - low) * (255 / (high - low))
                return np.asarray(np.rint(steps).clip(0, 255).astype(np.uint8)[image])
            scaled = (image.astype(np.float64) - low) * (255 / (high - low))
            scaled[~np.isfinite(image)] = 0
            return np.asarray(np.rint(scaled).clip(0, 255), np.uint8)

    def _follow(self, sample: npt.NDArray[np.uint16] | npt.NDArray[np.float32],
                least: float) -> None:
        ends = np.percentile(sample.astype(np.float64), (TAIL, 100 - TAIL))
        low, high = float(ends[0]), float(ends[1])
        # noise alone isn't stretched
        least = least if sample.dtype == np.uint16 else least * max(abs(low), abs(high), 1e-6)
        if high - low < least:
            low, high = (low + high - least) / 2, (low + high + least) / 2
        if self.span is not None:
            old_low, old_high = self.span
            if np.mean((sample >= old_low) & (sample <= old_high)) >= 0.5:
                low = old_low + ADAPT * (low - old_low)
                high = old_high + ADAPT * (high - old_high)
        self.span = low, high
