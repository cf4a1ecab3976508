"""Images out of ROS 2 bags (sqlite3 or MCAP), without ROS: by the PyPI package rosbags."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generator
from urllib.parse import quote

from lg_tracker_ros.media.decoding import attempt, Decoder
from lg_tracker_ros.media.mcap import has_end, Mended
from lg_tracker_ros.types import Image
from lg_tracker_ros.words.lines import one_line

IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
SUFFIXES = ('.db3', '.mcap')


class Quoted(type(Path())):  # type: ignore[misc]  # the class of this system's paths
    """A path as rosbags puts it into SQLite's URIs, where # and ? would end it."""

    def __format__(self, unused: str) -> str:
        """Write it with what means something in a URI as %XX."""
        return quote(str(self))


def is_bag(path: Path) -> bool:
    """Tell whether ``path`` is a bag: its folder, or its one file."""
    if path.is_dir():
        return (path / 'metadata.yaml').is_file() or any(_alone(path))
    return path.suffix in SUFFIXES


def _alone(folder: Path) -> list[Path]:
    """List the storage files of a folder: a recorder that was killed leaves no metadata."""
    return sorted(p for p in folder.iterdir() if p.suffix in SUFFIXES)


class Bag:
    """
    The images of one topic of a bag, every one, in the order in which they were recorded.

    They are decoded as the node does. Stamps are the messages' own (the time of recording where
    a camera doesn't stamp). ``fps`` is their mean rate, ``count`` their number.
    """

    def __init__(self, path: Path, topic: str = '') -> None:
        """
        Open the bag; ``topic`` may be empty where it has one topic of images.

        Raises ValueError for what is no bag and for a topic that isn't one of images.
        """
        self._path = path
        self._reader, self._cut = _open(path)
        found: dict[str, list[Any]] = {}
        for c in self._reader.connections:
            if c.msgtype in IMAGES:
                found.setdefault(c.topic, []).append(c)
        if topic not in found and (topic or len(found) != 1):
            self._reader.close()
            if not found:
                raise ValueError(f'{path} holds no images; expected messages of '
                                 f'{" or ".join(IMAGES)}')
            said = f'no images on {topic}' if topic else 'name one, --topic'
            raise ValueError(f'{path}: {said}; topics of images: {", ".join(sorted(found))}')
        self._chosen = found[topic or next(iter(found))]
        self.count = sum(c.msgcount for c in self._chosen)
        seconds = self._reader.duration / 1e9
        self.fps = (self.count - 1) / seconds if self.count > 1 and seconds > 0 else 30.0

    def frames(self, start: int = 0) -> Generator[tuple[Image | ValueError, int], None, None]:
        """
        Give images and stamps in nanoseconds from message ``start`` on, once; closes the bag.

        In place of an image that can't be decoded it gives why. Raises ValueError, naming the
        bag, at the end of one with fewer than it says or whose recorder was killed.
        """
        decoder, i = Decoder(), 0
        try:
            for i, (connection, recorded, data) in enumerate(
                    self._reader.messages(self._chosen), 1):
                if i > start:
                    yield self._moment(decoder, data, connection.msgtype, recorded)
            if i < self.count:
                raise ValueError(f'it ends early, after {i} of {self.count} images: parts of the '
                                 'recording are missing')
            if self._cut:
                raise ValueError(f'it ends early, after {i} images: its recorder was killed, '
                                 f'{self._cut}')
        except Exception as e:  # what rosbags and sqlite3 make of a damaged file has no one type
            raise ValueError(f'{self._path}: {one_line(e, 200)}') from e
        finally:
            self._reader.close()

    def _moment(self, decoder: Decoder, data: Any, kind: str, recorded: int
                ) -> tuple[Image | ValueError, int]:
        try:
            msg = self._reader.deserialize(data, kind)
            own = msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec
        except Exception as e:  # what rosbags makes of a damaged message has no one type
            return ValueError(f'no message of {kind}: {one_line(e, 80)}'), recorded
        return attempt(decoder.msg_to_image, msg), own or recorded


def _open(path: Path) -> tuple[Any, str]:
    """Open a bag; and say what of it a recorder that was killed left unread, '' for nothing."""
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import get_typestore, Stores
    except ImportError as e:
        raise ValueError(f'{path}: reading a bag needs rosbags: pip install rosbags') from e
    # bags from before Iron hold no definitions; images have not changed since
    try:
        files = _alone(path) if path.is_dir() else [path]
        cut = [f for f in files if f.suffix == '.mcap' and f.is_file() and not has_end(f)]
        whole = not cut and (path / 'metadata.yaml').is_file()
        reader = AnyReader([Mended(f) if f in cut else Quoted(f)
                            for f in ([path] if whole else files)],
                           default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        reader.open()
    except Exception as e:  # what rosbags and sqlite3 make of a damaged file has no one type
        cure = ('; its recorder was killed? `ros2 bag reindex` makes metadata.yaml anew, `mcap '
                'recover` and `sqlite3 FILE .recover` keep what is whole')
        raise ValueError(f'{path} is not a bag that rosbags can read: '
                         f'{one_line(e, 120)}{cure}') from e
    left = [f'{f.name} has no end; what is whole in it was read' for f in cut]
    # SQLite's log of what it has yet to write into the file itself; rosbags passes it over
    left += [f"{f.name}-wal holds more: `sqlite3 {f.name} 'PRAGMA wal_checkpoint'` moves it there"
             for f in files if _size(f.with_name(f'{f.name}-wal'))]
    return reader, '; '.join(left)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
