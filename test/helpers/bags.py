"""ROS 2 bags of images, written without ROS."""

import cv2
import pytest


def write_bag(path, plugin, compressed, images, topics=('/image',)):
    """Write images into a bag, 25 a second, stamped from 1 s on."""
    pytest.importorskip('rosbags', reason='rosbags is not installed')
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import get_typestore, Stores
    store = get_typestore(Stores.ROS2_JAZZY)
    kind = f'sensor_msgs/msg/{"CompressedImage" if compressed else "Image"}'
    make, header, time = (store.types[t] for t in (
        kind, 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time'))
    with Writer(path, version=9, storage_plugin=StoragePlugin[plugin]) as writer:
        ways = [writer.add_connection(t, kind, typestore=store) for t in topics]
        for i, image in enumerate(images):
            head = header(time(1 + i // 25, 40_000_000 * (i % 25)), 'camera')
            h, w = image.shape[:2]
            message = (make(head, 'png', cv2.imencode('.png', image)[1].ravel()) if compressed
                       else make(head, h, w, 'rgb8', 0, 3 * w, image[..., ::-1].ravel()))
            for way in ways:
                writer.write(way, 10**18 + 40_000_000 * i, store.serialize_cdr(message, kind))
    return path
