"""The examples: the gimbal's controller turns a camera to its target, and stops."""

from pathlib import Path
import signal
import subprocess
import sys

from geometry_msgs.msg import Vector3Stamped
from helpers.ros import PATIENCE, Rig
from helpers.scripts import imported
from lg_tracker_ros.geometry.camera import Camera
from lg_tracker_ros.geometry.place import bearing
from lg_tracker_ros.types import Box
import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Float64MultiArray

EXAMPLES = Path(__file__).resolve().parents[2] / 'examples'


@pytest.fixture(scope='module')
def gimbal():
    """Return the example as a module."""
    return imported(EXAMPLES / 'turn_gimbal.py')


def test_the_controller_turns_a_camera_to_its_target(gimbal):
    camera = Camera(np.array([[400.0, 0, 319.5], [0, 400, 239.5], [0, 0, 1]]), np.zeros(0))
    target = np.array([3.0, -1.0, 4.0])  # in the optical frame of the gimbal's base
    pan = tilt = 0.0  # to the right and down
    for _ in range(90):
        sight = np.array([
            [np.cos(pan), 0, -np.sin(pan)],
            [-np.sin(tilt) * np.sin(pan), np.cos(tilt), -np.sin(tilt) * np.cos(pan)],
            [np.cos(tilt) * np.sin(pan), np.sin(tilt), np.cos(tilt) * np.cos(pan)]]) @ target
        x, y = camera.pixels([sight])[0] + 0.5
        errors = bearing(camera, Box.from_center(x, y, 30, 30))
        pan += gimbal.rate(errors[0], 2.0, 1.0, 0.01) / 30
        tilt += gimbal.rate(errors[1], 2.0, 1.0, 0.01) / 30
    assert errors[:2] == pytest.approx((0, 0), abs=0.02)
    assert pan == pytest.approx(np.arctan2(3, 4), abs=0.02)


def test_the_rate_has_a_limit_and_a_dead_band(gimbal):
    assert [gimbal.rate(e, 2.0, 0.5, 0.01) for e in (0.1, -0.1, 3, -3, 0.01)] == pytest.approx(
        [0.2, -0.2, 0.5, -0.5, 0])


def test_it_commands_over_dds_and_stands_still_without_a_bearing(gimbal):
    with Rig(node=False) as rig:
        node = gimbal.TurnGimbal(context=rig.context, parameter_overrides=[
            Parameter('limit', value=0.8)])
        rig.end.callback(node.destroy_node)
        rig._spin(node)
        heard = []
        rig.client.create_subscription(Float64MultiArray, 'commands',
                                       lambda m: rig._add(heard, list(m.data)), 10)
        bearings = rig.client.create_publisher(Vector3Stamped, 'lg_tracker/bearing', 1)
        rig.until(lambda: bearings.get_subscription_count()
                  and node.count_subscribers('commands'), 'connected')
        rig.until(lambda: node._commands.get_subscription_count(), 'heard')
        msg = Vector3Stamped()
        msg.vector.x, msg.vector.y = 0.1, 3.0
        bearings.publish(msg)
        # to the right is a negative turn about z, down a positive one about y
        rig.until(lambda: [-0.2, 0.8] in heard, lambda: f'command: {heard}')
        rig.until(lambda: heard[-1] == [0, 0], 'stop')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_leaves_no_gimbal_turning(number):
    with Rig(node=False) as rig:
        heard = []
        rig.client.create_subscription(Float64MultiArray, 'commands',
                                       lambda m: rig._add(heard, list(m.data)), 10)
        bearings = rig.client.create_publisher(Vector3Stamped, 'lg_tracker/bearing', 1)
        run = subprocess.Popen([sys.executable, EXAMPLES / 'turn_gimbal.py', '--ros-args', '-p',
                                'timeout:=1000', '-p', 'gain:=1'])
        rig.end.callback(run.kill)
        rig.until(lambda: bearings.get_subscription_count()
                  and rig.client.count_publishers('commands'), 'connected')
        msg = Vector3Stamped()
        msg.vector.x = 0.5

        def turning():
            bearings.publish(msg)
            return [-0.5, 0.0] in heard
        rig.until(turning, lambda: f'command: {heard}')
        run.send_signal(number)
        assert run.wait(PATIENCE) == 0
        rig.until(lambda: heard[-1] == [0, 0], lambda: f'stop: {heard[-3:]}')
