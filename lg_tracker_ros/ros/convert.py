"""
Between messages and our values, in pairs: ``x_to_msg`` and ``msg_to_x`` (or ``_from_msg``).

From image messages to images: ``lg_tracker_ros.media.decoding``, which needs no ROS.
"""

from __future__ import annotations

import array

from builtin_interfaces.msg import Time
import cv2
from lg_tracker_ros.detections.selection import Detection
from lg_tracker_ros.types import Box
from lg_tracker_ros.types import Image as Bgr
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose


def image_to_msg(image: Bgr, header: Header, encoding: str = 'bgr8') -> Image:
    """Make an Image message of an 8-bit array."""
    msg = Image(header=header, height=image.shape[0], width=image.shape[1], encoding=encoding,
                step=image.shape[1] * (image.shape[2] if image.ndim == 3 else 1))
    # the one quick way: any other assignment checks every single byte
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(image).data.cast('B'))
    msg.data = data
    return msg


def compressed_to_msg(image: Bgr, header: Header, kind: str = 'jpeg') -> CompressedImage:
    """Make a CompressedImage message; ``kind`` is jpeg or png."""
    data = array.array('B')
    data.frombytes(cv2.imencode('.' + kind, image)[1].data.cast('B'))
    msg = CompressedImage(header=header, format=f'bgr8; {kind} compressed bgr8')
    msg.data = data
    return msg


def time_from_msg(stamp: Time) -> int:
    """Return nanoseconds."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def time_to_msg(stamp: int) -> Time:
    """Make a Time message of nanoseconds."""
    return Time(sec=stamp // 10**9, nanosec=stamp % 10**9)


def detection_to_msg(box: Box | None, confidence: float, header: Header, target_id: str,
                     label: str) -> Detection2D:
    """Make a detection; ``results`` is empty and ``bbox`` zero when nothing is visible."""
    msg = Detection2D(header=header)
    if hasattr(msg, 'id'):  # from vision_msgs 4 on
        msg.id = target_id
    if box is None:
        return msg
    center = msg.bbox.center
    center = getattr(center, 'position', center)  # vision_msgs 3 has x and y right here
    # float(): an int or a NumPy number would abort the process in rclpy's C code
    center.x, center.y = float(box.cx), float(box.cy)
    msg.bbox.size_x, msg.bbox.size_y = float(box.w), float(box.h)
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = label or target_id
    result.hypothesis.score = float(confidence)
    result.pose.pose.position.x = float(box.cx)
    result.pose.pose.position.y = float(box.cy)
    msg.results.append(result)
    return msg


def detection_from_msg(msg: Detection2D) -> tuple[Box | None, float]:
    """Return the box, None when not visible, and the confidence, 0 when not visible."""
    if not msg.results:
        return None, 0.0
    center = getattr(msg.bbox.center, 'position', msg.bbox.center)
    return (Box.from_center(center.x, center.y, msg.bbox.size_x, msg.bbox.size_y),
            float(msg.results[0].hypothesis.score))


def detections_from_msg(msg: Detection2DArray) -> tuple[list[Detection], int]:
    """Return a detector's boxes, and how many are none: not finite, say, or without a side."""
    found, refused = [], 0
    for one in msg.detections:
        center = getattr(one.bbox.center, 'position', one.bbox.center)
        best = max((r.hypothesis for r in one.results), key=lambda h: h.score, default=None)
        try:
            box = Box.from_center(center.x, center.y, one.bbox.size_x, one.bbox.size_y)
        except ValueError:
            refused += 1
            continue
        found.append(Detection(box, best.class_id if best is not None else '',
                               best.score if best is not None else 1.0, getattr(one, 'id', '')))
    return found, refused
