"""The lifecycle node ``lg_tracker``: a thin shell around the worker."""

from __future__ import annotations

from functools import partial, wraps
import threading
import time
from typing import Any, Callable

from lg_tracker_ros.engine import EngineConfig, give_back
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros import params
from lg_tracker_ros.ros.diagnostics import Diagnostics
from lg_tracker_ros.ros.health import EngineLog, Health, passed_on
from lg_tracker_ros.ros.outputs import Outputs
from lg_tracker_ros.ros.stream import Stream, world_type
from lg_tracker_ros.ros.target_services import TargetServices
from lg_tracker_ros.runtime.words import one_line, told
from lg_tracker_ros.tracker import LongTermTracker
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.task import Future

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
POLL_S = 0.2
ENDS = ('deactivate', Transition.TRANSITION_DEACTIVATE,
        'shutdown', Transition.TRANSITION_ACTIVE_SHUTDOWN)
"""Transitions after which an active node is none, by label and by number."""
Callback = Callable[['TrackerNode', LifecycleState], TransitionCallbackReturn]


def _told(callback: Callback) -> Callback:
    """Tell what a transition raises: rclpy goes on to on_error and says nothing of it."""
    @wraps(callback)
    def run(node: TrackerNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return callback(node, state)
        except Exception as e:
            node.tell(f'{callback.__name__.removeprefix("on_")} failed: {told(e)}')
            raise
    return run


class TrackerNode(LifecycleNode):
    """
    Follows a target in the images of one or several topics.

    ``build`` makes the tracker when the node is configured, from Settings; for several targets it
    is called for each, with a table in which they share their networks. ``state`` is the
    lifecycle state in words; ``tracker`` and ``outputs`` are there from configure to cleanup,
    ``stream`` while the node is active.
    """

    def __init__(self, build: Callable[..., LongTermTracker] = build_tracker,
                 **kwargs: Any) -> None:
        """Declare parameters and offer the services; nothing heavy."""
        super().__init__('lg_tracker', **kwargs)
        self._build = build
        self._wrong = params.declare(self)
        for line in params.unknown(self):
            self.get_logger().warning(line)
        # a wrong set is told when the node is configured; until then the defaults stand in
        self.settings, self._options = Settings(), NodeOptions()
        try:
            self._options = params.read_options(self)
            self.settings, _ = params.read(self)
        except ValueError:
            pass
        self.state = 'unconfigured'
        self.tracker: LongTermTracker | None = None
        self._more: list[LongTermTracker] = []
        self.outputs: Outputs | None = None
        self.stream: Stream | None = None
        self._detector: Any = None
        self._clicks: Any = None
        self._page: Any = None
        self._bond: Any = None
        self._engine: EngineConfig | None = None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._health = Health(self)
        self._engine_log = EngineLog(self._health)
        self._diagnostics = Diagnostics(self, self._health)
        # steady: with use_sim_time and no clock there is all the more to tell
        self.create_timer(1.0, self._report, clock=steady)
        self._images = MutuallyExclusiveCallbackGroup()
        self._poll = self.create_timer(POLL_S, self._look, clock=steady,
                                       callback_group=self._images)
        self._poll.cancel()
        self.targets = TargetServices(self, self._health, steady, lambda: self.state)
        if self._options.targets > 1:
            from lg_tracker_ros.ros.several.services import TeamServices
            TeamServices(self, self.targets, self._options.targets)
        self._action: Any = None
        if self._options.track_action:
            # here: a node without it has nothing more to wait for
            from lg_tracker_ros.ros.choosing.action import TrackAction
            self._action = TrackAction(self, self.targets, self._health, steady,
                                       lambda: self.outputs.last if self.outputs else None)
        if hasattr(self, 'add_pre_set_parameters_callback'):  # not in Humble
            self.add_pre_set_parameters_callback(partial(params.lenient, self))
        params.answer_always(self)
        self.add_on_set_parameters_callback(self._on_set)
        # Humble has no callback after the setting: there the checked values are taken at once
        self._sets_late = hasattr(self, 'add_post_set_parameters_callback')
        if self._sets_late:
            self.add_post_set_parameters_callback(self._after_set)
        # the node answers while its networks are made
        self._aside: threading.Thread | None = None
        self._busy = False
        group = ReentrantCallbackGroup()
        service: Any = next(s for s in self.services if s.srv_type is ChangeState)
        self._change = service.callback
        service.callback, service.callback_group = self._on_change, group
        group.add_entity(service)
        if self._options.autostart:
            self._autostart = self.create_timer(0.0, self._start, clock=steady,
                                                callback_group=group)

    @property
    def pending(self) -> bool:
        """Whether a service call or a goal has not been answered yet."""
        return self.targets.pending or (self._action is not None and self._action.pending)

    @property
    def building(self) -> bool:
        """Whether a thread makes the networks, in which nothing can interrupt it."""
        return self.state == 'configuring'

    def close(self, why: str = 'the node is being shut down') -> None:
        """End the threads of builder and worker, refuse who waits; before destroy_node."""
        if self._aside is not None and self._aside is not threading.current_thread():
            self._aside.join()
        self._poll.cancel()
        stream, self.stream = self.stream, None
        self.targets.detach(why)
        detector, self._detector = self._detector, None
        clicks, self._clicks = self._clicks, None
        if clicks is not None:
            clicks.close()
        bond, self._bond = self._bond, None
        if bond is not None:
            bond.close()
        page, self._page = self._page, None
        if page is not None:
            page.close()
        if stream is not None:
            stream.close()
        if detector is not None:  # the worker has stopped, so that its search can change
            detector.close()

    def tell(self, trouble: str) -> None:
        """Take in what went wrong with the tracking."""
        self._health.complain('', trouble)

    def mishap(self, error: Exception) -> None:
        """Tell what a callback raised that nobody expected, rclpy's own perhaps; go on."""
        self._health.mishap(f'a callback failed: {told(error)}')

    def destroy_node(self) -> None:
        """Take back what rclpy doesn't know of, too."""
        if self._action is not None:
            self._action.destroy()
        super().destroy_node()
        # it holds the participant, whose threads must not outlive what they use, OpenSSL say
        self._state_machine.destroy_when_not_in_use()

    # -- lifecycle -------------------------------------------------------------

    async def _start(self) -> None:
        self.destroy_timer(self._autostart)
        # somebody, nav2's lifecycle manager say, may be quicker: before, and while it was built
        if self.state == 'unconfigured' and not self._busy and await self._in_thread(
                self.trigger_configure) == SUCCESS and self.state == 'inactive':
            self.trigger_activate()

    async def _on_change(self, request: Any, response: Any) -> Any:
        wanted = request.transition.label or request.transition.id
        try:
            if wanted in ('configure', Transition.TRANSITION_CONFIGURE) and not self._busy:
                return await self._in_thread(lambda: self._change(request, response))
            if wanted in ENDS and self.state == 'active':
                await self._finish()
            return self._change(request, response)
        except RuntimeError:  # rcl's, for a transition that this state doesn't have
            self.get_logger().warning(f'transition {wanted} refused: the node is {self.state}')
            response.success = False
            return response

    async def _finish(self) -> None:
        """Let the frame at hand come to its end, so that no transition waits for it."""
        if self._busy or self.stream is None:
            raise RuntimeError('the node is being deactivated')
        self.targets.detach('the node was deactivated meanwhile')
        await self._in_thread(self.stream.worker.stop)

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        """Run ``work`` in a thread, so that the executor goes on answering."""
        done: Future = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except Exception as e:  # whatever it is, the one who waits gets it
                done.set_exception(e)
            if self.executor is not None:
                self.executor.wake()
        self._busy = True  # no second one: it would take this one's transition
        self._aside = threading.Thread(target=run, name='build')
        self._aside.start()
        try:
            return await done
        finally:
            self._busy = False

    @_told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the tracker; FAILURE with one line in the log if that can't be done."""
        self._health.forget()
        self.state = 'configuring'
        try:
            if self._wrong:
                raise ValueError('; '.join(self._wrong.values()))
            self.settings, self._options = params.read(self)
            params.check_topics(self, self._options)
            if self._options.world:
                world_type()  # what is missing for it is told now
            if self._options.ui:
                from lg_tracker_ros.ui.server import load_aiohttp
                load_aiohttp()
            if self._options.bond:
                from lg_tracker_ros.ros.supervision.bond import bond_type
                bond_type()
            engine = self.settings.engine_config()
            self._engine_log.listen()
            begun = time.perf_counter()
            with passed_on(self):
                tracker, *more = self._build_all(self.settings)
        except Exception as e:  # rclpy would swallow it; the reason must be told
            self._health.complain('', f'configure failed: {told(e)}')
            self.state = 'unconfigured'
            self._engine_log.close()
            return FAILURE
        self._engine = engine
        if more:
            # here: a node with one target starts without this part
            from lg_tracker_ros.ros.several.outputs import TeamOutputs
            self.outputs = TeamOutputs(self, 1 + len(more))
        else:
            self.outputs = Outputs(self)
        for each in (tracker, *more):
            each.configure(self.settings.search())  # it may have changed meanwhile
        self.tracker, self._more = tracker, more
        self.state = 'inactive'
        self.get_logger().info(
            f'{self.settings.tracker} + {self.settings.redetector} on {engine.device} '
            f'({engine.engine}), ready in {time.perf_counter() - begun:.1f} s')
        return super().on_configure(state)

    def _build_all(self, settings: Settings) -> list[LongTermTracker]:
        """Build a tracker for each target."""
        if self._options.targets == 1:
            return [self._build(settings)]
        shared: dict[Any, Any] = {}
        return [self._build(settings, shared) for _ in range(self._options.targets)]

    @_told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        result = super().on_activate(state)
        assert self.tracker is not None and self.outputs is not None
        self._health.restart()
        self.stream = Stream(self, self._options, self.tracker, self.outputs, self._health,
                             self._images, self.targets.arrived, self._more)
        if self._options.detections_topic:
            # here: a node without a detector starts without this part
            from lg_tracker_ros.ros.choosing.detector import DetectorInput
            self._detector = DetectorInput(self, self._options, self.stream, self.targets,
                                           lambda: self.settings.selection())
        if self._options.click_topic:
            from lg_tracker_ros.ros.operators.clicks import ClickInput
            self._clicks = ClickInput(self, self._options, self.stream, self.targets)
        if self._options.ui:
            # here: a node without the page starts without its server
            from lg_tracker_ros.ros.choosing.page import NodePage
            self._page = self.stream.page = NodePage(
                self, self._options, self.stream, self.targets, self._health,
                lambda: self.settings)
        if self._options.bond:
            # here: a node without a lifecycle manager starts without its heartbeats
            from lg_tracker_ros.ros.supervision.bond import Bond
            self._bond = Bond(self)
        self.targets.attach(self.stream)
        self.stream.start()
        self.state = 'active'
        self._poll.reset()
        return result

    @_told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop receiving, processing and publishing; the target is forgotten."""
        self.close('the node was deactivated meanwhile')
        self.state = 'inactive'
        return super().on_deactivate(state)

    @_told
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

    def _free(self, state: str) -> None:
        self.state = state
        self._engine_log.close()
        if self.outputs is not None:
            self.outputs.close()
            self.outputs = None
        self.tracker, self._more = None, []
        give_back()

    # -- timers ----------------------------------------------------------------

    def _look(self) -> None:
        stream = self.stream
        if stream is not None and stream.poll():
            self._report()

    def _report(self) -> None:
        stream = self.stream
        if stream is not None:
            stream.tell()
        detector = self._detector
        parts = [part.part() for part in (detector, self._clicks, self._page, self._bond)
                 if part is not None]
        if stream is not None and stream.world is not None:
            parts += stream.world.statuses()
        self._diagnostics.report(self.state, self.settings, self._engine, stream, parts)

    # -- parameters ------------------------------------------------------------

    def _on_set(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            params.check_names(changes)
            settings, options = params.merge(self.settings, self._options, changes)
            if self.state != 'unconfigured' and self.settings.needs_rebuild(settings):
                raise ValueError('tracker, redetector, their weights, device and the like need '
                                 'new networks: deactivate and cleanup the node first')
            if self.state == 'active' and (fixed := options.fixed(self._options)):
                raise ValueError(f'{", ".join(fixed)}: deactivate the node first')
            params.check_topics(self, options)
        except ValueError as e:
            return SetParametersResult(successful=False, reason=one_line(str(e)))
        if not self._sets_late:
            self._take(settings, options, changes)
        return SetParametersResult(successful=True)

    def _after_set(self, changes: list[Parameter]) -> None:
        settings, options = params.merge(self.settings, self._options, changes)
        self._take(settings, options, changes)

    def _take(self, settings: Settings, options: NodeOptions,
              changes: list[Parameter]) -> None:
        policy = settings.search() != self.settings.search()
        self.settings, self._options = settings, options
        for change in changes:
            self._wrong.pop(change.name, None)
        if self.stream is not None:
            if policy:
                self.stream.worker.configure(settings.search())
            self.stream.limit(options)
        elif policy and self.tracker is not None:
            for tracker in (self.tracker, *self._more):
                tracker.configure(settings.search())
