"""The action ``track``: a target followed until somebody says stop, with its end told."""

from __future__ import annotations

from dataclasses import dataclass, field
import math
import time
from typing import Any, Callable

from lg_tracker_interfaces.action import Track
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.lifecycle.threads import Ticker
from lg_tracker_ros.ros.outputs import Said
from lg_tracker_ros.ros.target_services import QUEUE, TargetServices
from lg_tracker_ros.runtime.results import NOBODY, Target
from lg_tracker_ros.words.lines import one_line, told
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.task import Future

TICK_S = 0.1
"""Seconds between two looks at the goals, and two feedbacks at least."""
CHOOSERS = ('detections_topic', 'click_topic', 'ui')
"""Parameters of what may choose the target of a goal without a box."""
CANCELED = 'the goal was cancelled'
Result = Track.Result
End = tuple[int, str]
"""Error code and message; NONE: it was cancelled."""


@dataclass(eq=False)
class _Goal:
    """A goal that is under way; ``target`` is NOBODY until a detector has chosen one."""

    handle: Any
    target: Target = NOBODY
    begun: bool = False
    told: TrackerStatus | None = None
    paused: float = -math.inf  # time.perf_counter() when the worker was last seen to rest
    done: Future = field(default_factory=Future)


class TrackAction:
    """Offers the action from the start on; goals are refused while no stream is attached."""

    def __init__(self, node: Node, targets: TargetServices, health: Health, clock: Clock,
                 status: Callable[[], Said]) -> None:
        """Offer it; ``clock`` is steady, ``status`` gives what was said last, and of whom."""
        self._targets, self._health, self._status = targets, health, status
        self._goals: list[_Goal] = []
        self._open = 0
        group = ReentrantCallbackGroup()
        self._server = ActionServer(
            node, Track, 'track', self._execute, callback_group=group,
            goal_service_qos_profile=QUEUE, result_service_qos_profile=QUEUE,
            cancel_service_qos_profile=QUEUE,
            cancel_callback=lambda handle: CancelResponse.ACCEPT)
        self._ticker = Ticker(node, TICK_S, self._tick, clock)

    @property
    def pending(self) -> bool:
        """Whether a goal has not come to its end."""
        return self._open > 0

    def destroy(self) -> None:
        """Take the action back, before its node is destroyed."""
        self._server.destroy()

    async def _execute(self, handle: Any) -> Any:
        request = handle.request
        goal = _Goal(handle)
        self._open += 1
        try:
            if not request.lost_after >= 0:
                raise ValueError('lost_after must be in seconds, 0 for never, '
                                 f'got {request.lost_after}')
            if request.width or request.height:
                _, goal.target, _ = await self._targets.begin(
                    request, unwanted=lambda: CANCELED if handle.is_cancel_requested else '')
            elif (stream := self._targets.stream) is None:
                raise ValueError(self._targets.refusal())
            elif not (stream.worker.taken or any(getattr(stream.options, c) for c in CHOOSERS)):
                raise ValueError('there is no target, and nothing that chooses one: give a box, '
                                 'or name a detector in detections_topic')
        except Exception as e:  # of a decoder, say: the one who waits gets it
            code, text = ((Result.NONE, '') if str(e) == CANCELED
                          else (Result.REFUSED, told(e)))
        else:
            self._goals.append(goal)
            self._ticker.go()
            code, text = await goal.done
            self._goals.remove(goal)
        self._open -= 1
        if code == Result.NONE:
            handle.canceled()
        else:
            handle.abort()
        return Result(error_code=code, error_msg=one_line(text), target_id=goal.target.name)

    def _tick(self) -> bool:
        waiting = [g for g in self._goals if not g.done.done()]
        for goal in waiting:
            end = self._end(goal)
            if end is None:
                self._feed(goal)
                continue
            if goal.begun and end[0] in (Result.NONE, Result.LOST):
                self._targets.forget()
            goal.done.set_result(end)
        return bool(waiting)

    def _end(self, goal: _Goal) -> End | None:
        """Say why a goal is at its end; None while it is not."""
        stream = self._targets.stream
        if stream is None:
            return Result.STOPPED, self._targets.refusal()
        if stream.worker.paused:
            goal.paused = time.perf_counter()
        now = stream.worker.target
        if goal.target is NOBODY:
            goal.target = now
        goal.begun = goal.begun or (now is not NOBODY and now is goal.target)
        if goal.begun and now is not goal.target:
            return Result.REPLACED, (f'{goal.target.name} was forgotten' if now is NOBODY
                                     else f'{now.name} is followed instead'
                                     if now.name != goal.target.name
                                     else f'another target is called {now.name} since')
        if goal.handle.is_cancel_requested:
            return Result.NONE, ''
        if goal.target is not NOBODY and not goal.begun and not stream.worker.beginning:
            return Result.REFUSED, self._health.trouble or 'another target was asked for since'
        unseen = goal.told.time_since_last_seen if goal.told is not None else 0.0
        limit = goal.handle.request.lost_after
        # nobody looked while it was paused: that is no loss
        if 0 < limit <= min(unseen, time.perf_counter() - goal.paused):
            return Result.LOST, f'{goal.target.name} has been unseen for {unseen:.1f} s'
        return None

    def _feed(self, goal: _Goal) -> None:
        """Tell how it goes, where that is news."""
        target, status = self._status()
        if status is not None and status is not goal.told and target is goal.target:
            goal.told = status
            goal.handle.publish_feedback(Track.Feedback(status=status))
