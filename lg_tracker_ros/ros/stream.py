"""What runs while the node is active: messages -> cameras -> worker -> outputs, one way."""

from __future__ import annotations

import time
from typing import Any, Callable, Sequence

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.outputs import Outputs
from lg_tracker_ros.ros.transports.offers import DEPTH, WAITING
from lg_tracker_ros.ros.transports.packets import Packets
from lg_tracker_ros.ros.transports.topics import images
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.decoders import Decoders
from lg_tracker_ros.runtime.pace import LATE
from lg_tracker_ros.runtime.results import Result
from lg_tracker_ros.runtime.sightings import Sightings
from lg_tracker_ros.runtime.worker import Worker
from lg_tracker_ros.tracker import LongTermTracker
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

POLL_S = 0.2
"""Seconds between two looks at the publishers."""


def world_type() -> Any:
    """Return the class World; imported here, for it must not slow a node that does without."""
    from lg_tracker_ros.ros.world.world import World
    return World


class Stream:
    """The subscriptions and the worker between two transitions; ``close`` ends it for good."""

    def __init__(self, node: Node, options: NodeOptions, tracker: LongTermTracker,
                 outputs: Outputs, health: Health, group: CallbackGroup,
                 arrived: Callable[[Item], None], more: Sequence[LongTermTracker] = (),
                 at_once: int = 1) -> None:
        """
        Subscribe to nothing yet.

        The cameras' callbacks and ``poll`` belong to ``group``; ``arrived`` gets every frame
        after the worker got it. ``more`` trackers are for more targets, whose results go to
        ``outputs`` alone; ``at_once`` of all are looked at at the same time.
        """
        self._outputs, self._health, self._arrived = outputs, health, arrived
        self.options = options
        self.worker = Worker(tracker, self._publish, health.complain, options.camera_timeout,
                             _history(options), Decoders(*_limits(options)), options.lockstep,
                             options.asynchronous_search, more, options.targets_every,
                             outputs.together, at_once)
        depth = WAITING if options.lockstep else DEPTH
        self._packets = [Packets(self._receive, self.worker.refuse, options.max_megapixels)
                         for _ in options.image_topics]
        self.cameras = [CameraInput(node, t, options.reliability, depth, group, self._receive,
                                    images(options.image_transport), p)
                        for t, p in zip(options.image_topics, self._packets)]
        self._annotations: Any = None
        if options.annotations:
            from lg_tracker_ros.ros.operators.annotations import Annotations
            self._annotations = Annotations(node)
        self.world = world_type()(node, options, self.cameras, group) if options.world else None
        self.page: Any = None  # what viewers see; the node sets it before the start
        self.sightings: Sightings | None = None  # where several targets are; a detector sets it

    def start(self) -> None:
        """Start the worker and look for publishers."""
        self.worker.start()
        self.poll()

    def poll(self) -> bool:
        """
        Look at the cameras' publishers; to be called every POLL_S.

        Returns whether a silence has begun or ended, which is to be told at once.
        """
        for camera in self.cameras:
            camera.poll()
        if self.world is not None:
            self.world.poll()
        # by turns: what waits in the middleware while the process is held up is no silence
        self.worker.pass_time(POLL_S)
        return self._health.silence(self.silence())

    def silence(self) -> str:
        """
        Say for how long nothing is known of the leader, and why; empty while it is.

        Of the worker's pause it tells without a target, too.
        """
        if self.worker.paused:
            return 'tracking is disabled; ~/enable goes on'
        last = self._health.last(self.worker.leader)
        if last is None:
            return ''
        now, age, busy = time.perf_counter(), self._health.age.steady_s, self.worker.busy_s
        timeout = self.options.camera_timeout
        camera = self._camera(last)
        if not self._overdue(last, age):
            return ''
        if silent := camera.pace.silent(now, timeout):
            return f'no image for {silent:.1f} s on {camera.name}'
        if busy > timeout:
            return f'the tracker has been busy with one frame for {busy:.1f} s'
        if self._health.refused(camera.name):
            return f'no readable image for {age:.1f} s on {camera.name}'
        return f'no result for {age:.1f} s'

    def tell(self) -> None:
        """Publish a status where no result does: without a target, and in a silence."""
        worker = self.worker
        booked = worker.booked
        self._outputs.rest(worker.targets, self._overdue, not worker.beginning)
        last = self._health.last(worker.target)
        if last is None and booked[0]:
            return  # its first result comes in a moment
        if last is not None and not self.silence():
            return
        if last is not None:
            self._outputs.quiet(last, self._health.age.stamped_s)
        else:
            self._outputs.idle()
        if self._annotations is not None:
            self._annotations.clear()

    def limit(self, options: NodeOptions) -> None:
        """Take other options; topics and reliability must be the same."""
        self.options = options
        self.worker.limit(options.camera_timeout, _history(options))
        self.worker.decoders.limit(*_limits(options))
        for packets in self._packets:
            packets.limit(options.max_megapixels)
        if self.world is not None:
            self.world.limit(options)

    def close(self) -> None:
        """Receive nothing more, finish the frame at hand, forget the target."""
        for camera in self.cameras:
            camera.close()
        self.worker.stop()
        if self.world is not None:
            self.world.close()
        if self._annotations is not None:
            self._annotations.close()

    def _camera(self, result: Result) -> CameraInput:
        return next(c for c in self.cameras if c.name == result.track.camera)

    def _overdue(self, result: Result, age: float) -> bool:
        """Whether a target's last result, of ``age`` seconds, says nothing of it any more."""
        turn = self.options.targets_every if result.target.place else 1
        return self.worker.paused or age > max(
            self.options.camera_timeout, LATE * turn * self._camera(result).pace.period)

    def _receive(self, item: Item) -> None:
        self.worker.offer(item)
        self._arrived(item)
        if self.page is not None:
            self.page.offer(item)

    def _publish(self, result: Result) -> None:
        if self.sightings is not None:
            self.sightings.put(result)
        total_ms = self._outputs.publish(result)
        if result.target is self.worker.leader:
            self._health.processed(result, total_ms)
        if result.target.place:
            return
        if self.world is not None:
            self.world.publish(result)
        if self._annotations is not None:
            self._annotations.publish(result)
        if self.page is not None:
            self.page.show(result)


def _history(options: NodeOptions) -> tuple[float, float]:
    return options.history_seconds, options.history_megabytes


def _limits(options: NodeOptions) -> tuple[tuple[str, ...], float]:
    return options.compressed_formats, options.max_megapixels
