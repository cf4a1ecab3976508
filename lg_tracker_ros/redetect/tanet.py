"""TANet (Wang et al., TNNLS 2021) as a Redetector: target-aware attention on the whole frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from lg_tracker_ros.boxes import clip_to_image
from lg_tracker_ros.checkpoint import checked_file, load_checkpoint
from lg_tracker_ros.engine import EngineConfig, plain_torch
from lg_tracker_ros.reading.guard import refused, tell_once
from lg_tracker_ros.reading.notes import said_by_training
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.redetect.regions import attention_boxes
from lg_tracker_ros.redetect.spec import RedetectorSpec
from lg_tracker_ros.redetect.tanet_net import (
    Features,
    normalise_by_image,
    SIZE,
    TANetGenerator,
    UNUSED_KEYS,
)
from lg_tracker_ros.types import Box, Frame, Image, Proposals
import numpy as np
import torch
from torch import Tensor

CLIP = 3
"""Frames that the generator takes; the last is the one whose map it predicts."""


@dataclass(frozen=True)
class TANetConfig:
    """
    What can be set in use.

    ``threshold``: attention above which a pixel belongs to a region, in (0, 1); 5/255 is low on
    purpose, since the regions are ranked afterwards. ``clip_frames``: frames of a clip that are
    looked at, 1 to 3, as many as in training; the oldest stands for those before it.
    """

    threshold: float = 5 / 255
    clip_frames: int = CLIP


def target_crop(image: Image, box: Box, size: int = SIZE) -> Image:
    """
    Cut the part of the box that lies in the image, without context, as ``size`` x ``size``.

    Raises ValueError for a box outside the image.
    """
    h, w = image.shape[:2]
    part = clip_to_image(box, w, h)
    if part is None:
        raise ValueError(f'{box} lies outside the image of {w} x {h} pixels')
    # a box of less than a pixel still has one
    x0, y0 = min(int(part.x), w - 1), min(int(part.y), h - 1)
    x1, y1 = max(round(part.x + part.w), x0 + 1), max(round(part.y + part.h), y0 + 1)
    return _square(image[y0:y1, x0:x1], size)


def _square(image: Image, size: int = SIZE) -> Image:
    """Resample to ``size`` x ``size``; the paper ignores the aspect."""
    return np.asarray(cv2.resize(image, (size, size)), np.uint8)


class TANet:
    """
    A Redetector: where in the whole frame the first frame's target may be.

    The features of the target are computed once. The clip is causal: two frames before the
    newest; at the start of a camera the oldest is repeated.
    """

    def __init__(self, net: TANetGenerator, device: torch.device | str,
                 config: TANetConfig | None = None, threads: int = 0) -> None:
        """
        Wrap a network that is on ``device`` already; puts it into evaluation mode.

        ``threads``: those of the CPU, 0 for as many as PyTorch takes.
        """
        self._net = net.eval()
        self._device, self._threads = torch.device(device), threads
        self._config = config or TANetConfig()
        self.history = self._config.clip_frames
        self._target: Features | None = None

    def init(self, frame: Frame, box: Box) -> None:
        """
        Learn the target from its first box; forgets the one before.

        Raises ValueError for a box outside the image.
        """
        crop = target_crop(frame.image, box)
        with plain_torch(self._threads), torch.inference_mode():
            self._target = self._net.encode(self._to_tensor([crop]))

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """
        Propose at most ``k`` boxes in the newest frame of a causal clip.

        ``clip`` holds 1 to 3 frames of one camera, oldest first; ``size`` is the width and height
        in pixels that the target last had. Raises RuntimeError before the first ``init`` and
        ValueError for an empty clip.
        """
        if self._target is None:
            raise RuntimeError('TANet has no target: call init first')
        if not clip:
            raise ValueError('TANet needs at least one frame, got an empty clip')
        newest = clip[-1]
        images = [_square(f.image) for f in clip[-self.history:]]
        images = [images[0]] * (CLIP - len(images)) + images
        with plain_torch(self._threads), torch.inference_mode():
            frames = self._to_tensor(images)
            motion = self._net.motionModel(frames.transpose(0, 1)[None])
            logits = self._net.decode(self._net.encode(frames[-1:]), self._target, motion)
            full = torch.nn.functional.interpolate(logits, size=(SIZE, SIZE))
            attention = torch.sigmoid(full)[0, 0].float().cpu().numpy().astype(np.float32)
        boxes = attention_boxes(attention, (newest.width, newest.height), size, k,
                                self._config.threshold)
        return Proposals(boxes, attention)

    def _to_tensor(self, images: Sequence[Image]) -> Tensor:
        """Stack images as N x 3 x 300 x 300, BGR in [0, 1], on the network's device."""
        batch = torch.from_numpy(np.stack(images)).to(self._device)
        return batch.permute(0, 3, 1, 2).float() / 255


def decoder_of(path: Path) -> str | None:
    """
    Say which decoder a file of weights was made for, None where it could be either.

    Both have the same names and shapes. What ``train`` made says so; the authors' file carries
    classifiers along that no file of ours holds. Raises as ``read_state_dict``.
    """
    if said_by_training(path).get('network') == 'tanet':
        return 'relu'
    carried = any(name.startswith(UNUSED_KEYS) for name in read_state_dict(path))
    return 'linear' if carried else None


def build(weights: str | Path, device: torch.device | str = 'cpu', decoder: str = '',
          config: TANetConfig | None = None, threads: int = 0) -> TANet:
    """
    Make the re-detector with trained weights.

    ``weights`` is a checkpoint in the layout of the authors' release. ``decoder``: '' for that
    which the file is for; where it doesn't say, 'relu', and that is told once. Raises
    FileNotFoundError when there is no file and ValueError for one that does not fit, or is for
    the other decoder; each message is one line.
    """
    path = Path(weights)
    own = decoder_of(path)
    if decoder and own and own != decoder:
        raise refused(path, f'is for a decoder that is {own}, not {decoder}: set redetector to '
                            f'{SPEC.name if own == "relu" else RELEASED.name}')
    net = TANetGenerator(decoder or own or 'relu')
    load_checkpoint(net, path, ignore=UNUSED_KEYS)
    if (decoder or own) == 'linear':
        normalise_by_image(net.encoder)
    if not decoder and not own:
        tell_once(f'{path} does not say for which decoder it is: taken for ours, with ReLU; if '
                  f"it is the authors', set redetector to {RELEASED.name}")
    return TANet(net.to(device), device, config, threads)


def _make(weights: str, threshold: float, engine: EngineConfig) -> TANet:
    path = checked_file(weights, SPEC.weights)
    frames = said_by_training(path).get('config', {}).get('clip_frames', CLIP)
    return build(path, engine.device, config=TANetConfig(threshold, frames),
                 threads=engine.threads)


def _make_released(weights: str, threshold: float, engine: EngineConfig) -> TANet:
    return build(checked_file(weights, RELEASED.weights), engine.device, 'linear',
                 TANetConfig(threshold), engine.threads)


SPEC = RedetectorSpec('tanet', "the paper's; needs a checkpoint", _make, 'tanet.safetensors')
RELEASED = RedetectorSpec('tanet_released', "the authors' released network, with its linear "
                          'decoder; needs their checkpoint', _make_released,
                          'tanet_released.safetensors')
