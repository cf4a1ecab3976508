"""Images out of ROS 2 bags (sqlite3 or MCAP), without ROS: by the PyPI package rosbags."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.types import Frame

IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
SUFFIXES = ('.db3', '.mcap')


def is_bag(path: Path) -> bool:
    """Tell whether ``path`` is a bag: its folder, or its one file."""
    return (path / 'metadata.yaml').is_file() or path.suffix in SUFFIXES


def bag_frames(path: Path, topic: str = '') -> Iterator[Frame]:
    """
    Give the images of one topic, decoded as the node does; stamps count from the first.

    ``topic`` may be empty where the bag has one topic of images. Time is that of recording. Raises
    ValueError for what is no bag, a topic that isn't one of images, and an image that can't be
    decoded.
    """
    try:
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.typesys import get_typestore, Stores
    except ImportError as e:
        raise ValueError(f'{path}: reading a bag needs rosbags: pip install rosbags') from e
    # bags from before Iron hold no definitions; images have not changed since
    store = get_typestore(Stores.ROS2_HUMBLE)
    try:
        with AnyReader([path], default_typestore=store) as reader:
            found = {c.topic: c for c in reader.connections if c.msgtype in IMAGES}
            if topic not in found and (topic or len(found) != 1):
                raise ValueError((f'no images on {topic}' if topic else 'name one, --topic') +
                                 f'; topics of images: {", ".join(sorted(found)) or "none"}')
            chosen = found[topic] if topic else next(iter(found.values()))
            decoder, first = Decoder(), None
            for connection, stamp, data in reader.messages([chosen]):
                first = stamp if first is None else first
                image = decoder.msg_to_image(reader.deserialize(data, connection.msgtype))
                yield Frame(image, stamp - first, chosen.topic)
    except AnyReaderError as e:
        raise ValueError(f'{path} is not a bag that rosbags can read: {e}') from e
    except ValueError as e:
        raise ValueError(f'{path}: {e}') from e
