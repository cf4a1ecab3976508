"""Shots made into messages for viewers: one JPEG for all of them, made in one thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import json
import struct
import time
from typing import Any

import cv2
from lg_tracker_ros.types import Box, Image, Track
from lg_tracker_ros.ui.shots import Board, Shot
from lg_tracker_ros.words.lines import told
import numpy as np
import numpy.typing as npt

PERIOD_S = 1 / 15
"""Seconds between two pictures of a camera at least, however many look on."""
LARGEST_SIDE = 960
"""Pixels; larger images are scaled to it for the way to the browser."""
QUALITY = 80
GLOW = (0, 140, 255)
"""Colour of attention, BGR; its strength is the opacity."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A shot as it goes out; ``size`` is that of its image, ``note`` says why it has no JPEG."""

    shot: Shot
    size: tuple[int, int]
    jpeg: bytes
    attention: bytes
    note: str
    made: float

    def message(self, more: dict[str, Any], attention: bool) -> bytes:
        """
        Return bytes for a viewer: length of the header (uint32), header (JSON), JPEG, PNG.

        ``more`` is the header's part that is this viewer's own.
        """
        track, png = self.shot.track, self.attention if attention else b''
        header = json.dumps({
            **more, 'camera': self.shot.camera, 'stamp': str(self.shot.stamp),
            'size': self.size, 'jpeg': len(self.jpeg), 'note': self.note,
            'track': None if track is None else _result(track)}).encode()
        return struct.pack('<I', len(header)) + header + self.jpeg + png


def picture(shot: Shot) -> Picture:
    """Encode a shot; takes milliseconds. An image that can't be decoded is told in ``note``."""
    try:
        image = shot.image()
    except Exception as e:  # whatever a library throws at it: the page goes on
        return Picture(shot, (0, 0), b'', b'', told(e), time.monotonic())
    height, width = image.shape[:2]
    return Picture(shot, (width, height), _jpeg(image), _glow(shot.track), '', time.monotonic())


def _jpeg(image: Image) -> bytes:
    scale = LARGEST_SIDE / max(image.shape[:2])
    if scale < 1:
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale,
                                      interpolation=cv2.INTER_AREA), np.uint8)
    return cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _glow(track: Track | None) -> bytes:
    """Return the attention map of a global search as a PNG to be laid over; empty without one."""
    if track is None or track.proposals is None or track.proposals.attention is None:
        return b''
    strength = np.clip(track.proposals.attention, 0, 1)
    glow: npt.NDArray[np.uint8] = np.empty((*strength.shape, 4), np.uint8)
    glow[..., :3], glow[..., 3] = GLOW, (220 * strength).astype(np.uint8)
    return cv2.imencode('.png', glow)[1].tobytes()


def _result(track: Track) -> dict[str, Any]:
    def numbers(box: Box | None) -> list[float] | None:
        return None if box is None else [round(v, 2) for v in (box.x, box.y, box.w, box.h)]
    return {'mode': track.mode.name, 'sight': track.sight.name, 'box': numbers(track.box),
            'unsure': numbers(track.unsure), 'confidence': round(float(track.confidence), 3)}


class Encoder:
    """Gives viewers the newest picture; each is made once, in a thread, and only if wanted."""

    def __init__(self, board: Board) -> None:
        """Start with nothing made; for one event loop."""
        self._board = board
        self._thread = ThreadPoolExecutor(1, 'lg_tracker page encoder')
        self._made: dict[str, asyncio.Task[Picture]] = {}
        self.count = 0

    async def newest(self, camera: str) -> Picture | None:
        """Return the newest picture of a camera ('': where the target is); None before one."""
        shot = self._board.newest(camera)
        if shot is None:
            return None
        task = self._made.get(shot.camera)
        if task is None or (task.done() and task.result().shot is not shot):
            task = asyncio.ensure_future(self._make(shot, task.result().made if task else 0.0))
            self._made[shot.camera] = task
        return await asyncio.shield(task)

    async def _make(self, shot: Shot, before: float) -> Picture:
        await asyncio.sleep(max(before + PERIOD_S - time.monotonic(), 0))
        self.count += 1
        newest = self._board.newest(shot.camera) or shot  # another may have come meanwhile
        return await asyncio.get_running_loop().run_in_executor(self._thread, picture, newest)

    def close(self) -> None:
        """End the thread; waits for the picture that is being made."""
        self._thread.shutdown()
