"""
Measure the whole node: this process is the camera and the listener, the node is another.

So every image and every result crosses DDS, as on a robot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import os
from pathlib import Path
import subprocess
import sys
import time
from typing import Any, Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.convert import image_to_msg, time_from_msg
from lg_tracker_ros.ros.diagnostics import full_name
from lg_tracker_ros.ros.transports.profile import use_profile
from lg_tracker_ros.types import Box, Image
import numpy as np
import numpy.typing as npt
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image as ImageMsg
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D

PATIENCE = 240.0
"""Seconds after which a step that doesn't come is given up."""
WARM_UP = 5
"""Frames after the first that aren't counted."""
HELD_S = 2.0
"""Seconds that an image is held back at most until the one before is done."""
AGAIN_S = 10.0
"""Seconds without an answer after which a service is called again."""


class Asked:
    """
    A call of a service, which is made again while no answer comes: for what may be done twice.

    DDS shows a service before its server has heard of who calls: that answer is lost for good.
    """

    def __init__(self, client: Any, request: Any, every: float = AGAIN_S) -> None:
        """Call; again after ``every`` seconds."""
        self._client, self._request, self._every = client, request, every
        self._calls: list[Any] = []
        self._call()

    def _call(self) -> None:
        self._late = time.monotonic() + self._every
        self._calls.append(self._client.call_async(self._request))

    def done(self) -> bool:
        """Whether an answer came; calls again when it is late."""
        if self.result() is None and time.monotonic() > self._late:
            self._call()
        return self.result() is not None

    def result(self) -> Any:
        """Return the first answer that came; None before."""
        return next((call.result() for call in self._calls if call.done()), None)


@dataclass
class NodeTimes:
    """
    What was measured; times in ms, one of each frame.

    ``total``: message in to detection out, as the node reports it. ``own``: that without the
    tracker. ``heard``: from the stamp given before publishing the image to the detection being
    heard in the camera's process. ``processor``: of the node's process, mean of a frame.
    ``rate``: results a second. ``dropped``: by where.
    """

    total: npt.NDArray[np.float64]
    own: npt.NDArray[np.float64]
    heard: npt.NDArray[np.float64]
    processor: float
    rate: float
    published: int
    dropped: dict[str, int] = field(default_factory=dict)


class _Camera(Node):
    """Publishes images, listens to the results."""

    def __init__(self, context: Context, namespace: str) -> None:
        super().__init__('lg_tracker_bench', context=context, namespace=namespace)
        self.heard: dict[int, float] = {}
        self.statuses: dict[int, TrackerStatus] = {}
        self.counters: dict[str, int] = {}
        self.engine = ''
        self._tracker = f'{namespace}/lg_tracker'
        self.client = self.create_client(InitTarget, 'init_target')
        self.images = self.create_publisher(
            ImageMsg, 'image', QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
        self.create_subscription(Detection2D, 'tracked_target', self._on_detection, 100)
        self.create_subscription(TrackerStatus, 'lg_tracker/status', self._on_status, 100)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def publish(self, image: Image) -> Header:
        """Stamp and publish an image."""
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id='bench')
        self.images.publish(image_to_msg(image, header))
        return header

    def _on_detection(self, msg: Detection2D) -> None:
        now = self.get_clock().now().nanoseconds
        stamp = time_from_msg(msg.header.stamp)
        self.heard[stamp] = (now - stamp) / 1e6

    def _on_status(self, msg: TrackerStatus) -> None:
        if msg.mode != TrackerStatus.IDLE:
            # the first of a stamp: those of a silence carry the last result's again
            self.statuses.setdefault(time_from_msg(msg.header.stamp), msg)

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        for status in msg.status:
            if status.name == full_name(self._tracker, 'tracking'):
                self.counters = {v.key: int(v.value) for v in status.values if v.value.isdigit()}
            elif status.name == full_name(self._tracker, 'engine'):
                self.engine = status.message


def processor_s(pid: int) -> float:
    """Return the seconds that a process and its threads have computed (Linux, proc(5))."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def nothing_beside(camera: Node) -> Callable[[Header], None]:
    """Let the camera publish images and nothing else."""
    return lambda header: None


def measure_node(images: Sequence[Image], box: Box, rate: float, count: int,
                 threads: int = Settings.threads, parameters: Sequence[str] = (),
                 beside: Callable[[Node], Callable[[Header], None]] = nothing_beside,
                 checkout: Path | None = None, in_step: bool = False) -> NodeTimes:
    """
    Play ``count`` images at ``rate`` a second, forwards and backwards, into a node.

    ``box`` is the target in the first one. The node has the default configuration and
    ``parameters`` (``name:=value``), but stays in LOCAL; it is the one of ``checkout``, if given.
    ``beside`` gets the camera's node, to publish and listen to more; what it returns is called
    with the header of each image. ``in_step`` holds an image back, for HELD_S at most, until the
    result of the one before was heard: none is passed over on a busy machine. Raises
    ValueError when the node doesn't start or refuses the target.
    """
    namespace = f'/bench_{os.getpid()}'
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    others = dict(os.environ)
    process = subprocess.Popen(
        [sys.executable, '-m', 'lg_tracker_ros.ros.main', '--ros-args', '--log-level', 'error',
         '-r', f'__ns:={namespace}', '-p', 'beta2:=1000', '-p', f'threads:={threads}',
         *(word for p in parameters for word in ('-p', p))], cwd=checkout)
    use_profile()  # for this process, the camera's; the node was started without
    context = Context()
    rclpy.init(context=context)
    camera = _Camera(context, namespace)
    for name in set(os.environ) - set(others):
        del os.environ[name]  # so that the next node is started without it, too
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(camera)
    more = beside(camera)

    def publish(image: Image) -> Header:
        header = camera.publish(image)
        more(header)
        return header

    def unheard(header: Header) -> bool:
        return time_from_msg(header.stamp) not in camera.heard

    def until(test: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not test():
            if process.poll() is not None:
                raise ValueError(f'the tracker node ended with status {process.returncode}')
            if time.monotonic() > end:
                raise ValueError(f'the tracker node gave no {what} within {PATIENCE:.0f} s')
            executor.spin_once(timeout_sec=0.05)
    try:
        until(lambda: camera.engine == 'ready' and camera.images.get_subscription_count()
              and camera.client.service_is_ready(), 'sign of life')
        first = publish(images[0])
        answer = Asked(camera.client, InitTarget.Request(
            # float: where rclpy doesn't check, a whole number would end the process
            header=first, x=float(box.x), y=float(box.y), width=float(box.w),
            height=float(box.h), label='target'))
        until(answer.done, 'answer to init_target')
        result = answer.result()
        if not result.success:
            raise ValueError(f'init_target was refused: {result.message}')
        until(lambda: not unheard(first), 'first detection')
        order = list(range(len(images))) + list(range(len(images) - 2, 0, -1))
        begun = sent = time.monotonic()
        before, last = 0.0, first
        for i in range(1, count + 1):
            due = begun + i / rate
            while (left := (sent + HELD_S if in_step and unheard(last) else due)
                   - time.monotonic()) > 0:
                executor.spin_once(timeout_sec=left)
            if i == 1 + WARM_UP:
                before = processor_s(process.pid)
            if i < count:
                last, sent = publish(images[order[i % len(order)]]), time.monotonic()
        used = processor_s(process.pid) - before
        # two rounds of diagnostics: the second was begun after the last frame
        for _ in range(2):
            camera.counters = {}
            until(lambda: camera.counters, 'diagnostics')
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=PATIENCE)
        executor.shutdown()
        camera.destroy_node()
        rclpy.try_shutdown(context=context)
    stamps = sorted(set(camera.statuses) & set(camera.heard))[1 + WARM_UP:]
    if len(stamps) < 2:
        raise ValueError(f'only {len(stamps)} results came for {count} images: '
                         f'{camera.counters.get("lost_on_the_way", 0)} were lost on the way')
    status = [camera.statuses[s] for s in stamps]
    total = np.array([s.latency_total_ms for s in status], np.float64)
    tracker = np.array([s.latency_local_ms + s.latency_redetect_ms for s in status], np.float64)
    return NodeTimes(total, total - tracker, np.array([camera.heard[s] for s in stamps]),
                     1e3 * used / len(stamps),
                     1e9 * (len(stamps) - 1) / (stamps[-1] - stamps[0]), count,
                     {k: camera.counters.get(k, 0) for k in ('lost_on_the_way', 'overwritten')})
