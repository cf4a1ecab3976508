"""Writing videos by PyAV, so that what was written can be played however the writing ends."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from fractions import Fraction
import os
from pathlib import Path
from typing import Any

import cv2
from lg_tracker_ros.media.container import load_av
from lg_tracker_ros.types import Image
import numpy as np

CODECS = {'.mp4': 'mpeg4', '.m4v': 'mpeg4', '.mov': 'mpeg4', '.mkv': 'mpeg4', '.avi': 'mjpeg'}
_BITS = 64  # a pixel; the encoder then takes its finest step
SIDES = {'mpeg4': 8190, 'mjpeg': 65500}
"""Pixels of the longest side that FFmpeg's encoders take."""
FASTEST = 1000.0
"""Images a second; what says more of itself is, as a rule, a recording without a rate."""
TICK = Fraction(1, 90_000)
"""Seconds; MPEG's own clock, a whole number of which is a frame of all usual rates."""
STILL_S = 60.0
"""Seconds for which an image may stand still; more, or a step back, is a clock that was set."""


class VideoOut:
    """
    Writes images as a video; its first image decides the size, others are fitted into it.

    An image that is larger than its codec can have (SIDES) is made smaller.
    An image is shown for as long as in the source, by the stamps. An .avi knows whole frames of
    its rate only: there an image may be shown again, and none lasts for less than a frame.
    An .mp4 is written in fragments, one a frame: killed or on a full disk it plays as far as it
    came. Closing makes an ordinary file of it (with libavformat 62 or newer).
    """

    def __init__(self, path: Path, fps: float) -> None:
        """Remember where to; raises ValueError for a name that no video can have."""
        if path.suffix.lower() not in CODECS:
            raise ValueError(f'{path}: the name of a video must end in {", ".join(CODECS)}')
        self.path, self._av = path, load_av(path)
        fps = min(fps, FASTEST)
        # MPEG-4 knows no larger numbers in a rate than 65535
        self._rate = Fraction(fps).limit_denominator(max(int(65535 / max(fps, 1)), 1))
        # an .avi has an entry for each tick
        self._tick = 1 / self._rate if path.suffix.lower() == '.avi' else TICK
        self._period = round(1 / self._rate * 10**9)
        self._stamp: int | None = None
        self._time = 0  # nanoseconds from the first image on
        self._ticks: deque[int] = deque([-1])  # the last one, and those in the encoder
        self._container: Any = None
        self._stream: Any = None
        self._good = 0

    def write(self, image: Image, stamp: int | None = None) -> None:
        """
        Add an image, whose ``stamp`` in nanoseconds says when it is shown; None: a frame later.

        Raises OSError, and leaves what was whole, when it can't be written.
        """
        self._ticks.append(self._next_tick(stamp))
        try:
            if self._container is None:
                self._open(image.shape[1], image.shape[0])
            fitted = fit(image, self._stream.width, self._stream.height)
            frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(fitted), format='bgr24')
            self._mux(frame)
            self._good = os.stat(self.path).st_size
        except self._av.error.FFmpegError as e:
            self._give_up(e)

    def close(self) -> None:
        """Finish the file; raises OSError as ``write`` does."""
        if self._container is None:
            return
        try:
            self._mux(None)
            self._container.close()
        except self._av.error.FFmpegError as e:
            self._give_up(e)
        self._container = None

    def _open(self, width: int, height: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        suffix = self.path.suffix.lower()
        options = {'flush_packets': '1'}
        if suffix == '.mkv':
            options['cluster_time_limit'] = '1'
        elif suffix != '.avi':
            options['movflags'] = 'frag_every_frame+' + (
                'hybrid_fragmented' if self._av.library_versions['libavformat'] >= (62,)
                else 'empty_moov+default_base_moof')
        # file: so that no name is taken for an address
        self._container = self._av.open(f'file:{self.path}', 'w', options=options)
        stream = self._stream = self._container.add_stream(CODECS[suffix], rate=self._rate)
        k = min(SIDES[CODECS[suffix]] / max(width, height), 1.0)
        stream.width, stream.height = max(int(width * k), 1), max(int(height * k), 1)
        stream.time_base = self._tick
        stream.pix_fmt = 'yuvj420p' if suffix == '.avi' else 'yuv420p'
        stream.bit_rate = min(int(_BITS * stream.width * stream.height * self._rate), 2**30)

    def _mux(self, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            # the encoder counts frames, for its rate control; players go by what the packets say
            self._ticks.popleft()
            packet.time_base = self._tick
            packet.pts = packet.dts = self._ticks[0]
            packet.duration = round(1 / self._rate / self._tick)
            self._container.mux(packet)

    def _next_tick(self, stamp: int | None) -> int:
        """Return when an image is shown, in ticks, later than the one before."""
        if self._ticks[-1] >= 0:
            gap = 0 if stamp is None or self._stamp is None else stamp - self._stamp
            self._time += gap if 0 < gap <= STILL_S * 1e9 else self._period
        self._stamp = stamp
        return max(round(Fraction(self._time, 10**9) / self._tick), self._ticks[-1] + 1)

    def _give_up(self, error: Any) -> None:
        """Cut off what is not whole, and say why."""
        if self._container is not None:
            with suppress(self._av.error.FFmpegError):
                self._container.close()
            with suppress(OSError):
                os.truncate(self.path, self._good)
        self._container = None
        raise OSError(error.errno, f'{error.strerror} (the video ends there)',
                      str(self.path)) from error


def fit(image: Image, width: int, height: int) -> Image:
    """Scale an image so that it fits into ``width`` x ``height``, black around it."""
    h, w = image.shape[:2]
    if (w, h) == (width, height):
        return image
    k = min(width / w, height / h)
    size = max(round(k * w), 1), max(round(k * h), 1)
    out = np.zeros((height, width, 3), np.uint8)
    x, y = (width - size[0]) // 2, (height - size[1]) // 2
    out[y:y + size[1], x:x + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return out
