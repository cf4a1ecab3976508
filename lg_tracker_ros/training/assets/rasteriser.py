"""
Draws textured triangles, in NumPy alone.

moderngl draws faster, but needs EGL and a driver, which pip doesn't bring; pyrender needs the
same. This runs wherever NumPy does, at some 30 views a second.
"""

from __future__ import annotations

from typing import Any

import cv2
from lg_tracker_ros.training.assets.meshes import Floats, Ints, Material, Mesh
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.floating[Any]]


def repeat_ranges(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Join the ranges ``first[i]`` to ``first[i] + count[i]``: which i each is of, its value."""
    of = np.repeat(np.arange(len(count)), count)
    start = np.cumsum(count) - count
    return of, np.arange(len(of)) - start[of] + first[of]


def planes(xy: Floats, values: Floats) -> Floats:
    """F x 3 x N values at corners to F x N x 3 (a, b, c): a x + b y + c over each triangle."""
    m = np.concatenate([xy, np.ones_like(xy[..., :1])], 2).astype(np.float64)
    return np.swapaxes(np.linalg.solve(m, values), 1, 2).astype(np.float32)


def at(plane: Floats, x: Real, y: Real) -> Floats:
    """Values of N planes (M x N x 3, one row a pixel) at pixel centres."""
    return np.asarray(plane[..., 0] * x[:, None] + plane[..., 1] * y[:, None] + plane[..., 2],
                      np.float32)


def sample(texture: Image, uv: Floats) -> Image:
    """Nearest texels at ``uv`` (N x 2, v up, repeated beyond 0 to 1), N x 4."""
    h, w = texture.shape[:2]
    return texture[(np.floor(-uv[:, 1] * h).astype(np.int64)) % h,
                   (np.floor(uv[:, 0] * w).astype(np.int64)) % w]


def shrink_textures(mesh: Mesh, scale: float) -> Mesh:
    """Shrink textures to about a texel a pixel when a unit is ``scale`` pixels: no aliasing."""
    sides = mesh.points[:, 1:] - mesh.points[:, :1]
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) * scale ** 2
    u, v = np.swapaxes(mesh.uv[:, 1:] - mesh.uv[:, :1], 0, 1)
    area_uv = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    out = []
    for i, m in enumerate(mesh.materials):
        mine = mesh.material == i
        if m.texture is not None and mine.any():
            h, w = m.texture.shape[:2]
            texels = float(area_uv[mine].sum()) * h * w
            k = min(np.sqrt(float(area[mine].sum()) / max(texels, 1e-9)), 1.0)
            size = max(round(w * k), 1), max(round(h * k), 1)
            m = Material(m.color, np.asarray(cv2.resize(
                m.texture, size, interpolation=cv2.INTER_AREA), np.uint8), m.opacity)
        out.append(m)
    return Mesh(mesh.points, mesh.normals, mesh.uv, mesh.material, tuple(out))


def rasterise(mesh: Mesh, size: tuple[int, int], light: Floats) -> Image:
    """
    Draw a mesh that is in camera space: x right and y down in pixels, z towards the camera.

    ``size`` is w, h; ``light`` the direction to the lamp. Orthographic, so that everything is
    linear over a triangle; both sides of a triangle are seen. Returns uint8 h x w x 4, BGRA,
    alpha 0 or 255: without antialiasing.
    """
    w, h = size
    xy, z = mesh.points[..., :2], mesh.points[..., 2:]
    a, b = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    seen = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) > 1e-3
    seen &= np.array([m.opacity > 0.3 for m in mesh.materials])[mesh.material]
    xy, z, material = xy[seen], z[seen], mesh.material[seen]
    # the rows of each triangle, then where each row enters and leaves it
    top = np.ceil(xy[..., 1].min(1) - 0.5).clip(0, h).astype(np.int64)
    end = np.ceil(xy[..., 1].max(1) - 0.5).clip(0, h).astype(np.int64)
    of, y = repeat_ranges(top, end - top)
    start, stop = xy[of], np.roll(xy, -1, 1)[of]
    dy = stop[..., 1] - start[..., 1]
    t = (y[:, None] + 0.5 - start[..., 1]) / np.where(dy == 0, np.nan, dy)
    cut = np.where((t >= 0) & (t <= 1), start[..., 0] + t * (stop[..., 0] - start[..., 0]), np.nan)
    left = np.ceil(np.fmin.reduce(cut, 1) - 0.5)
    right = np.ceil(np.fmax.reduce(cut, 1) - 0.5)
    left, right = [np.nan_to_num(v).clip(0, w).astype(np.int64) for v in (left, right)]
    row, x = repeat_ranges(left, (right - left).clip(0))
    of, y = of[row], y[row]
    # the nearest triangle of each pixel: depth in the upper bits, the triangle in the lower
    low, high = float(z.min(initial=0)), float(z.max(initial=0))
    depth = planes(xy, (z - low) / max(high - low, 1e-9))[:, 0]
    near = (depth[:, 0][of] * (x + 0.5) + depth[:, 1][of] * (y + 0.5) + depth[:, 2][of])
    key = (near.clip(0, 1) * (2 ** 30)).astype(np.int64) << 32 | of
    look = planes(xy, np.concatenate([mesh.uv[seen], mesh.normals[seen]], 2))
    for i, m in enumerate(mesh.materials):
        if m.texture is not None and m.texture[..., 3].min(initial=255) < 128:
            mine = np.flatnonzero(material[of] == i)
            uv = at(look[of[mine], :2], x[mine] + 0.5, y[mine] + 0.5)
            key[mine[sample(m.texture, uv)[:, 3] < 128]] = -1
    nearest = np.full(h * w, -1, np.int64)
    np.maximum.at(nearest, y * w + x, key)
    where = np.flatnonzero(nearest >= 0)
    of = nearest[where] & 0xffffffff
    values = at(look[of], where % w + 0.5, where // w + 0.5)
    color = np.stack([m.color for m in mesh.materials])[material[of]]
    for i, m in enumerate(mesh.materials):
        if m.texture is not None:
            mine = np.flatnonzero(material[of] == i)
            color[mine] = sample(m.texture, values[mine, :2])[:, :3]
    normal = values[:, 2:] / np.linalg.norm(values[:, 2:], axis=1, keepdims=True).clip(1e-9)
    normal *= np.where(normal[:, 2:] < 0, -1, 1)  # both sides are lit
    shade = 0.55 + 0.55 * (normal @ light).clip(0)
    out = np.zeros((h * w, 4), np.uint8)
    out[where, :3] = (color * shade[:, None]).clip(0, 255)
    out[where, 3] = 255
    return out.reshape(h, w, 4)
