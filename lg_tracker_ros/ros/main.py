"""Entry points of the nodes: ``ros2 run lg_tracker_ros lg_tracker`` and ``lg_tracker_camera``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import gc
from itertools import pairwise
import os
from pathlib import Path
import signal
import sys
import time
from typing import Any, Callable

from lg_tracker_ros.words.lines import one_line

WAKE_S = 0.2
"""Seconds within which a signal is heeded."""
LAST_WORDS_S = 1.0
"""Seconds that a node has at the end to answer who still waits."""
MISHAPS = 100
"""Callbacks that may fail one after the other before the node is given up."""


def spin(make: Callable[[], Any], args: list[str] | None = None) -> int:
    """
    Run a node until SIGINT or SIGTERM; what stops it from starting is one line on stderr.

    The node's ``close`` is called at the end; ``finished``, where it has one, ends it too, with
    ``status`` for the process. Calls
    that are ``pending``, where it has that, are answered before the end. A second signal ends the
    process at once; so does the first one while the node is ``building``, where it has that.
    ``mishap``, where it has that, gets what a callback raised, and the node goes on.
    """
    signals = _Signals()
    with signals.heeded_at_once():  # here and not above: it takes a second
        import rclpy
        from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions
    try:
        # rclpy's own handler would take the context away while there are calls to answer
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as e:  # rcl refuses arguments with an exception that has no public name
        print(f'lg_tracker_ros: {one_line(e)}', file=sys.stderr)
        return 1
    node: Any = None
    executor = SingleThreadedExecutor()
    try:
        with signals.heeded_at_once():
            node = make()
        executor.add_node(node)
        in_a_row = 0
        while rclpy.ok() and not signals.came and not getattr(node, 'finished', False):
            try:
                executor.spin_once(timeout_sec=WAKE_S)
                in_a_row = 0
            except Exception as e:  # of any callback, rclpy's own too: what works must go on
                in_a_row += 1
                if (not hasattr(node, 'mishap') or in_a_row > MISHAPS or not rclpy.ok()
                        or isinstance(e, ExternalShutdownException)):
                    raise
                node.mishap(e)
        return int(getattr(node, 'status', 0))
    except ExternalShutdownException:
        return 0
    except (ValueError, RuntimeError) as e:
        if node is None:
            print(f'lg_tracker_ros: {one_line(e)}', file=sys.stderr)
            return 1
        if isinstance(e, RuntimeError) and not rclpy.ok():
            return 0  # the context was shut down between asking ok() and waiting
        raise
    finally:
        if signals.came and getattr(node, 'building', False):
            _leave(node)
        if node is not None:
            node.close()  # first: a thread of its may still wake the executor
            _answer(node, executor)
        executor.shutdown()
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _answer(node: Any, executor: Any) -> None:
    """Let the answers to calls that are pending go out."""
    end = time.monotonic() + LAST_WORDS_S
    while executor.context.ok() and getattr(node, 'pending', False) and time.monotonic() < end:
        executor.spin_once(timeout_sec=WAKE_S)
        node.close()  # a transition that was under way may have ended meanwhile


def _leave(node: Any) -> None:
    """
    End the process without the thread that makes networks: that may take many seconds.

    It has nothing to finish, for files are written whole. The node takes leave of the others; else
    they would see it for some twenty seconds.
    """
    context = node.context
    node.leave()
    context.try_shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


class _Signals:
    """Whether SIGINT or SIGTERM came."""

    def __init__(self) -> None:
        self.came = self._at_once = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    @contextmanager
    def heeded_at_once(self) -> Iterator[None]:
        """
        End the process with status 0 when a signal comes: there is no node yet to take leave.

        Imports may take many seconds. An exception would be lost in some of them: what C code
        calls back into, NumPy's say, prints it and goes on.
        """
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def _take(self, number: int, frame: Any) -> None:
        self.came = True
        signal.signal(number, signal.SIG_DFL)
        if self._at_once:
            os._exit(0)


def main(args: list[str] | None = None) -> int:
    """Run the tracker node."""
    def make() -> Any:
        # here, where a signal is heeded: it takes seconds
        try:
            with suppress(ImportError):  # who needs it says so
                # before there is anybody to answer: while a library is loaded every thread waits
                from lg_tracker_ros.engine.config import load_onnx_runtime
                load_onnx_runtime()
            from lg_tracker_ros.parameters.reading import unread
            from lg_tracker_ros.ros.node import TrackerNode
        except ModuleNotFoundError as e:
            raise RuntimeError(
                f'the Python package {e.name} is missing for {sys.executable}; install it, or '
                "activate the virtual environment that has it, see 'PyTorch and ONNX Runtime' in "
                'docs/ros.md') from e
        node = TrackerNode()
        name = node.get_fully_qualified_name()
        for before, word in pairwise(sys.argv if args is None else args):
            if before == '--params-file' and (text := unread(Path(word), name)):
                node.get_logger().warning(text)
        return node
    status = spin(make, args)
    gc.freeze()  # or the interpreter looks at all of PyTorch's objects again before it ends
    return status


def camera(args: list[str] | None = None) -> int:
    """Run the camera node."""
    def make() -> Any:
        from lg_tracker_ros.ros.camera import make
        return make()
    return spin(make, args)


if __name__ == '__main__':
    sys.exit(main())
