"""
Reading video files by PyAV: FFmpeg's libraries with their errors, stamps and rotation.

OpenCV reads the same files, but says neither that one is cut off or damaged nor which codec it
lacks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Generator

from lg_tracker_ros.media.levels import Levels
from lg_tracker_ros.reading.guard import refuse_pointer
from lg_tracker_ros.types import Image
import numpy as np

SLACK = 0.25
"""Seconds by which a file may end before its header says so, besides a frame and a half."""

NO_TIMESTAMPS = 0x80
"""libavformat's AVFMT_NOTIMESTAMPS: a bare stream of H.264, to which FFmpeg gives a usual rate."""


def load_av(what: Path | str) -> Any:
    """Return PyAV's module; ValueError, which begins with ``what``, where it isn't installed."""
    try:
        import av
        import av.error
    except ImportError as e:
        raise ValueError(f'{what}: reading and writing videos needs PyAV: pip install av '
                         '(Debian, Ubuntu: sudo apt install python3-av)') from e
    return av


class VideoFile:
    """
    The frames of a video file, upright, with the container's stamps.

    ``fps`` is the mean rate (30 where none is named), ``count`` the number of frames that the
    header names, else 0; ``timed`` says whether the file has stamps at all.
    """

    def __init__(self, path: Path) -> None:
        """Open, and decode the first frame; ValueError in one line where that can't be."""
        self.path, self._av = path, load_av(path)
        try:
            # file: so that no name is taken for an address
            self._container = self._av.open(f'file:{path}')
        except (self._av.error.FFmpegError, OSError) as e:
            _refuse_pointer(path)
            raise ValueError(f'{path} cannot be opened as a video ({e.strerror}); is it one, and '
                             'whole?') from e
        video = [s for s in self._container.streams.video if not _is_cover(s)]
        if not video:
            self._container.close()
            raise ValueError(f'{path} cannot be opened as a video (it holds none); is it one, and '
                             'whole?')
        self._stream = video[0]
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else 30.0
        self.count = int(self._stream.frames)
        self.timed = not int(self._container.format.flags) & NO_TIMESTAMPS
        self._levels = Levels()
        c = self._container
        self._total = (c.duration + (c.start_time or 0)) / 1e6 if c.duration else 0.0
        self._end, self._bad, self._torn = 0.0, 0, ''
        self._given = False
        self._in_packet = c.format.name == 'mpegts' and _ends_in_packet(path)
        self._decoded = self._decode()
        context = self._stream.codec_context  # None without a decoder
        self._first = next(self._decoded, None) if context is not None else None
        if self._first is None:
            self._container.close()
            codec = 'unknown to this PyAV' if context is None else context.name
            raise ValueError(f'no frame of {path} can be decoded; its codec is {codec}'
                             + (f' ({self._torn})' if self._torn else ''))

    def frames(self, start: int = 0) -> Generator[tuple[Image, int], None, None]:
        """
        Give images and stamps in nanoseconds from frame ``start`` on, once; closes the file.

        Raises ValueError at the end of a file that is cut off or damaged, and when called again.
        """
        if self._given:
            raise ValueError(f'{self.path} was gone through before; open it again, by a new '
                             'Source')
        self._given = True
        stamp = -1
        try:
            frame, i = self._first, 0
            while frame is not None:
                stamp = self._stamp(frame, stamp)
                if i >= start:
                    yield self._image(frame), stamp
                frame, i = next(self._decoded, None), i + 1
        finally:
            self.close()
        self._check(i)

    def close(self) -> None:
        """Close the file."""
        self._decoded.close()
        self._container.close()

    def _decode(self) -> Generator[Any, None, None]:
        """Read every stream's packets: the ends of all tell whether the file is whole."""
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets, None)
            except (self._av.error.FFmpegError, OSError) as e:
                self._torn = str(e.strerror)
                return
            if packet is None:
                return
            if packet.pts is not None and packet.time_base is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self._end = max(self._end, end)
            if packet.stream.index != self._stream.index:
                continue
            if packet.size:
                self._torn = 'its last packet is cut off' if packet.is_corrupt else ''
            try:
                frames = packet.decode()
            except self._av.error.FFmpegError as e:
                self._bad += 1
                self._torn = str(e.strerror)
                continue
            for frame in frames:
                self._torn = 'its last frame is damaged' if frame.is_corrupt else self._torn
                yield frame

    def _check(self, count: int) -> None:
        """Raise ValueError for a file that ends early or has damaged frames."""
        if self._in_packet and not self._torn:
            self._torn = 'it ends within a packet'
        if self._torn or self._end < self._total - SLACK - 1.5 / self.fps:
            said = f' of {self.count}' if self.count > count else ''
            more = f' ({self._torn})' if self._torn else ''
            raise ValueError(f'{self.path} ends early, after {count}{said} frames and '
                             f'{self._end:.2f} s: the file is cut off or damaged{more}')
        if self._bad:
            raise ValueError(f'{self.path} is damaged: {self._bad} of its packets could not be '
                             f'decoded, {count} frames could')

    def _stamp(self, frame: Any, before: int) -> int:
        if frame.pts is None or frame.time_base is None:  # a bare stream of H.264 has none
            return before + round(1e9 / self.fps) if before >= 0 else 0
        return round(frame.pts * frame.time_base * 10**9)

    def _image(self, frame: Any) -> Image:
        wide = frame.format.name.startswith('gray') and frame.format.components[0].bits > 8
        if wide:  # a thermal camera's recording
            grey = self._levels(frame.to_ndarray(format='gray16le'))
            image = np.repeat(grey[..., None], 3, axis=2)
        else:
            image = frame.to_ndarray(format='bgr24')
        return np.ascontiguousarray(_upright(image, frame, self._stream))


def frame_count(path: Path, shown: bool = False) -> int:
    """
    Return the number of frames by the file's header, 0 where it names none.

    ``shown``: of those that players show, for which the whole file is read. A file that was
    trimmed without being encoded anew has more: an edit list in .mp4 and .mov leaves them out.
    """
    av = load_av(path)
    try:
        with av.open(f'file:{path}') as container:
            if not shown:
                return int(container.streams.video[0].frames)
            return sum(bool(p.size) and not getattr(p, 'is_discard', False)  # PyAV before 12
                       for p in container.demux(video=0))
    except (av.error.FFmpegError, OSError, IndexError) as e:
        _refuse_pointer(path)
        raise ValueError(f'{path} cannot be opened; is it a video, and whole?') from e


def _ends_in_packet(path: Path) -> bool:
    """
    Tell whether a transport stream is cut off within one of its packets of equal size.

    It has no length of its own: PyAV takes the last stamp for the end, wherever that is. One that
    is cut off between two frames looks whole.
    """
    with path.open('rb') as file:
        head = file.read(256)
    for size, sync in ((188, 0), (192, 4), (204, 0)):  # plain, .m2ts with times, with parity
        if head[sync:sync + 1] == head[sync + size:sync + size + 1] == b'G':
            return path.stat().st_size % size > 0
    return False


def _refuse_pointer(path: Path) -> None:
    if path.is_file() and os.access(path, os.R_OK):  # a FIFO would be waited for
        refuse_pointer(path, 'a video')


def _upright(image: Image, frame: Any, stream: Any) -> Image:
    """Turn and mirror an image as players do, by quarter turns: a phone's front camera mirrors."""
    try:
        matrix = next((d for d in frame.side_data if d.type.name == 'DISPLAYMATRIX'), None)
    except ValueError:  # there is data of a kind that PyAV can't name
        matrix = None
    if matrix is None:
        degrees = getattr(frame, 'rotation', None)  # counter-clockwise
        if degrees is None:  # PyAV before 14.1
            degrees = (stream.side_data or {}).get('DISPLAYMATRIX', 0)
        return np.rot90(image, round(degrees / 90) % 4)
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).astype(int)  # ISO 14496-12, 8.3.2
    if abs(b) > abs(a):
        image, a, d = image.transpose(1, 0, 2), c, b
    return image[::-1 if d < 0 else 1, ::-1 if a < 0 else 1]


def _is_cover(stream: Any) -> bool:
    """Tell whether a stream is a picture of the cover, as in music files."""
    disposition = getattr(stream, 'disposition', 0)
    return 'attached_pic' in str(disposition).lower()
