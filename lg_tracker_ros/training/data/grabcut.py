"""
``train cut``: the targets of a user's own recordings, cut out of their backgrounds.

What comes out is stills in COCO form with outlines: ``train fit --data`` shows the targets at
other places, among their like. The outline is GrabCut's (Rother et al. 2004), begun from the box.
"""

from __future__ import annotations

import argparse
from itertools import groupby
import json
from pathlib import Path
from typing import Any

import cv2
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.datasets.readers.files import folder_name
from lg_tracker_ros.training.data.material import data_set
from lg_tracker_ros.training.data.media import decode
from lg_tracker_ros.training.data.recordings import BOXES, Part, read_parts, read_starts
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt

MARGIN, ROUNDS, AGREES = 0.25, 5, 0.7
"""Background looked at around the box, as a share; GrabCut's rounds; least IoU with the box."""


def outline(image: Image, box: Box) -> npt.NDArray[np.int32] | None:
    """
    Find the outline of what is in ``box``: N x 2 pixels.

    None where the largest piece that GrabCut keeps doesn't fill the box: no clean cut.
    """
    h, w = image.shape[:2]
    m = max(MARGIN * max(box.w, box.h), 8)
    x0, y0 = max(int(box.x - m), 0), max(int(box.y - m), 0)
    part = np.ascontiguousarray(image[y0:min(int(box.y + box.h + m), h),
                                      x0:min(int(box.x + box.w + m), w)])
    mask = np.full(part.shape[:2], cv2.GC_BGD, np.uint8)
    left, top = max(int(box.x) - x0, 0), max(int(box.y) - y0, 0)
    mask[top:top + int(box.h), left:left + int(box.w)] = cv2.GC_PR_FGD
    if (mask == cv2.GC_PR_FGD).all():
        return None  # nothing around it to tell it from
    cv2.setRNGSeed(0)
    cv2.grabCut(part, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS,
                cv2.GC_INIT_WITH_MASK)
    front = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    pieces, _ = cv2.findContours(front, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not pieces:
        return None
    largest = max(pieces, key=cv2.contourArea)
    x, y, wide, high = cv2.boundingRect(largest)
    if iou(Box(x + x0, y + y0, wide, high), box) < AGREES:
        return None
    return np.asarray(largest[:, 0] + (x0, y0), np.int32)


def cut(folder: Path, out: Path, topic: str = '') -> tuple[int, int]:
    """
    Write the targets in the folder's boxes.csv that have a class as stills into ``out``.

    Returns how many were cut out and how many could not be: those keep their box alone. Raises
    ValueError for what recordings.py can't read, and where no target has a class.
    """
    starts = [s for s in read_starts(folder) if s.category]
    if not starts:
        raise ValueError(f'{folder / BOXES} gives no target a class; add the column class, and '
                         'fill it in for one box of each individual: those of the same class are '
                         "taken for each other's look-alikes")

    def shot(part: Part) -> tuple[Path, float]:
        return part.start.recording, part.start.at
    (out / 'images').mkdir(parents=True, exist_ok=True)
    classes = {name: i for i, name in enumerate(sorted({s.category for s in starts}), 1)}
    images: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    parts = sorted(read_parts(starts, 1, 1, topic), key=shot)
    for number, (_, group) in enumerate(groupby(parts, shot)):
        seen = list(group)
        name = f'{seen[0].start.recording.stem}_{seen[0].start.at:g}.jpg'
        (out / 'images' / name).write_bytes(seen[0].frames[0])
        picture = decode(seen[0].frames[0])
        images.append({'id': number, 'file_name': name, 'source': data_set(folder)})
        for part in seen:
            found = outline(picture, part.box)
            b = part.box
            instances.append({
                'image_id': number, 'category_id': classes[part.start.category],
                'bbox': [b.x, b.y, b.w, b.h],
                'segmentation': [] if found is None else [found.ravel().tolist()]})
    (out / 'instances.json').write_text(json.dumps({
        'images': images, 'annotations': instances,
        'categories': [{'id': i, 'name': name} for name, i in classes.items()]}))
    failed = sum(not i['segmentation'] for i in instances)
    return len(instances) - failed, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train cut``."""
    parser.add_argument('recordings', nargs='+', type=Path, metavar='RECORDINGS',
                        help=f'folder with {BOXES}, whose column class says what each target is')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='where to write')
    parser.add_argument('--topic', default='', help='of the images in a bag that has several')


def run(args: argparse.Namespace) -> int:
    """Run ``train cut``."""
    for folder in args.recordings:
        done, failed = cut(folder, args.out / f'{folder_name(folder)}_stills', args.topic)
        print(f'{folder}: {done} targets cut out; {failed} have no clean outline and keep their '
              'box', flush=True)
    return 0
