"""What lets an executor with several threads have the node: a timer that rests, and a lock."""

from __future__ import annotations

from functools import wraps
from typing import Any, Callable, TypeVar

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock
from rclpy.node import Node

Method = TypeVar('Method', bound=Callable[..., Any])


def alone(method: Method) -> Method:
    """Let no other such method of a node run meanwhile; the node has an RLock as ``lock``."""
    @wraps(method)
    def run(node: Any, *args: Any, **kwargs: Any) -> Any:
        with node.lock:
            return method(node, *args, **kwargs)
    return run  # type: ignore[return-value]  # it takes and returns the same


class Ticker:
    """
    A timer from ``go`` on, until ``tick`` says that there is nothing more to do.

    It is cancelled in its own callback alone, beside which no second one runs. Another thread of
    the executor may have it in its hands already, where a cancelled timer raises, and that ends
    whoever spins.
    """

    def __init__(self, node: Node, seconds: float, tick: Callable[[], bool], clock: Clock,
                 group: MutuallyExclusiveCallbackGroup | None = None) -> None:
        """Rest at first; ``tick`` is called every so many ``seconds`` of ``clock``."""
        self._tick, self._asked = tick, False
        self._timer = node.create_timer(seconds, self._call, clock=clock,
                                        callback_group=group or MutuallyExclusiveCallbackGroup())
        self._timer.cancel()

    def go(self) -> None:
        """Begin, or go on."""
        self._asked = True
        if self._timer.is_canceled():
            self._timer.reset()

    def _call(self) -> None:
        self._asked = False
        if not self._tick():
            self._timer.cancel()
            if self._asked:  # meanwhile
                self._timer.reset()
