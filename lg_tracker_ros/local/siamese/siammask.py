"""SiamMask (Wang et al., CVPR 2019): SiamRPN++ with a mask that refines the box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
from lg_tracker_ros.boxes import iou, keep_center_inside
from lg_tracker_ros.checkpoint import checked_file, load_checkpoint
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.local.siamese.anchors import Peak, Search
from lg_tracker_ros.local.siamese.siammask_net import CONSTANTS, MASK, Place, SiamMaskNet
from lg_tracker_ros.local.siamrpnpp import SiamRPNpp, with_constants
from lg_tracker_ros.local.siamrpnpp_net import SiamRPNConstants
from lg_tracker_ros.local.spec import CONSTANTS as PARAMETERS
from lg_tracker_ros.local.spec import LocalSpec, OWN
from lg_tracker_ros.recognition.confidence import UNFITTED
from lg_tracker_ros.types import Box, Frame, Mask, TrackerOutput
import numpy as np
import torch
from torch import nn

THRESHOLD = 0.15
"""From which a pixel of a mask is the target's (PySOT, for VOT2018)."""
LEAST = 100.0
"""Pixels of the image that a mask must have (PySOT)."""
AGREE = 0.6
"""IoU from which the mask's box is believed rather than the RPN's."""


def area_of(place: Place, search: Search, around: Box) -> Box:
    """Box in the image of the mask at a place of the score map."""
    c, side = search.constants, search.side(around)
    k = side / c.instance
    y, x = ((p - c.base_size / 2) * c.stride * k - side / 2 for p in place)
    return Box(around.cx + x, around.cy + y, c.exemplar * k, c.exemplar * k)


def tight_box(mask: Mask, threshold: float = THRESHOLD) -> Box | None:
    """Box of a mask's largest part above ``threshold``; None where none has LEAST pixels."""
    inside = (mask.values > threshold).astype(np.uint8)
    count, _, parts, _ = cv2.connectedComponentsWithStats(inside)
    if count < 2:
        return None
    x, y, w, h, area = (float(v) for v in parts[1:][np.argmax(parts[1:, cv2.CC_STAT_AREA])])
    k = mask.box.w / MASK
    if area * k ** 2 <= LEAST:
        return None
    return Box(mask.box.x + x * k, mask.box.y + y * k, w * k, h * k)


class SiamMask(SiamRPNpp):
    """
    A LocalTracker: where mask and RPN agree, the box is the mask's, and comes with it.

    In the authors' tracker the mask is reported as a rotated box, while the place to search next
    and the size stay the RPN's. Here there is one box: the axis-aligned one around the mask.
    """

    def __init__(self, net: nn.Module, device: torch.device | str, constants: SiamRPNConstants,
                 threads: int = 0, threshold: float = THRESHOLD) -> None:
        """Wrap a network as SiamRPNpp does; pixels above ``threshold`` are the target's."""
        super().__init__(net, device, constants, threads)
        self._threshold = threshold

    def _outputs(self, frame: Frame, search: Search, peaks: Sequence[Peak],
                 more: Sequence[Any]) -> list[TrackerOutput]:
        """Compute the masks at the peaks, as one batch."""
        size = search.constants.score_size
        places = [divmod(p.index % size ** 2, size) for p in peaks]
        fine, correlation = more
        values = self._net.masks(fine, correlation, places).float().cpu().numpy()
        masks = [Mask(area_of(place, search, p.around), v)
                 for place, p, v in zip(places, peaks, values)]
        return [self._refined(frame, p, m) for p, m in zip(peaks, masks)]

    def _refined(self, frame: Frame, peak: Peak, mask: Mask) -> TrackerOutput:
        """Believe the mask where its box agrees with the RPN's."""
        box, tight = self._near.box(frame, peak), tight_box(mask, self._threshold)
        if tight is None or iou(tight, box) <= AGREE:
            return TrackerOutput(box, peak.score, peak.score)
        inside = keep_center_inside(tight, frame.width, frame.height)
        return TrackerOutput(inside, peak.score, peak.score, mask=mask)


def build(weights: Path, device: torch.device | str = 'cpu', threads: int = 0,
          mask_threshold: float = OWN, **constants: float) -> SiamMask:
    """
    Make the tracker with trained weights; ValueError, in one line, for another file.

    ``constants`` as ``with_constants`` takes them; below 0 ``mask_threshold`` is THRESHOLD.
    """
    net = SiamMaskNet()
    load_checkpoint(net, weights)
    return SiamMask(net.to(device), device, with_constants(CONSTANTS, **constants), threads,
                    mask_threshold if mask_threshold >= 0 else THRESHOLD)


def _make(weights: str, backbone: str, engine: EngineConfig, **constants: float) -> SiamMask:
    return build(checked_file(weights, SPEC.weights), engine.device, engine.threads, **constants)


SPEC = LocalSpec('siammask', 'SiamMask (Wang et al. 2019), box and mask; needs a checkpoint',
                 _make, UNFITTED, 'siammask.safetensors',
                 parameters=(*PARAMETERS, 'mask_threshold'))
