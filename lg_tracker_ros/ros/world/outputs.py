"""The topics of the world, and which of them somebody listens to."""

from __future__ import annotations

from functools import partial
from typing import Any

from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, Vector3Stamped
from lg_tracker_interfaces.msg import Prediction
from lg_tracker_ros.geometry.place import Place
from lg_tracker_ros.ros.world.convert import (
    detection3d_to_msg,
    pose_to_msg,
    pose_with_covariance_to_msg,
    transform_to_msg,
)
from lg_tracker_ros.runtime.results import Target
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from vision_msgs.msg import Detection3D


class WorldOutputs:
    """Publishers; each message is made only while somebody subscribes, but for the TF frame."""

    def __init__(self, node: Node, frame: str) -> None:
        """Make the publishers; ``frame`` is the target's TF frame, empty for none."""
        make = partial(node.create_publisher, qos_profile=10)
        self.bearing = make(Vector3Stamped, '~/bearing')
        self.image_error = make(Vector3Stamped, '~/image_error')
        self.pose = make(PoseStamped, '~/target_pose')
        self.uncertain = make(PoseWithCovarianceStamped, '~/target_pose_with_covariance')
        self.detection = make(Detection3D, '~/target_3d')
        self.prediction = make(Prediction, '~/prediction')
        self._frame = frame
        self.tf: Any = None
        if frame:
            # the message alone is enough: tf2_ros would bring C++ for a publisher of one line
            self.tf = node.create_publisher(TFMessage, '/tf', QoSProfile(depth=100))
        self._node = node

    @property
    def places_wanted(self) -> bool:
        """Whether somebody wants to know where the target is in metres."""
        return self._frame != '' or any(map(_heard, (
            self.pose, self.uncertain, self.detection, self.prediction)))

    @property
    def rays_wanted(self) -> bool:
        """Whether somebody wants what needs the camera's calibration."""
        return _heard(self.bearing) or self.places_wanted

    def unfit(self, parent: str) -> str:
        """Say why the target's frame can't hang below ``parent``, an image's; empty if it can."""
        if self.tf is None or parent.lstrip('/') not in ('', self._frame.lstrip('/')):
            return ''
        return (f'target_frame is {self._frame!r}, as the frame_id of the images: tf passes it '
                'over; give it another name' if parent else
                'images have no frame_id: tf passes target_frame over; let the camera set one')

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self.bearing, self.image_error, self.pose, self.uncertain,
                          self.detection, self.prediction, self.tf):
            if publisher is not None:
                self._node.destroy_publisher(publisher)

    def place(self, header: Header, place: Place, confidence: float, target: Target) -> None:
        """Publish where the target is seen."""
        if _heard(self.pose):
            self.pose.publish(pose_to_msg(header, place))
        if _heard(self.uncertain):
            self.uncertain.publish(pose_with_covariance_to_msg(header, place))
        if _heard(self.detection):
            self.detection.publish(detection3d_to_msg(header, place, confidence, target))
        if self.tf is not None and not self.unfit(header.frame_id):
            self.tf.publish(TFMessage(
                transforms=[transform_to_msg(header, self._frame, place)]))

    def no_place(self, header: Header, target: Target) -> None:
        """Say that nothing is known of where it is."""
        if _heard(self.detection):
            self.detection.publish(detection3d_to_msg(header, None, 0.0, target))


def _heard(publisher: Any) -> bool:
    return bool(publisher.get_subscription_count())
