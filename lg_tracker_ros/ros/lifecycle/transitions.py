"""Transitions that are asked for from outside; what takes long doesn't keep the node silent."""

from __future__ import annotations

from functools import wraps
import threading
from typing import Any, Callable

from lg_tracker_ros.words.lines import told
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future

SUCCESS = TransitionCallbackReturn.SUCCESS
ENDS = ('deactivate', Transition.TRANSITION_DEACTIVATE,
        'shutdown', Transition.TRANSITION_ACTIVE_SHUTDOWN)
"""Transitions after which an active node is none, by label and by number."""

Callback = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def telling(callback: Callback) -> Callback:
    """Let a node ``tell`` what its transition raises: rclpy goes on to on_error in silence."""
    @wraps(callback)
    def run(node: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return callback(node, state)
        except Exception as e:
            node.tell(f'{callback.__name__.removeprefix("on_")} failed: {told(e)}')
            raise
    return run


class Transitions:
    """
    Answers ``change_state`` in rclpy's place: the node answers while its networks are made.

    ``state`` names the node's state. ``finish`` is called before an active node ends: it returns
    what has to come to its end, in a thread, or raises RuntimeError where it can't be ended now.
    """

    def __init__(self, node: LifecycleNode, state: Callable[[], str],
                 finish: Callable[[], Callable[[], None]]) -> None:
        """Take the service over."""
        self._node, self._state, self._finish = node, state, finish
        self.thread: threading.Thread | None = None  # of the last one that took long
        self.busy = False
        self._group = ReentrantCallbackGroup()
        service: Any = next(s for s in node.services if s.srv_type is ChangeState)
        self._change = service.callback
        service.callback, service.callback_group = self._on_change, self._group
        self._group.add_entity(service)

    def start(self, clock: Clock) -> None:
        """Configure and activate the node as soon as it spins; ``clock`` is steady."""
        self._autostart = self._node.create_timer(0.0, self._start, clock=clock,
                                                  callback_group=self._group)

    def join(self) -> None:
        """Wait for the transition that is under way in a thread."""
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join()

    async def _start(self) -> None:
        node = self._node
        node.destroy_timer(self._autostart)
        # somebody, nav2's lifecycle manager say, may be quicker: before, and while it was built
        if self._state() == 'unconfigured' and not self.busy and await self._in_thread(
                node.trigger_configure) == SUCCESS and self._state() == 'inactive':
            node.trigger_activate()

    async def _on_change(self, request: Any, response: Any) -> Any:
        wanted = request.transition.label or request.transition.id
        try:
            if wanted in ('configure', Transition.TRANSITION_CONFIGURE) and not self.busy:
                return await self._in_thread(lambda: self._change(request, response))
            if wanted in ENDS and self._state() == 'active':
                # the frame at hand comes to its end, so that no transition waits for it
                await self._in_thread(self._finish())
            return self._change(request, response)
        except RuntimeError:  # rcl's, for a transition that this state doesn't have
            self._node.get_logger().warning(
                f'transition {wanted} refused: the node is {self._state()}')
            response.success = False
            return response

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        """Run ``work`` in a thread, so that the executor goes on answering."""
        done: Future = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except Exception as e:  # whatever it is, the one who waits gets it
                done.set_exception(e)
            if self._node.executor is not None:
                self._node.executor.wake()
        self.busy = True  # no second one: it would take this one's transition
        self.thread = threading.Thread(target=run, name='build')
        self.thread.start()
        try:
            return await done
        finally:
            self.busy = False
