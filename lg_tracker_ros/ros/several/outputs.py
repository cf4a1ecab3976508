"""Topics of each target beside the first, and of all together."""

from __future__ import annotations

from itertools import groupby
from typing import Callable, Sequence

from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_ros.ros.convert import detection_to_msg
from lg_tracker_ros.ros.health import Since
from lg_tracker_ros.ros.outputs import idle_msg, Outputs, quiet_msg
from lg_tracker_ros.runtime.results import Result, Target
from rclpy.lifecycle import LifecycleNode
from vision_msgs.msg import Detection2D, Detection2DArray


class TeamOutputs(Outputs):
    """
    Publishers of a node that follows several targets.

    The first has the topics of a node with one; target n has ``~/target_n/tracked_target`` and
    ``~/target_n/status``. What is seen in an image of all of them is on ``~/targets``.
    """

    def __init__(self, node: LifecycleNode, count: int) -> None:
        """Make the publishers for ``count`` targets."""
        super().__init__(node)
        make = node.create_lifecycle_publisher
        self.all = make(Detection2DArray, '~/targets', 10)
        self._others = {place: (make(Detection2D, f'~/target_{place + 1}/tracked_target', 10),
                                make(TrackerStatus, f'~/target_{place + 1}/status', 10))
                        for place in range(1, count)}
        self._heard: dict[int, tuple[Since, Result]] = {}
        self.together = self._publish_all

    def close(self) -> None:
        """Destroy the publishers."""
        super().close()
        for publisher in (self.all, *(p for pair in self._others.values() for p in pair)):
            self._node.destroy_lifecycle_publisher(publisher)

    def publish(self, result: Result) -> float:
        """Publish a result; returns the total latency in ms."""
        place = result.target.place
        if not place:
            return super().publish(result)
        self._heard[place] = Since(self._node), result
        return float(self.tell(result, *self._others[place]).latency_total_ms)

    def draw(self, results: Sequence[Result]) -> None:
        """Draw nothing until all are there."""

    def rest(self, targets: Sequence[Target], overdue: Callable[[Result, float], bool],
             none: bool) -> None:
        """Say of every target but the first what no result says; ``none``: that it isn't there."""
        for place, (_, statuses) in self._others.items():
            heard = self._heard.get(place)
            if not targets[place].name:
                if none:
                    statuses.publish(idle_msg())
            elif heard is not None:
                since, result = heard
                if result.target is targets[place] and overdue(result, since.steady_s):
                    statuses.publish(quiet_msg(result, since.stamped_s))

    def _publish_all(self, results: Sequence[Result]) -> None:
        """Publish what is seen in each camera's image, and the image with it."""
        for _, group in groupby(sorted(results, key=_camera), _camera):
            found = list(group)
            header = found[0].item.message.header
            self.all.publish(Detection2DArray(header=header, detections=[
                detection_to_msg(r.track.box, r.track.confidence, header, r.target.name,
                                 r.target.label) for r in found if r.track.visible]))
            super().draw(found)


def _camera(result: Result) -> str:
    return result.track.camera
