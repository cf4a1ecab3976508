"""
The pace of a node whose target is lost, with and without asynchronous_search, over DDS.

This process is the camera, at 30 images a second of 640 x 480, and the one who asks; the node is
another. Prints a line for each: what became of the images, and how long calls waited.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Iterator

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.ros.bench import Asked
from lg_tracker_ros.ros.convert import image_to_msg
from lg_tracker_ros.ros.transports.profile import use_profile
from lifecycle_msgs.srv import GetState
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool

CLIP = Path(__file__).resolve().parents[1] / 'test/data/woman'
RATE, SIZE = 30.0, (640, 480)
PATIENCE = 120.0
ENVIRONMENT = dict(os.environ)  # before the camera's profile is in it


class Robot(Node):
    """Camera and client; what it heard last."""

    def __init__(self) -> None:
        super().__init__('pace')
        self.mode, self.engine = 0, ''
        self.searches: list[float] = []
        self.counts: dict[str, int] = {}
        self.camera = self.create_publisher(Image, 'image', qos_profile_sensor_data)
        self.begin = self.create_client(InitTarget, 'init_target')
        self.state = self.create_client(GetState, 'lg_tracker/get_state')
        self.enable = self.create_client(SetBool, 'lg_tracker/enable')
        self.create_subscription(TrackerStatus, 'lg_tracker/status', self._on_status, 100)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def show(self, image: Any) -> None:
        self.camera.publish(image_to_msg(image, Header(stamp=self.get_clock().now().to_msg())))

    def settled(self) -> dict[str, int]:
        """Return the counters once no image is on its way."""
        for _ in range(2):  # the first may have been begun before
            self.counts = {}
            until(lambda: self.counts, 'diagnostics')
        return dict(self.counts)

    def _on_status(self, msg: TrackerStatus) -> None:
        self.mode = msg.mode
        if msg.mode == TrackerStatus.GLOBAL:
            self.searches.append(msg.latency_redetect_ms)

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name == 'lg_tracker: tracking':
                self.counts = {v.key: int(v.value) for v in status.values if v.value.isdigit()}
            elif status.name == 'lg_tracker: engine':
                self.engine = status.message


def until(test: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not test():
        if time.monotonic() > end:
            raise SystemExit(f'waited in vain for: {what}')
        time.sleep(0.02)


@contextmanager
def started(aside: bool) -> Iterator[Robot]:
    """Start a node and the one beside it."""
    node = subprocess.Popen(
        [sys.executable, '-m', 'lg_tracker_ros.ros.main', '--ros-args', '--log-level', 'error',
         '-p', f'asynchronous_search:={str(aside).lower()}'], env=ENVIRONMENT)
    use_profile()
    rclpy.init()
    robot, executor = Robot(), SingleThreadedExecutor()
    executor.add_node(robot)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            pass
    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield robot
    finally:
        node.send_signal(signal.SIGTERM)
        node.wait(PATIENCE)
        rclpy.shutdown()
        thread.join()


def measure(aside: bool, seconds: float) -> str:
    """Follow the clip's target, lose it, and look for ``seconds`` at what goes on."""
    video = cv2.VideoCapture(str(CLIP / 'video.mp4'))
    frame = video.read()[1]
    sx, sy = SIZE[0] / frame.shape[1], SIZE[1] / frame.shape[0]
    x, y, w, h = map(float, (CLIP / 'groundtruth.txt').read_text().split()[0].split(','))
    frame = cv2.resize(frame, SIZE)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    empty = cv2.GaussianBlur(noise, (0, 0), 3)
    with started(aside) as robot:
        until(lambda: robot.engine == 'ready' and robot.camera.get_subscription_count()
              and robot.begin.service_is_ready(), 'the node')
        asked = Asked(robot.begin, InitTarget.Request(
            x=x * sx, y=y * sy, width=w * sx, height=h * sy))

        def begun() -> bool:
            robot.show(frame)
            time.sleep(0.1)
            return asked.done()
        until(begun, 'init_target')

        def lost() -> bool:
            robot.show(empty)
            time.sleep(1 / RATE)
            return len(robot.searches) > 2
        until(lost, 'a search')
        before, waits, calls = robot.settled(), [], 0
        robot.searches.clear()
        begin, sent = time.monotonic(), 0
        while time.monotonic() - begin < seconds:
            robot.show(empty)
            sent += 1
            if sent % 2:
                now, calls = time.perf_counter(), calls + 1
                call = (robot.state.call_async(GetState.Request()) if calls % 2
                        else robot.enable.call_async(SetBool.Request(data=True)))
                call.add_done_callback(lambda _, t=now: waits.append(
                    1e3 * (time.perf_counter() - t)))
            time.sleep(max(0.0, begin + sent / RATE - time.monotonic()))
        until(lambda: len(waits) == calls, 'answers')
        after = robot.settled()
        got = {k: after[k] - before[k] for k in ('received', 'processed', 'overwritten')}
        search, median, p95 = (np.median(robot.searches or [0]), np.median(waits),
                               np.percentile(waits, 95))
        return (f'asynchronous_search {aside}: {sent} images, {got}; {len(robot.searches)} '
                f'searches, median {search:.0f} ms; {calls} calls, all answered, median '
                f'{median:.1f} ms, p95 {p95:.1f} ms; load {os.getloadavg()[0]:.1f} on '
                f'{os.cpu_count()} cores')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--seconds', type=float, default=15.0)
    parser.add_argument('--rounds', type=int, default=1, help='how often both are measured')
    args = parser.parse_args()
    for _ in range(args.rounds):
        for aside in (False, True):
            print(measure(aside, args.seconds), flush=True)


if __name__ == '__main__':
    main()
