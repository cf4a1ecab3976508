"""Textured models: Wavefront OBJ with its MTL."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Material:
    """``color`` is BGR in 0 to 255; ``texture`` (uint8 h x w x 4, BGRA) replaces it."""

    color: Floats
    texture: Image | None = None
    opacity: float = 1.0


PLAIN = Material(np.full(3, 180, np.float32))


@dataclass(frozen=True, eq=False)
class Mesh:
    """
    F triangles: ``points`` and ``normals`` are F x 3 x 3 (y is up), ``uv`` F x 3 x 2.

    ``material`` is F indices into ``materials``.
    """

    points: Floats
    normals: Floats
    uv: Floats
    material: Ints
    materials: tuple[Material, ...]


def read_mtl(path: Path) -> dict[str, Material]:
    """Read the materials of an MTL file; a texture that is missing or unreadable is left out."""
    found: dict[str, Material] = {}
    name, color, opacity = '', PLAIN.color, 1.0
    texture: Image | None = None
    for line in [*path.read_text('latin-1').splitlines(), 'newmtl']:
        key, _, value = line.strip().partition(' ')
        words = value.split()
        if key == 'newmtl':
            found[name] = Material(color, texture, opacity)
            name, color, opacity, texture = value.strip(), PLAIN.color, 1.0, None
        elif key == 'Kd' and len(words) >= 3:
            color = np.array(words[2::-1], np.float32) * 255
        elif key in ('d', 'Tr') and words:
            opacity = float(words[-1]) if key == 'd' else 1 - float(words[-1])
        elif key == 'map_Kd' and words:
            # options may stand before the name, which may hold spaces
            near = [path.parent / value.strip(), path.parent / words[-1]]
            image = next((i for p in near if (i := read_texture(p)) is not None), None)
            texture = texture if image is None else image
    return found


def read_texture(path: Path) -> Image | None:
    """Read a texture as uint8 BGRA; None when there is none."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if image is None:
        return None
    if image.dtype != np.uint8:
        image = cv2.convertScaleAbs(image, alpha=1 / 257)
    code = {2: cv2.COLOR_GRAY2BGRA, 3: cv2.COLOR_BGR2BGRA}.get(
        image.ndim if image.ndim == 2 else image.shape[2])
    return np.asarray(image if code is None else cv2.cvtColor(image, code), np.uint8)


def read_obj(path: Path, most: int = 30_000) -> Mesh:
    """
    Read a Wavefront OBJ file and the MTL that it names; polygons become fans of triangles.

    Raises ValueError when it has no faces, more than ``most`` triangles, or a line that is wrong.
    """
    columns: dict[str, list[list[str]]] = {'v': [], 'vt': [], 'vn': []}
    library: dict[str, Material] = {}
    names: dict[str, int] = {}
    corners: list[tuple[int, int, int]] = []
    material: list[int] = []
    current = 0
    try:
        for number, line in enumerate(path.read_text('latin-1').splitlines(), 1):
            key, *words = line.split() or ['']
            if key in columns:
                columns[key].append(words[:2 if key == 'vt' else 3])
            elif key == 'f':
                face = [corner(w, columns) for w in words]
                for a, b in pairwise(face[1:]):
                    corners += face[0], a, b
                    material.append(current)
                if len(material) > most:
                    raise ValueError(f'more than {most} triangles at line {number}')
            elif key == 'usemtl':
                current = names.setdefault(' '.join(words), len(names) + 1)
            elif key == 'mtllib' and (path.parent / ' '.join(words)).is_file():
                library.update(read_mtl(path.parent / ' '.join(words)))
        if not corners:
            raise ValueError('no faces')
        index = np.array(corners).reshape(-1, 3, 3)
        points = np.array(columns['v'], np.float32)[index[..., 0]]
        uv = take(columns['vt'], index[..., 1], 2)
        normals = take(columns['vn'], index[..., 2], 3)
    except (ValueError, IndexError) as e:
        raise ValueError(f'{path} is not an OBJ model that can be used: {e}') from e
    flat = np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0])[:, None]
    normals = np.where(np.isnan(normals), flat, normals)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True).clip(1e-9)
    return Mesh(points, normals.astype(np.float32), np.nan_to_num(uv), np.array(material),
                (PLAIN, *(library.get(n, PLAIN) for n in names)))


def corner(word: str, columns: dict[str, list[list[str]]]) -> tuple[int, int, int]:
    """Read ``v``, ``v/vt``, ``v//vn`` or ``v/vt/vn``; 0-based, -1 where there is none."""
    parts = [int(p) if p else 0 for p in word.split('/')] + [0, 0]
    at = [p - 1 if p >= 0 else len(c) + p for p, c in zip(parts, columns.values())]
    return at[0], at[1], at[2]


def take(rows: list[list[str]], index: Ints, width: int) -> Floats:
    """Rows by index; nan where the index is -1 or there are no rows."""
    table = np.array([*rows, ['nan'] * width], np.float32)
    return np.asarray(table[np.where(index < 0, len(rows), index)], np.float32)
