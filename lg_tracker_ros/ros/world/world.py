"""Where the target is beyond the image: what comes out for each result."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.place import bearing, image_error, point
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.world.convert import prediction_to_msg, vector_to_msg
from lg_tracker_ros.ros.world.outputs import WorldOutputs
from lg_tracker_ros.ros.world.sources import info_topic, Transforms
from lg_tracker_ros.ros.world.view import Seen, View, ViewTopics
from lg_tracker_ros.runtime.foresight import Foreseen, Foresight
from lg_tracker_ros.runtime.results import Result
import numpy as np
import numpy.typing as npt
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

Array = npt.NDArray[np.float64]

_MOMENT = 1e-3  # seconds over which a velocity in metres is taken


class World:
    """
    Publishes bearings, places and predictions while the node is active.

    ``publish`` is called in the worker's thread, everything else in the executor's.
    """

    def __init__(self, node: Node, options: NodeOptions, cameras: Sequence[CameraInput],
                 group: CallbackGroup) -> None:
        """Make the publishers; subscriptions come with those who listen."""
        self._outputs = WorldOutputs(node, options.target_frame)
        self._transforms = Transforms(node, group)
        self._foresight = Foresight(options.prediction_seconds)
        self._views: dict[str, View] = {}
        named = zip(cameras, *map(options.for_each_camera, (
            'camera_info_topics', 'depth_topics', 'depth_info_topics')))
        for camera, info, depth, depth_info in named:
            topics = ViewTopics(camera.name, info_topic(info, camera.name), depth, depth_info)
            self._views[camera.name] = View(
                node, topics, options.images_rectified, options.depth_alignment,
                options.depth_tolerance, self._outputs, self._transforms, group,
                self._foresight.measured)

    def poll(self) -> None:
        """Subscribe to what somebody needs; to be called a few times a second."""
        for view in self._views.values():
            view.poll()

    def limit(self, options: NodeOptions) -> None:
        """Take other options that may change while the node is active."""
        self._foresight.seconds = options.prediction_seconds
        for view in self._views.values():
            view.matcher.tolerance = options.depth_tolerance

    def close(self) -> None:
        """End subscriptions and publishers; the worker must have ended."""
        for view in self._views.values():
            view.close()
        self._transforms.close()
        self._outputs.close()

    def statuses(self) -> list[tuple[str, bytes, str, Mapping[str, Any]]]:
        """Return part, level, message and values of each camera, for the diagnostics."""
        return [(f'world {name}', *view.status()) for name, view in self._views.items()]

    def publish(self, result: Result) -> None:
        """Publish what somebody listens to; a place follows when its depth is there."""
        track, outputs = result.track, self._outputs
        header, view = result.item.message.header, self._views[track.camera]
        height, width = result.image.shape[:2]
        camera = view.camera(width, height) if outputs.rays_wanted else None
        if track.box is not None:
            if outputs.image_error.get_subscription_count():
                outputs.image_error.publish(vector_to_msg(
                    header, *image_error(track.box, width, height)))
            if camera is not None and outputs.bearing.get_subscription_count():
                try:
                    outputs.bearing.publish(vector_to_msg(header, *bearing(camera, track.box)))
                    view.tell('bearing', '')
                except ValueError as e:  # beyond what the camera's model knows
                    view.tell('bearing', str(e))
        if outputs.prediction.get_subscription_count() and self._foresight.seconds > 0:
            foreseen = self._foresight.watch(result)
            if foreseen is not None:
                outputs.prediction.publish(prediction_to_msg(
                    header, result.target, track.camera, foreseen, _metres(camera, foreseen)))
        if track.box is None or camera is None or not view.measures:
            outputs.no_place(header, result.target)
        else:
            view.seen(Seen(header, track.stamp, track.box, track.confidence, result.target,
                           camera, (width, height)))


def _metres(camera: Camera | None, foreseen: Foreseen) -> tuple[Array, Array, Array] | None:
    """Return position, covariance and velocity; None where camera or distance isn't known."""
    if camera is None or foreseen.depth is None:
        return None
    guess, (z, speed, variance) = foreseen.guess, foreseen.depth
    u, v = (float(c) for c in guess.center - 0.5)
    du, dv = (float(c) * _MOMENT for c in guess.velocity)
    try:
        here, covariance = point(camera, (u, v), z, guess.covariance, variance)
        there, _ = point(camera, (u + du, v + dv), z + speed * _MOMENT, guess.covariance, variance)
    except ValueError:  # it may have left what the camera sees
        return None
    return here, covariance, (there - here) / _MOMENT
