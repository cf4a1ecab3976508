"""
Let nav2's following server drive after the target. NOT TRIED: nav2 could not be had here.

Written from the definition of nav2_msgs/action/FollowObject. nav2 must run the server
``follow_object`` (nav2_following, newer than Jazzy), and TF must lead from the camera's optical
frame to the robot. The tracker needs ``world: true`` and ``depth_topics``:

    python3 follow_with_nav2.py --ros-args -p seconds:=60.0

A goal is sent when the target is seen, and again when one ended, or got no answer, and it is seen
once more. Ctrl-C and SIGTERM cancel it.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from uuid import uuid4

from action_msgs.msg import GoalInfo
from action_msgs.srv import CancelGoal
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from unique_identifier_msgs.msg import UUID

PATIENCE_S = 5.0
"""Seconds in which nav2 must have answered a goal and, at the end, have stopped following."""


class FollowWithNav2(Node):
    """Sends FollowObject goals that name the tracker's pose topic."""

    def __init__(self, action, **kwargs) -> None:
        """Connect; ``action`` is the type of the action."""
        super().__init__('follow_with_nav2', **kwargs)
        # dynamic: a command line makes an integer of seconds:=60
        self.declare_parameter('seconds', 0.0, ParameterDescriptor(
            description='how long to follow at most; 0: no limit', dynamic_typing=True))
        self._action = action
        self._client = ActionClient(self, action, 'follow_object')
        self._cancel = self.create_client(CancelGoal, 'follow_object/_action/cancel_goal')
        self._busy = self._ending = False
        self._asked, self._id, self._late = None, UUID(), 0.0
        self._goal = None  # that nav2 has accepted
        # the server subscribes by this name; the tracker measures as long as somebody listens
        self._topic = self.resolve_topic_name('lg_tracker/target_pose')
        self.create_subscription(PoseStamped, self._topic, self._seen, 1)

    @property
    def follows(self) -> bool:
        """Whether nav2 has a goal of ours, or is about to take one."""
        return self._busy and self._client.server_is_ready()

    def end(self) -> None:
        """Send no more goals and cancel the one under way, now and once it is accepted."""
        self._ending = True
        if self._goal is not None:
            self._goal.cancel_goal_async()
        elif self.follows:
            # DDS may have lost the answer of a server that has just started: nav2 drives then
            request = CancelGoal.Request(goal_info=GoalInfo(goal_id=self._id))
            self._cancel.call_async(request).add_done_callback(self._cancelled)

    def _cancelled(self, future) -> None:
        if self._goal is None and future.result().goals_canceling:
            self._busy = False

    def _seen(self, msg: PoseStamped) -> None:
        unanswered = self._goal is None and time.monotonic() > self._late
        if self._ending or (self.follows and not unanswered):
            return
        self._busy, self._goal = False, None  # a goal ends with its server
        if not self._client.server_is_ready():
            self.get_logger().warning('no action server follow_object; start nav2_following',
                                      throttle_duration_sec=5.0)
            return
        self._busy = True
        seconds = float(self.get_parameter('seconds').value)
        goal = self._action.Goal(pose_topic=self._topic,
                                 max_duration=Duration(seconds=seconds).to_msg())
        self._id, self._late = UUID(uuid=list(uuid4().bytes)), time.monotonic() + PATIENCE_S
        self._asked = self._client.send_goal_async(goal, goal_uuid=self._id)
        self._asked.add_done_callback(self._answered)

    def _answered(self, future) -> None:
        if future is not self._asked:
            return  # nav2 has another goal since, which replaced that one
        handle = future.result()
        if handle is None or not handle.accepted:
            self.get_logger().warning('nav2 refused to follow')
            self._busy = False
            return
        self.get_logger().info('following')
        self._goal = handle
        handle.get_result_async().add_done_callback(self._ended)
        if self._ending:
            self.end()

    def _ended(self, future) -> None:
        result = future.result().result
        self.get_logger().info(f'following ended: {result.error_msg or result.error_code}')
        self._busy, self._goal = False, None


def main() -> int:
    """Run until SIGINT or SIGTERM; then nav2 is told to stop."""
    try:
        from nav2_msgs.action import FollowObject
    except ImportError:
        print('follow_with_nav2: nav2_msgs with FollowObject is missing; install a nav2 that has '
              'nav2_following', file=sys.stderr)
        return 1
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    # rclpy's own handlers would take the context away before the goal is cancelled
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = FollowWithNav2(FollowObject)
    try:
        while not ended.is_set():
            rclpy.spin_once(node, timeout_sec=0.1)
    finally:
        node.end()
        late = time.monotonic() + PATIENCE_S
        while node.follows and time.monotonic() < late:
            rclpy.spin_once(node, timeout_sec=0.1)
        stopped = not node.follows
        if not stopped:
            node.get_logger().error('nav2 was told to stop following and has not said that it did')
        node.destroy_node()
        rclpy.try_shutdown()
    return 0 if stopped else 1


if __name__ == '__main__':
    sys.exit(main())
