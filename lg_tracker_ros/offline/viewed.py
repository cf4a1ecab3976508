"""A run of ``track`` that is looked at in the browser, and steered from there."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
import queue
import threading
import time
from typing import Any, Callable, Mapping, Sequence

from lg_tracker_ros.offline.progress import outcome
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Image, Mode, Track
from lg_tracker_ros.ui.access import Access
from lg_tracker_ros.ui.server import Page
from lg_tracker_ros.ui.shots import Board, changed, Shot, sliders
from lg_tracker_ros.words.lines import told

KEPT = 30
"""Moments that can be caught up: the page is a little behind, a live source waits for nobody."""
ANSWER_S = 60.0
"""Seconds in which a frame must end: what is asked for is done between two of them."""
WAITING = 'the recording waits for a box around the target'

Moment = tuple[int, Sequence[Frame]]
"""A number and the frames of all sources."""


class Viewed:
    """
    Shows the frames of a run at their own pace, and does between them what viewers ask for.

    ``turn`` and ``show`` are the run's, once for each moment; the other methods are the page's.
    """

    def __init__(self, tracker: LongTermTracker, settings: Settings, cameras: Sequence[str],
                 live: bool, waits: bool) -> None:
        """``live`` sources wait for nobody; ``waits``: nothing but a viewer chooses a target."""
        self._tracker, self._settings, self._cameras = tracker, settings, list(cameras)
        self._live, self._waits = live, waits and not live
        self._board = Board()
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._past: deque[Moment] = deque(maxlen=KEPT)
        self._now: Moment = 0, ()
        self._drawn: Track | None = None
        self._holding: set[object] = set()
        self._due, self._stamp = 0.0, 0
        self._followed = self._closed = False
        self._lock = threading.Lock()  # of closed, and of asking
        self._page: Page | None = None

    def start(self, host: str, port: int, token: str) -> str:
        """Serve the page; returns its address. ValueError in one line when that can't be."""
        page = Page(self, self._board, Access.of(host, token), port)
        address = page.start()
        self._page = page
        return address

    def close(self) -> None:
        """End the page."""
        with self._lock:
            self._closed = True
        with suppress(queue.Empty):
            while True:  # each then finds that the run has ended
                self._asked.get_nowait()()
        if self._page is not None:
            self._page.close()

    # -- in the run ------------------------------------------------------------

    def turn(self, number: int, frames: Sequence[Frame]) -> Track | None:
        """
        Wait until this moment is due, and do what is asked for meanwhile.

        Returns the result for this moment where a box was drawn on it, or on one before it:
        what came since is caught up then.
        """
        self._now, self._drawn = (number, frames), None
        if self._tracker.mode is Mode.IDLE:
            self._put(number, frames, None)
        self._pace(frames[0].stamp)
        while True:
            late = self._due - time.monotonic()
            try:
                self._asked.get(timeout=None if self._paused else max(late, 0))()
            except queue.Empty:
                if not self._paused:
                    return self._drawn

    def show(self, number: int, frames: Sequence[Frame], track: Track) -> None:
        """Take the result of a moment."""
        self._past.append((number, frames))
        self._followed = track.mode is not Mode.IDLE
        self._put(number, frames, None if track.mode is Mode.IDLE else track)

    @property
    def _paused(self) -> bool:
        return self._waits or (bool(self._holding) and not self._live)

    def _pace(self, stamp: int) -> None:
        """Find when a moment is due: a recording isn't played faster than it was made."""
        gap = 0.0 if self._live or not self._past else (stamp - self._stamp) / 1e9
        self._due = max(self._due + min(max(gap, 0.0), 1.0), time.monotonic())
        self._stamp = stamp

    def _put(self, number: int, frames: Sequence[Frame], track: Track | None) -> None:
        for f in frames:
            mine = track if track is not None and track.camera == f.camera else None
            self._board.put(Shot(f.camera, f.stamp, partial(_image, f), mine, (number, f)))

    def _begin(self, shot: Shot, box: Box) -> str:
        begun, frame = shot.origin
        self._drawn = self._tracker.init(frame, box)
        later = [m for m in [*self._past, self._now] if m[0] > begun]
        for _, frames in later:
            self._drawn = outcome(self._tracker.step(frames), self._drawn, frames)
        self._waits, self._followed = False, True
        return f'following what is in frame {begun}' + (
            f', caught up {len(later)} frames' if later else '')

    def _reset(self) -> str:
        self._tracker.reset()
        self._drawn, self._followed = None, False
        return 'forgot the target'

    def _advise(self, right: bool) -> str:
        (self._tracker.confirm if right else self._tracker.reject)()
        return 'this is the target' if right else 'this is not the target; searching on'

    def _tune(self, name: str, value: float) -> str:
        self._settings = changed(self._settings, name, value)
        self._tracker.configure(self._settings.search())
        return f'{name} is {getattr(self._settings, name):g}'

    # -- from the page ---------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        """Say whether a target is followed."""
        return {'cameras': self._cameras, 'note': WAITING if self._waits else '',
                'target': 'target' if self._followed else '',
                'sliders': sliders(self._settings)}

    def begin(self, shot: Shot, box: Box) -> str:
        """Begin on the frame that was shown."""
        return self._ask(partial(self._begin, shot, box))

    def reset(self) -> str:
        """Forget the target."""
        return self._ask(self._reset)

    def advise(self, right: bool) -> str:
        """Take the word of who looks on."""
        return self._ask(partial(self._advise, right))

    def tune(self, name: str, value: float) -> str:
        """Set a parameter from the next frame on."""
        return self._ask(partial(self._tune, name, value))

    def hold(self, viewer: object, on: bool) -> None:
        """Let a recording wait while a box is drawn."""
        (self._holding.add if on else self._holding.discard)(viewer)
        self._asked.put(lambda: None)  # the run may wait for it

    def _ask(self, work: Callable[[], str]) -> str:
        """Have something done between two frames; return what was done, or raise ValueError."""
        answer: Future[str] = Future()

        def do() -> None:
            try:
                if self._closed:
                    raise ValueError('the run has ended')
                answer.set_result(work())
            except Exception as e:  # whatever it is, the one who asked gets it
                answer.set_exception(e)
        with self._lock:
            if self._closed:
                raise ValueError('the run has ended')
            self._asked.put(do)
        try:
            return answer.result(ANSWER_S)
        except Exception as e:  # a network may raise anything; the page tells it
            raise ValueError(told(e) or f'no answer within {ANSWER_S:g} s') from e


def _image(frame: Frame) -> Image:
    return frame.image
