"""Rigid transforms, and those that a robot announces once and for all. No ROS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rigid:
    """Brings points of one frame into another: ``rotation`` is 3 x 3, ``translation`` in m."""

    rotation: Array
    translation: Array

    @classmethod
    def of(cls, translation: npt.ArrayLike, quaternion: npt.ArrayLike) -> Rigid:
        """
        Make it of metres and of a quaternion x, y, z, w.

        ValueError for a quaternion of length 0, and for what is not finite.
        """
        q = np.array(quaternion, np.float64)
        length = np.linalg.norm(q)
        if not 1e-6 < length < 1e6:
            raise ValueError(f'a quaternion must have length 1, got {q.tolist()}')
        there = np.array(translation, np.float64)
        if not np.isfinite(there).all():
            raise ValueError(f'a translation must be finite, got {there.tolist()}')
        x, y, z, w = q / length
        return cls(np.array([
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]),
            there)

    def __call__(self, points: Array) -> Array:
        """Transform points, N x 3."""
        return np.asarray(points @ self.rotation.T + self.translation)

    def after(self, first: Rigid) -> Rigid:
        """Return what ``first`` and then this does."""
        return Rigid(self.rotation @ first.rotation, self(first.translation[None])[0])

    def inverse(self) -> Rigid:
        """Return the way back."""
        return Rigid(self.rotation.T, -self.rotation.T @ self.translation)


class StaticFrames:
    """
    The tree of /tf_static; enough for two sensors in one housing.

    tf2_ros, which knows what moves as well, would bring C++ to a node that needs two constants.
    """

    def __init__(self) -> None:
        """Start without a frame."""
        self._up: dict[str, tuple[str, Rigid]] = {}

    def put(self, parent: str, child: str, to_parent: Rigid) -> None:
        """Take a transform that brings points of ``child`` into ``parent``."""
        self._up[child.lstrip('/')] = parent.lstrip('/'), to_parent

    def find(self, target: str, source: str) -> Rigid:
        """Return what brings points of ``source`` into ``target``; ValueError without a way."""
        ways = self._ways(source.lstrip('/'))
        back = self._ways(target.lstrip('/'))
        common = next((frame for frame in ways if frame in back), None)
        if common is None:
            raise ValueError(f'no transform from {source!r} to {target!r} on /tf_static; publish '
                             'one, as with static_transform_publisher')
        return back[common].inverse().after(ways[common])

    def _ways(self, frame: str) -> dict[str, Rigid]:
        """Return the transforms from a frame to each one above it, itself first."""
        ways = {frame: Rigid(np.eye(3), np.zeros(3))}
        here = ways[frame]
        while frame in self._up:
            frame, step = self._up[frame]
            if frame in ways:  # a circle
                break
            ways[frame] = here = step.after(here)
        return ways
