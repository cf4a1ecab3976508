"""
The node's side of a bond with nav2's lifecycle manager: each hears of the other's end.

The protocol of bondcpp, with the times that nav2 gives both sides. While the node is active it
sends heartbeats on ``bond``, under its own name; the manager sends its own under the same name.
Who ends a bond says so with ``active`` false, and the other says it, too. A bond that has ended
stays so until the node is activated again. The manager acts on the end of a bond; the node only
tells of it.
"""

from __future__ import annotations

import math
import time
from typing import Any
import uuid

from lg_tracker_ros.ros.diagnostics import ERROR, OK, Part, WARN
from lg_tracker_ros.ros.health import FRESH_S
from lg_tracker_ros.words.lines import one_line, told
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

PERIOD_S, TIMEOUT_S = 0.1, 4.0
"""Seconds between two heartbeats, and of silence after which a side counts as dead."""
_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


def bond_type() -> Any:
    """Return the class Status of the package bond; ValueError where it isn't installed."""
    try:
        from bond.msg import Status
    except ImportError as e:
        raise ValueError(f'bond: true needs a package that is not installed ({one_line(e)}): '
                         'sudo apt install ros-$ROS_DISTRO-bond') from e
    return Status


class Bond:
    """Heartbeats from now on; ``close`` ends the bond."""

    def __init__(self, node: Node) -> None:
        """Begin; that nobody answers is no fault: a node may be started without a manager."""
        self._node, self._status = node, bond_type()
        self._instance, self._sister = str(uuid.uuid4()), ''
        self._heard = 0.0
        self._end, self._problem = '', (0.0, '')
        group = ReentrantCallbackGroup()
        self._publisher: Any = node.create_publisher(self._status, 'bond', _QOS)
        self._subscription: Any = None
        try:
            self._subscription = node.create_subscription(
                self._status, 'bond', self._take, _QOS, callback_group=group)
        except RuntimeError as e:  # rcl's, for a topic that this node uses with another type
            self._problem = math.inf, f"can't be subscribed to: {told(e)}"
        # steady: with use_sim_time and a paused clock the node is alive all the same
        self._timer = node.create_timer(PERIOD_S, self._beat, callback_group=group,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self) -> None:
        """Say that the bond has ended."""
        self._node.destroy_timer(self._timer)
        if not self._end:
            self._send(False)
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def _send(self, active: bool) -> None:
        msg = self._status(id=self._node.get_name(), instance_id=self._instance, active=active,
                           heartbeat_timeout=TIMEOUT_S, heartbeat_period=PERIOD_S)
        msg.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(msg)

    def _beat(self) -> None:
        silent = time.perf_counter() - self._heard
        if self._sister and not self._end and silent > TIMEOUT_S:
            self._break(f'no heartbeat of the lifecycle manager for {silent:.1f} s')
            self._node.get_logger().warning(self._end)
        if not self._end:
            self._send(True)

    def _take(self, msg: Any) -> None:
        if msg.id != self._node.get_name() or msg.instance_id == self._instance:
            return
        self._sister = self._sister or msg.instance_id
        if msg.instance_id != self._sister:
            self._problem = time.perf_counter(), (
                'more than one other side: two lifecycle managers, or two nodes, use the bond '
                f'{self._node.get_name()}')
            return
        self._heard = time.perf_counter()
        if not msg.active:
            self._break('the lifecycle manager has ended the bond')

    def _break(self, why: str) -> None:
        if not self._end:
            self._end = why
            self._send(False)

    def part(self) -> Part:
        """Say how it goes, for /diagnostics."""
        level, text = OK, 'no lifecycle manager yet'
        if self._problem[1] and time.perf_counter() - self._problem[0] < FRESH_S:
            level, text = ERROR, self._problem[1]
        elif self._end:
            level, text = WARN, self._end
        elif self._sister:
            text = 'heartbeats go both ways'
        return 'bond', level, text, {'id': self._node.get_name()}
