"""What training pictures are made of: stills with instances, cut-outs, labelled clips."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Sequence
import zlib

import cv2
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

Rng = np.random.Generator


@dataclass(frozen=True, eq=False)
class Instance:
    """An object in a still; ``mask`` (uint8, 0 or 255, the still's size) may be missing."""

    box: Box
    category: str
    polygons: tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class Still:
    """A photograph, kept as the bytes of its file, with its instances and its data set."""

    name: str
    data: bytes
    instances: tuple[Instance, ...]
    source: str = ''

    def image(self) -> Image:
        """Decode to uint8 BGR."""
        return decode(self.data)


@dataclass(frozen=True, eq=False)
class Sprite:
    """
    A cut-out: uint8 h x w x 4, BGR and alpha, tight around the object.

    ``views`` are the object from all around, in steps of one angle (the first is ``image``);
    empty for an object that was seen from one side only.
    """

    name: str
    category: str
    image: Image
    views: tuple[Image, ...] = ()


@dataclass(frozen=True, eq=False)
class Clip:
    """
    Frames of a real video (bytes of JPEG files) with the box of one target in each.

    ``source`` is its data set.
    """

    name: str
    category: str
    frames: tuple[bytes, ...]
    boxes: tuple[Box, ...]
    source: str = ''


def decode(data: bytes) -> Image:
    """Bytes of an image file to uint8 BGR; raises ValueError when they aren't one."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError('not an image that OpenCV can read')
    return np.asarray(image, np.uint8)


def held_out(name: str, share: float = 0.1) -> bool:
    """Whether an item belongs to the validation split; depends on its name only."""
    return zlib.crc32(name.encode()) % 1000 < 1000 * share


def read_coco(folder: Path, min_side: float = 12.0) -> list[Still]:
    """
    Read stills in COCO form: ``instances.json`` beside ``images/``.

    Crowds and boxes under ``min_side`` pixels are left out. An image's ``source`` names its data
    set (what is in brackets behind it is its licence), else the folder's name stands for it.
    """
    data = json.loads((folder / 'instances.json').read_text())
    names = {c['id']: str(c['name']) for c in data['categories']}
    found: dict[int, list[Instance]] = {i['id']: [] for i in data['images']}
    for a in data['annotations']:
        x, y, w, h = a['bbox']
        if a.get('iscrowd') or min(w, h) < min_side:
            continue
        polygons = tuple(np.array(p, np.float32).reshape(-1, 2)
                         for p in a.get('segmentation') or ())
        found[a['image_id']].append(Instance(Box(x, y, w, h), names[a['category_id']], polygons))
    return [Still(i['file_name'], (folder / 'images' / i['file_name']).read_bytes(),
                  tuple(found[i['id']]), str(i.get('source', folder.name)).split(' (')[0])
            for i in data['images']]


def cut_sprites(stills: Sequence[Still], min_side: float = 40.0) -> list[Sprite]:
    """Cut the instances with polygons out of their stills, alpha feathered by a pixel."""
    out = []
    for still in stills:
        image = None
        for k, item in enumerate(still.instances):
            if not item.polygons or min(item.box.w, item.box.h) < min_side:
                continue
            image = still.image() if image is None else image
            mask = np.zeros(image.shape[:2], np.uint8)
            cv2.fillPoly(mask, [np.round(p).astype(np.int32) for p in item.polygons], 255)
            # a pixel less, so that the old background doesn't shine through
            mask = cv2.blur(cv2.erode(mask, np.ones((3, 3), np.uint8)), (3, 3))
            x0, y0 = max(int(item.box.x) - 2, 0), max(int(item.box.y) - 2, 0)
            x1, y1 = int(item.box.x + item.box.w) + 3, int(item.box.y + item.box.h) + 3
            rgba = np.dstack([image[y0:y1, x0:x1], mask[y0:y1, x0:x1]])
            if (rgba[..., 3] > 128).mean() > 0.15:
                out.append(Sprite(f'{still.name}:{k}', item.category, rgba))
    return out


def read_stamps(folder: Path, min_colors: int = 3000, max_side: int = 256) -> list[Sprite]:
    """
    Read photographic cut-outs with alpha, as in Debian's ``tuxpaint-stamps-default``.

    Drawings are told from photographs by their few colours and left out.
    """
    out = []
    for path in sorted(folder.rglob('*.png')):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None or image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
            continue
        ys, xs = np.nonzero(image[..., 3] > 128)
        if len(xs) < 2000:
            continue
        image = image[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
        solid = image[image[..., 3] > 200][:, :3].astype(np.uint32) // 8
        if len(np.unique(solid @ np.array([1, 32, 1024], np.uint32))) * 8 < min_colors:
            continue
        k = max_side / max(image.shape[:2])
        if k < 1:
            image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        if min(image.shape[:2]) >= 24:
            out.append(Sprite(path.stem, path.parent.name, np.asarray(image, np.uint8)))
    return out


def read_clips(folder: Path, step: int = 4, most: int = 50, max_side: int = 480) -> list[Clip]:
    """
    Read videos with one box a frame: ``NAME/NAME.mp4`` beside ``NAME/groundtruth.txt``.

    Every ``step``-th labelled frame is kept, at most ``most`` of them, shrunk to ``max_side``.
    The folder's name stands for the data set.
    """
    out = []
    for truth in sorted(folder.glob('*/groundtruth.txt')):
        rows = np.genfromtxt(truth, delimiter=',')
        video = cv2.VideoCapture(str(next(truth.parent.glob('*.mp4'))))
        frames: list[bytes] = []
        boxes: list[Box] = []
        for i, row in enumerate(rows):
            good, image = video.read()
            if not good or len(frames) >= most:
                break
            if i % step or not np.isfinite(row).all() or min(row[2:]) < 6:
                continue
            k = min(max_side / max(image.shape[:2]), 1.0)
            image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            frames.append(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
            boxes.append(Box(*(float(v) * k for v in row)))
        video.release()
        if len(frames) > 5:
            name = truth.parent.name
            out.append(Clip(name, name.split('_')[1] if '_' in name else name,
                            tuple(frames), tuple(boxes), folder.name))
    return out
