"""A camera node: plays a video, a folder of images or a webcam as an image topic."""

from __future__ import annotations

from typing import Any

from lg_tracker_ros.media.video import Source
from lg_tracker_ros.ros.convert import compressed_to_msg, image_to_msg
from lg_tracker_ros.ros.transports.profile import use_profile
from lg_tracker_ros.types import Frame
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

PARAMETERS: tuple[tuple[str, Any, str], ...] = (
    ('source', '', 'A video file, a folder of images, or the number of a webcam.'),
    ('rate', 0.0, "Images a second; 0: by the source's own stamps, 30 for a folder."),
    ('loop', False, 'Begin again at the end; otherwise the node ends.'),
    ('compressed', False, 'Publish JPEG on image/compressed instead of raw images on image.'),
    ('reliable', False, 'QoS: reliable, or best effort as camera drivers do.'),
    ('frame_id', 'camera', 'frame_id of the images.'),
    ('wait_for', 1, 'Subscribers to wait for before the first image of a file.'))


FASTEST = 1000.0
"""Images a second."""
LONGEST_S = 60.0
"""Seconds without an image that are waited for: in a longer gap of the stamps a clock was set."""
END_S = 1.0
"""Seconds that the last image has to be fetched."""


class CameraNode(Node):
    """
    Publishes on ``image``, stamped by the node's clock.

    What has stamps of its own is played with the gaps between them, a webcam and what is given a
    ``rate`` at that rate.
    """

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
        self._by_stamps = not get['rate'] and not self._live
        rate = float(get['rate'] or rate)
        if not 0 < rate <= FASTEST:  # NaN isn't either
            raise ValueError(f'rate must be above 0 and at most {FASTEST:g}, got {rate:g}')
        self._usual = round(1e9 * min(1 / rate, END_S))  # ns from one frame to the next
        self._ahead: Frame | None = None  # the next frame, with whose stamp it is due
        self._due = 0  # when it is, in ns of the node's clock
        self._timer = self.create_timer(self._usual / 1e9 if self._by_stamps else 1 / rate,
                                        self._tick)
        how = 'by its own stamps, about' if self._by_stamps else 'at'
        self.get_logger().info(f'{self._source} {how} {rate:g} images a second on '
                               f'{self._publisher.topic_name}')

    def close(self) -> None:
        """Release the source."""
        self._frames.close()

    def _open(self) -> tuple[Any, float]:
        if not self._source:
            raise ValueError('source is empty; give a video file, a folder of images or a webcam '
                             'number: -p source:=video.mp4')
        source = Source(self._source)
        self._live = source.live
        if source.live:
            self._wait_for = 0
        return iter(source), source.fps

    def _tick(self) -> None:
        if not self.published and self._publisher.get_subscription_count() < self._wait_for:
            return
        frame = self._ahead if self._ahead is not None else self._read()
        if frame is None:
            self._idle_ticks += 1
            if not self.finished and self._idle_ticks * self._timer.timer_period_ns > END_S * 1e9:
                self.get_logger().info(f'the end after {self.published} images')
                self.finished = True
            return
        now = self.get_clock().now()
        header = Header(stamp=now.to_msg(), frame_id=self._frame_id)
        make = compressed_to_msg if self._compressed else image_to_msg
        self._publisher.publish(make(frame.image, header))
        self.published += 1
        if self._by_stamps:
            self._ahead = self._read()
            self._wait(now.nanoseconds, frame.stamp, self._ahead)

    def _read(self) -> Frame | None:
        """Return the next frame; None at the end, and where there is none to be read any more."""
        try:
            frame = next(self._frames, None)
            if frame is None and self._loop:
                self._frames, _ = self._open()
                frame = next(self._frames, None)
            return frame
        except (ValueError, OSError) as e:
            self.get_logger().error(str(e))
            self.finished, self.status = True, 1
            return None

    def _wait(self, now: int, stamp: int, ahead: Frame | None) -> None:
        """Let the timer wait for the frame ahead; that with ``stamp`` went out ``now``, in ns."""
        gap = ahead.stamp - stamp if ahead is not None else 0
        if 0 < gap <= LONGEST_S * 1e9:
            self._usual = gap
        else:  # the source begins again, or its clock was set
            gap = self._usual
        # who was late makes up for it, but by no burst; a clock that was set back: from now on
        self._due = min(max((self._due or now) + gap, now), now + gap)
        left = self._due - self.get_clock().now().nanoseconds
        self._timer.timer_period_ns = min(max(left, round(1e9 / FASTEST)), gap)
        self._timer.reset()


def make() -> CameraNode:
    """Make the node in a process of its own."""
    use_profile()
    return CameraNode()
