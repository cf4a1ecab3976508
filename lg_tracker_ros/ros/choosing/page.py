"""The page in the browser, beside the node: what viewers see, and what they ask for."""

from __future__ import annotations

from functools import partial
import threading
from typing import Any, Callable, Mapping

from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros.diagnostics import ERROR, OK, Part
from lg_tracker_ros.ros.health import Health
from lg_tracker_ros.ros.stream import Stream
from lg_tracker_ros.ros.target_services import TargetServices
from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.results import Result
from lg_tracker_ros.types import Box
from lg_tracker_ros.ui.access import Access
from lg_tracker_ros.ui.server import Page
from lg_tracker_ros.ui.shots import Board, changed, Shot, sliders
from lg_tracker_ros.words.lines import one_line
from rclpy.node import Node
from rclpy.parameter import Parameter

STALE_S = 1.0
"""Seconds without a result after which images are shown as they come, without one."""
ANSWER_S = 10.0
"""Seconds that the node has to do what the page asks for."""


class NodePage:
    """
    The page of an active node, from ``open`` to ``close``.

    What viewers ask for is done in the executor's thread, as a service call is.
    """

    def __init__(self, node: Node, options: NodeOptions, stream: Stream, targets: TargetServices,
                 health: Health, settings: Callable[[], Settings]) -> None:
        """Prepare; ``settings`` may change."""
        self._node, self._stream, self._targets = node, stream, targets
        self._health, self._settings = health, settings
        self._board = Board()
        self._waiting: set[threading.Event] = set()
        self._closed = False
        self._address, self._problem = '', ''
        self._page: Page | None = None
        try:
            access = Access.of(options.ui_host, options.ui_token)
            page = Page(self, self._board, access, options.ui_port)
            self._address = page.start()
            self._page = page
        except ValueError as e:  # a tracker without its page is still a tracker
            self._problem = str(e)
            node.get_logger().error(self._problem)
        else:
            node.get_logger().info(f'page in the browser: {self._address}')

    def close(self) -> None:
        """End the server; who waits for an answer is told."""
        self._closed = True
        for event in list(self._waiting):
            event.set()
        if self._page is not None:
            self._page.close()

    # -- from the stream -------------------------------------------------------

    def offer(self, item: Item) -> None:
        """Show an image as it came, unless results of its camera are shown."""
        followed = bool(self._stream.worker.target.name)
        if not (followed and self._board.age(item.camera) < STALE_S):
            self._board.put(Shot(item.camera, item.stamp,
                                 partial(self._stream.worker.decode, item), None, item))

    def show(self, result: Result) -> None:
        """Show a result on its image."""
        item = result.item
        self._board.put(Shot(item.camera, item.stamp, lambda: result.image, result.track, item))

    # -- from the page ---------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        """Say what is followed, and what is wrong."""
        return {'cameras': [c.name for c in self._stream.cameras],
                'target': one_line(self._stream.worker.target.name),
                'note': self._health.trouble or self._stream.silence(),
                'sliders': sliders(self._settings())}

    def begin(self, shot: Shot, box: Box) -> str:
        """Begin on a frame that was shown, whether or not the history still has it."""
        return self._do(lambda: self._targets.begin_on(shot.origin, box))

    def reset(self) -> str:
        """Do as reset_target does."""
        return self._do(self._targets.reset)

    def advise(self, right: bool) -> str:
        """Do as ~/confirm and ~/reject do."""
        return self._do(partial(self._targets.advise, right))

    def tune(self, name: str, value: float) -> str:
        """Set the node's parameter."""
        kind = getattr(changed(self._settings(), name, value), name)
        result = self._do(lambda: self._node.set_parameters_atomically(
            [Parameter(name, value=kind)]))
        if not result.successful:
            raise ValueError(result.reason)
        return f'{name} is {kind:g}'

    def hold(self, viewer: object, on: bool) -> None:
        """Let a camera go on while a box is drawn."""

    def _do(self, work: Callable[[], Any]) -> Any:
        """Do work in the executor's thread; return what it returns, or raise what it raises."""
        executor, done = self._node.executor, threading.Event()
        outcome: list[tuple[Any, Exception | None]] = []

        def run() -> None:
            try:
                outcome.append((work(), None))
            except Exception as e:  # what a task raises would end the node
                outcome.append((None, e))
            done.set()
        self._waiting.add(done)
        try:
            if self._closed or executor is None:
                raise ValueError('the node is not active')
            executor.create_task(run)
            done.wait(ANSWER_S)
        finally:
            self._waiting.discard(done)
        if not outcome:
            raise ValueError('the node was deactivated meanwhile' if self._closed
                             else f'the node did not answer within {ANSWER_S:g} s')
        value, error = outcome[0]
        if error is not None:
            raise error if isinstance(error, ValueError) else ValueError(str(error))
        return value

    def part(self) -> Part:
        """Say how it goes, for /diagnostics; the address without its token."""
        page = self._page
        if page is None:
            return 'page', ERROR, self._problem, {}
        return 'page', OK, f'{page.viewers} viewer(s)', {
            'address': self._address.split('#')[0], 'viewers': page.viewers,
            'pictures': page.pictures}
