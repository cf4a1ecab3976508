"""
Let nav2's following server drive after the target. NOT TRIED: nav2 could not be had here.

Written from the definition of nav2_msgs/action/FollowObject. nav2 must run the server
``follow_object`` (nav2_following, newer than Jazzy), and TF must lead from the camera's optical
frame to the robot. The tracker needs ``world: true`` and ``depth_topics``:

    python3 follow_with_nav2.py --ros-args -p seconds:=60.0

A goal is sent when the target is seen, and again when one ended and it is seen once more.
"""

from __future__ import annotations

import sys

from geometry_msgs.msg import PoseStamped
import rclpy
from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.node import Node


class FollowWithNav2(Node):
    """Sends FollowObject goals that name the tracker's pose topic."""

    def __init__(self, action) -> None:
        """Connect; ``action`` is the type of the action."""
        super().__init__('follow_with_nav2')
        self.declare_parameter('seconds', 0.0)  # how long to follow at most; 0: no limit
        self._action = action
        self._client = ActionClient(self, action, 'follow_object')
        self._busy = False
        # the server subscribes by this name; the tracker measures as long as somebody listens
        self._topic = self.resolve_topic_name('lg_tracker/target_pose')
        self.create_subscription(PoseStamped, self._topic, self._seen, 1)

    def _seen(self, msg: PoseStamped) -> None:
        if self._busy:
            return
        if not self._client.server_is_ready():
            self.get_logger().warning('no action server follow_object; start nav2_following',
                                      throttle_duration_sec=5.0)
            return
        self._busy = True
        seconds = float(self.get_parameter('seconds').value)
        goal = self._action.Goal(pose_topic=self._topic,
                                 max_duration=Duration(seconds=seconds).to_msg())
        self._client.send_goal_async(goal).add_done_callback(self._answered)

    def _answered(self, future) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self.get_logger().warning('nav2 refused to follow')
            self._busy = False
            return
        self.get_logger().info('following')
        handle.get_result_async().add_done_callback(self._ended)

    def _ended(self, future) -> None:
        result = future.result().result
        self.get_logger().info(f'following ended: {result.error_msg or result.error_code}')
        self._busy = False


def main() -> int:
    """Run until Ctrl-C."""
    try:
        from nav2_msgs.action import FollowObject
    except ImportError:
        print('follow_with_nav2: nav2_msgs with FollowObject is missing; install a nav2 that has '
              'nav2_following', file=sys.stderr)
        return 1
    rclpy.init()
    node = FollowWithNav2(FollowObject)
    try:
        rclpy.spin(node)
    except KeyboardInterrupt:
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
