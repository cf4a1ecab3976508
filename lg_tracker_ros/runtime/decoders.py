"""The decoders of all cameras, for threads that read the same camera's images. No ROS."""

from __future__ import annotations

import threading

from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.types import Image


class Decoders:
    """
    One decoder for each camera, used by one thread at a time.

    A decoder remembers how many bits the camera fills; two threads inside of it could make it
    forget. Images of different cameras are decoded side by side.
    """

    def __init__(self) -> None:
        """Start without a camera."""
        self._lock = threading.Lock()
        self._by_camera: dict[str, tuple[threading.Lock, Decoder]] = {}

    def image(self, item: Item) -> Image:
        """Decode an item's message; raises ValueError in one line for one that can't be read."""
        with self._lock:
            if item.camera not in self._by_camera:
                self._by_camera[item.camera] = threading.Lock(), Decoder()
            lock, decoder = self._by_camera[item.camera]
        with lock:
            return decoder.msg_to_image(item.message)
