"""The decoders of all cameras, for threads that read the same camera's images. No ROS."""

from __future__ import annotations

import threading
from typing import Sequence

from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.media.formats import CAMERA_FORMATS
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.types import Image


class Decoders:
    """
    One decoder for each camera, used by one thread at a time.

    A decoder remembers the range of a camera's 16 bits; two threads inside of it could make it
    forget. Images of different cameras are decoded side by side.
    """

    def __init__(self, formats: Sequence[str] = CAMERA_FORMATS, megapixels: float = 64.0) -> None:
        """Start without a camera; ``formats`` and ``megapixels`` are those of Decoder."""
        self._lock = threading.Lock()
        self._limits = formats, megapixels
        self._by_camera: dict[str, tuple[threading.Lock, Decoder]] = {}

    def image(self, item: Item) -> Image:
        """Decode an item's message; raises ValueError in one line for one that can't be read."""
        with self._lock:
            if item.camera not in self._by_camera:
                self._by_camera[item.camera] = threading.Lock(), Decoder(*self._limits)
            lock, decoder = self._by_camera[item.camera]
        with lock:
            return decoder.msg_to_image(item.message)

    def limit(self, formats: Sequence[str], megapixels: float) -> None:
        """Change what is decoded, for cameras that are known and those to come."""
        with self._lock:
            self._limits = formats, megapixels
            for _, decoder in self._by_camera.values():
                decoder.formats, decoder.megapixels = tuple(formats), megapixels

    def shown(self, camera: str) -> str:
        """Name the values of 16 bits or floats that become 0 and 255; '' with 8 bits."""
        with self._lock:
            known = self._by_camera.get(camera)
        found = known[1].levels.span if known is not None else None
        return '' if found is None else f'{found[0]:g}..{found[1]:g}'
