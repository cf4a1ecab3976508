"""The line that every run writes for a frame, with ROS or without."""

from __future__ import annotations

from lg_tracker_ros.types import Box, Track

COLUMNS = ('frame', 'stamp', 'x', 'y', 'w', 'h', 'confidence', 'visible', 'mode', 'ms')
"""Boxes are 0-based in pixels, nan where the target is not visible; stamp in s, ms as it says."""


PLACE = ('place_x', 'place_y', 'place_w', 'place_h')
"""What ``eval`` keeps besides: where the tracker believes the target to be, seen or not."""


def _sides(box: Box | None) -> list[str]:
    return [f'{v:.2f}' for v in (box.x, box.y, box.w, box.h)] if box else ['nan'] * 4


def place_row(track: Track) -> list[str]:
    """Give the columns of PLACE."""
    return _sides(track.place)


def track_row(number: int, stamp: int, track: Track, ms: float) -> list[str]:
    """Give the columns of frame ``number`` (0-based) of stamp ``stamp`` in nanoseconds."""
    return [str(number), f'{stamp / 1e9:.6f}', *_sides(track.box), f'{track.confidence:.4f}',
            str(int(track.visible)), track.mode.name, f'{ms:.2f}']
