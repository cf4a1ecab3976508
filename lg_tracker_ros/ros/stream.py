"""What runs while the node is active: messages -> cameras -> worker -> outputs, one way."""

from __future__ import annotations

from typing import Callable

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.outputs import Outputs
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.results import Result
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.tracker import LongTermTracker
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node


class Stream:
    """The subscriptions and the worker between two transitions; ``close`` ends it for good."""

    def __init__(self, node: Node, options: NodeOptions, tracker: LongTermTracker,
                 outputs: Outputs, health: Health, group: CallbackGroup,
                 arrived: Callable[[Item], None]) -> None:
        """
        Subscribe to nothing yet.

        The cameras' callbacks and ``poll`` belong to ``group``; ``arrived`` gets every frame
        after the worker got it.
        """
        self._outputs, self._health, self._arrived = outputs, health, arrived
        self.options = options
        self.worker = Worker(tracker, self._publish, health.complain, options.camera_timeout,
                             _history(options))
        self.cameras = [CameraInput(node, t, options.reliability, group, self._receive)
                        for t in options.image_topics]

    def start(self) -> None:
        """Start the worker and look for publishers."""
        self.worker.start()
        self.poll()

    def poll(self) -> None:
        """Look at the cameras' publishers; to be called a few times a second."""
        for camera in self.cameras:
            camera.poll()

    def tell_idle(self) -> None:
        """Publish the status of a node without a target, if there is none."""
        if self._health.track(self.worker.target.name) is None:
            self._outputs.idle()

    def limit(self, options: NodeOptions) -> None:
        """Take other options; topics and reliability must be the same."""
        self.options = options
        self.worker.limit(options.camera_timeout, _history(options))

    def close(self) -> None:
        """Receive nothing more, finish the frame at hand, forget the target."""
        for camera in self.cameras:
            camera.close()
        self.worker.stop()

    def _receive(self, item: Item) -> None:
        self.worker.offer(item)
        self._arrived(item)

    def _publish(self, result: Result) -> None:
        self._health.processed(result, self._outputs.publish(result))


def _history(options: NodeOptions) -> tuple[float, float]:
    return options.history_seconds, options.history_megabytes
