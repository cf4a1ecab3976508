"""How far away what a box shows is, from the depths that were measured inside of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.frames import Rigid
from lg_tracker_ros.types import Box
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

WINDOW = 0.15
"""Depth, as a share of the distance, within which things count as one surface."""
FEWEST, LEAST_SHARE = 9, 0.02
"""Measured depths that a surface must have, and their share of the box's weight."""
_CENTRE = 0.25  # how fast the middle counts more than the border: sigma in sides of the box
_ACROSS = 64  # depths that are looked at along each side of a box
_NEAR, _FAR = 0.1, 100.0  # metres between which another camera's depths are sought
_STRETCH = 1.02  # by how much the two sides of an image may have been scaled apart


class Depths(Protocol):
    """A depth image; ``media.depth.DepthImage`` is one."""

    width: int
    height: int

    def metres(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
               ) -> npt.NDArray[np.float32]:
        """Return depths along the optical axis where rows and columns meet, NaN for none."""


@dataclass(frozen=True, eq=False)
class Samples:
    """
    Depths in a box, one for each place looked at; all three are N long.

    ``z`` is in m along the optical axis of the image's camera, NaN where none was measured;
    ``across`` and ``down`` are where in the box, in sides of it from its centre (-0.5 to 0.5).
    """

    z: Array
    across: Array
    down: Array


@dataclass(frozen=True)
class Surface:
    """
    What is taken for the target's side that faces the camera.

    ``z`` is its median depth in m along the optical axis, ``spread`` (m) the standard deviation
    of a normal distribution with the same median deviation, ``share`` how much of the box it is.
    """

    z: float
    spread: float
    share: float


def surface(samples: Samples) -> Surface | None:
    """
    Return the surface that most of a box shows, its middle counting more; None without one.

    The densest window of depths, WINDOW wide, and the median in it: a plain median lies in the
    background as soon as that fills half of the box, and between two things where both fill it.
    """
    known = np.isfinite(samples.z) & (samples.z > 0)
    weight = np.exp(-(samples.across**2 + samples.down**2) / (2 * _CENTRE**2))
    total = float(weight.sum())
    if known.sum() < FEWEST:
        return None
    order = np.argsort(samples.z[known])
    z, weight = samples.z[known][order], weight[known][order]
    sums = np.concatenate([[0.0], np.cumsum(weight)])
    ends = np.searchsorted(z, z * (1 + WINDOW), side='right')
    inside = sums[ends] - sums[:-1]
    first = int(np.argmax(inside))
    z, weight = z[first:ends[first]], weight[first:ends[first]]
    share = float(weight.sum()) / total
    if len(z) < FEWEST or share < LEAST_SHARE:
        return None
    middle = float(z[np.searchsorted(np.cumsum(weight), weight.sum() / 2)])
    return Surface(middle, 1.4826 * float(np.median(np.abs(z - middle))), share)


def registered(depths: Depths, box: Box, size: tuple[int, int]) -> Samples:
    """
    Take the depths in a box from a depth image that lies on the image pixel by pixel.

    ``size`` is width and height of the image that the box is in; the depth image may be smaller
    or larger, but not of another shape: ValueError.
    """
    x, y = depths.width / size[0], depths.height / size[1]
    if not 1 / _STRETCH < x / y < _STRETCH:
        raise ValueError(f'depth images of {depths.width} x {depths.height} px do not lie on '
                         f'images of {size[0]} x {size[1]} px; take the depth that was '
                         "registered to the camera, or set depth_alignment to 'separate'")
    rows = _spaced(box.y * y, (box.y + box.h) * y, depths.height)
    columns = _spaced(box.x * x, (box.x + box.w) * x, depths.width)
    z = depths.metres(rows, columns).astype(np.float64)
    down, across = np.meshgrid(((rows + 0.5) / y - box.cy) / box.h,
                               ((columns + 0.5) / x - box.cx) / box.w, indexing='ij')
    return Samples(z.ravel(), across.ravel(), down.ravel())


def separate(depths: Depths, box: Box, depth_camera: Camera, camera: Camera, to_camera: Rigid
             ) -> Samples:
    """
    Take the depths in a box from a depth camera of its own.

    ``to_camera`` brings points of its optical frame into the one of the image's camera. What the
    one sees and the other doesn't isn't told apart.
    """
    rows, columns = _region(depths, box, depth_camera, camera, to_camera)
    z = depths.metres(rows, columns).astype(np.float64).ravel()
    v, u = np.meshgrid(rows, columns, indexing='ij')
    known = np.isfinite(z) & (z > 0)
    rays = depth_camera.rays(np.column_stack([u.ravel(), v.ravel()])[known])
    points = to_camera(rays * (z[known] / rays[:, 2])[:, None])
    pixels = camera.pixels(points) + 0.5
    across, down = (pixels[:, 0] - box.cx) / box.w, (pixels[:, 1] - box.cy) / box.h
    inside = (abs(across) <= 0.5) & (abs(down) <= 0.5)
    return Samples(points[inside, 2], across[inside], down[inside])


def _spaced(low: float, high: float, size: int) -> npt.NDArray[np.intp]:
    """Return at most _ACROSS pixels of [low, high) that lie in the image, evenly spaced."""
    first, last = max(int(np.floor(low)), 0), min(int(np.ceil(high)), size)
    count = min(max(last - first, 0), _ACROSS)
    return np.floor(first + (np.arange(count) + 0.5) * (last - first) / max(count, 1)
                    ).astype(np.intp)


def _region(depths: Depths, box: Box, depth_camera: Camera, camera: Camera, to_camera: Rigid
            ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return rows and columns of a depth image in which the box may lie, whatever its distance."""
    shares = np.linspace(-0.5, 0.5, 5)
    border = np.array([(a, d) for a in shares for d in shares if max(abs(a), abs(d)) == 0.5])
    rays = camera.rays(border * (box.w, box.h) + (box.cx - 0.5, box.cy - 0.5))
    rays = rays[np.isfinite(rays).all(1)]
    points = (rays[None] * np.geomspace(_NEAR, _FAR, 16)[:, None, None]).reshape(-1, 3)
    seen = depth_camera.pixels(to_camera.inverse()(points))
    seen = seen[np.isfinite(seen).all(1)] + 0.5
    if not len(seen):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    (left, top), (right, bottom) = seen.min(0) - 1, seen.max(0) + 1
    limits = np.clip([top, bottom, left, right], -1e6, 1e6)  # close by, anything is projected
    return (_spaced(limits[0], limits[1], depths.height),
            _spaced(limits[2], limits[3], depths.width))
