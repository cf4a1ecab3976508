"""
Camera models, from pixels to rays and back, as sensor_msgs/CameraInfo describes them.

Pixels are those of calibration: the centre of the first one is (0, 0). A ``Box`` counts from that
pixel's corner, so its centre lies at ``cx - 0.5``. Rays and points are in the optical frame of
REP 103: x right, y down, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MODELS = {'plumb_bob': (0, 4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,)}
"""Names of distortion models in CameraInfo, and how many coefficients each may have."""
_ALIASES = {'fisheye': 'equidistant', '': 'plumb_bob'}
_PRECISE = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)
_LEAST, _MOST = 1.0, 1e6  # pixels: focal lengths of cameras, and where their axis may be
_OFF = 0.5  # pixels by which an undistorted pixel may miss, distorted again
_NONE = np.zeros(3)


@dataclass(frozen=True, eq=False)
class Camera:
    """
    One calibrated camera.

    ``matrix`` is 3 x 3, ``distortion`` the coefficients in OpenCV's order, empty for none;
    ``fisheye``: they are those of the equidistant model (Kannala and Brandt 2006). ``width`` and
    ``height`` are those of its images, 0 where the calibration doesn't say.
    """

    matrix: Array
    distortion: Array
    fisheye: bool = False
    width: int = 0
    height: int = 0

    def rays(self, pixels: npt.ArrayLike) -> Array:
        """Return unit vectors, N x 3, for pixels, N x 2; NaN where the model has none."""
        seen = np.asarray(pixels, np.float64).reshape(-1, 2)
        if self.fisheye:
            rays = self._fisheye_rays(seen)
        elif self.distortion.size and len(seen):
            flat = cv2.undistortPointsIter(seen[:, None], self.matrix, self.distortion,
                                           np.eye(3), np.eye(3), _PRECISE)[:, 0]
            rays = np.column_stack([flat, np.ones(len(flat))])
            # beyond the place where distortion folds back another ray is found, or none
            off = np.linalg.norm(self.pixels(rays) - seen, axis=1)
            rays[~(off < _OFF)] = np.nan
        else:
            rays = np.column_stack([seen, np.ones(len(seen))]) @ np.linalg.inv(self.matrix).T
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

    def pixels(self, points: npt.ArrayLike) -> Array:
        """Return pixels, N x 2, of points or rays, N x 3; NaN for what lies behind the camera."""
        seen = np.asarray(points, np.float64).reshape(-1, 3)
        if self.fisheye:
            radius = np.hypot(seen[:, 0], seen[:, 1])
            angle = np.arctan2(radius, seen[:, 2])
            share = self._bend(angle)[0] / np.maximum(radius, 1e-12)
            flat = np.column_stack([seen[:, :2] * share[:, None], np.ones(len(seen))])
            return np.asarray((flat @ self.matrix.T)[:, :2])
        found = np.full((len(seen), 2), np.nan)
        front = seen[:, 2] > 1e-9
        if front.any():
            found[front] = cv2.projectPoints(seen[front], _NONE, _NONE, self.matrix,
                                             self.distortion)[0][:, 0]
        return found

    def _bend(self, angle: Array) -> tuple[Array, Array]:
        """Return the radius at which a ray at ``angle`` to the axis is seen, and its slope."""
        k = self.distortion if self.distortion.size else np.zeros(4)
        square = angle * angle
        powers = square[:, None] ** np.arange(1, 5)
        return (angle * (1 + powers @ k),
                1 + powers @ (k * np.array([3.0, 5.0, 7.0, 9.0])))

    def _fisheye_rays(self, seen: Array) -> Array:
        flat = np.column_stack([seen, np.ones(len(seen))]) @ np.linalg.inv(self.matrix).T
        radius = np.hypot(flat[:, 0], flat[:, 1])
        angle = np.minimum(radius, np.pi / 2)
        for _ in range(20):  # Newton's; cv2.fisheye.undistortPoints ends at 90 degrees
            bent, slope = self._bend(angle)
            angle = np.clip(angle - (bent - radius) / np.where(abs(slope) < 1e-9, 1, slope),
                            0, np.pi)
        bent, slope = self._bend(angle)
        angle[(abs(bent - radius) > 1e-6) | (slope <= 0)] = np.nan
        share = np.sin(angle) / np.maximum(radius, 1e-12)
        return np.column_stack([flat[:, :2] * share[:, None], np.cos(angle)])


def camera_from_info(info: Any, rectified: bool) -> Camera:
    """
    Read a sensor_msgs/CameraInfo; any object with its fields does.

    ``rectified``: the images have been undistorted, so that P counts, not K and D. Binning and
    region of interest are taken into account. Raises ValueError, in one line, for a camera that
    isn't calibrated or whose model is unknown.
    """
    letter = 'P' if rectified else 'K'
    matrix = (np.array(info.p, np.float64).reshape(3, 4)[:, :3] if rectified
              else np.array(info.k, np.float64).reshape(3, 3))
    # NaN is not within either
    if not ((abs(matrix[:2]) <= _MOST).all() and min(matrix[0, 0], matrix[1, 1]) >= _LEAST):
        raise ValueError(f'the camera is not calibrated: {letter} has focal lengths '
                         f'{matrix[0, 0]:g} and {matrix[1, 1]:g} px, centre '
                         f'{matrix[0, 2]:g}, {matrix[1, 2]:g}; calibrate it and have its '
                         'driver publish that')
    matrix[2] = 0, 0, 1
    matrix[0, 2] -= info.roi.x_offset
    matrix[1, 2] -= info.roi.y_offset
    x, y = max(info.binning_x, 1), max(info.binning_y, 1)
    # a binned pixel's centre is the middle of those that it was made of
    matrix[0, 2] += (1 - x) / 2
    matrix[1, 2] += (1 - y) / 2
    matrix[0] /= x
    matrix[1] /= y
    model, distortion = _distortion(info) if not rectified else ('plumb_bob', np.zeros(0))
    return Camera(matrix, distortion, model == 'equidistant',
                  (info.roi.width or info.width) // x, (info.roi.height or info.height) // y)


def _distortion(info: Any) -> tuple[str, Array]:
    model = _ALIASES.get(info.distortion_model, info.distortion_model)
    found = np.array(info.d, np.float64)
    if model not in MODELS:
        raise ValueError(f'distortion model {info.distortion_model[:40]!r} is unknown; expected '
                         f'one of {", ".join(MODELS)}: rectify the images and set '
                         'images_rectified')
    if not found.any() and model != 'equidistant':
        return model, np.zeros(0)
    if found.size not in MODELS[model] or not np.isfinite(found).all():
        raise ValueError(f'{model} has {" or ".join(map(str, MODELS[model]))} finite '
                         f'coefficients, D has {found.size}: {found[:4].tolist()}; '
                         'calibrate the camera anew')
    return model, found
