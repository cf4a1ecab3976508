"""SIGINT, SIGTERM and SIGHUP end a run between two frames, so that what it wrote is whole."""

from __future__ import annotations

from contextlib import contextmanager
import signal
import threading
from types import FrameType
from typing import Any, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """A signal asked the run to end; its number is the argument, ``where`` how far it came."""

    where = ''

    def __str__(self) -> str:
        """Name the signal."""
        return f'ended by {signal.Signals(self.args[0]).name}'

    @property
    def status(self) -> int:
        """The exit status by which shells know the signal."""
        return 128 + int(self.args[0])


class Signals:
    """
    Turns the signals into ``Ended``, at once or after what must be done as a whole.

    Use it as a context. Outside of the main thread, where no signal arrives, it does nothing;
    one that was ignored before (nohup) stays ignored.
    """

    def __init__(self) -> None:
        """Prepare."""
        self._before: dict[int, Any] = {}
        self._busy = False
        self._got = 0

    def __enter__(self) -> Signals:
        """Listen."""
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, *unused: object) -> None:
        """Listen no more."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Do something as a whole; raises Ended after it."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
        if self._got:
            raise Ended(self._got)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._got = number
        if not self._busy:
            raise Ended(number)
