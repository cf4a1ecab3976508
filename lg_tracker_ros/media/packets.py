"""
A stream of H.264 or H.265 packets, one message each, to BGR images; without ROS.

Any object with the fields of ffmpeg_image_transport_msgs/FFMPEGPacket does. Decoded by PyAV:
OpenCV's reader wants a file or an address, never a packet.
"""

from __future__ import annotations

from typing import Any

from lg_tracker_ros.media.container import load_av
from lg_tracker_ros.types import Image
from lg_tracker_ros.words.lines import one_line
import numpy as np

_KEY = 1  # AV_PKT_FLAG_KEY
_CODECS = (('264', 'h264'), ('265', 'hevc'), ('hevc', 'hevc'))
"""What the name of an encoder holds, as libx264, h264_nvenc or hevc_vaapi, and its decoder."""
_HELD = 64  # packets that may wait for their image: more than any encoder reorders


def codec(encoding: str) -> str:
    """
    Return the decoder for a packet's ``encoding``: h264 or hevc.

    That is an encoder's or a codec's name, with pixel formats behind ``;`` from newer publishers.
    Raises ValueError for others: as with images, rare decoders are not fed by whoever publishes.
    """
    name = encoding.split(';')[0].strip().lower()
    for part, found in _CODECS:
        if part in name:
            return found
    raise ValueError(f'packets of {one_line(repr(encoding), 60)} are not decoded; expected H.264 '
                     "or H.265, as libx264 or hevc_nvenc: set the publisher's encoding")


class PacketDecoder:
    """
    Decodes one stream; every packet has to go through it, in order.

    It begins at a key frame, and begins anew at the next one when packets are lost, damaged, or of
    another encoder.
    """

    def __init__(self, megapixels: float = 64.0) -> None:
        """Start without a stream; larger images are refused before any memory is asked for."""
        self.megapixels = megapixels
        self._context: Any = None
        self._kind: tuple[Any, ...] = ()
        self._tags: dict[int, Any] = {}
        self._count = 0
        self._why = 'the stream has just begun'

    def restart(self, why: str) -> None:
        """Take nothing before the next key frame; ``why`` is told of packets till then."""
        self._context, self._why = None, why

    def decode(self, msg: Any, tag: Any) -> list[tuple[Image, Any]]:
        """
        Return the images that are complete with this packet, each with its own packet's ``tag``.

        Images are H x W x 3, uint8, BGR. There may be none yet where an encoder reorders.
        Raises ValueError in one line, and nothing else, for a packet that gives no image.
        """
        kind = (codec(msg.encoding), msg.encoding, msg.width, msg.height, self.megapixels)
        if msg.width * msg.height > self.megapixels * 1e6:
            raise ValueError(f'packets are of {msg.width} x {msg.height} px, more than the '
                             f'{self.megapixels:g} megapixels of max_megapixels')
        if self._context is not None and kind != self._kind:
            self.restart('the encoder has changed')
        if self._context is None:
            if not msg.flags & _KEY:
                raise ValueError(f'{self._why}: waiting for a key frame; if that takes long lower '
                                 "gop_size of the publisher's encoder")
            self._begin(kind)
        try:
            return self._decode(msg, tag)
        except Exception as e:  # whatever a library makes of foreign bytes: nobody may die of it
            self.restart('a packet was damaged')
            raise ValueError(f'packet of {len(msg.data)} bytes, {kind[0]}, is damaged: '
                             f'{type(e).__name__}: {one_line(str(e), 100)}') from e

    def _begin(self, kind: tuple[Any, ...]) -> None:
        av = load_av(f'{kind[0]} packets')
        context = av.CodecContext.create(kind[0], 'r')
        context.thread_type = 'SLICE'  # threads by frame would hold images back
        context.options = {'max_pixels': str(int(self.megapixels * 1e6))}
        self._context, self._kind, self._av = context, kind, av
        self._tags.clear()

    def _decode(self, msg: Any, tag: Any) -> list[tuple[Image, Any]]:
        packet = self._av.Packet(memoryview(msg.data).cast('B'))
        # our own numbers, for those of a publisher may begin anew; they come back with the images
        self._count += 1
        packet.pts = packet.dts = self._count
        self._tags[self._count] = tag
        while len(self._tags) > _HELD:
            del self._tags[next(iter(self._tags))]
        images = []
        for frame in self._context.decode(packet):
            own = self._tags.pop(frame.pts, None)
            if frame.is_corrupt:
                raise ValueError('what it refers to is missing')
            if own is not None:
                images.append((np.ascontiguousarray(frame.to_ndarray(format='bgr24')), own))
        return images
