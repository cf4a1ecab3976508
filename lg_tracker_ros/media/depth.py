"""Depth images (REP 118) without ROS: any object with the fields of sensor_msgs/Image does."""

from __future__ import annotations

from typing import Any

from lg_tracker_ros.media.decoding import brief, pixel_rows
import numpy as np
import numpy.typing as npt

NEAREST, FARTHEST = 1e-3, 1e4
"""Metres beyond which a number means that nothing was measured, as the largest float does."""
ENCODINGS = {'16UC1': (2, 0.001), 'mono16': (2, 0.001), '32FC1': (4, 1.0)}
"""Encoding -> bytes of a pixel, metres of its unit."""


class DepthImage:
    """Depths along the optical axis; only what is asked for is converted."""

    def __init__(self, msg: Any) -> None:
        """Take a message; ValueError, in one line, for one that is no depth image."""
        if getattr(msg, 'encoding', None) not in ENCODINGS:
            what = getattr(msg, 'encoding', getattr(msg, 'format', ''))
            raise ValueError(f'encoding {brief(what)} is no depth; expected a raw image of '
                             f'{", ".join(ENCODINGS)}: name its topic in depth_topics')
        size, self._unit = ENCODINGS[msg.encoding]
        kind = np.dtype(f'{">" if msg.is_bigendian else "<"}{"u2" if size == 2 else "f4"}')
        self.width, self.height = int(msg.width), int(msg.height)
        if not self.width * self.height:
            raise ValueError(f'depth image is empty: {self.width} x {self.height}')
        self._pixels = pixel_rows(msg, self.height, self.width, kind)

    def metres(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
               ) -> npt.NDArray[np.float32]:
        """Return depths where ``rows`` and ``columns`` meet; NaN where none was measured."""
        found = self._pixels[np.ix_(rows, columns)].astype(np.float32) * np.float32(self._unit)
        found[~((found >= NEAREST) & (found <= FARTHEST))] = np.nan
        return found
