"""The services ``init_target`` and ``reset_target``."""

from __future__ import annotations

import threading
from typing import Any, Callable

from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.requests import candidates, first_box, fit_box, not_kept
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.words import told
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger


class TargetServices:
    """
    Offers the services from the start on; they refuse while no stream is attached.

    ``attach`` and ``detach`` are called with the node's transitions, ``arrived`` with every frame.
    """

    def __init__(self, node: Node, health: Health, clock: Clock, state: Callable[[], str]
                 ) -> None:
        """Offer them; ``clock`` is steady, ``state`` names the node's state in a refusal."""
        self._node, self._health, self._clock, self._state = node, health, clock, state
        self._stream: Stream | None = None
        self._waiting: list[tuple[frozenset[str], int, Future]] = []
        self._serial = 0
        self._lock = threading.Lock()  # for executors of several threads
        # an init_target that awaits its frame must not keep that frame from coming
        group = ReentrantCallbackGroup()
        node.create_service(InitTarget, 'init_target', self._on_init, callback_group=group)
        node.create_service(Trigger, 'reset_target', self._on_reset, callback_group=group)

    @property
    def waiting(self) -> bool:
        """Whether a request waits for its frame."""
        return bool(self._waiting)

    def attach(self, stream: Stream) -> None:
        """Take requests for this stream."""
        self._stream = stream

    def detach(self) -> None:
        """Refuse requests from now on, those that wait for a frame too."""
        self._stream = None
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            future.set_result(None)

    def arrived(self, item: Item) -> None:
        """Hand a frame to the requests that wait for it."""
        if self._waiting:
            with self._lock:
                due = [w for w in self._waiting
                       if item.camera in w[0] and w[1] in (0, item.stamp)]
                self._waiting = [w for w in self._waiting if w not in due]
            for _, _, future in due:
                future.set_result(item)

    async def _on_init(self, request: Any, response: Any) -> Any:
        response.target_id = request.target_id
        try:
            stream = self._stream
            if stream is None:
                raise ValueError(f'the node is {self._state()}; activate it first')
            drawn = (request.image_width, request.image_height)
            box = first_box(request.x, request.y, request.width, request.height, drawn)
            item = await self._frame(stream, request)
            if self._stream is not stream:
                raise ValueError('the node was deactivated meanwhile')
            image = stream.worker.decode(item)
            box = fit_box(box, drawn, (image.shape[1], image.shape[0]))
        except Exception as e:  # of a decoder, say: it would end the node
            response.message = told(e)
            self._node.get_logger().warning(f'init_target refused: {response.message}')
            return response
        with self._lock:
            self._serial += 1
            target = Target(request.target_id or f'target-{self._serial}', request.label)
        behind = stream.worker.begin(item, image, box, target)
        response.success, response.target_id = True, target.name
        response.header = item.message.header
        response.message = f'following {target.name} in {item.camera}' + (
            f', catching up {behind} frames' if behind else '')
        self._node.get_logger().info(response.message)
        return response

    async def _frame(self, stream: Stream, request: Any) -> Item:
        """Return the frame that the request means, waiting for one that has yet to come."""
        stamp = time_from_msg(request.header.stamp)
        cameras = candidates(stream.cameras, request.camera, request.header.frame_id)
        names = [c.name for c in cameras]
        timeout = stream.options.init_timeout
        if not stamp:
            item = await self._next_frame(frozenset(names[:1]), 0, timeout)
            if item is None:
                problem = cameras[0].problem
                raise ValueError(f'no image on {names[0]} within {timeout:g} s'
                                 + (f': {problem}' if problem else ''))
            return item
        item = stream.worker.find(stamp, names)
        if item is None:
            spans = stream.worker.spans()
            newest = max((spans[n][1] for n in names if n in spans), default=None)
            # a picture may reach the user's screen before it reaches this node
            if newest is not None and 0 < stamp - newest <= timeout * 1e9:
                item = await self._next_frame(frozenset(names), stamp, timeout)
            if item is None:
                raise ValueError(not_kept(stamp, names, spans))
        return item

    async def _next_frame(self, names: frozenset[str], stamp: int, timeout: float
                          ) -> Item | None:
        """Return the next frame of one of ``names``, 0: of any stamp; None after the timeout."""
        future: Future = Future()
        entry = (names, stamp, future)

        def give_up() -> None:
            if not future.done():
                future.set_result(None)
        # steady: with use_sim_time and a paused bag the answer must come all the same
        timer = self._node.create_timer(timeout, give_up, clock=self._clock,
                                        callback_group=ReentrantCallbackGroup())
        with self._lock:
            self._waiting.append(entry)
        try:
            return await future
        finally:
            self._node.destroy_timer(timer)
            with self._lock:
                self._waiting = [w for w in self._waiting if w is not entry]

    def _on_reset(self, request: Any, response: Any) -> Any:
        stream = self._stream
        if stream is None:
            response.message = f'the node is {self._state()}; there is no target'
            return response
        target = stream.worker.forget()
        self._health.forget()
        response.success = True
        response.message = f'forgot {target}' if target else 'there was no target'
        return response
