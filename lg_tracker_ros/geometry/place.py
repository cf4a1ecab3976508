"""Where a box lies: as an angle, and, with a distance, in metres, with what is known of both."""

from __future__ import annotations

from dataclasses import dataclass

from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.surface import Surface
from lg_tracker_ros.types import Box
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

CENTRE_NOISE = 0.05
"""Standard deviation of a box's centre, in sides of the box, where the confidence is 1."""
DEPTH_NOISE = 0.0025
"""
Standard deviation of a depth at 1 m; it grows with the square of the distance, as stereo's does.

That of a stereo camera with a baseline of 50 mm and a focal length of 640 px that matches to 0.08
px. None of the three constants was measured on a camera here.
"""
LEAST_CONFIDENCE = 0.05
_STEEPEST = 0.05  # cosine of the angle to the axis beyond which a depth along it says nothing


@dataclass(frozen=True, eq=False)
class Place:
    """
    A point in the optical frame: 3 metres and their covariance, 3 x 3 (m^2).

    ``size`` is width and height of the box there and the depth of what was seen of the target, m.
    """

    position: Array
    covariance: Array
    size: tuple[float, float, float]


def bearing(camera: Camera, box: Box) -> tuple[float, float, float]:
    """
    Return the angles (rad) from the camera's axis to the centre of a box.

    To the right and downwards, as a gimbal turns: pan by the first, then tilt down by the second.
    The third is the angle between axis and ray. ValueError where the camera's model has no ray.
    """
    x, y, z = camera.rays([_centre(box)])[0]
    if not np.isfinite((x, y, z)).all():
        raise ValueError(f'the distortion model of the camera has no ray for pixel {box.cx:.0f}, '
                         f'{box.cy:.0f}: calibrate it up to the border of the image')
    across = float(np.hypot(x, z))
    return (float(np.arctan2(x, z)), float(np.arctan2(y, across)),
            float(np.arctan2(np.hypot(x, y), z)))


def image_error(box: Box, width: int, height: int) -> tuple[float, float]:
    """Return how far a box's centre is from the image's, right and down; 1 at the border."""
    return (max(-1.0, min(1.0, 2 * box.cx / width - 1)),
            max(-1.0, min(1.0, 2 * box.cy / height - 1)))


def place(camera: Camera, box: Box, seen: Surface, confidence: float) -> Place:
    """
    Return where the target is; ValueError, in one line, where that can't be told.

    The covariance grows with the distance, with the spread of the depths, and as one over the
    confidence. It is no calibrated figure, see the constants.
    """
    variance = (DEPTH_NOISE * seen.z**2)**2 + seen.spread**2
    pixels = np.diag([(CENTRE_NOISE * box.w)**2, (CENTRE_NOISE * box.h)**2])
    position, covariance = point(camera, _centre(box), seen.z, pixels, variance)
    u, v = _centre(box)
    ends = camera.rays([(u - box.w / 2, v), (u + box.w / 2, v),
                        (u, v - box.h / 2), (u, v + box.h / 2)])
    ends = ends * (seen.z / ends[:, 2:])
    wide, high = (float(np.linalg.norm(ends[i + 1] - ends[i])) for i in (0, 2))
    return Place(position, covariance / max(confidence, LEAST_CONFIDENCE),
                 (wide if np.isfinite(wide) else 0.0, high if np.isfinite(high) else 0.0,
                  4 * seen.spread))


def point(camera: Camera, pixel: tuple[float, float], z: float, pixel_covariance: Array,
          variance: float) -> tuple[Array, Array]:
    """
    Return the point at depth ``z`` (m) behind a pixel, and its covariance (3 x 3).

    ``pixel_covariance`` is 2 x 2 (px^2), ``variance`` that of ``z`` (m^2). ValueError where the
    camera has no ray for the pixel, or none to the front.
    """
    u, v = pixel
    rays = camera.rays([(u, v), (u + 1, v), (u, v + 1)])
    if not (np.isfinite(rays).all() and (rays[:, 2] > _STEEPEST).all()):
        raise ValueError(f'pixel {u:.0f}, {v:.0f} looks to the side of the camera: a depth along '
                         'its axis gives no place there')
    flat = rays / rays[:, 2:]
    slopes = np.column_stack([z * (flat[1] - flat[0]), z * (flat[2] - flat[0]), flat[0]])
    known = np.zeros((3, 3))
    known[:2, :2], known[2, 2] = pixel_covariance, variance
    return z * flat[0], slopes @ known @ slopes.T


def _centre(box: Box) -> tuple[float, float]:
    """Return a box's centre as calibrations count pixels."""
    return box.cx - 0.5, box.cy - 0.5
