"""The line that every run writes for a frame, with ROS or without."""

from __future__ import annotations

from lg_tracker_ros.types import Track

COLUMNS = ('frame', 'stamp', 'x', 'y', 'w', 'h', 'confidence', 'visible', 'mode', 'ms')
"""Boxes are 0-based in pixels, nan where the target is not visible; stamp in s, ms as it says."""


def track_row(number: int, stamp: int, track: Track, ms: float) -> list[str]:
    """Give the columns of frame ``number`` (0-based) of stamp ``stamp`` in nanoseconds."""
    b = track.box
    sides = [f'{v:.2f}' for v in (b.x, b.y, b.w, b.h)] if b else ['nan'] * 4
    return [str(number), f'{stamp / 1e9:.6f}', *sides, f'{track.confidence:.4f}',
            str(int(track.visible)), track.mode.name, f'{ms:.2f}']
