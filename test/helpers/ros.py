"""For tests of the node: a simple real tracker, drawn scenes, and a client that records."""

from contextlib import ExitStack
import threading
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.ros.convert import detection_from_msg, image_to_msg, time_from_msg, time_to_msg
from lg_tracker_ros.ros.node import TrackerNode
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Proposals, TrackerOutput
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D

PATIENCE = 60.0
"""Seconds until what doesn't come is given up: many, for machines with other work to do."""
W, H = 320, 240
SIZE = (36, 28)
_rng = np.random.default_rng(5)
_BACK = cv2.GaussianBlur(_rng.integers(0, 256, (H, W, 3), np.uint8), (0, 0), 2)
_BACK = cv2.normalize(_BACK, None, 60, 190, cv2.NORM_MINMAX)
_PATCH = cv2.resize(_rng.integers(0, 256, (7, 9, 3), np.uint8), SIZE,
                    interpolation=cv2.INTER_NEAREST)


def scene(x=None, y=None):
    """Draw the textured target at x, y on textured noise; without a place it is absent."""
    image = _BACK.copy()
    if x is not None:
        image[y:y + SIZE[1], x:x + SIZE[0]] = _PATCH
    return image


def path(i):
    """Return where the target is in frame i."""
    return 40 + 3 * i % 200, 60 + 2 * i % 120


class TemplateTracker:
    """Normalised cross-correlation with the first patch; ``delay`` slows it down."""

    def __init__(self, delay=0.0):
        """Start without a target; ``gate``, when set to an Event, holds every call up."""
        self.delay, self.gate, self.calls, self.fail = delay, None, 0, ''

    def init(self, frame, box):
        """Cut the template out."""
        if self.fail == 'init':
            raise RuntimeError('no memory left on the device')
        x, y = round(box.x), round(box.y)
        self.patch = frame.image[y:y + round(box.h), x:x + round(box.w)].copy()
        self.box = box

    def track(self, frame, regions):
        """Search within twice the target's size."""
        self.calls += 1
        if self.gate is not None:
            self.gate.wait(PATIENCE)
        if self.delay:
            time.sleep(self.delay)
        if self.fail == 'track':
            raise RuntimeError('device lost')
        out = []
        for box in (r.box for r in regions):
            h, w = self.patch.shape[:2]
            x0, y0 = max(0, int(box.cx - 2 * w)), max(0, int(box.cy - 2 * h))
            region = frame.image[y0:y0 + 4 * h, x0:x0 + 4 * w]
            if region.shape[0] < h or region.shape[1] < w:
                out.append(TrackerOutput(box, 0.0, 0.0))
                continue
            score = cv2.matchTemplate(region, self.patch, cv2.TM_CCOEFF_NORMED)
            _, best, _, (x, y) = cv2.minMaxLoc(score)
            out.append(TrackerOutput(Box(x0 + x, y0 + y, w, h), min(1.0, max(0.0, best)), best))
        return out


class TemplateRedetector:
    """The same over the whole image."""

    history = 1

    def init(self, frame, box):
        """Cut the template out."""
        x, y = round(box.x), round(box.y)
        self.patch = frame.image[y:y + round(box.h), x:x + round(box.w)].copy()

    def propose(self, clip, size, k):
        """Propose the best place."""
        score = cv2.matchTemplate(clip[-1].image, self.patch, cv2.TM_CCOEFF_NORMED)
        x, y = cv2.minMaxLoc(score)[3]
        return Proposals([Box(x, y, *size)], np.clip(score, 0, 1).astype(np.float32))


class Build:
    """Makes the tracker for a node under test and keeps hold of its local part."""

    def __init__(self, delay=0.0, redetect=True):
        """Remember how."""
        self.local, self.redetect = TemplateTracker(delay), redetect

    def __call__(self, settings):
        """Build as build_tracker does."""
        return LongTermTracker(self.local, TemplateRedetector() if self.redetect else None,
                               settings.search())


class Rig:
    """A tracker node and a client in one process, over DDS; use it in a ``with``."""

    def __init__(self, build=None, namespace='/', cameras=('image',), started=True,
                 node=None, cli_args=None, haste=5, **parameters):
        """
        ``parameters`` are the node's; with ``node`` False only the client is made.

        ``haste``: how many times as often as for a user it reports and looks for publishers, for
        every test waits for that.
        """
        self.cli_args, self.haste = cli_args, haste
        self.build = build or Build()
        self.context = Context()
        self.changed = threading.Condition()
        self.detections, self.statuses, self.diagnostics, self.published = [], [], {}, []
        # what fails in between leaves no node behind that later tests would hear
        with ExitStack() as self.end:
            self._open(namespace, cameras, started, node, parameters)
            self.end = self.end.pop_all()

    def _open(self, namespace, cameras, started, node, parameters):
        rclpy.init(context=self.context)
        self.end.callback(self.context.destroy)
        self.end.callback(rclpy.try_shutdown, context=self.context)
        parameters = {'tracker': 'ncc', 'redetector': 'none', 'device': 'cpu',
                      'image_topics': list(cameras), **parameters}
        self.node = None
        if node is not False:
            self.node = TrackerNode(
                self.build, context=self.context, namespace=namespace, cli_args=self.cli_args,
                parameter_overrides=[Parameter(k, value=v) for k, v in parameters.items()])
            self.end.callback(self.node.destroy_node)
            self.end.callback(self.node.close)
            for timer in self.node.timers:
                timer.timer_period_ns //= self.haste
                if not timer.is_canceled():
                    timer.reset()  # or the first turn comes after the old period
            self._spin(self.node)
        self.client = Node('client', context=self.context, namespace=namespace)
        self.end.callback(self.client.destroy_node)
        sub = self.client.create_subscription
        sub(Detection2D, 'tracked_target', lambda m: self._add(self.detections, m), 1000)
        sub(TrackerStatus, 'lg_tracker/status', lambda m: self._add(self.statuses, m), 1000)
        sub(DiagnosticArray, '/diagnostics', self._diagnose, 10)
        self.init_client = self.client.create_client(InitTarget, 'init_target')
        self.reset_client = self.client.create_client(Trigger, 'reset_target')
        self.cameras = {}
        self._spin(self.client)
        self.end.callback(self._let_go)
        if started and self.node is not None:
            for camera in cameras:
                self.camera(camera)
            self.connect()

    def camera(self, topic='image', reliable=True, kind=Image):
        """Make a publisher of images."""
        qos = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE if reliable
                         else ReliabilityPolicy.BEST_EFFORT)
        self.cameras[topic] = self.client.create_publisher(kind, topic, qos)
        return self.cameras[topic]

    def connect(self):
        """Wait until everything is connected."""
        self.ready(self.init_client.service_is_ready)
        self.until(lambda: self.node is None or self.node.state == 'active', 'node active')
        self.until(lambda: all(c.get_subscription_count() for c in self.cameras.values()),
                   'images subscribed')
        self.until(lambda: all(
            self.client.count_publishers(t) and p for t, p in (
                ('tracked_target', 1), ('lg_tracker/status', 1))), 'results subscribed')
        if self.node is not None:
            self.until(lambda: self.node.outputs.detection.get_subscription_count()
                       and self.node.outputs.status.get_subscription_count(), 'matched')

    def send(self, i, image=None, topic='image', msg=None):
        """Publish frame i, stamped 100 s + 40 ms each; returns its header."""
        header = Header(stamp=time_to_msg(stamp(i)), frame_id=f'{topic}_optical')
        if msg is None:
            msg = image_to_msg(scene(*path(i)) if image is None else image, header)
        msg.header = header
        self.cameras[topic].publish(msg)
        return header

    def process(self, i, image=None, topic='image'):
        """Publish frame i and return the detection and the status for it."""
        header = self.send(i, image, topic)
        self.until(lambda: find(self.detections, header), f'detection of frame {i}')
        self.until(lambda: find(self.statuses, header), f'status of frame {i}')
        return find(self.detections, header), find(self.statuses, header)

    def feed(self, frames, topic='image'):
        """Publish frames one after the other, each when the one before has been received."""
        name = self.node.resolve_topic_name(topic)
        for i in frames:
            before = self.node.stream.worker.counts(name)['received']
            self.send(i, topic=topic)
            self.until(lambda n=before: self.node.stream.worker.counts(name)['received'] > n,
                       f'frame {i} received')

    def received(self, count, topic='image'):
        """Wait until ``count`` frames came or are known to be lost, and the node is idle."""
        name = self.node.resolve_topic_name(topic)
        loss = next(c.loss for c in self.node.stream.cameras if c.name == name)
        self.until(lambda: self.node.stream.worker.counts(name)['received'] + loss.lost >= count
                   and self.node.stream.worker.idle, f'{count} frames received')
        return self.node.stream.worker.counts(name)

    def init_async(self, i=None, box=None, **fields):
        """Call init_target for frame i (None: the next one), by default with the right box."""
        box = box or (*path(i or 0), *SIZE)
        request = InitTarget.Request(x=float(box[0]), y=float(box[1]), width=float(box[2]),
                                     height=float(box[3]))
        if i is not None:
            request.header.stamp = time_to_msg(stamp(i))
        for key, value in fields.items():
            setattr(request, key, value)
        return self.init_client.call_async(request)

    def init(self, i=None, box=None, **fields):
        """Call init_target and wait for the answer."""
        return self.result(self.init_async(i, box, **fields))

    def start(self, i=0, **fields):
        """Publish frame i and begin on it."""
        self.send(i)
        name = self.node.resolve_topic_name('image')
        self.until(lambda: self.node.stream.worker.find(stamp(i), [name]), 'frame kept')
        answer = self.init(i, **fields)
        assert answer.success, answer.message
        self.until(lambda: any(time_from_msg(d.header.stamp) == stamp(i)
                               for d in self.detections), 'first detection')
        return answer

    def reset(self):
        """Call reset_target."""
        return self.result(self.reset_client.call_async(Trigger.Request()))

    def service(self, kind, name):
        """Make a client of a service and wait until it can be called."""
        client = self.client.create_client(kind, name)
        self.ready(client.service_is_ready)
        return client

    def ready(self, test):
        """Wait for a service by its ``test``; rclpy's own wait_for_service looks at 4 Hz only."""
        self.until(test, 'a service')

    def answered(self, future, timeout):
        """Wait for a future of the client; whether it is done in time."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        return done.wait(timeout)

    def result(self, future, timeout=PATIENCE):
        """Wait for a future of the client, and return what it holds."""
        assert self.answered(future, timeout), 'no answer'
        return future.result()

    def part(self, name, test=lambda s: True, timeout=PATIENCE):
        """Wait for a diagnostic status of this name that passes the test, and return that one."""
        return self.until(
            lambda: next((s for s in [self.diagnostics.get(name)] if s and test(s)), None),
            lambda: f'diagnostics {name}: {self.diagnostics.get(name)}', timeout)

    def until(self, test, what='', timeout=PATIENCE):
        """
        Wait for what the test gives; looked at after each message and every 10 ms.

        Meanwhile the client hears nothing, so the test can't wait for an answer.
        """
        end = time.monotonic() + timeout
        with self.changed:
            while not (found := test()):
                if time.monotonic() > end:
                    raise AssertionError(f'waited in vain: {what() if callable(what) else what}')
                self.changed.wait(0.01)
        return found

    def boxes(self):
        """Return {stamp: box or None} of all detections so far."""
        return {time_from_msg(d.header.stamp): detection_from_msg(d)[0] for d in self.detections}

    def _add(self, where, msg):
        with self.changed:
            where.append(msg)
            self.changed.notify_all()

    def _diagnose(self, msg):
        with self.changed:
            for status in msg.status:
                self.diagnostics[status.name] = status
            self.changed.notify_all()

    def _spin(self, node):
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(node)

        def run():
            try:
                executor.spin()
            except ExternalShutdownException:
                pass
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.end.callback(thread.join, 5)
        self.end.callback(executor.shutdown, timeout_sec=5)

    def _let_go(self):
        if self.build.local.gate is not None:
            self.build.local.gate.set()

    def __enter__(self):
        """Return the rig."""
        return self

    def __exit__(self, *_):
        """Take everything down."""
        self.end.close()


def stamp(i):
    """Return the stamp of frame i."""
    return 100 * 10**9 + int(i * 40_000_000)


def find(messages, header):
    """Return the message with exactly this header."""
    return next((m for m in messages if m.header == header), None)
