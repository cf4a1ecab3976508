"""A camera node: plays a video, a folder of images or a webcam as an image topic."""

from __future__ import annotations

import os
import sys
from typing import Any

from lg_tracker_ros.files import share_file
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.ros.convert import compressed_to_msg, image_to_msg
from lg_tracker_ros.ros.main import spin
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

PARAMETERS: tuple[tuple[str, Any, str], ...] = (
    ('source', '', 'A video file, a folder of images, or the number of a webcam.'),
    ('rate', 0.0, 'Images a second; 0: as the source says, 30 for a folder.'),
    ('loop', False, 'Begin again at the end; otherwise the node ends.'),
    ('compressed', False, 'Publish JPEG on image/compressed instead of raw images on image.'),
    ('reliable', False, 'QoS: reliable, or best effort as camera drivers do.'),
    ('frame_id', 'camera', 'frame_id of the images.'),
    ('wait_for', 1, 'Subscribers to wait for before the first image of a file.'))


FASTEST = 1000.0
"""Images a second."""


class CameraNode(Node):
    """Publishes on ``image``, stamped by the node's clock."""

    def __init__(self, **kwargs: Any) -> None:
        """Open the source; ValueError if it can't be read."""
        super().__init__('lg_tracker_camera', **kwargs)
        self.finished, self.status = False, 0
        self.published = 0
        get = {}
        for name, default, text in PARAMETERS:
            # dynamic: a command line makes an integer of source:=0 and of rate:=15
            self.declare_parameter(name, default, ParameterDescriptor(
                description=text, dynamic_typing=True, read_only=True))
            get[name] = self.get_parameter(name).value
            kinds = {float: (int, float), str: (int, str)}.get(type(default), type(default))
            if not isinstance(get[name], kinds):
                raise ValueError(f'{name} must be {type(default).__name__}, got {get[name]!r}')
        self._loop, self._frame_id = get['loop'], get['frame_id']
        self._compressed, self._wait_for = get['compressed'], get['wait_for']
        self._source = str(get['source'])
        self._frames, rate = self._open()
        reliable = ReliabilityPolicy.RELIABLE if get['reliable'] else ReliabilityPolicy.BEST_EFFORT
        qos = QoSProfile(depth=5, reliability=reliable)
        self._publisher: Any = (
            self.create_publisher(CompressedImage, 'image/compressed', qos) if self._compressed
            else self.create_publisher(Image, 'image', qos))
        self._idle_ticks = 0
        rate = float(get['rate'] or rate)
        if not 0 < rate <= FASTEST:  # NaN isn't either
            raise ValueError(f'rate must be above 0 and at most {FASTEST:g}, got {rate:g}')
        self._rate = rate
        self.create_timer(1 / rate, self._tick)
        self.get_logger().info(f'{self._source} at {rate:g} images a second on '
                               f'{self._publisher.topic_name}')

    def close(self) -> None:
        """Release the source."""
        self._frames.close()

    def _open(self) -> tuple[Any, float]:
        if not self._source:
            raise ValueError('source is empty; give a video file, a folder of images or a webcam '
                             'number: -p source:=video.mp4')
        source = Source(self._source)
        if source.live:
            self._wait_for = 0
        return iter(source), source.fps

    def _tick(self) -> None:
        if not self.published and self._publisher.get_subscription_count() < self._wait_for:
            return
        try:
            frame = next(self._frames, None)
            if frame is None and self._loop:
                self._frames, _ = self._open()
                frame = next(self._frames, None)
        except (ValueError, OSError) as e:
            self.get_logger().error(str(e))
            self.finished, self.status = True, 1
            return
        if frame is None:
            # a moment for the last image to be fetched
            self._idle_ticks += 1
            if self._idle_ticks > self._rate:
                self.get_logger().info(f'the end after {self.published} images')
                self.finished = True
            return
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        make = compressed_to_msg if self._compressed else image_to_msg
        self._publisher.publish(make(frame.image, header))
        self.published += 1


def use_profile() -> None:
    """Let Fast DDS of this process carry images; a profile that the user chose stays."""
    names = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    if not any(os.environ.get(n) for n in names):
        for name in names:  # the second is the name from Fast DDS 3 on
            os.environ[name] = str(share_file('config/fastdds_camera.xml'))


def make() -> CameraNode:
    """Make the node in a process of its own."""
    use_profile()
    return CameraNode()


def main(args: list[str] | None = None) -> int:
    """Run the camera node; ros.main.camera does so too, and heeds signals while this loads."""
    return spin(make, args)


if __name__ == '__main__':
    sys.exit(main())
