"""The target by mouse: two clicks are opposite corners, or one is the centre of a square."""

from __future__ import annotations

import math
import time
from typing import Any, Sequence

from geometry_msgs.msg import Point, PointStamped
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.ros.diagnostics import ERROR, OK, Part, WARN
from lg_tracker_ros.ros.health import FRESH_S
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.ros.target_services import TargetServices
from lg_tracker_ros.ros.transports.topics import image_topic
from lg_tracker_ros.words.lines import one_line, told
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import Header

TYPES: dict[str, Any] = {'geometry_msgs/msg/PointStamped': PointStamped,
                         'geometry_msgs/msg/Point': Point}
"""Those of ``<image>/mouse_click`` (RViz) and ``<image>_mouse_left`` (rqt_image_view)."""
PAIR_S = 10.0
"""Seconds after which a first click is forgotten."""
POLL_S = 0.2


def box_of(clicks: Sequence[tuple[float, float]], size: float
           ) -> tuple[float, float, float, float] | None:
    """
    Return x, y, width and height in pixels; None while another click is needed.

    ``size`` in pixels makes a square around the last click; 0: the last two are corners.
    """
    x, y = clicks[-1]
    if size > 0:
        return x - size / 2, y - size / 2, size, size
    if len(clicks) < 2:
        return None
    a, b = clicks[-2]
    return min(a, x), min(b, y), abs(a - x), abs(b - y)


class ClickInput:
    """The subscription to clicks while the node is active; ``close`` ends it."""

    def __init__(self, node: Node, options: NodeOptions, stream: Stream, targets: TargetServices
                 ) -> None:
        """Look for a publisher, whose type decides."""
        self.topic = node.resolve_topic_name(options.click_topic)
        self._node, self._stream, self._targets = node, stream, targets
        self._group = ReentrantCallbackGroup()  # what awaits its image must not keep it away
        self._subscription: Any = None
        self._made, self._carries = '', ''
        self._first: tuple[float, str, tuple[float, float]] | None = None
        self._problem = 0.0, ''
        self._counts = {'clicks': 0, 'targets_begun': 0}
        self._timer = node.create_timer(POLL_S, self._poll, callback_group=self._group,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Receive nothing more."""
        self._node.destroy_timer(self._timer)
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)

    def _poll(self) -> None:
        kinds = sorted({i.topic_type for i in
                        self._node.get_publishers_info_by_topic(self.topic)})
        kind = next((k for k in TYPES if k in kinds), '')
        self._carries = '' if kind else ', '.join(kinds)
        if not kind or kind == self._made:
            return
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription, self._made = None, ''
        take: Any = self._take  # rclpy's type knows no coroutine
        try:
            self._subscription = self._node.create_subscription(
                TYPES[kind], self.topic, take, 10, callback_group=self._group)
        except RuntimeError as e:  # rcl's, for a topic that this node uses with another type
            self._complain(f"can't be subscribed to as {kind}: {told(e)}; choose another topic "
                           'in click_topic')
            return
        self._made = kind

    async def _take(self, msg: Any) -> None:
        self._counts['clicks'] += 1
        header, point = getattr(msg, 'header', Header()), getattr(msg, 'point', msg)
        try:
            await self._click(header, point)
        except Exception as e:  # of a decoder, say: it would end the node
            self._complain(told(e))

    def _complain(self, text: str) -> None:
        text = one_line(text)
        if text != self._problem[1]:
            self._node.get_logger().warning(f'{self.topic}: {text}')
        self._problem = time.perf_counter(), text

    async def _click(self, header: Header, point: Point) -> None:
        frames = {c.frame_id for c in self._stream.cameras} - {None}
        if point.z or (header.frame_id and frames and header.frame_id not in frames):
            raise ValueError(f'a point in {header.frame_id[:60]!r}, z = {point.z:g}, is none of '
                             'an image; expected pixels, z = 0: click into the image')
        if not (math.isfinite(point.x) and math.isfinite(point.y)):
            raise ValueError(f'a click must be in pixels, got {point.x:g}, {point.y:g}')
        now, here = time.perf_counter(), (point.x, point.y)
        first, self._first = self._first, (now, header.frame_id, here)
        paired = (first is not None and now - first[0] < PAIR_S
                  and first[1] == header.frame_id)  # a click into another image begins anew
        clicks = [first[2], here] if first is not None and paired else [here]
        box = box_of(clicks, self._stream.options.click_size)
        if box is None:
            return
        self._first = None
        # a topic of a camera's own has its name; the longest, for one may begin as another does
        names = {topic: c.name for c in self._stream.cameras
                 if self.topic.startswith(topic := image_topic(c.name))}
        request = InitTarget.Request(camera=names[max(names, key=len)] if names else '')
        request.x, request.y, request.width, request.height = map(float, box)
        request.header.frame_id = header.frame_id
        # viewers stamp a click with the time of the click; only an image's own stamp means one
        if self._stream.worker.find(time_from_msg(header.stamp),
                                    [c.name for c in self._stream.cameras]) is not None:
            request.header.stamp = header.stamp
        item, target, _ = await self._targets.begin(request)
        self._counts['targets_begun'] += 1
        self._node.get_logger().info(one_line(
            f'following {target.name} in {item.camera}, clicked on {self.topic}'))

    def part(self) -> Part:
        """Say how it goes, for /diagnostics."""
        level, text = OK, 'clicks are taken' if self._made else 'no publisher yet'
        if self._carries:
            level, text = ERROR, (f'{self.topic} carries {self._carries}; expected '
                                  f'{" or ".join(TYPES)}: choose another topic in click_topic')
        elif self._problem[1] and time.perf_counter() - self._problem[0] < FRESH_S:
            level, text = WARN, self._problem[1]
        return f'clicks {self.topic}', level, text, self._counts
