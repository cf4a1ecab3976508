"""Sprites from all around: textured models are rendered once, and read as sprites with views."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path
import re
import shutil
import sys
import tempfile
import zipfile
import zlib

import cv2
from lg_tracker_ros.training.assets.meshes import Mesh, read_obj
from lg_tracker_ros.training.assets.rasteriser import rasterise, shrink_textures
from lg_tracker_ros.training.data.media import Sprite
from lg_tracker_ros.types import Image
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

log = logging.getLogger(__name__)

VIEWS = 16
SIDE = 192


def turn(azimuth: float, elevation: float) -> npt.NDArray[np.float32]:
    """
    Rotation (3 x 3) from a model (y up) to a camera (x right, y down, z towards it).

    The camera goes around by ``azimuth`` and looks down by ``elevation``, radians.
    """
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    around = np.array([[ca, 0, -sa], [0, 1, 0], [sa, 0, ca]])
    down = np.array([[1, 0, 0], [0, ce, -se], [0, se, ce]])
    return (np.diag([1, -1, 1]) @ down @ around).astype(np.float32)


def crop(view: Image) -> Image:
    """Cut what is transparent off the sides; raises ValueError when nothing is left."""
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(view[..., 3]))
    if not w:
        raise ValueError('nothing of the object shows')
    return view[y:y + h, x:x + w]


def render_views(mesh: Mesh, seed: int, views: int = VIEWS, side: int = SIDE,
                 finer: int = 2) -> list[Image]:
    """
    Render a model from ``views`` azimuths in equal steps, at an elevation drawn from ``seed``.

    The light (ambient and one lamp, drawn too) stays with the camera. Rendered ``finer`` times as
    fine and averaged; all views have one scale, so that the largest has at most ``side`` pixels.
    Returns tight uint8 BGRA cut-outs; raises ValueError when nothing shows.
    """
    rng = np.random.default_rng(seed)
    elevation = np.deg2rad(rng.uniform(0, 35))
    light = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-1, -0.3), 0.8], np.float32)
    light /= np.linalg.norm(light)
    points = mesh.points.reshape(-1, 3)
    low, high = points.min(0), points.max(0)
    centered = mesh.points - (low + high) / 2
    radius = float(np.hypot(centered[..., 0], centered[..., 2]).max())
    tall = float(high[1] - low[1]) * np.cos(elevation) + 2 * radius * np.sin(elevation)
    scale = (side - 2) * finer / max(2 * radius, tall, 1e-9)
    half = side * finer / 2
    mesh = shrink_textures(mesh, scale)
    out = []
    for i in range(views):
        r = turn(2 * np.pi * i / views, elevation)
        moved = Mesh(centered @ r.T * scale + np.array([half, half, 0], np.float32),
                     mesh.normals @ r.T, mesh.uv, mesh.material, mesh.materials)
        big = rasterise(moved, (side * finer, side * finer), light).astype(np.float32)
        big[..., :3] *= big[..., 3:] / 255  # so that what is outside has no share in the colour
        small = cv2.resize(big, (side, side), interpolation=cv2.INTER_AREA)
        small[..., :3] /= (small[..., 3:] / 255).clip(1e-3)
        out.append(crop(small.round().clip(0, 255).astype(np.uint8)))
    return out


def check(mesh: Mesh) -> None:
    """Raise ValueError for a model that is flat."""
    sides = np.sort(np.ptp(mesh.points.reshape(-1, 3), axis=0))
    if not sides[0] > 0.08 * sides[1]:
        raise ValueError('flat')


def check_views(views: list[Image]) -> None:
    """Raise ValueError for views that are nearly blank: of one colour or hardly there."""
    front = views[0]
    solid = front[front[..., 3] > 200][:, :3].astype(np.float32)
    if len(solid) < 1000:
        raise ValueError('hardly anything of it shows')
    if solid.std(0).max() < 12:
        raise ValueError('of one colour')


def write_strip(path: Path, views: list[Image]) -> None:
    """Write views side by side in cells of one size, bottom centred, as one PNG."""
    h, w = max(v.shape[0] for v in views), max(v.shape[1] for v in views)
    strip = np.zeros((h, w * len(views), 4), np.uint8)
    for i, v in enumerate(views):
        x = i * w + (w - v.shape[1]) // 2
        strip[h - v.shape[0]:, x:x + v.shape[1]] = v
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), strip):
        raise OSError(f'{path} could not be written')


def read_catalogue(path: Path) -> list[dict[str, str]]:
    """
    Read the catalogue of a Sweet Home 3D library: ``name``, ``category``, ``model``, ... of each.

    A Java properties file of lines ``key#number=value``, Latin-1.
    """
    found: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r'^(\w+)#(\d+)=(.*?)\s*$', path.read_text('latin-1'),
                                         re.MULTILINE):
        found.setdefault(int(number), {})[key] = value
    return [entry for _, entry in sorted(found.items()) if 'model' in entry]


def stand_up(mesh: Mesh, rotation: str) -> Mesh:
    """Turn a model as the catalogue's ``modelRotation`` says: nine numbers, row by row."""
    r = np.array(rotation.split(), np.float32).reshape(3, 3)
    return Mesh(mesh.points @ r.T, mesh.normals @ r.T, mesh.uv, mesh.material, mesh.materials)


def render_library(data: bytes, out: Path) -> int:
    """
    Render the models of a Sweet Home 3D library (the bytes of an .sh3f file, a ZIP archive).

    Writes ``out``/CATEGORY/LIBRARY-MODEL.png, a strip of views, adds a line for each to
    ``out``/models.csv (it names the author, as CC-BY asks), and copies the library's licence.
    Models that can't be used (flat, blank, huge or damaged) are left out. Returns how many there
    are; raises ValueError when ``data`` isn't such a library.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(folder)
            entries = read_catalogue(folder / 'PluginFurnitureCatalog.properties')
            library = Path(entries[0]['model']).parts[1]
        except (zipfile.BadZipFile, FileNotFoundError, IndexError) as e:
            raise ValueError(f'not a Sweet Home 3D library of models: {e}') from e
        for licence in folder.glob('LICENSE*'):
            shutil.copy(licence, out / f'LICENCE-{library}')
        count = 0
        with (out / 'models.csv').open('a', newline='') as file:
            rows = csv.writer(file)
            for entry in tqdm(entries, desc=library, unit='model', file=sys.stderr, leave=False,
                              disable=not sys.stderr.isatty()):
                model = folder / entry['model'].lstrip('/')
                category = entry.get('category', 'Miscellaneous').replace('/', '-')
                to = Path(category) / f'{library}-{model.stem}.png'
                try:
                    mesh = read_obj(model)
                    if 'modelRotation' in entry:
                        mesh = stand_up(mesh, entry['modelRotation'])
                    check(mesh)
                    views = render_views(mesh, zlib.crc32(to.name.encode()))
                    check_views(views)
                except (ValueError, OSError) as e:
                    log.info('%s is left out: %s', to, e)
                    continue
                write_strip(out / to, views)
                rows.writerow([to, entry['name'], entry.get('creator', ''), library])
                count += 1
    return count


def read_objects(folder: Path, max_side: int = SIDE, views: int = VIEWS) -> list[Sprite]:
    """
    Read the sprites that ``render_library`` wrote below ``folder``, with ``Sprite.views`` set.

    They are shrunk to ``max_side`` pixels: at 192 one takes about a MB of memory. Raises
    ValueError when a strip can't be read or isn't one of ``views`` views.
    """
    out = []
    for path in sorted(folder.glob('*/*.png')):
        strip = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if strip is None or strip.ndim != 3 or strip.shape[2] != 4 or strip.shape[1] % views:
            raise ValueError(f'{path}: expected a PNG of {views} views side by side with alpha; '
                             'delete its folder and run train assets again')
        k = max_side / max(strip.shape[0], strip.shape[1] // views)
        cells = []
        for cell in np.split(strip, views, axis=1):
            if k < 1:
                cell = cv2.resize(cell, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            cells.append(crop(cell).copy())
        out.append(Sprite(path.stem, path.parent.name, cells[0], tuple(cells)))
    return out
