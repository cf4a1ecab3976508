"""
DAVIS 2016 and 2017 (Perazzi et al., CVPR 2016; Pont-Tuset et al., 2017): boxes from masks.

    JPEGImages/480p/NAME/00000.jpg     or another resolution; 480p is taken first
    Annotations/480p/NAME/00000.png    0: background, 1, 2, ...: objects, 255: the object of 2016,
                                       or an area to pass over where there are others
    NAME/00000.jpg, NAME/00000.png     or both in one folder

Boxes are 0-based and cover the mask's pixels; a frame without any is absent. A sequence with one
object is NAME and has the mask files in ``masks``. One with several becomes NAME_1, NAME_2, ...,
a target each, without ``masks``: there a file holds more than the target. One mask file only
(test-dev) labels the first frame. Every mask is decoded once, so a whole set takes a minute.
"""

from __future__ import annotations

from pathlib import Path

import cv2
from lg_tracker_ros.datasets.readers.files import find_images, folder_name, subfolders
from lg_tracker_ros.datasets.readers.text import extend_first, make_sequence, to_truth
from lg_tracker_ros.datasets.sequence import LabelledSequence
import numpy as np
import numpy.typing as npt

EXPECTS = 'JPEGImages/480p/NAME/00000.jpg and Annotations/480p/NAME/00000.png, or NAME/ with both'
RESOLUTIONS = ('480p', 'Full-Resolution', '1080p')


def _paired(folder: Path) -> bool:
    return (folder / '00000.jpg').is_file() and (folder / '00000.png').is_file()


def _official(folder: Path) -> tuple[Path, Path] | None:
    """Return the folders of images and masks in the archives' own layout, if it is that."""
    images, masks = folder / 'JPEGImages', folder / 'Annotations'
    for name in RESOLUTIONS:
        if (images / name).is_dir() and (masks / name).is_dir():
            return images / name, masks / name
    return None


def recognise(folder: Path) -> bool:
    """Tell whether the folder holds DAVIS, or is a sequence with images and masks."""
    return bool(_official(folder)) or any(map(_paired, [folder, *subfolders(folder)]))


def read(folder: Path) -> list[LabelledSequence]:
    """
    Read DAVIS, or one folder with images and masks.

    Raises ValueError, naming the file, for a mask that is missing, unreadable or of colours that
    are not DAVIS's, and for a number of masks that doesn't match.
    """
    official = _official(folder)
    if official:
        images, masks = official
        pairs = [(f, masks / f.name) for f in subfolders(images)]
    else:
        pairs = [(f, f) for f in ([folder] if _paired(folder) else subfolders(folder))
                 if _paired(f)]
    return sorted((s for i, m in pairs for s in _read_one(i, m)), key=lambda s: s.name)


def _read_one(folder: Path, masked: Path) -> list[LabelledSequence]:
    images = [p for p in find_images(folder) if p.suffix.lower() in ('.jpg', '.jpeg')]
    masks = [p for p in find_images(masked) if p.suffix.lower() == '.png']
    if len(masks) not in (1, len(images)):
        raise ValueError(f'{masked} holds {len(masks)} masks but there are {len(images)} images '
                         f'in {folder}')
    for mask, image in zip(masks, images):
        if mask.stem != image.stem:
            raise ValueError(f'{mask} belongs to no image; the next one is {image.name}')
    boxes = [_boxes(p) for p in masks]
    ids = sorted({i for b in boxes for i in b})
    if not ids:
        raise ValueError(f'{masked}: the target has no pixel in any mask')
    whole = len(ids) == 1 and len(masks) == len(images)
    if len(ids) > 1:
        ids = [i for i in ids if i != 255]
    base = folder_name(folder)
    found = []
    for i in ids:
        rows = np.array([b.get(i, [np.nan] * 4) for b in boxes], np.float64)
        gone = np.zeros(len(images), bool)
        gone[:len(rows)] = np.isnan(rows[:, 0])
        found.append(make_sequence(
            masked, base if len(ids) == 1 else f'{base}_{i}',
            to_truth(extend_first(rows, len(images)), gone), images, source=f'DAVIS/{base}',
            masks=tuple(masks) if whole else ()))
    return found


def _palette() -> npt.NDArray[np.int64]:
    """Return DAVIS's (Pascal VOC's) colours as numbers 0xRRGGBB: bits of the id, by turns."""
    ids = np.arange(256)
    red, green, blue = (sum(((ids >> (3 * j + c)) & 1) << (7 - j) for j in range(3))
                        for c in range(3))
    return np.asarray(red << 16 | green << 8 | blue, np.int64)


def _boxes(path: Path) -> dict[int, list[float]]:
    """Return the box of each object's pixels, by id."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f'{path} cannot be read as an image')
    if image.ndim == 3:  # OpenCV gives the colours of a palette, not its ids
        blue, green, red = (image[..., c].astype(np.int64) for c in range(3))
        colors, palette = red << 16 | green << 8 | blue, _palette()
        order = np.argsort(palette)
        place = np.minimum(np.searchsorted(palette, colors, sorter=order), 255)
        image = order[place]
        # 2016's masks are white where they are stored in colour
        image[colors == 0xFFFFFF] = 255
        if (palette[image] != colors)[colors != 0xFFFFFF].any():
            raise ValueError(f"{path} has colours that are not DAVIS's palette; its objects "
                             "can't be told apart")
    found = {}
    for i in np.unique(image).tolist():
        if i:
            rows, columns = np.nonzero(image == i)
            found[i] = [float(v) for v in (columns.min(), rows.min(), np.ptp(columns) + 1,
                                           np.ptp(rows) + 1)]
    return found
