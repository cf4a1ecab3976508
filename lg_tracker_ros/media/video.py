"""Reading frames from files, folders and webcams; writing videos."""

from __future__ import annotations

from pathlib import Path
import time
from typing import Iterator

import cv2
from lg_tracker_ros.types import Frame, Image
import numpy as np

IMAGES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')


class Source:
    """
    Frames of a video file, a folder of images (in the order of their names) or a webcam.

    ``fps`` is the source's rate (30 where it names none) and ``count`` its number of frames, 0
    where that isn't known. Iterating gives Frames; stamps in nanoseconds from the start of the
    source, or of the clock for a webcam.
    """

    def __init__(self, name: str, start: int = 0) -> None:
        """
        Open ``name``: a path, or a number for a webcam; ``start`` frames are passed over.

        Raises ValueError in one line when nothing can be read there.
        """
        self.name, self.start = name, start
        self.fps, self.count = 30.0, 0
        self._files: list[Path] = []
        self._video: cv2.VideoCapture | None = None
        self.live = name.isdigit()
        path = Path(name)
        if not self.live and not path.exists():
            raise ValueError(f'{name} does not exist')
        if path.is_dir() and not self.live:
            self._files = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGES)
            self.count = len(self._files)
            if not self._files:
                raise ValueError(f'{name} holds no images; expected {", ".join(IMAGES)}')
        else:
            self._video = cv2.VideoCapture(int(name) if self.live else name)
            if not self._video.isOpened():
                raise ValueError(f'{"webcam " if self.live else ""}{name} cannot be opened; '
                                 'is it a video, and not in use?')
            self.fps = self._video.get(cv2.CAP_PROP_FPS) or 30.0
            self.count = 0 if self.live else max(int(self._video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        if self.count and start >= self.count:
            raise ValueError(f"{name} has {self.count} frames; can't start at frame {start}")

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames from ``start`` on, once; closes the source at the end."""
        if self._video is None:
            for i, path in enumerate(self._files[self.start:], self.start):
                image = cv2.imread(str(path), cv2.IMREAD_COLOR)
                if image is None:
                    raise ValueError(f'{path} cannot be read as an image')
                yield self._frame(np.asarray(image, np.uint8), i)
            return
        i = 0
        try:
            while True:
                good, image = self._video.read() if i >= self.start else (self._video.grab(), None)
                if not good:
                    break
                if image is not None:
                    yield self._frame(np.asarray(image, np.uint8), i)
                i += 1
        finally:
            self._video.release()

    def _frame(self, image: Image, i: int) -> Frame:
        stamp = time.time_ns() if self.live else round(i * 1e9 / self.fps)
        return Frame(image, stamp, self.name)


class VideoOut:
    """Writes images as an .mp4 (or .avi); the first image decides the size."""

    def __init__(self, path: Path, fps: float) -> None:
        """Remember where to; the file is made at the first image."""
        self.path, self.fps = path, fps
        self._writer: cv2.VideoWriter | None = None

    def write(self, image: Image) -> None:
        """Add an image; raises ValueError when the file can't be made."""
        if self._writer is None:
            code = 'MJPG' if self.path.suffix.lower() == '.avi' else 'mp4v'
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = cv2.VideoWriter(
                str(self.path), cv2.VideoWriter.fourcc(*code), self.fps,
                (image.shape[1], image.shape[0]))
            if not self._writer.isOpened():
                raise ValueError(f"can't write a video to {self.path}; try a name ending in .avi")
        self._writer.write(image)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.release()
