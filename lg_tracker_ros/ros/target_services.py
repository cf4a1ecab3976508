"""The services ``init_target``, ``reset_target``, ``~/reject``, ``~/confirm``, ``~/enable``."""

from __future__ import annotations

from functools import partial
import itertools
import secrets
import time
from typing import Any, Callable, Sequence

from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.ros.convert import time_from_msg
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.lifecycle.threads import Ticker
from lg_tracker_ros.ros.requests import candidates, first_box, fit_box, no_image, not_kept, not_of
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.pace import LATE
from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.waiting import Answer, Turns, Waiting
from lg_tracker_ros.types import Box
from lg_tracker_ros.words.lines import one_line, told
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

QUEUE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
"""Calls, and answers, that the middleware keeps: of a storm none may get lost."""
TICK_S = 0.05
"""Seconds between two looks at what waits."""
LONG_WAIT_S = 60.0
LONGEST = 256
"""Characters of a target's id and label: they go out with every frame."""


class TargetServices:
    """
    Offers the services from the start on; they refuse while no stream is attached.

    ``attach`` and ``detach`` are called with the node's transitions, ``arrived`` with every frame;
    ``stream`` is there in between.
    """

    def __init__(self, node: Node, health: Health, clock: Clock, state: Callable[[], str]
                 ) -> None:
        """Offer them; ``clock`` is steady, ``state`` names the node's state in a refusal."""
        self._node, self._health, self._state = node, health, state
        self.stream: Stream | None = None
        self._waiting, self._turns = Waiting(), Turns()
        self._why = ''
        self._calls: set[object] = set()
        # the next start of this node must not give the same ids again
        self._series, self._numbers = secrets.token_hex(3), itertools.count(1)
        self._turn, self._begun = itertools.count(1), dict[int, int]()  # of requests, by place
        # an init_target that awaits its frame must not keep that frame from coming
        group = ReentrantCallbackGroup()
        node.create_service(InitTarget, 'init_target', self._on_init, qos_profile=QUEUE,
                            callback_group=group)
        node.create_service(Trigger, 'reset_target', self._on_reset, qos_profile=QUEUE,
                            callback_group=group)
        node.create_service(SetBool, '~/enable', self._on_enable, qos_profile=QUEUE,
                            callback_group=group)
        for name, right in (('~/reject', False), ('~/confirm', True)):
            node.create_service(Trigger, name, partial(self._on_word, right), qos_profile=QUEUE,
                                callback_group=group)
        # steady: with use_sim_time and a paused bag the answer must come all the same
        self._ticker = Ticker(node, TICK_S, self._tick, clock)

    @property
    def waiting(self) -> int:
        """How many requests wait for their frames."""
        return len(self._waiting)

    @property
    def pending(self) -> bool:
        """Whether a request has not been answered yet."""
        return bool(self._calls)

    def attach(self, stream: Stream) -> None:
        """Take requests for this stream."""
        self.stream = stream

    def detach(self, why: str) -> None:
        """Refuse requests from now on, those that wait for a frame too."""
        self.stream, self._why = None, why
        self._waiting.refuse(why)

    def arrived(self, item: Item) -> None:
        """Hand a frame to the requests that wait for it."""
        self._waiting.arrived(item)

    async def _on_init(self, request: Any, response: Any) -> Any:
        call, turn = object(), Future()
        self._calls.add(call)
        await self._answer(request, response)
        self._turns.ask(lambda: turn.set_result(None))
        self._ticker.go()
        await turn
        self._calls.discard(call)
        return response

    async def _answer(self, request: Any, response: Any) -> None:
        """Fill the response in."""
        response.target_id = request.target_id
        try:
            item, target, behind = await self.begin(request, place=None)
        except Exception as e:  # of a decoder, say: it would end the node
            response.message = told(e)
            self._node.get_logger().warning(f'init_target refused: {response.message}')
            return
        response.success, response.target_id = True, target.name
        response.header = item.message.header
        response.message = self.told(item, target, behind)
        self._node.get_logger().info(response.message)

    async def begin(self, request: Any, place: int | None = 0,
                    unwanted: Callable[[], str] = str) -> tuple[Item, Target, int]:
        """
        Begin on the frame that the request means: the frame, the target, frames to catch up.

        ``place`` is its number of several, from 0; None: as Worker.place_for says. ``unwanted``
        says why not to begin, where that is known only while the frame is awaited.
        ValueError with the reason if it can't be.
        """
        stream, turn = self.stream, next(self._turn)
        if stream is None:
            raise ValueError(self.refusal())
        for name in ('target_id', 'label'):
            if len(text := getattr(request, name)) > LONGEST:
                raise ValueError(f'{name} must have at most {LONGEST} characters, '
                                 f'got {len(text)}')
        # where none is free no frame is awaited
        stream.worker.place_for(request.target_id, place)
        drawn = (request.image_width, request.image_height)
        box = first_box(request.x, request.y, request.width, request.height, drawn)
        item = await self._frame(stream, request, unwanted)
        if self.stream is not stream:
            raise ValueError(self._why)
        if why := unwanted():
            raise ValueError(why)
        return item, *self._follow(turn, stream, item, box, drawn, request.target_id,
                                   request.label, place)

    def begin_on(self, item: Item, box: Box) -> str:
        """
        Begin on a frame at hand, which the history may have dropped; return what was done.

        ValueError with the reason if it can't be.
        """
        stream = self.stream
        if stream is None:
            raise ValueError(self.refusal())
        text = self.told(item, *self._follow(next(self._turn), stream, item, box))
        self._node.get_logger().info(text)
        return text

    def _follow(self, turn: int, stream: Stream, item: Item, box: Box,
                drawn: tuple[int, int] = (0, 0), name: str = '', label: str = '',
                place: int | None = 0) -> tuple[Target, int]:
        """Begin on this frame: the target, and frames to catch up."""
        if stream.worker.paused:
            raise ValueError('tracking is disabled; call ~/enable with data: true first')
        image = stream.worker.decode(item)
        box = fit_box(box, drawn, (image.shape[1], image.shape[0]))
        place = stream.worker.place_for(name, place)
        if self._begun.get(place, 0) > turn:
            raise ValueError('another target was asked for since')
        self._begun[place] = turn
        target = Target(name or f'target-{self._series}-{next(self._numbers)}', label, place)
        return target, stream.worker.begin(item, image, box, target)

    @staticmethod
    def told(item: Item, target: Target, behind: int) -> str:
        """Say what was begun on."""
        number = f' as target {target.place + 1}' if target.place else ''
        return one_line(f'following {target.name}{number} in {item.camera}') + (
            f', catching up {behind} frames' if behind else '')

    async def _frame(self, stream: Stream, request: Any, unwanted: Callable[[], str]) -> Item:
        """Return the frame that the request means, waiting for one that has yet to come."""
        stamp = time_from_msg(request.header.stamp)
        cameras = candidates(stream.cameras, request.camera, request.header.frame_id)
        names = [c.name for c in cameras]
        # a camera may be slower than init_timeout
        timeout = max(stream.options.init_timeout, min(LATE * cameras[0].pace.period, LONG_WAIT_S))
        if not stamp:
            item = await self._next_frame(names[:1], 0, timeout, unwanted)
            if item is None:
                newest = stream.worker.spans().get(names[0], (0, 0))[1]
                raise ValueError(no_image(cameras[0], timeout, newest, time.perf_counter()))
            return self._of(request, item, stream)
        item = stream.worker.find(stamp, names)
        if item is None:
            spans = stream.worker.spans()
            newest = max((spans[n][1] for n in names if n in spans), default=0)
            # a picture may reach the user's screen before it reaches this node
            if newest and 0 < stamp - newest <= timeout * 1e9:
                item = await self._next_frame(names, stamp, timeout, unwanted)
            if item is None:
                raise ValueError(not_kept(stamp, names, spans))
        return self._of(request, item, stream)

    @staticmethod
    def _of(request: Any, item: Item, stream: Stream) -> Item:
        """Return the frame where it has the frame_id that was asked for; ValueError otherwise."""
        wanted = request.header.frame_id
        if wanted and not request.camera and item.message.header.frame_id != wanted:
            raise ValueError(not_of(wanted, stream.cameras))
        return item

    async def _next_frame(self, names: Sequence[str], stamp: int, timeout: float,
                          unwanted: Callable[[], str]) -> Item | None:
        """Return the next frame of one of ``names``, 0: of any stamp; None after the timeout."""
        future: Future = Future()
        self._waiting.add(names, stamp, time.perf_counter() + timeout, future.set_result,
                          unwanted)
        self._ticker.go()
        answer: Answer = await future
        if isinstance(answer, str):
            raise ValueError(answer)
        return answer

    def _tick(self) -> bool:
        self._waiting.expire(time.perf_counter())
        self._turns.tick()
        return bool(self._waiting) or not self._turns.idle

    def refusal(self) -> str:
        """Say why nothing can be asked for now."""
        state = self._state()
        if state == 'active':
            return self._why
        todo = {'unconfigured': 'configure and activate it first',
                'configuring': 'wait until it is active',
                'finalized': 'start it anew'}.get(state, 'activate it first')
        return f'the node is {state}; {todo}'

    def _on_word(self, right: bool, request: Any, response: Any) -> Any:
        return self.respond(response, partial(self.advise, right))

    def advise(self, right: bool, place: int = 0) -> str:
        """Take an operator's word for what is followed; ValueError where nothing is."""
        target = one_line(self._stream().worker.advise(right, place))
        if not target:
            raise ValueError('there is no target')
        text = (f'{target} is where it is followed' if right
                else f'what was followed is not {target}; searching on')
        self._node.get_logger().info(text)
        return text

    def reset(self, place: int | None = None) -> str:
        """Forget a target, or, None, all, who waits too; ValueError where there is no stream."""
        places = range(len(self._stream().worker.targets)) if place is None else [place]
        if place is None:
            self._waiting.refuse('reset_target was called meanwhile')
        names = ', '.join(filter(None, map(self.forget, places)))
        return one_line(f'forgot {names}') if names else 'there was no target'

    def _stream(self) -> Stream:
        if self.stream is None:
            raise ValueError('there is no target: ' + self.refusal())
        return self.stream

    def respond(self, response: Any, work: Callable[[], str]) -> Any:
        """Fill a Trigger's response in with what ``work`` says, or with its ValueError."""
        try:
            response.message, response.success = work(), True
        except ValueError as e:
            response.message = str(e)
        return response

    def forget(self, place: int = 0) -> str:
        """Forget a target; return its id, '' where there was none."""
        stream = self.stream
        if stream is None:
            return ''
        self._health.forget(stream.worker.targets[place])
        return stream.worker.forget(place)

    def _on_enable(self, request: Any, response: Any) -> Any:
        """Process images, or none until the next call; the target stays."""
        stream = self.stream
        if stream is None:
            response.message = self.refusal()
            return response
        stream.worker.pause(not request.data)
        response.success = True
        response.message = 'tracking is enabled' if request.data else 'tracking is disabled'
        self._node.get_logger().info(response.message)
        return response

    def _on_reset(self, request: Any, response: Any) -> Any:
        return self.respond(response, self.reset)
