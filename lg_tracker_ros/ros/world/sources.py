"""What the world needs beside the images: calibrations and transforms that never change."""

from __future__ import annotations

from typing import Any

from lg_tracker_ros.geometry.camera import Camera, camera_from_info
from lg_tracker_ros.geometry.frames import StaticFrames
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.transports.offers import DEPTH, Wanted
from lg_tracker_ros.ros.transports.topics import image_topic
from lg_tracker_ros.ros.world.convert import rigid_from_msg
from lg_tracker_ros.runtime.buffers import Item
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

DEPTHS = Wanted({'sensor_msgs/msg/Image': lambda: Image}, 'raw depth image', 'depth_topics')
_INFO = {'sensor_msgs/msg/CameraInfo': lambda: CameraInfo}


def info_topic(given: str, image: str) -> str:
    """Return the CameraInfo topic; for ``auto`` the one beside a full name of an image topic."""
    if given != 'auto':
        return given
    return image_topic(image).rpartition('/')[0] + '/camera_info'


class Calibration:
    """A camera's calibration, from its CameraInfo topic; the newest message counts."""

    def __init__(self, node: Node, topic: str, parameter: str, rectified: bool,
                 group: CallbackGroup, image: str) -> None:
        """Subscribe to nothing yet: ``input.poll`` does; ``image`` is the topic of its images."""
        self._image = image
        self.input = CameraInput(node, topic, 'auto', DEPTH, group, self._take,
                                 Wanted(_INFO, 'CameraInfo', parameter))
        self._rectified = rectified
        self._message: Any = None
        self._read: tuple[Any, Camera] | None = None

    def camera(self, width: int, height: int) -> Camera | None:
        """
        Return the camera of images of this size, None before the first message.

        Raises ValueError, in one line, where that can't be used.
        """
        message = self._message
        if message is None:
            return None
        try:
            if self._read is None or self._read[0] is not message:
                self._read = message, camera_from_info(message, self._rectified)
            camera = self._read[1]
            if camera.width and (camera.width, camera.height) != (width, height):
                raise ValueError(f'it is for images of {camera.width} x {camera.height} px, those '
                                 f'that come have {width} x {height}: publish the CameraInfo of '
                                 'the images as they are, as image_proc does')
            return camera
        except ValueError as e:
            raise ValueError(f'{self.input.name}: {e}') from e

    @property
    def doubt(self) -> str:
        """Say so where ``images_rectified`` makes a difference and looks wrong, else ''."""
        if self._message is None or not any(self._message.d):
            return ''
        words = image_topic(self._image).rpartition('/')[2].split('_')
        if 'rect' in words and not self._rectified:
            return (f'{self._image} are rectified images by their name, but D of '
                    f'{self.input.name} is taken out of them once more: set images_rectified')
        if 'raw' in words and 'rect' not in words and self._rectified:
            return (f'{self._image} are no rectified images by their name, but images_rectified '
                    f'is set, and D of {self.input.name} is not zero')
        return ''

    def _take(self, item: Item) -> None:
        if self._message is None or _differ(self._message, item.message):
            self._message = item.message


def _differ(a: Any, b: Any) -> bool:
    fields = ('width', 'height', 'distortion_model', 'd', 'binning_x', 'binning_y', 'roi')
    return (any(getattr(a, f) != getattr(b, f) for f in fields)
            or (a.k != b.k).any() or (a.p != b.p).any())


class Transforms:
    """The transforms of /tf_static, from the first time that one is asked for."""

    def __init__(self, node: Node, group: CallbackGroup) -> None:
        """Subscribe to nothing yet."""
        self.frames = StaticFrames()
        self._node, self._group = node, group
        self._subscription: Any = None

    def listen(self) -> None:
        """Subscribe, where that isn't done yet."""
        if self._subscription is None:
            qos = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
            self._subscription = self._node.create_subscription(
                TFMessage, '/tf_static', self._take, qos, callback_group=self._group)

    def close(self) -> None:
        """End the subscription."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _take(self, msg: Any) -> None:
        for one in msg.transforms:
            try:
                self.frames.put(one.header.frame_id, one.child_frame_id,
                                rigid_from_msg(one.transform))
            except ValueError as e:
                self._node.get_logger().warning(
                    f'/tf_static: {one.header.frame_id[:60]!r} to {one.child_frame_id[:60]!r} is '
                    f'passed over: {e}')
