"""The frames of whatever ``track`` can follow a target in: videos, folders, bags, webcams."""

from __future__ import annotations

from pathlib import Path
import time
from typing import Generator, Iterator, Sequence

import cv2
from lg_tracker_ros.media.bags import Bag, is_bag
from lg_tracker_ros.media.container import VideoFile
from lg_tracker_ros.media.decoding import attempt, Decoder
from lg_tracker_ros.media.folder import IMAGES, list_images
from lg_tracker_ros.media.formats import is_animated
from lg_tracker_ros.types import Frame, Image
from lg_tracker_ros.words.nearest import not_there
import numpy as np

Moment = tuple[Image | ValueError, int]
"""An image, or why it can't be decoded, and its stamp in nanoseconds."""
PAGED = ('.tif', '.tiff')
"""Image files that may hold many; animated GIF and PNG are videos to FFmpeg."""


class Source:
    """
    Frames of a video file, a folder of images or one, a TIFF's pages, a ROS 2 bag or a webcam.

    ``fps`` is the source's rate (30 where it names none), ``count`` its number of frames, 0
    where that isn't known, and ``files`` are what it reads. Iterating gives Frames. Stamps are
    those of the video's container or of the bag's messages, in nanoseconds; 30 a second for a
    folder and for pages, and the clock's for a webcam.
    """

    def __init__(self, name: str, start: int = 0, topic: str = '') -> None:
        """
        Open ``name``: a path, or a number for a webcam where no file has that name.

        ``start`` frames are passed over; ``topic`` is that of a bag, and may be empty where it
        has one topic of images. Raises ValueError in one line when nothing can be read there.
        """
        if not name:  # Path would take it for the folder that we are in
            raise ValueError('a source has no name; is a variable of the shell empty?')
        self.name, self.start = name, start
        path = Path(name)
        self.live = name.isascii() and name.isdigit() and not path.exists()
        if '://' in name:
            raise ValueError(f'{name} is an address; save the stream to a file and name that')
        if not self.live and not path.exists():
            pattern = {'*', '?', '%'} & {*path.name} and path.parent.is_dir()
            raise ValueError(f'{name} does not exist; of images name their folder, {path.parent}'
                             if pattern else not_there(name))
        self._reader: Webcam | Bag | Folder | Pages | VideoFile
        if self.live:
            self._reader = Webcam(int(name))
        elif is_bag(path):
            self._reader = Bag(path, topic)
        elif path.is_dir():
            self._reader = Folder(list_images(path))
        elif path.suffix.lower() in PAGED:
            self._reader = Pages(path)
        elif _is_still(path):
            self._reader = Folder([path])
        else:
            self._reader = VideoFile(path)
        self.fps, self.count = self._reader.fps, self._reader.count
        if self.count and start >= self.count:
            raise ValueError(f"{name} has {self.count} frames; can't start at frame {start}")

    @property
    def topics(self) -> bool:
        """Whether it is a bag, which has topics."""
        return isinstance(self._reader, Bag)

    @property
    def timed(self) -> bool:
        """Whether its stamps say when it was recorded: those of a folder don't."""
        return isinstance(self._reader, Bag) or (
            isinstance(self._reader, VideoFile) and self._reader.timed)

    @property
    def files(self) -> list[Path]:
        """The files that are read; none for a webcam."""
        return [] if self.live else files_of(Path(self.name))

    def __iter__(self) -> Frames:
        """Give the frames from ``start`` on, once; closes the source at the end."""
        return Frames(self._reader.frames(self.start), self.name, self.start)


class Undecodable(ValueError):
    """An image of a source can't be decoded. Those behind it can be asked for all the same."""

    def __init__(self, source: str, number: int, reason: ValueError) -> None:
        """Frame ``number`` of ``source``, and what its decoder said."""
        super().__init__(f'{source}: frame {number}: {reason}')
        self.number, self.reason = number, str(reason)


class Frames(Iterator[Frame]):
    """
    The frames of a source, one by one.

    ``next`` raises Undecodable for an image that can't be decoded, and goes on behind it when it
    is called again; any other ValueError is the end.
    """

    def __init__(self, moments: Generator[Moment, None, None], name: str, start: int) -> None:
        """Take a reader's moments; ``start`` is the number of the first."""
        self._moments, self._name, self._number = moments, name, start - 1

    def __next__(self) -> Frame:
        """Give the next frame."""
        image, stamp = next(self._moments)
        self._number += 1
        if isinstance(image, ValueError):
            raise Undecodable(self._name, self._number, image)
        return Frame(image, stamp, self._name)

    def close(self) -> None:
        """Close the source before its end."""
        self._moments.close()


def files_of(path: Path) -> list[Path]:
    """List the files below a folder, or the one that ``path`` is itself."""
    return [p for p in path.rglob('*') if p.is_file()] if path.is_dir() else [path]


def _is_still(path: Path) -> bool:
    """
    Tell whether a file holds one image: it is read as one of a folder.

    PyAV can't name the data that FFmpeg makes of Exif, so that a mirrored photograph isn't turned.
    """
    if path.suffix.lower() not in IMAGES or not path.is_file():
        return False
    with path.open('rb') as file:
        return not is_animated(file.read(1 << 16))


class Folder:
    """Image files, 30 a second."""

    fps = 30.0

    def __init__(self, files: Sequence[Path]) -> None:
        """Take them in their order."""
        self._files = files
        self.count = len(files)

    def frames(self, start: int) -> Generator[Moment, None, None]:
        """Give images and stamps from image ``start`` on."""
        decoder = Decoder()
        for i, path in enumerate(self._files[start:], start):
            yield attempt(decoder.file_to_image, path), round(i * 1e9 / self.fps)


class Pages:
    """The pages of a TIFF, 30 a second: FFmpeg reads the first alone, and no floats."""

    fps = 30.0

    def __init__(self, path: Path) -> None:
        """Count them; ValueError where there are none."""
        self._path, self.count = path, cv2.imcount(str(path), cv2.IMREAD_UNCHANGED)
        if not self.count:
            raise ValueError(f'{path} cannot be read as a TIFF; is it one, and whole?')

    def frames(self, start: int) -> Generator[Moment, None, None]:
        """Give images and stamps from page ``start`` on."""
        decoder = Decoder()
        for i in range(start, self.count):
            yield attempt(decoder.file_to_image, self._path, i), round(i * 1e9 / self.fps)


class Webcam:
    """A camera of this machine."""

    count = 0

    def __init__(self, number: int) -> None:
        """Open it; ValueError where that can't be."""
        self._number = number
        try:
            self._camera = cv2.VideoCapture(number)
            there = self._camera.isOpened()
        except cv2.error:  # a number of more than 32 bits
            there = False
        if not there:
            raise ValueError(f'webcam {number} cannot be opened; is it there, and not in use?')
        fps = self._camera.get(cv2.CAP_PROP_FPS)  # 0, -1 or NaN where the driver knows none
        self.fps = fps if 0 < fps < 1000 else 30.0

    def frames(self, start: int) -> Generator[Moment, None, None]:
        """Give images as they come, and the clock's time; ValueError when none come any more."""
        try:
            for _ in range(start):
                self._camera.grab()
            while True:
                good, image = self._camera.read()
                if not good:
                    raise ValueError(f'webcam {self._number} gives no more images; is it still '
                                     'there?')
                yield np.asarray(image, np.uint8), time.time_ns()
        finally:
            self._camera.release()
