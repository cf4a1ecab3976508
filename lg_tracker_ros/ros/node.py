"""The lifecycle node ``lg_tracker``: a thin shell around the worker."""

from __future__ import annotations

from functools import partial
import threading
import time
from typing import Any, Callable

from diagnostic_msgs.msg import DiagnosticArray
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.media.decoding import Decoder
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros import diagnostics as diag
from lg_tracker_ros.ros import params
from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.ros.inputs import CameraInput
from lg_tracker_ros.ros.outputs import Outputs
from lg_tracker_ros.ros.requests import candidates, first_box, fit_box, not_kept
from lg_tracker_ros.runtime.buffers import FATES, Item
from lg_tracker_ros.runtime.worker import Result, Target, Worker
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Image, Mode
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.task import Future
from std_srvs.srv import Trigger

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
POLL_S = 0.2


class TrackerNode(LifecycleNode):
    """
    Follows a target in the images of one or several topics.

    ``build`` makes the tracker when the node is configured.
    """

    def __init__(self, build: Callable[[Settings], LongTermTracker] = build_tracker,
                 **kwargs: Any) -> None:
        """Declare parameters and offer the services; nothing heavy."""
        super().__init__('lg_tracker', **kwargs)
        self._build = build
        self._wrong = params.declare(self)
        for line in params.unknown(self):
            self.get_logger().warning(line)
        # a wrong set is told when the node is configured; until then the defaults stand in
        self._settings, self._options = Settings(), NodeOptions()
        try:
            self._options = params.read_options(self)
            self._settings, _ = params.read(self)
        except ValueError:
            pass
        self._state = 'unconfigured'
        self._trouble = ''
        self._worker: Worker | None = None
        self._outputs: Outputs | None = None
        self._tracker: Any = None
        self._device = self._engine = ''
        self._inputs: list[CameraInput] = []
        self._decoders: dict[str, Decoder] = {}
        self._refused: dict[str, tuple[int, str]] = {}
        self._meter = diag.Meter()
        self._last: Result | None = None
        self._serial = 0
        self._waiting: list[tuple[frozenset[str], int, Future]] = []
        self._lock = threading.Lock()  # for executors of several threads
        self._images = MutuallyExclusiveCallbackGroup()
        # an init_target that awaits its frame must not keep that frame from coming
        requests = ReentrantCallbackGroup()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.create_timer(1.0, self._diagnose)
        self._poll = self.create_timer(POLL_S, self._look, clock=self._steady,
                                       callback_group=self._images)
        self._poll.cancel()
        self.create_service(InitTarget, 'init_target', self._on_init, callback_group=requests)
        self.create_service(Trigger, 'reset_target', self._on_reset, callback_group=requests)
        self.add_on_set_parameters_callback(self._on_set)
        # Humble has no callback after the setting: there the checked values are taken at once
        self._sets_late = hasattr(self, 'add_post_set_parameters_callback')
        if self._sets_late:
            self.add_post_set_parameters_callback(self._after_set)
        if self._options.autostart:
            # not here: the node must exist, and answer, while its networks are made
            self._autostart = self.create_timer(0.0, self._start, clock=self._steady)

    def close(self) -> None:
        """End the worker's thread; to be called before destroy_node."""
        self._silence()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    # -- lifecycle -------------------------------------------------------------

    def _start(self) -> None:
        self.destroy_timer(self._autostart)
        if self._state == 'unconfigured' and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the tracker; FAILURE with one line in the log if that can't be done."""
        self._trouble = ''
        try:
            if self._wrong:
                raise ValueError('; '.join(self._wrong.values()))
            self._settings, self._options = params.read(self)
            for topic in self._options.image_topics:
                self.resolve_topic_name(topic)
            engine = self._settings.engine_config()
            begun = time.perf_counter()
            tracker = self._build(self._settings)
        except Exception as e:  # rclpy would swallow it; the reason must be told
            text = ' '.join(str(e).split())
            self._trouble = 'configure failed: ' + (
                text if isinstance(e, ValueError) else f'{type(e).__name__}: {text}')
            self.get_logger().error(self._trouble)
            return FAILURE
        self._device, self._engine = engine.device, engine.engine
        self._outputs = Outputs(self)
        self._tracker = tracker
        self._state = 'inactive'
        self.get_logger().info(
            f'{self._settings.tracker} + {self._settings.redetector} on {engine.device} '
            f'({engine.engine}), ready in {time.perf_counter() - begun:.1f} s')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        result = super().on_activate(state)
        options = self._options
        self._worker = Worker(self._tracker, self._decode, self._publish, self._complain,
                              options.camera_timeout,
                              (options.history_seconds, options.history_megabytes))
        self._decoders.clear()
        self._refused.clear()
        self._trouble, self._last = '', None
        self._meter = diag.Meter()
        self._inputs = [CameraInput(self, t, options.reliability, self._images, self._receive)
                        for t in options.image_topics]
        self._worker.start()
        self._state = 'active'
        self._poll.reset()
        self._look()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop receiving, processing and publishing; the target is forgotten."""
        self._silence()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        self._last = None
        self._state = 'inactive'
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the networks."""
        result = super().on_cleanup(state)
        self._free('unconfigured')
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop everything, from whatever state."""
        self.close()
        self._free('finalized')
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured, from where the user may try again."""
        self.close()
        self._free('unconfigured')
        return SUCCESS

    def _silence(self) -> None:
        self._poll.cancel()
        for camera in self._inputs:
            camera.close()
        self._inputs = []
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            future.set_result(None)

    def _free(self, state: str) -> None:
        self._state = state
        if self._outputs is not None:
            self._outputs.close()
            self._outputs = None
        self._tracker = None

    # -- images in, results out ------------------------------------------------

    def _look(self) -> None:
        for camera in self._inputs:
            camera.poll()

    def _receive(self, name: str, msg: Any) -> None:
        worker = self._worker
        if worker is None:
            return
        received = time.perf_counter()
        item = Item(name, time_from_msg(msg.header.stamp), msg,
                    self.get_clock().now().nanoseconds, received, len(msg.data))
        worker.offer(item)
        camera = next((c for c in self._inputs if c.name == name), None)
        if camera is not None:
            camera.arrived = item.arrived
        if self._waiting:
            with self._lock:
                due = [w for w in self._waiting if name in w[0] and w[1] in (0, item.stamp)]
                self._waiting = [w for w in self._waiting if w not in due]
            for _, _, future in due:
                future.set_result(item)

    def _decode(self, item: Item) -> Image:
        decoder = self._decoders.setdefault(item.camera, Decoder())
        return decoder.msg_to_image(item.message)

    def _publish(self, result: Result) -> None:
        outputs = self._outputs
        if outputs is None:
            return
        self._meter.add(outputs.publish(result, result.track.proposals))
        self._last = result
        self._trouble = ''

    def _complain(self, camera: str, text: str) -> None:
        if camera:
            news = self._refused.get(camera, (0, ''))[1] != text
            self._refused[camera] = (self.get_clock().now().nanoseconds, text)
            if news:  # not thirty times a second
                self.get_logger().error(f'{camera}: {text}')
            return
        if self._trouble != text:
            self.get_logger().error(text)
        self._trouble = text

    # -- services --------------------------------------------------------------

    async def _on_init(self, request: Any, response: Any) -> Any:
        begun = self._serial
        response.target_id = request.target_id
        try:
            if self._worker is None:
                raise ValueError(f'the node is {self._state}; activate it first')
            drawn = (request.image_width, request.image_height)
            box = first_box(request.x, request.y, request.width, request.height, drawn)
            item = await self._frame(request)
            worker = self._worker
            if worker is None:
                raise ValueError('the node was deactivated meanwhile')
            image = self._decode(item)
            box = fit_box(box, drawn, (image.shape[1], image.shape[0]))
        except ValueError as e:
            response.message = str(e)
            self.get_logger().warning(f'init_target refused: {e}')
            return response
        self._serial = max(self._serial, begun) + 1
        target = Target(request.target_id or f'target-{self._serial}', request.label)
        behind = worker.begin(item, image, box, target)
        response.success, response.target_id = True, target.name
        response.header = item.message.header
        response.message = f'following {target.name} in {item.camera}' + (
            f', catching up {behind} frames' if behind else '')
        self.get_logger().info(response.message)
        return response

    async def _frame(self, request: Any) -> Item:
        """Return the frame that the request means, waiting for one that has yet to come."""
        worker = self._worker
        assert worker is not None
        stamp = time_from_msg(request.header.stamp)
        cameras = candidates(self._inputs, request.camera, request.header.frame_id)
        names = [c.name for c in cameras]
        timeout = self._options.init_timeout
        if not stamp:
            item = await self._next_frame(frozenset(names[:1]), 0)
            if item is None:
                problem = cameras[0].problem
                raise ValueError(f'no image on {names[0]} within {timeout:g} s'
                                 + (f': {problem}' if problem else ''))
            return item
        item = worker.find(stamp, names)
        if item is None:
            spans = worker.spans()
            newest = max((spans[n][1] for n in names if n in spans), default=None)
            # a picture may reach the user's screen before it reaches this node
            if newest is not None and 0 < stamp - newest <= timeout * 1e9:
                item = await self._next_frame(frozenset(names), stamp)
            if item is None:
                raise ValueError(not_kept(stamp, names, spans))
        return item

    async def _next_frame(self, names: frozenset[str], stamp: int) -> Item | None:
        future: Future = Future()
        entry = (names, stamp, future)

        def give_up() -> None:
            if not future.done():
                future.set_result(None)
        # steady: with use_sim_time and a paused bag the answer must come all the same
        timer = self.create_timer(self._options.init_timeout, give_up, clock=self._steady,
                                  callback_group=ReentrantCallbackGroup())
        with self._lock:
            self._waiting.append(entry)
        try:
            return await future
        finally:
            self.destroy_timer(timer)
            with self._lock:
                self._waiting = [w for w in self._waiting if w is not entry]

    def _on_reset(self, request: Any, response: Any) -> Any:
        if self._worker is None:
            response.message = f'the node is {self._state}; there is no target'
            return response
        target = self._worker.forget()
        self._last = None
        self._trouble = ''
        response.success = True
        response.message = f'forgot {target}' if target else 'there was no target'
        return response

    # -- parameters ------------------------------------------------------------

    def _on_set(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            settings, options = params.merge(self._settings, self._options, changes)
            if self._state != 'unconfigured' and self._settings.needs_rebuild(settings):
                raise ValueError('tracker, redetector, weights, device and the like need new '
                                 'networks: deactivate and cleanup the node first')
            if self._state == 'active' and (
                    (options.image_topics, options.reliability)
                    != (self._options.image_topics, self._options.reliability)):
                raise ValueError('image_topics and reliability: deactivate the node first')
            for topic in options.image_topics:
                _check_topic(self, topic)
        except ValueError as e:
            return SetParametersResult(successful=False, reason=str(e))
        if not self._sets_late:
            self._take(settings, options, changes)
        return SetParametersResult(successful=True)

    def _after_set(self, changes: list[Parameter]) -> None:
        settings, options = params.merge(self._settings, self._options, changes)
        self._take(settings, options, changes)

    def _take(self, settings: Settings, options: NodeOptions,
              changes: list[Parameter]) -> None:
        policy = settings.search() != self._settings.search()
        self._settings, self._options = settings, options
        for change in changes:
            self._wrong.pop(change.name, None)
        if self._worker is not None:
            if policy:
                self._worker.configure(settings.search())
            self._worker.limit(options.camera_timeout,
                               (options.history_seconds, options.history_megabytes))
        elif policy and self._state == 'inactive':
            self._tracker.configure(settings.search())

    # -- diagnostics -----------------------------------------------------------

    def _diagnose(self) -> None:
        now = self.get_clock().now()
        me = self.get_fully_qualified_name()
        worker, last = self._worker, self._last
        target = worker.target if worker is not None else Target('', '')
        mode = last.track.mode if last is not None and target.name else Mode.IDLE
        visible = mode is not Mode.IDLE and last is not None and last.track.visible
        if worker is not None and mode is Mode.IDLE and self._outputs is not None:
            self._outputs.idle()
        counts = [worker.counts(c.name) for c in self._inputs] if worker is not None else []
        total = diag.totals(counts)
        make = partial(diag.status, hardware=me)
        level, text = diag.tracking_state(self._state, mode, visible, self._trouble)
        array = DiagnosticArray()
        array.header.stamp = now.to_msg()
        name = diag.full_name(me, 'tracking')
        array.status.append(make(name, level=level, message=text, values={
            'state': self._state, 'mode': mode.name, 'target_id': target.name,
            'confidence': last.track.confidence if last is not None and target.name else 0.0,
            'rate_hz': self._meter.rate(now.nanoseconds),
            'latency_p50_ms': self._meter.percentile(0.5),
            'latency_p95_ms': self._meter.percentile(0.95),
            **{k: total.get(k, 0) for k in ('received', *FATES, 'replayed')},
            'lost_on_the_way': sum(c.loss.lost for c in self._inputs)}))
        for camera, count in zip(self._inputs, counts):
            silent = None if camera.arrived is None else (now.nanoseconds - camera.arrived) / 1e9
            when, refused = self._refused.get(camera.name, (0, ''))
            fresh = now.nanoseconds - when < 3e9
            level, text = diag.camera_state(camera, silent, self._options.camera_timeout,
                                            refused if fresh else '')
            array.status.append(make(
                diag.full_name(me, f'camera {camera.name}'), level=level, message=text, values={
                    'publishers': camera.publishers, 'frame_id': camera.frame_id or '',
                    **{k: count.get(k, 0) for k in ('received', *FATES, 'replayed')},
                    'lost_on_the_way': camera.loss.lost}))
        built = self._state in ('inactive', 'active')
        array.status.append(make(
            diag.full_name(me, 'engine'), level=diag.OK if not self._trouble or built else
            diag.ERROR, message='ready' if built else self._trouble or 'not built', values={
                'device': self._device, 'engine': self._engine,
                'precision': self._settings.precision, 'tracker': self._settings.tracker,
                'backbone': self._settings.backbone, 'redetector': self._settings.redetector,
                **diag.memory(self._device)}))
        self._diagnostics.publish(array)


def _check_topic(node: LifecycleNode, topic: str) -> None:
    try:
        node.resolve_topic_name(topic)
    except Exception as e:  # rclpy has a name for it that moved between releases
        raise ValueError(f'image_topics: {topic!r} is no topic name: '
                         f'{str(e).splitlines()[0]}') from e
