"""A video encoder for tests: images in, messages as ffmpeg_image_transport publishes them out."""

import array
from fractions import Fraction
from types import SimpleNamespace

import numpy as np


class Encoder:
    """Encodes by PyAV; ``make`` makes the message, by default anything with the fields."""

    def __init__(self, name='libx264', gop=10, make=SimpleNamespace, encoding=None, **options):
        """``options`` are the encoder's; ``encoding`` is the message's field."""
        self.name, self.gop, self.make = name, gop, make
        self.encoding = encoding or name
        self.options = {'preset': 'ultrafast', 'tune': 'zerolatency', 'crf': '15',
                        'x265-params': 'log-level=none', **options}
        self.context, self.count = None, 0

    def __call__(self, image):
        """Encode an image (None: the end); return the messages that are ready."""
        import av
        if self.context is None:
            self.context = av.CodecContext.create(self.name, 'w')
            self.context.height, self.context.width = image.shape[:2]
            self.context.pix_fmt, self.context.gop_size = 'yuv420p', self.gop
            self.context.time_base = Fraction(1, 30)
            self.context.options = self.options
        frame = None
        if image is not None:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='bgr24')
            frame.pts = self.count
            self.count += 1
        return [self._message(p) for p in self.context.encode(frame)]

    def _message(self, packet):
        msg = self.make()
        msg.width, msg.height = self.context.width, self.context.height
        msg.encoding, msg.pts = self.encoding, packet.pts
        msg.flags = int(packet.is_keyframe)
        msg.data = array.array('B', bytes(packet))
        return msg
