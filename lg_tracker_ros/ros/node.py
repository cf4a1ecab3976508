"""The lifecycle node ``lg_tracker``: a thin shell around the worker."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable

from lg_tracker_ros.engine import EngineConfig, give_back
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.diagnostics import Diagnostics
from lg_tracker_ros.ros.health import EngineLog, Health, passed_on
from lg_tracker_ros.ros.lifecycle.live_parameters import LiveParameters
from lg_tracker_ros.ros.lifecycle.parts import check, Parts
from lg_tracker_ros.ros.lifecycle.threads import alone, Ticker
from lg_tracker_ros.ros.lifecycle.transitions import telling, Transitions
from lg_tracker_ros.ros.outputs import Outputs
from lg_tracker_ros.ros.stream import POLL_S, Stream
from lg_tracker_ros.ros.target_services import TargetServices
from lg_tracker_ros.runtime.results import NOBODY
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.words.lines import told
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class TrackerNode(LifecycleNode):
    """
    Follows a target in the images of one or several topics.

    ``build`` makes the tracker when the node is configured, from Settings; for several targets it
    is called for each, with a table in which they share their networks. ``state`` is the
    lifecycle state in words; ``tracker`` and ``outputs`` are there from configure to cleanup,
    ``stream`` while the node is active, and ``parts`` are what it then has besides.
    """

    def __init__(self, build: Callable[..., LongTermTracker] = build_tracker,
                 **kwargs: Any) -> None:
        """Declare parameters and offer the services; nothing heavy."""
        super().__init__('lg_tracker', **kwargs)
        self._build = build
        self.lock = threading.RLock()
        self.parameters = LiveParameters(self)
        self.state = 'unconfigured'
        self.tracker: LongTermTracker | None = None
        self._more: list[LongTermTracker] = []
        self.outputs: Outputs | None = None
        self.stream: Stream | None = None
        self.parts = Parts()
        self._engine: EngineConfig | None = None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._health = Health(self)
        self._engine_log = EngineLog(self._health)
        self._diagnostics = Diagnostics(self, self._health)
        # steady: with use_sim_time and no clock there is all the more to tell
        self.create_timer(1.0, self._report, clock=steady)
        self._images = MutuallyExclusiveCallbackGroup()
        self._poll = Ticker(self, POLL_S, self._look, steady, self._images)
        self.targets = TargetServices(self, self._health, steady, lambda: self.state)
        options = self.parameters.options
        if options.targets > 1:
            from lg_tracker_ros.ros.several.services import TeamServices
            TeamServices(self, self.targets, options.targets)
        self._action: Any = None
        if options.track_action:
            # here: a node without it has nothing more to wait for
            from lg_tracker_ros.ros.choosing.action import TrackAction
            self._action = TrackAction(
                self, self.targets, self._health, steady,
                lambda: (NOBODY, None) if self.outputs is None else self.outputs.last)
        self.parameters.watch(lambda: self.state, self._taken)
        self.transitions = Transitions(self, lambda: self.state, self._finish)
        if options.autostart:
            self.transitions.start(steady)

    @property
    def settings(self) -> Settings:
        """The tracker's parameters as they are now."""
        return self.parameters.settings

    @property
    def pending(self) -> bool:
        """Whether a service call or a goal has not been answered yet."""
        return self.targets.pending or (self._action is not None and self._action.pending)

    @property
    def building(self) -> bool:
        """Whether a thread makes the networks, in which nothing can interrupt it."""
        return self.state == 'configuring'

    @alone
    def close(self, why: str = 'the node is being shut down') -> None:
        """End the threads of builder and worker, refuse who waits; destroy_node does it, too."""
        self.transitions.join()
        stream, self.stream = self.stream, None
        self.targets.detach(why)
        self.parts.close(stream)

    def tell(self, trouble: str) -> None:
        """Take in what went wrong with the tracking."""
        self._health.complain('', trouble)

    def mishap(self, error: Exception) -> None:
        """Tell what a callback raised that nobody expected, rclpy's own perhaps; go on."""
        self._health.mishap(f'a callback failed: {told(error)}')

    def destroy_node(self) -> None:
        """End its threads and take back what rclpy doesn't know of, too."""
        self.close()
        self.leave()

    def leave(self) -> None:
        """Take leave of other nodes, though networks are being made; then the process must end."""
        if self._action is not None:
            self._action.destroy()
        super().destroy_node()
        # it holds the participant, whose threads must not outlive what they use, OpenSSL say
        self._state_machine.destroy_when_not_in_use()

    # -- lifecycle -------------------------------------------------------------

    def _finish(self) -> Callable[[], None]:
        """Return what lets the frame at hand come to its end."""
        if self.transitions.busy or self.stream is None:
            raise RuntimeError('the node is being deactivated')
        self.targets.detach('the node was deactivated meanwhile')
        return self.stream.worker.stop

    @telling
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the tracker; FAILURE with one line in the log if that can't be done."""
        self._health.forget()
        self.state = 'configuring'
        try:
            self.parameters.read()
            check(self.parameters.options)  # what is missing for a part is told now
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
        if self.parameters.options.targets == 1:
            return [self._build(settings)]
        shared: dict[Any, Any] = {}
        return [self._build(settings, shared) for _ in range(self.parameters.options.targets)]

    @telling
    @alone
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        result = super().on_activate(state)
        assert self.tracker and self.outputs and self._engine
        self._health.restart()
        options = self.parameters.options
        self.stream = Stream(self, options, self.tracker, self.outputs, self._health,
                             self._images, self.targets.arrived, self._more,
                             self._engine.at_once)
        self.parts.begin(self, options, self.stream, self.targets, self._health,
                         lambda: self.settings)
        self.targets.attach(self.stream)
        self.stream.start()
        self.state = 'active'
        self._poll.go()
        return result

    @telling
    @alone
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop receiving, processing and publishing; the target is forgotten."""
        self.close('the node was deactivated meanwhile')
        self.state = 'inactive'
        return super().on_deactivate(state)

    @telling
    @alone
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the networks."""
        result = super().on_cleanup(state)
        self._free('unconfigured')
        return result

    @alone
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop everything, from whatever state."""
        self.close()
        self._free('finalized')
        return super().on_shutdown(state)

    @alone
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

    @alone
    def _look(self) -> bool:
        stream = self.stream
        if stream is not None and stream.poll():
            self._report()
        return stream is not None

    @alone
    def _report(self) -> None:
        stream = self.stream
        if stream is not None:
            stream.tell()
        parts = self.parts.statuses()
        if stream is not None and stream.world is not None:
            parts += stream.world.statuses()
        self._diagnostics.report(self.state, self.settings, self._engine, stream, parts)

    # -- parameters ------------------------------------------------------------

    @alone
    def _taken(self, before: Settings) -> None:
        """Let the worker, or the trackers, have parameters that were changed."""
        policy = self.settings.search() != before.search()
        if self.stream is not None:
            if policy:
                self.stream.worker.configure(self.settings.search())
            self.stream.limit(self.parameters.options)
        elif policy and self.tracker is not None:
            for tracker in (self.tracker, *self._more):
                tracker.configure(self.settings.search())
