"""The topics that the node publishes on, and what goes out for each result."""

from __future__ import annotations

from functools import partial
import time
from typing import Any, Callable, Sequence

from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_ros.media.drawing import annotate
from lg_tracker_ros.ros.convert import detection_to_msg, image_to_msg
from lg_tracker_ros.runtime.results import NOBODY, Result, Target
from lg_tracker_ros.types import Mode, Sight
import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D

Said = tuple[Target, TrackerStatus | None]


class Outputs:
    """
    Publishers of a configured node; ``last`` is the last status with a target, and the target.

    ``together`` wants the results of all targets for a moment; None where there is one.
    """

    together: Callable[[Sequence[Result]], None] | None = None

    def __init__(self, node: LifecycleNode) -> None:
        """Make the publishers."""
        make = partial(node.create_lifecycle_publisher, qos_profile=10)
        self.detection = make(Detection2D, 'tracked_target')
        self.status = make(TrackerStatus, '~/status')
        # best effort would lose big images, depth 1: a slow viewer must not cost memory
        self.debug = node.create_lifecycle_publisher(Image, '~/debug_image', 1)
        self.attention = node.create_lifecycle_publisher(Image, '~/attention', 1)
        self.last: Said = NOBODY, None
        self._node = node

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (self.detection, self.status, self.debug, self.attention):
            self._node.destroy_lifecycle_publisher(publisher)

    def publish(self, result: Result) -> float:
        """Publish a result; returns the total latency in ms."""
        track, header = result.track, result.item.message.header
        status = self.tell(result, self.detection, self.status)
        self.last = result.target, status
        self.draw([result])
        if (track.proposals is not None and track.proposals.attention is not None
                and self.attention.get_subscription_count()):
            grey = np.clip(255 * track.proposals.attention, 0, 255).astype(np.uint8)
            self.attention.publish(image_to_msg(grey, header, 'mono8'))
        return float(status.latency_total_ms)

    @staticmethod
    def tell(result: Result, detections: Any, statuses: Any) -> TrackerStatus:
        """Publish a target's detection and status; returns the status."""
        track, header = result.track, result.item.message.header
        begun = time.perf_counter()
        detections.publish(detection_to_msg(
            track.box, track.confidence, header, result.target.name, result.target.label))
        done = time.perf_counter()
        total = 1e3 * (done - result.item.received)
        status = TrackerStatus(
            header=header, mode=track.mode.value, confidence=float(track.confidence),
            visible=track.visible, sight=track.sight.value,
            consecutive_failures=int(track.failures),
            time_since_last_seen=result.unseen_s, camera=track.camera,
            target_id=result.target.name, latency_queue_ms=result.queue_ms,
            latency_convert_ms=result.convert_ms,
            latency_local_ms=float(track.ms.get('local', 0.0)),
            latency_redetect_ms=float(track.ms.get('redetect', 0.0)),
            latency_publish_ms=1e3 * (done - begun), latency_total_ms=total)
        if track.sight is Sight.UNSURE and track.unsure is not None:
            doubtful = track.unsure
            status.unsure_x, status.unsure_y = doubtful.x, doubtful.y
            status.unsure_width, status.unsure_height = doubtful.w, doubtful.h
        statuses.publish(status)
        return status

    def draw(self, results: Sequence[Result]) -> None:
        """Publish the image of ``results``, which is one, with all of them drawn onto it."""
        if self.debug.get_subscription_count():
            image = results[0].image
            for result in results:
                image = annotate(image, result.track, line=result.target.place)
            self.debug.publish(image_to_msg(image, results[0].item.message.header))

    def quiet(self, result: Result, seconds: float) -> None:
        """Say that nothing has been known of the target for ``seconds`` since this result."""
        msg = quiet_msg(result, seconds)
        self.last = result.target, msg
        self.status.publish(msg)

    def idle(self) -> None:
        """Say that there is no target."""
        self.status.publish(idle_msg())

    def rest(self, targets: Sequence[Target], overdue: Callable[[Result, float], bool],
             none: bool) -> None:
        """Say of every target but the first what no result says; there is none here."""


def quiet_msg(result: Result, seconds: float) -> TrackerStatus:
    """Make the status of a target of which nothing was known since a result."""
    track, unseen = result.track, result.unseen_s
    return TrackerStatus(
        header=result.item.message.header, mode=track.mode.value, visible=False,
        consecutive_failures=int(track.failures), camera=track.camera,
        target_id=result.target.name,
        time_since_last_seen=unseen + seconds if unseen >= 0 else -1.0)


def idle_msg() -> TrackerStatus:
    """Make the status without a target."""
    return TrackerStatus(mode=Mode.IDLE.value, time_since_last_seen=-1.0)
