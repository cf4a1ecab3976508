"""
Turn a pan-tilt unit, or a robot, to the target: a P-controller on the tracker's bearing.

The camera sits on the gimbal. Publishes the rates (rad/s) of pan and tilt on ``commands``, as a
velocity controller of ros2_control takes them; pan is positive to the left and tilt positive
downwards (REP 103). Without a bearing for ``timeout`` seconds, and when it is ended, the gimbal
stands still:

    ros2 launch lg_tracker_ros tracker.launch.py image_topics:=/camera/image_raw world:=true
    python3 turn_gimbal.py --ros-args -r commands:=/gimbal_controller/commands
"""

from __future__ import annotations

import signal
import threading

from geometry_msgs.msg import Vector3Stamped
from rcl_interfaces.msg import ParameterDescriptor
import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Float64MultiArray

PARAMETERS = (
    ('gain', 2.0, 'rad/s of turning for each rad of error; with half a second of delay below 1'),
    ('limit', 1.0, 'fastest turn, rad/s'),
    ('dead_band', 0.01, 'error, in rad, that is left alone'),
    ('timeout', 0.3, 'seconds without a bearing after which it stands still'),
    ('pan_sign', -1.0, '-1: the pan joint turns left with positive rates, 1: right'),
    ('tilt_sign', 1.0, '1: the tilt joint turns down with positive rates, -1: up'))


def rate(error: float, gain: float, limit: float, dead_band: float) -> float:
    """Return how fast to turn (rad/s) for an angle (rad)."""
    if abs(error) <= dead_band:
        return 0.0
    return max(-limit, min(limit, gain * error))


class TurnGimbal(Node):
    """Publishes a command for each bearing, and zeros once when they cease."""

    def __init__(self, **kwargs) -> None:
        """Declare the parameters and connect."""
        super().__init__('turn_gimbal', **kwargs)
        for name, default, text in PARAMETERS:
            # dynamic: a command line makes an integer of gain:=1
            self.declare_parameter(name, default, ParameterDescriptor(
                description=text, dynamic_typing=True))
        self._commands = self.create_publisher(Float64MultiArray, 'commands', 10)
        self.create_subscription(Vector3Stamped, 'lg_tracker/bearing', self._turn, 1)
        self._watch = self.create_timer(self._value('timeout'), self.stop)

    def _value(self, name: str) -> float:
        return float(self.get_parameter(name).value)

    def _turn(self, msg: Vector3Stamped) -> None:
        # x: to the right, y: downwards, in the camera's optical frame
        shape = [self._value(n) for n in ('gain', 'limit', 'dead_band')]
        self._command(self._value('pan_sign') * rate(msg.vector.x, *shape),
                      self._value('tilt_sign') * rate(msg.vector.y, *shape))
        self._watch.reset()

    def stop(self) -> None:
        """Stand still until the next bearing."""
        self._command(0.0, 0.0)
        self._watch.cancel()

    def end(self) -> None:
        """Stand still for good: a velocity controller goes on with the last command."""
        self.stop()
        self._commands.wait_for_all_acked(Duration(seconds=1))

    def _command(self, pan: float, tilt: float) -> None:
        self._commands.publish(Float64MultiArray(data=[pan, tilt]))


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    # rclpy's own handlers would take the context away before the last command is out
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = TurnGimbal()
    try:
        while not ended.is_set():
            rclpy.spin_once(node, timeout_sec=0.1)
    finally:
        node.end()
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
