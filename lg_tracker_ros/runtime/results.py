"""What the worker hands on: a track with the frame that it belongs to. No ROS."""

from __future__ import annotations

from dataclasses import dataclass

from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.types import Image, Track


@dataclass(frozen=True, eq=False)
class Target:
    """
    What the user called the target; ``place`` is its number, from 0, of several.

    Two targets are two, though they may be called alike: one may have replaced the other.
    """

    name: str
    label: str
    place: int = 0


NOBODY = Target('', '')


@dataclass(frozen=True, eq=False)
class Result:
    """A track with all that is needed to report it; times in ms, -1 s for never seen."""

    track: Track
    item: Item
    image: Image
    target: Target
    queue_ms: float
    convert_ms: float
    unseen_s: float
