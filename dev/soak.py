"""
The soak: many small frames through the node, while what is around it misbehaves at random.

Node, camera and client are in this process, over DDS. Between every two hundred frames the camera
is killed and comes back, perhaps with another QoS; the clock (/clock, and with it the images'
stamps) jumps; parameters change; or services are stormed. Every frame and every call must be
accounted for, and memory, threads and descriptors must stay what they were: docs/soak.md.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
import gc
from pathlib import Path
import random
import sys
import threading
import time
from typing import Any, Callable, Sequence

from account import Account
import cv2
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.convert import image_to_msg, time_to_msg
from lg_tracker_ros.ros.node import TrackerNode
from lg_tracker_ros.runtime.buffers import FATES
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Proposals, Region, TrackerOutput
from lifecycle_msgs.srv import GetState
import numpy as np
import psutil
from rcl_interfaces.srv import GetParameters, ListParameters, SetParameters
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from tqdm import tqdm

W, H, SIDE, PERIOD_NS = 128, 96, 20, 33_000_000
ROUND, STORM, AHEAD = 200, 20, 3
"""Frames between two events; calls of a storm; frames that may be on their way at once."""
PATIENCE = 60.0
"""Seconds until what doesn't come counts as lost: a call without an answer, a frame on its way."""


class Template:
    """Local tracker and re-detector in one: a plain template matcher, which is fast."""

    history = 1

    def init(self, frame: Frame, box: Box) -> None:
        """Cut the template out."""
        x, y = max(0, round(box.x)), max(0, round(box.y))
        self.patch = frame.image[y:y + SIDE, x:x + SIDE].copy()

    def _find(self, image: Any, near: Box | None) -> tuple[Box, Any]:
        h, w = self.patch.shape[:2]
        score = cv2.matchTemplate(image, self.patch, cv2.TM_CCOEFF_NORMED).clip(0, 1)
        if near is not None:
            yy, xx = np.mgrid[:score.shape[0], :score.shape[1]]
            score[np.hypot(yy - near.y, xx - near.x) > 2 * SIDE] = 0
        y, x = np.unravel_index(score.argmax(), score.shape)
        return Box(float(x), float(y), float(w), float(h)), score

    def track(self, frame: Frame, regions: Sequence[Region]) -> list[TrackerOutput]:
        """Look near each of the places."""
        found = [self._find(frame.image, r.box) for r in regions]
        return [TrackerOutput(b, float(s.max()), float(s.max())) for b, s in found]

    def propose(self, clip: Sequence[Frame], size: tuple[float, float], k: int) -> Proposals:
        """Propose the best place of all."""
        box, score = self._find(clip[-1].image, None)
        return Proposals([box][:k], score.astype(np.float32))


def template_tracker(settings: Settings) -> LongTermTracker:
    """Build the tracker that is fast enough for a hundred thousand frames."""
    template = Template()
    return LongTermTracker(template, template, settings.search())


class Soak:
    """A node, a camera and a client; use it in a ``with``."""

    def __init__(self, seed: int, build: Callable[[Settings], LongTermTracker] = template_tracker
                 ) -> None:
        """Draw the images; ``seed`` decides what happens when."""
        self.build = build
        self.random = random.Random(seed)
        self.account = Account()
        rng = np.random.default_rng(seed)
        back = rng.integers(60, 190, (H, W, 3), np.uint8)
        patch = cv2.resize(rng.integers(0, 256, (5, 5, 3), np.uint8), (SIDE, SIDE),
                           interpolation=cv2.INTER_NEAREST)
        self.places = [(round(50 + 40 * np.cos(a)), round(36 + 30 * np.sin(a)))
                       for a in np.linspace(0, 2 * np.pi, 64, endpoint=False)]
        self.images = []
        for i, (x, y) in enumerate(self.places):
            image = back.copy()
            if i % 16 < 12:  # out of sight for a quarter of the time
                image[y:y + SIDE, x:x + SIDE] = patch
            self.images.append(image_to_msg(image, Header()))
        self.now = 10**12
        self.sent = self.slack = self.unsettled = 0
        self.camera: Any = None

    def __enter__(self) -> Soak:
        """Start everything."""
        with ExitStack() as stack:
            context = Context()
            rclpy.init(context=context)
            stack.callback(rclpy.try_shutdown, context=context)
            values = {'image_topics': ['image'], 'history_megabytes': 1.0, 'init_timeout': 0.5,
                      'use_sim_time': True}
            self.node = TrackerNode(
                self.build, context=context, namespace='/soak',
                parameter_overrides=[Parameter(k, value=v) for k, v in values.items()])
            self.node.get_logger().set_level(rclpy.logging.LoggingSeverity.FATAL)
            stack.callback(self.node.destroy_node)
            stack.callback(self.node.close)
            self.client = Node('soak', context=context, namespace='/soak')
            stack.callback(self.client.destroy_node)
            self.clock = self.client.create_publisher(Clock, '/clock', 10)
            make = self.client.create_client
            self.services = {name: make(kind, name) for name, kind in (
                ('init_target', InitTarget), ('reset_target', Trigger),
                ('lg_tracker/enable', SetBool), ('lg_tracker/reject', Trigger),
                ('lg_tracker/confirm', Trigger), ('lg_tracker/get_state', GetState),
                ('lg_tracker/get_parameters', GetParameters),
                ('lg_tracker/list_parameters', ListParameters),
                ('lg_tracker/set_parameters', SetParameters))}
            for node in (self.node, self.client):
                self._spin(node, context, stack)
            self.until(lambda: self.node.state == 'active', 'active node')
            for service in self.services.values():
                self.until(service.service_is_ready, service.srv_name)
            self.name = self.node.resolve_topic_name('image')
            self._return(ReliabilityPolicy.BEST_EFFORT)
            self._begin()
            self.end = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        self.end.close()

    def _spin(self, node: Node, context: Context, stack: ExitStack) -> None:
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)

        def run() -> None:
            try:
                executor.spin()
            except ExternalShutdownException:
                pass
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        stack.callback(thread.join, 5)
        stack.callback(executor.shutdown, timeout_sec=5)

    def until(self, test: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Wait for a condition; raises TimeoutError."""
        end = time.monotonic() + patience
        while not test():
            if time.monotonic() > end:
                raise TimeoutError(f'waited {patience:.0f} s in vain for {what}')
            time.sleep(0.001)

    # -- frames ----------------------------------------------------------------

    def counted(self) -> int:
        """Count the frames that the node received or knows to be lost."""
        loss = self.node.stream.cameras[0].loss.lost
        return int(self.node.stream.worker.counts(self.name)['received']) + loss

    def send(self, count: int, in_step: bool = False) -> None:
        """Publish frames, as fast as they are received, or in step with their processing."""
        for _ in range(count):
            end = time.monotonic() + 0.2  # the last ones may be lost: then the next tells so
            while self.sent - self.counted() - self.slack >= (1 if in_step else AHEAD):
                if time.monotonic() > end:
                    self.slack = self.sent - self.counted()
                time.sleep(0.0005)
            while in_step and not self.node.stream.worker.idle:
                time.sleep(0.0005)
            self._publish()

    def _publish(self) -> None:
        self.now += PERIOD_NS
        if self.account.frames % 10 == 0:
            self.clock.publish(Clock(clock=time_to_msg(self.now)))
        message = self.images[self.account.frames % len(self.images)]
        message.header.stamp = time_to_msg(self.now)
        self.camera.publish(message)
        self.account.frames += 1
        self.sent += 1

    def arrive(self) -> int:
        """Publish until a frame arrives, and so all before it did or never will: count those."""
        end = time.monotonic() + PATIENCE
        while True:
            self._publish()
            try:
                self.until(lambda: self.node.stream.worker.find(self.now, [self.name]), '', 0.5)
                break
            except TimeoutError:
                if time.monotonic() > end:
                    raise TimeoutError(f'no frame arrived for {PATIENCE:.0f} s') from None
        missing = self.sent - self.counted()
        self.sent, self.slack = self.counted(), 0
        return missing

    def settle(self) -> None:
        """Look whether every frame arrived, or is known to be lost, and met its fate."""
        self.account.unaccounted += abs(self.arrive())
        self.until(lambda: self.node.stream.worker.idle, 'idle worker')
        count = self.node.stream.worker.counts(self.name)
        self.unsettled = abs(count['received'] - sum(count[f] for f in FATES))

    def sample(self) -> None:
        """Note memory, threads and descriptors while nothing is under way."""
        self.settle()
        gc.collect()
        process = psutil.Process()
        # a file that another thread reads at this very moment is no leak: one is in every reading
        open_now = [process.num_fds() for _ in range(5) if not time.sleep(0.02)]
        self.account.samples.append((self.account.frames, process.memory_info().rss,
                                     process.num_threads(), min(open_now)))

    # -- events ----------------------------------------------------------------

    def kill_camera(self) -> None:
        """End the publisher, with frames on their way; it comes back, perhaps with another QoS."""
        self.client.destroy_publisher(self.camera)
        if self.random.random() < 0.3:
            time.sleep(0.3)
        after = self.random.choice((ReliabilityPolicy.BEST_EFFORT, ReliabilityPolicy.RELIABLE))
        self.account.events['QoS changed'] += after != self.reliability
        self._return(after)

    def _return(self, reliability: ReliabilityPolicy) -> None:
        self.reliability = reliability
        self.camera = self.client.create_publisher(Image, 'image', QoSProfile(
            depth=100, reliability=reliability))

        def heard() -> bool:
            """Whether the node subscribes as this camera publishes, and gets its images."""
            infos = self.client.get_subscriptions_info_by_topic(self.name)
            return len(infos) == 1 and infos[0].qos_profile.reliability == reliability
        self.until(heard, 'subscription of that QoS')
        looks = self.node.stream.cameras[0].looks  # the next finds the new publisher
        self.until(lambda: self.node.stream.cameras[0].looks > looks + 1, 'look at publishers')
        self.account.unheard += self.arrive()

    def jump_clock(self) -> None:
        """Let /clock and the stamps go on elsewhere: up to 100 s before or after."""
        self.now = max(10**11, self.now + round(self.random.uniform(-1e11, 1e11)))
        self.clock.publish(Clock(clock=time_to_msg(self.now)))

    def change_parameters(self) -> None:
        """Set some that are right and some that aren't."""
        draw = self.random
        changes = draw.sample([
            Parameter('beta1', value=draw.uniform(0, 1)), Parameter('beta1', value=7.0),
            Parameter('beta2', value=draw.randrange(1, 30)), Parameter('beta2', value='five'),
            Parameter('visible_threshold', value=draw.uniform(0, 1)),
            Parameter('camera_timeout', value=draw.uniform(0.1, 3)),
            Parameter('history_seconds', value=draw.uniform(0, 5)),
            Parameter('tracker', value='pixelwise'), Parameter('nonsense', value=1)], 4)
        self._call([('lg_tracker/set_parameters', SetParameters.Request(
            parameters=[c.to_parameter_msg()])) for c in changes])

    def storm(self) -> None:
        """Call services at random, all at once; then the target is begun on anew."""
        calls = []
        for _ in range(STORM):
            name = self.random.choice([*self.services][:-1])
            request = self.services[name].srv_type.Request()
            if name == 'init_target':
                request = self._init(self.random.choice((0, 0, 30 * PERIOD_NS, 10**13)))
                if self.random.random() < 0.3:
                    request.width = self.random.choice((0.0, -1.0, float('nan'), 1e9))
            elif name == 'lg_tracker/enable':
                request.data = self.random.random() < 0.5
            elif name == 'lg_tracker/get_parameters':
                request.names = ['beta1', 'tracker']
            calls.append((name, request))
        self._call(calls)
        self._begin()

    def _begin(self) -> None:
        self._call([('lg_tracker/enable', SetBool.Request(data=True))])
        self._call([('init_target', self._init(0))])

    def _init(self, ago: int) -> InitTarget.Request:
        """Ask for the target on the image of ``ago`` ns before the last one."""
        x, y = self.places[(self.account.frames - 1 - ago // PERIOD_NS) % len(self.places)]
        request = InitTarget.Request(x=float(x), y=float(y), width=float(SIDE),
                                     height=float(SIDE))
        request.header.stamp = time_to_msg(max(1, self.now - ago))
        return request

    def _call(self, calls: list[tuple[str, Any]]) -> None:
        """Call services and wait for all answers, while frames go on coming."""
        futures = [self.services[name].call_async(request) for name, request in calls]
        end = time.monotonic() + PATIENCE
        while not all(f.done() for f in futures) and time.monotonic() < end:
            self.send(1)
            time.sleep(0.002)
        self.account.calls += len(futures)
        for (name, _), future in zip(calls, futures):
            if not future.done():
                self.account.unanswered += 1
                self.services[name].remove_pending_request(future)
                continue
            answer = future.result()
            results = getattr(answer, 'results', None) or [answer]
            self.account.refused += any(
                not getattr(r, 'success', getattr(r, 'successful', True)) for r in results)

    # -- the run ---------------------------------------------------------------

    def run(self, frames: int, seconds: float, every: int = 1000) -> Account:
        """Go on for so many frames or seconds, whichever is over first; sample now and then."""
        events: dict[str, Callable[[], None]] = {
            'camera killed and restarted': self.kill_camera, 'clock jumped': self.jump_clock,
            'parameters changed': self.change_parameters, 'services stormed': self.storm}
        account, begun = self.account, time.monotonic()
        with tqdm(total=frames, unit='frame', desc='soak', mininterval=5) as bar:
            while account.frames < frames and time.monotonic() - begun < seconds:
                self.send(ROUND, in_step=self.random.random() < 0.2)
                name = self.random.choice([*events])
                events[name]()
                account.events[name] += 1
                if account.frames // every > len(account.samples):
                    self.sample()
                bar.update(account.frames - bar.n)
        self.sample()
        count = self.node.stream.worker.counts(self.name)
        account.unaccounted += self.unsettled
        account.processed = count['processed'] + count['replayed']
        account.lost = self.node.stream.cameras[0].loss.lost
        account.seconds = time.monotonic() - begun
        return account


def main() -> int:
    """Run and print the table; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=10.0, help='at most')
    parser.add_argument('--frames', type=int, default=100_000, help='at most')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--networks', action='store_true',
                        help='the tracker that ships, in place of a fast template matcher')
    parser.add_argument('--out', type=Path, default=Path('soak_out'))
    args = parser.parse_args()
    try:
        with Soak(args.seed, build_tracker if args.networks else template_tracker) as soak:
            account = soak.run(args.frames, 60 * args.minutes)
    except KeyboardInterrupt:
        print('soak: interrupted', file=sys.stderr)
        return 130
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / 'soak.md').write_text(account.table() + '\n')
    np.savetxt(args.out / 'samples.csv', account.samples, '%d', ',',
               header='frame,resident_bytes,threads,descriptors', comments='')
    print(account.table())
    for line in account.faults():
        print(f'soak: {line}', file=sys.stderr)
    return 1 if account.faults() else 0


if __name__ == '__main__':
    sys.exit(main())
