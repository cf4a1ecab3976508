"""Pictures of the kind ``twin``: a look-alike is drawn into those of an absence."""

from __future__ import annotations

from typing import Iterator

import cv2
from lg_tracker_ros.datasets.sequence import Boxes, LabelledSequence
from lg_tracker_ros.evaluation.protocols.absent_plan import Plan, Twin
from lg_tracker_ros.types import Frame, Image
import numpy as np
import numpy.typing as npt

GROWN = 0.1
"""By how much the cut reaches beyond the box on each side, as a share of it: the soft edge."""
ROUND = 3.0
"""Exponent of the cut's outline, a superellipse: 2 is an ellipse, more is nearer to the box."""

Alpha = npt.NDArray[np.float32]


def recolour(image: Image, twin: Twin) -> Image:
    """Turn the hue of a BGR image, and scale its saturation and brightness, as the twin has it."""
    h, s, v = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV).astype(np.float32))
    changed = cv2.merge([(h + np.float32(twin.hue)) % 180, np.clip(s * twin.saturation, 0, 255),
                         np.clip(v * twin.brightness, 0, 255)])
    return np.asarray(cv2.cvtColor(changed.astype(np.uint8), cv2.COLOR_HSV2BGR), np.uint8)


def outline(box: Boxes, corner: Boxes, shape: tuple[int, int]) -> Alpha:
    """
    Compute the opacity of a box without a mask: a superellipse with a soft edge.

    For pixels of ``shape`` (rows, columns) from ``corner`` on; 1 well inside ``box`` (x, y, w, h),
    0 from GROWN outside of it on.
    """
    y, x = np.mgrid[:shape[0], :shape[1]] + 0.5
    u = np.abs((x + corner[0] - box[0]) / box[2] * 2 - 1)
    v = np.abs((y + corner[1] - box[1]) / box[3] * 2 - 1)
    r = (u ** ROUND + v ** ROUND) ** (1 / ROUND)
    edge = np.clip((1 + 2 * GROWN - r) / (4 * GROWN), 0, 1)
    return np.asarray(edge * edge * (3 - 2 * edge), np.float32)


def draw(image: Image, box: Boxes, source: Image, taken: Boxes, twin: Twin,
         mask: Image | None = None) -> Image:
    """
    Draw what ``source`` shows in the box ``taken``, mirrored and recoloured, into ``box``.

    Both boxes are x, y, w, h in pixels of their pictures, uint8 BGR. ``mask`` (not 0: the target)
    is of the source's size; without it the cut is a box with round corners and a soft edge.
    """
    height, width = image.shape[:2]
    margin = GROWN * box[2:] + 1
    x0, y0 = np.clip(np.floor(box[:2] - margin), 0, (width, height)).astype(int)
    x1, y1 = np.clip(np.ceil(box[:2] + box[2:] + margin), 0, (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return image
    kx, ky = box[2] / taken[2], box[3] / taken[3]
    # from a source's pixel to one of the part; centres of pixels lie on whole numbers in OpenCV
    to = np.array([[-kx, 0, box[0] + box[2] + kx * (taken[0] - 0.5) - x0 - 0.5],
                   [0, ky, box[1] - ky * (taken[1] - 0.5) - y0 - 0.5]])
    part = (int(x1 - x0), int(y1 - y0))
    patch = cv2.warpAffine(source, to, part, flags=cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)
    if mask is None:
        alpha = outline(box, np.array([x0, y0]), part[::-1])
        shown = np.full(source.shape[:2], 1, np.float32)
    else:
        alpha = np.ones(part[::-1], np.float32)
        shown = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 1)
    alpha = alpha * cv2.warpAffine(shown, to, part, flags=cv2.INTER_LINEAR)
    made = image.copy()
    behind = image[y0:y1, x0:x1]
    front = recolour(np.asarray(patch, np.uint8), twin)
    made[y0:y1, x0:x1] = (behind + alpha[..., None] * (front - behind.astype(np.float32))).round()
    return made


def with_twin(p: Plan, sequence: LabelledSequence, images: Iterator[Image]) -> Iterator[Image]:
    """Draw the plan's twin, if it has one, into the plan's pictures; raises what reading does."""
    twin = p.twin
    if twin is None:
        yield from images
        return
    moments: Iterator[Frame] = iter(())
    expected = -1
    for i, image in enumerate(images):
        j = int(twin.frames[i])
        if j >= 0:
            if j != expected:
                moments = sequence.frames(j)
            expected = j + 1
            image = draw(image, twin.boxes[i], next(moments).image, sequence.truth[j], twin,
                         sequence.mask(j) if sequence.masks else None)
        yield image
