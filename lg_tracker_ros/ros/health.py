"""What happened lately: rate, latency, the last result, what went wrong. Diagnostics read it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
import logging
import time

from lg_tracker_ros.reading.guard import LOG
from lg_tracker_ros.runtime.results import Result, Target
from lg_tracker_ros.words.lines import one_line
from rclpy.node import Node

ENGINE = 'lg_tracker_ros.engine'
"""Logger of the engine's parts."""
FRESH_S = 3.0
"""How long a refused image is told of."""
SELDOM_S = 1.0
"""Seconds between two lines of the log about one camera, or one part: not thirty a second."""


class _Passed(logging.Handler):
    """Passes records on to a node's log."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def emit(self, record: logging.LogRecord) -> None:
        self._node.get_logger().warning(record.getMessage())


@contextmanager
def passed_on(node: Node) -> Iterator[None]:
    """Write into the node's log what parts say while they are made (reading.guard.tell_once)."""
    handler = _Passed(node)
    handler.addFilter(lambda record: not record.name.startswith(ENGINE))  # that is EngineLog's
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)


class Meter:
    """Latency and rate of the processed frames."""

    def __init__(self) -> None:
        """Start empty."""
        self._total: deque[float] = deque(maxlen=300)
        self._frames = 0
        self._before: tuple[int, float, int] | None = None

    def add(self, total_ms: float) -> None:
        """Take in a frame."""
        self._total.append(total_ms)
        self._frames += 1

    def rate(self, now: int) -> float:
        """
        Return frames a second since the last call; ``now`` in ns of the node's clock.

        Where that clock stands still, or steps back, the seconds are those of a steady one.
        """
        before, self._before = self._before, (now, time.perf_counter(), self._frames)
        if before is None:
            return 0.0
        seconds = (now - before[0]) / 1e9
        if seconds <= 0:
            seconds = max(self._before[1] - before[1], 1e-3)
        return (self._frames - before[2]) / seconds

    def percentile(self, share: float) -> float:
        """Return a percentile of the last 300 frames' latency in ms; 0 without frames."""
        ordered = sorted(self._total)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Since:
    """How long ago a moment is: that in which it is made."""

    def __init__(self, node: Node) -> None:
        """Note the moment, by a steady clock and by the ``node``'s."""
        self._node = node
        self._steady, self._of_node = time.perf_counter(), node.get_clock().now().nanoseconds

    @property
    def steady_s(self) -> float:
        """Seconds of a steady clock."""
        return time.perf_counter() - self._steady

    @property
    def stamped_s(self) -> float:
        """Seconds as stamps count: of a simulated clock, which may pause, where there is one."""
        if not self._node.get_parameter('use_sim_time').value:
            return self.steady_s
        return max(0.0, (self._node.get_clock().now().nanoseconds - self._of_node) / 1e9)


class Health:
    """
    Takes in results and complaints from any thread, and writes the complaints to the log.

    Results are those of one target at a time, the worker's leader. ``camera`` is that in which it
    was seen last.
    """

    def __init__(self, node: Node) -> None:
        """Start with nothing to tell."""
        self._node = node
        self.trouble = ''
        self.engine_note = ''
        self.meter = Meter()
        self.camera = ''
        self._last: Result | None = None
        self._heard: Since | None = None
        self._silence = ''
        self._refused: dict[str, tuple[float, str]] = {}
        self._mishap = 0.0, ''
        self._written: dict[str, float] = {}

    def restart(self) -> None:
        """Begin anew, as the node becomes active."""
        self.forget()
        self._refused.clear()
        self.meter = Meter()

    def forget(self, target: Target | None = None) -> None:
        """Forget what went wrong, and the last result, that of another than ``target`` not."""
        self.trouble = ''
        if target is None or self.last(target) is not None:
            self._last, self._silence, self.camera = None, '', ''

    def processed(self, result: Result, total_ms: float) -> None:
        """Take in a result and its total latency; all is well again."""
        self.meter.add(total_ms)
        self._heard = Since(self._node)
        if self.last(result.target) is None:
            self.camera = ''  # where another target was says nothing of this one
        self._last = result
        self.trouble = ''
        before, now = self.camera, result.track.camera
        if result.track.visible and now != before:
            self.camera = now
            if before:
                self._node.get_logger().info(one_line(
                    f'{result.target.name} is seen in {now}, and was in {before}'))

    def complain(self, camera: str, text: str) -> None:
        """Take in what went wrong: with images of ``camera``, or, empty, with the tracker."""
        if camera:
            self._write(camera, f'{camera}: {text}', text != self.refused(camera))
            self._refused[camera] = time.perf_counter(), text
            return
        self._write('', text, text != self.trouble)
        self.trouble = text

    def mishap(self, text: str) -> None:
        """Take in what went wrong beside the tracking, in one callback."""
        self._write('mishap', text, text != self.lately)
        self._mishap = time.perf_counter(), text

    def _write(self, what: str, line: str, news: bool) -> None:
        """Write an error to the log, if it is news and none about this was written just now."""
        now = time.perf_counter()
        # each damaged image may have a text of its own, and every other frame may be a good one
        if news and now - self._written.get(what, -SELDOM_S) >= SELDOM_S:
            self._written[what] = now
            self._node.get_logger().error(line)

    @property
    def lately(self) -> str:
        """What went wrong beside the tracking in the last seconds; empty if nothing did."""
        when, text = self._mishap
        return text if time.perf_counter() - when < FRESH_S else ''

    def note_engine(self, text: str) -> None:
        """Take in, until the networks are made anew, what is not as asked for with them."""
        self.engine_note = text
        self._node.get_logger().warning(text)

    def last(self, target: Target) -> Result | None:
        """Return the last result; None where that was another target's, and without one."""
        return self._last if self._last is not None and self._last.target is target else None

    @property
    def age(self) -> Since:
        """How long ago the last result came; only what ``last`` returned has one."""
        assert self._heard is not None
        return self._heard

    def silence(self, text: str) -> bool:
        """Take in why nothing is known of the target (empty: it is); whether that is news."""
        news = bool(text) != bool(self._silence)
        if news and text:
            self._node.get_logger().warning(text)
        elif news:
            self._node.get_logger().info(f'no longer so: {self._silence}')
        self._silence = text
        return news

    def refused(self, camera: str) -> str:
        """Return why this camera's last images can't be read; empty if none came lately."""
        when, text = self._refused.get(camera, (0, ''))
        return text if time.perf_counter() - when < FRESH_S else ''


class EngineLog(logging.Handler):
    """Brings what the engine warns of (a GPU's memory that ran out) to log and diagnostics."""

    def __init__(self, health: Health) -> None:
        """Listen from ``listen`` to ``close``."""
        super().__init__(logging.WARNING)
        self._health, self._source = health, logging.getLogger(ENGINE)

    def listen(self) -> None:
        """Begin to listen; what was warned of before is over."""
        self._health.engine_note = ''
        self._source.addHandler(self)

    def close(self) -> None:
        """End listening."""
        self._source.removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a warning."""
        self._health.note_engine(record.getMessage())
