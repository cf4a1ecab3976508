"""From places, bearings and guesses to messages."""

from __future__ import annotations

from typing import Sequence

from geometry_msgs.msg import (
    Point,
    PoseStamped,
    PoseWithCovarianceStamped,
    Transform,
    TransformStamped,
    Vector3,
    Vector3Stamped,
)
from lg_tracker_interfaces.msg import Prediction
from lg_tracker_ros.geometry.frames import Rigid
from lg_tracker_ros.geometry.place import Place
from lg_tracker_ros.runtime.foresight import Foreseen
from lg_tracker_ros.runtime.results import Target
import numpy as np
import numpy.typing as npt
from std_msgs.msg import Header
from vision_msgs.msg import Detection3D, ObjectHypothesisWithPose

Array = npt.NDArray[np.float64]

UNKNOWN_TURN = np.pi**2
"""Variance (rad^2) of an orientation of which nothing is known."""


def vector_to_msg(header: Header, x: float, y: float, z: float = 0.0) -> Vector3Stamped:
    """Make a stamped vector."""
    return Vector3Stamped(header=header, vector=Vector3(x=float(x), y=float(y), z=float(z)))


def pose_to_msg(header: Header, place: Place) -> PoseStamped:
    """Make a pose that is turned as the camera is: a box says nothing of the target's turn."""
    msg = PoseStamped(header=header)
    msg.pose.position = _point(place.position)
    msg.pose.orientation.w = 1.0
    return msg


def pose_with_covariance_to_msg(header: Header, place: Place) -> PoseWithCovarianceStamped:
    """Make the same with its covariance."""
    msg = PoseWithCovarianceStamped(header=header)
    msg.pose.pose.position = _point(place.position)
    msg.pose.pose.orientation.w = 1.0
    covariance = np.diag([0.0, 0, 0, UNKNOWN_TURN, UNKNOWN_TURN, UNKNOWN_TURN])
    covariance[:3, :3] = place.covariance
    msg.pose.covariance = covariance.ravel()
    return msg


def detection3d_to_msg(header: Header, place: Place | None, confidence: float, target: Target
                       ) -> Detection3D:
    """Make a detection; ``results`` is empty and ``bbox`` zero where there is no place."""
    msg = Detection3D(header=header)
    if hasattr(msg, 'id'):  # from vision_msgs 4 on
        msg.id = target.name
    if place is None:
        return msg
    pose = pose_with_covariance_to_msg(header, place).pose
    msg.bbox.center = pose.pose
    msg.bbox.size = Vector3(**dict(zip('xyz', map(float, place.size))))
    result = ObjectHypothesisWithPose(pose=pose)
    result.hypothesis.class_id = target.label or target.name
    result.hypothesis.score = float(confidence)
    msg.results.append(result)
    return msg


def transform_to_msg(header: Header, frame: str, place: Place) -> TransformStamped:
    """Make the transform from the camera to the target's frame."""
    transform = Transform(translation=Vector3(**dict(zip('xyz', map(float, place.position)))))
    transform.rotation.w = 1.0
    return TransformStamped(header=header, child_frame_id=frame, transform=transform)


def rigid_from_msg(transform: Transform) -> Rigid:
    """Read a transform; ValueError for one without a rotation."""
    t, q = transform.translation, transform.rotation
    return Rigid.of((t.x, t.y, t.z), (q.x, q.y, q.z, q.w))


def prediction_to_msg(header: Header, target: Target, camera: str, foreseen: Foreseen,
                      metres: tuple[Array, Array, Array] | None) -> Prediction:
    """Make a prediction; ``metres``: position, its covariance and its velocity, where known."""
    guess = foreseen.guess
    msg = Prediction(
        header=header, target_id=target.name, camera=camera, seconds=float(foreseen.seconds),
        camera_motion_known=foreseen.camera_motion_known,
        center_x=float(guess.center[0]), center_y=float(guess.center[1]),
        width=guess.size[0], height=guess.size[1],
        velocity_x=float(guess.velocity[0]), velocity_y=float(guess.velocity[1]),
        covariance=guess.covariance.ravel())
    if metres is not None:
        position, covariance, velocity = metres
        msg.position_known = True
        msg.position, msg.position_covariance = _point(position), covariance.ravel()
        msg.velocity = Vector3(**dict(zip('xyz', map(float, velocity))))
    return msg


def _point(xyz: Sequence[float] | Array) -> Point:
    return Point(x=float(xyz[0]), y=float(xyz[1]), z=float(xyz[2]))
