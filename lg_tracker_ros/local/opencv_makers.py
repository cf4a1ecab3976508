"""What makes OpenCV's own trackers, and where the networks of two of them are."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, cast, Sequence

import cv2
from lg_tracker_ros.reading.guard import refuse_pointer, refused
import numpy as np


def maker(name: str, weights: str = '') -> Callable[[], Any]:
    """
    Return what makes OpenCV's own tracker ``name``: csrt, kcf, mil, tld, nano or vit.

    Raises ValueError, in one line, when this OpenCV lacks it, or for nano and vit when
    ``weights`` isn't there, or isn't what OpenCV can run as this tracker.
    """
    if name == 'tld':
        return _of_opencv('legacy.TrackerTLD_create')
    make = _of_opencv({'csrt': 'TrackerCSRT_create', 'kcf': 'TrackerKCF_create',
                       'mil': 'TrackerMIL_create', 'nano': 'TrackerNano_create',
                       'vit': 'TrackerVit_create'}[name])
    if name == 'vit':
        if not Path(weights).is_file():
            raise ValueError("opencv_vit needs its ONNX file in 'tracker_weights', "
                             f'got {weights!r}')
        vit_params = cv2.TrackerVit.Params()
        vit_params.net = weights
        return _tried(lambda: make(vit_params), [Path(weights)])
    if name == 'nano':
        folder = Path(weights) if weights else Path('missing')
        backbone, head = (sorted(folder.glob(f'*{part}*.onnx')) for part in ('backbone', 'head'))
        if not backbone or not head:
            raise ValueError("opencv_nano needs in 'tracker_weights' a folder with "
                             f'*backbone*.onnx and *head*.onnx, got {weights!r}')
        nano_params = cv2.TrackerNano.Params()
        nano_params.backbone, nano_params.neckhead = str(backbone[0]), str(head[0])
        return _tried(lambda: make(nano_params), [backbone[0], head[0]])
    return make


def _tried(make: Callable[[], Any], files: Sequence[Path]) -> Callable[[], Any]:
    """Return ``make`` after a try on a grey image: OpenCV tells of a file only when it runs it."""
    for path in files:
        refuse_pointer(path, 'ONNX')
    try:
        tracker, image = make(), np.full((96, 96, 3), 127, np.uint8)
        tracker.init(image, (32, 32, 32, 32))
        tracker.update(image)
    except cv2.error as e:
        what = 'are not the ONNX files of this tracker' if files[1:] else (
            'is not the ONNX file of this tracker')
        raise refused(' and '.join([str(files[0]), *(p.name for p in files[1:])]),
                      f'{what}, OpenCV says: {e.err}') from e
    return make


def _of_opencv(name: str) -> Callable[..., Any]:
    found: Any = cv2
    for part in name.split('.'):
        found = getattr(found, part, None)
    if found is None:
        raise ValueError(f'this OpenCV ({cv2.__version__}) has no {name}; '
                         'pip install opencv-contrib-python-headless')
    return cast('Callable[..., Any]', found)


def find_nano(folder: Path) -> str:
    """Find below ``folder`` the one with NanoTrack's files; '' where there is none."""
    found = sorted(folder.rglob('*backbone*.onnx'))
    return str(found[0].parent) if found else ''


def find_vit(folder: Path) -> str:
    """Find VitTrack's file below ``folder``; '' where there is none."""
    found = sorted(folder.rglob('*vit*.onnx'))
    return str(found[0]) if found else ''
