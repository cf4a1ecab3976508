"""The example for nav2, against an action server of our own: nav2 could not be had."""

import importlib.util
import os
from pathlib import Path
import signal
import subprocess
import sys

from geometry_msgs.msg import PoseStamped
from helpers.ros import PATIENCE, Rig
from helpers.scripts import imported
from lg_tracker_interfaces.action import Track
import pytest
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future

EXAMPLE = Path(__file__).resolve().parents[2] / 'examples' / 'follow_with_nav2.py'
STAND_IN = """
from lg_tracker_interfaces.action import Track


class FollowObject(Track):
    class Goal(Track.Goal):
        def __init__(self, pose_topic, max_duration):
            super().__init__(label=pose_topic, lost_after=float(max_duration.sec))
    # rosidl's C code knows a message by these
    Goal.__name__, Goal.__module__ = Track.Goal.__name__, Track.Goal.__module__
"""
"""An action that has the fields of nav2's, as far as the example uses them."""


def test_it_says_what_is_missing():
    if importlib.util.find_spec('nav2_msgs'):
        pytest.skip('nav2 is here')
    done = subprocess.run([sys.executable, EXAMPLE], text=True, capture_output=True, timeout=60)
    assert done.returncode == 1
    line, = done.stderr.splitlines()
    assert line.startswith('follow_with_nav2: nav2_msgs with FollowObject is missing')


def test_a_goal_without_an_answer_is_sent_again_and_cancelled_in_the_end(monkeypatch):
    module, stand_in = imported(EXAMPLE), {}
    exec(STAND_IN, stand_in)
    monkeypatch.setattr(module, 'PATIENCE_S', 0.3)
    with Rig(node=False) as rig:
        goals, cancelled = [], Future()

        def asked(request):
            """Answer when the client has forgotten that it asked: as if the answer were lost."""
            known = node._client._goal_sequence_number_to_goal_id
            rig.until(lambda: known, 'the goal noted')
            known.clear()
            rig._add(goals, request.label)
            return GoalResponse.ACCEPT

        async def follow(handle):
            await cancelled
            handle.canceled() if handle.is_cancel_requested else handle.abort()
            return Track.Result()

        def cancel(handle):
            cancelled.set_result(None)
            return CancelResponse.ACCEPT
        server = Node('nav2', context=rig.context)
        rig.end.callback(server.destroy_node)
        action = ActionServer(server, Track, 'follow_object', follow, goal_callback=asked,
                              cancel_callback=cancel)
        rig.end.callback(action.destroy)
        node = module.FollowWithNav2(stand_in['FollowObject'], context=rig.context)
        rig.end.callback(node.destroy_node)
        rig._spin(server)
        rig._spin(node)
        poses = rig.client.create_publisher(PoseStamped, 'lg_tracker/target_pose', 1)

        def twice():
            poses.publish(PoseStamped())
            return len(goals) > 1
        rig.until(twice, 'another goal')
        assert node.follows
        node.end()
        rig.until(cancelled.done, 'cancelled')
        rig.until(lambda: not node.follows, 'stopped')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_leaves_no_robot_driving(number, tmp_path):
    package = tmp_path / 'nav2_msgs'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'action.py').write_text(STAND_IN)
    with Rig(node=False) as rig:
        goals, cancelled = [], Future()

        async def follow(handle):
            rig._add(goals, (handle.request.label, handle.request.lost_after))
            await cancelled
            handle.canceled()
            return Track.Result()

        def cancel(handle):
            cancelled.set_result(None)
            return CancelResponse.ACCEPT
        server = Node('nav2', context=rig.context)
        rig.end.callback(server.destroy_node)
        action = ActionServer(server, Track, 'follow_object', follow, cancel_callback=cancel)
        rig.end.callback(action.destroy)
        rig._spin(server)
        poses = rig.client.create_publisher(PoseStamped, 'lg_tracker/target_pose', 1)
        paths = os.pathsep.join([str(tmp_path), *sys.path])
        run = subprocess.Popen([sys.executable, EXAMPLE, '--ros-args', '-p', 'seconds:=60'],
                               env={**os.environ, 'PYTHONPATH': paths})
        rig.end.callback(run.kill)

        def following():
            poses.publish(PoseStamped())
            return goals
        rig.until(following, 'a goal')
        assert goals == [('/lg_tracker/target_pose', 60)]
        run.send_signal(number)
        assert run.wait(PATIENCE) == 0
        assert cancelled.done()
