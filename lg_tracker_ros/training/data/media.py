"""What training pictures are made of: stills with instances, cut-outs, labelled clips."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
from typing import overload, Sequence, TypeVar
import zlib

import cv2
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

Rng = np.random.Generator
T = TypeVar('T')


@dataclass(frozen=True, eq=False)
class Instance:
    """An object in a still; its outline as polygons, where it is known, N x 2 pixels each."""

    box: Box
    category: str
    polygons: tuple[npt.NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class Still:
    """A photograph's file with its instances and its data set."""

    path: Path
    instances: tuple[Instance, ...]
    source: str = ''

    def image(self) -> Image:
        """Decode to uint8 BGR; raises ValueError or OSError when it can't be."""
        return decode(self.path.read_bytes())


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
    Frames of a real video with the box of one target in each; ``source`` is DATA SET/SEQUENCE.

    ``frames`` gives the bytes of image files.
    """

    name: str
    frames: Sequence[bytes]
    boxes: tuple[Box, ...]
    source: str = ''


def decode(data: bytes) -> Image:
    """Bytes of an image file to uint8 BGR; raises ValueError when they aren't one."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError('not an image that OpenCV can read')
    return np.asarray(image, np.uint8)


def held_out(name: str) -> bool:
    """Whether an item belongs to the validation split, a tenth; depends on its name only."""
    return zlib.crc32(name.encode()) % 1000 < 100


def read_coco(labels: Path, images: Path, source: str, min_side: float = 12.0) -> list[Still]:
    """
    Read stills in COCO form: ``labels`` is the file of instances.

    Crowds and boxes under ``min_side`` pixels are left out. ``source`` is the data set where an
    image doesn't name its own (what is in brackets behind it is its licence). Raises ValueError
    for a file that isn't in that form, and where no image is there.
    """
    try:
        data = json.loads(labels.read_text(encoding='utf-8'))
        names = {c['id']: str(c['name']) for c in data['categories']}
        found: dict[int, list[Instance]] = {i['id']: [] for i in data['images']}
        for a in data['annotations']:
            x, y, w, h = a['bbox']
            if a.get('iscrowd') or min(w, h) < min_side:
                continue
            polygons = tuple(np.array(p, np.float32).reshape(-1, 2)
                             for p in a.get('segmentation') or ())
            found[a['image_id']].append(
                Instance(Box(x, y, w, h), names[a['category_id']], polygons))
    except (KeyError, TypeError, ValueError) as e:
        raise ValueError(f'{labels} is not in COCO form: {type(e).__name__} {e}') from e
    stills = [Still(images / i['file_name'], tuple(found[i['id']]),
                    str(i.get('source', source)).split(' (')[0]) for i in data['images']]
    if stills and not stills[0].path.is_file():
        raise ValueError(f'{stills[0].path} does not exist; the images of {labels} belong there')
    return stills


def spread(items: Sequence[T], most: int) -> list[T]:
    """Take at most ``most`` items, evenly spread: what must fit in memory of a large data set."""
    step = max(len(items) / most, 1)
    return [items[int(i * step)] for i in range(min(len(items), most))]


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
                out.append(Sprite(f'{still.path.name}:{k}', item.category, rgba))
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


class Files(Sequence[bytes]):
    """The bytes of files, read when they are asked for: a data set need not fit in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Keep the paths."""
        self.paths = tuple(paths)

    def __len__(self) -> int:
        """Count the files."""
        return len(self.paths)

    @overload
    def __getitem__(self, i: int) -> bytes: ...

    @overload
    def __getitem__(self, i: slice) -> Files: ...

    def __getitem__(self, i: int | slice) -> bytes | Files:
        """Read one file; a slice reads none."""
        return Files(self.paths[i]) if isinstance(i, slice) else self.paths[i].read_bytes()


def make_clip(sequence: LabelledSequence, source: str, most: int = 50, max_side: int = 480
              ) -> Clip | None:
    """
    Make a clip of a labelled sequence; None when fewer than six frames have a usable box.

    Of a video every fourth frame is kept, at most ``most`` of them, shrunk to ``max_side`` pixels
    and in memory; image files stay where they are. Raises ValueError for a broken video.
    """
    step = 1 if sequence.images else 4
    good = [i for i in range(sequence.start, len(sequence.truth), step)
            if sequence.present[i] and sequence.truth[i, 2:].min() >= 6]
    if sequence.images:
        boxes = [Box(*map(float, sequence.truth[i])) for i in good]
        frames: Sequence[bytes] = Files([sequence.images[i] for i in good])
    else:
        good, boxes = good[:most], []
        wanted, kept = set(good), list[bytes]()
        for i, frame in enumerate(sequence.frames()):
            if not good or i > good[-1]:
                break
            if i not in wanted:
                continue
            k = min(max_side / max(frame.width, frame.height), 1.0)
            image = cv2.resize(frame.image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
            kept.append(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
            boxes.append(Box(*(float(v) * k for v in sequence.truth[i])))
        frames = tuple(kept)
    return Clip(sequence.name, frames, tuple(boxes), source) if len(boxes) > 5 else None
