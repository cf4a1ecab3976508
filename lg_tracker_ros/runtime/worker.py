"""The thread in which the tracker runs, so that services and timers answer meanwhile. No ROS."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import threading
import time
from typing import Callable, Sequence

from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.decoders import Decoders
from lg_tracker_ros.runtime.intake import Intake
from lg_tracker_ros.runtime.results import NOBODY, Result, Target
from lg_tracker_ros.runtime.targets.orders import Orders
from lg_tracker_ros.runtime.targets.processing import Processing
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.search.aside import Asides
from lg_tracker_ros.team import Team
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Image
from lg_tracker_ros.words.lines import one_line, told


class Worker:
    """
    Runs one LongTermTracker on the newest frames, or in ``lockstep`` on every one.

    ``publish`` gets every result, in the worker's thread; ``complain`` gets (camera or '', one
    line) for each thing that went wrong. Whatever a part raises, the thread lives on with the next
    frame; ``failures`` counts what no part caught itself. The decoders are the worker's: what
    another thread wants decoded goes through ``decode``. With ``aside`` the whole image is
    searched in a thread of its own, but never in ``lockstep``.

    With ``more`` trackers it follows more targets, in places numbered from 0, in the frames that
    were decoded once, those beside the first in ``every``-th moments, up to ``at_once`` at the
    same time (team.Team); ``together`` gets the results of all for a moment, after ``publish``.
    """

    def __init__(self, tracker: LongTermTracker, publish: Callable[[Result], None],
                 complain: Callable[[str, str], None], camera_timeout: float = 1.0,
                 history: tuple[float, float] = (3.0, 256.0),
                 decoders: Decoders | None = None, lockstep: bool = False,
                 aside: bool = False, more: Sequence[LongTermTracker] = (), every: int = 1,
                 together: Callable[[Sequence[Result]], None] | None = None,
                 at_once: int = 1) -> None:
        """Prepare; ``history`` is seconds and megabytes for each camera."""
        self.tracker, self._team = tracker, Team([tracker, *more], every, at_once)
        self._complain = complain
        self.decoders = decoders or Decoders()
        self._wake = threading.Condition()
        self._searching = (ThreadPoolExecutor(1, 'lg_tracker search') if aside and not lockstep
                           else None)
        self._intake = Intake(camera_timeout, history, lockstep)
        self._orders = Orders(len(self._team.trackers))
        self._processing = Processing(self._team, self._orders, self._intake, self._wake,
                                      self.decoders, publish, complain, together)
        self._moment: Sequence[Item] = ()
        self.failures = 0
        self._stop = False
        self._since = 0.0  # time.perf_counter() of the beginning of what is under way
        self._thread: threading.Thread | None = None

    # -- for the node's threads ------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        if self._searching is not None:
            for tracker in self._team.trackers:
                tracker.search_aside(Asides(self._searching, lambda e: self._complain(
                    '', one_line(f'a search of the whole image failed: {told(e)}'))))
        self._thread = threading.Thread(target=self._run, name='lg_tracker worker', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the frame and the search at hand, forget every target, end the threads."""
        with self._wake:
            self._stop = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for place, tracker in enumerate(self._team.trackers):
            self._team.reset(place)
            tracker.search_aside(None)
        self._team.close()
        if self._searching is not None:
            self._searching.shutdown()
        self._intake.forget()

    def offer(self, item: Item) -> None:
        """Take in a frame: into the history, and into the mailbox or the queue of a replay."""
        with self._wake:
            self._intake.offer(item, self._orders.starting or self._orders.paused)
            if self._intake.ready:
                self._wake.notify()

    def pass_time(self, seconds: float) -> None:
        """
        Take note that so many seconds passed; to be called regularly in ``lockstep``.

        Else what waits at the end of a recording for another camera's frames would do so for ever.
        """
        with self._wake:
            self._intake.pass_time(seconds)
            if self._intake.ready:
                self._wake.notify()

    def refuse(self, item: Item, why: str) -> None:
        """Account for a message from which no image came, and complain."""
        with self._wake:
            self._intake.refuse(item)
        self._complain(item.camera, why)

    def decode(self, item: Item) -> Image:
        """
        Return a frame's image; waits while the worker decodes one of the same camera.

        Raises ValueError in one line for a message that can't be read.
        """
        return self.decoders.image(item)

    def place_for(self, name: str, place: int | None = None) -> int:
        """Return the place for a target that is to be called ``name``; see targets.followed."""
        with self._wake:
            return self._orders.place_for(name, place)

    def begin(self, item: Item, image: Image, box: Box, target: Target) -> int:
        """
        Follow a new target from this frame on and catch up; returns how many frames that is.

        The work is done in the worker's thread. Box and image must have been checked. Of several
        targets that wait to be begun on in one place only the last counts.
        """
        with self._wake:
            self._orders.begin(target, partial(self._processing.begin, item, image, box, target))
            self._wake.notify()
            return len(self._intake.later(item.serial))

    def forget(self, place: int = 0) -> str:
        """
        Forget a target, one that waits to be begun on too; return its id.

        A result that is under way is not published.
        """
        with self._wake:
            name = self._orders.reset(place, partial(self._processing.reset, place))
            self._wake.notify()
            return name

    def advise(self, right: bool, place: int = 0) -> str:
        """Take an operator's word whether the target is followed; return its id, or ''."""
        with self._wake:
            target = self._orders.places[place].target
            if target.name:
                self._orders.add(partial(self._processing.advise, right, target))
                self._wake.notify()
            return target.name

    def pause(self, paused: bool) -> None:
        """Process no frame until told to go on; the target stays, and the history goes on."""
        with self._wake:
            self._orders.paused = paused
            if paused:
                self._intake.clear()

    def configure(self, config: SearchConfig) -> None:
        """Change the search policy's parameters between two frames."""
        with self._wake:
            for tracker in self._team.trackers:
                self._orders.add(partial(tracker.configure, config))
            self._wake.notify()

    def limit(self, camera_timeout: float, history: tuple[float, float]) -> None:
        """Change the limits of mailbox and history."""
        with self._wake:
            self._intake.limit(camera_timeout, history)

    def find(self, stamp: int, cameras: Sequence[str]) -> Item | None:
        """Return the frame with exactly this stamp from the first of ``cameras`` that has it."""
        with self._wake:
            return self._intake.find(stamp, cameras)

    def spans(self) -> dict[str, tuple[int, int]]:
        """Return the oldest and newest stamp kept of each camera."""
        with self._wake:
            return self._intake.spans()

    def counts(self, camera: str) -> Counter[str]:
        """Return a copy of a camera's counters."""
        with self._wake:
            return self._intake.counts(camera)

    @property
    def apart(self) -> str:
        """Say so where, in lockstep, frames of one camera wait long for another's; else ''."""
        with self._wake:
            return self._intake.apart

    @property
    def paused(self) -> bool:
        """Whether no frame is processed until told to go on."""
        return self._orders.paused

    @property
    def target(self) -> Target:
        """The first target; an empty name where none is followed."""
        return self._orders.places[0].target

    @property
    def leader(self) -> Target:
        """The first of the targets that are followed; an empty name where none is."""
        return next((p.target for p in self._orders.places if p.target.name), NOBODY)

    @property
    def targets(self) -> list[Target]:
        """The target of each place; an empty name where none is followed."""
        return [p.target for p in self._orders.places]

    @property
    def trackers(self) -> Sequence[LongTermTracker]:
        """The tracker of each place."""
        return self._team.trackers

    @property
    def booked(self) -> list[str]:
        """The id of who is followed in each place, or waits to be; empty where it is free."""
        with self._wake:
            return [p.booked for p in self._orders.places]

    @property
    def taken(self) -> bool:
        """Whether a target is followed, or waits to be begun on."""
        with self._wake:
            return any(p.target.name for p in self._orders.places) or self._orders.starting

    @property
    def beginning(self) -> bool:
        """Whether a target waits to be begun on."""
        return self._orders.starting

    @property
    def busy_s(self) -> float:
        """Seconds since what is under way was begun; 0 while nothing is."""
        since = self._since
        return time.perf_counter() - since if since else 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        with self._wake:
            return not (self._since or self._orders or self._intake.ready)

    # -- in the worker's thread ------------------------------------------------

    def _run(self) -> None:
        while not self._stop:
            try:
                self._work()
            except BaseException as e:  # what ended this thread would end the tracking, unseen
                self._recover(e)

    def _work(self) -> None:
        """Wait for something to do, and do it."""
        with self._wake:
            self._since = 0.0
            while not (self._stop or self._orders or self._intake.ready):
                self._wake.wait()
            if self._stop:
                return
            self._since = time.perf_counter()
            work = self._orders.take()
            self._moment = [] if work is not None else self._intake.take()
        if work is not None:
            work()
        elif self._moment:
            self._processing.process(self._moment)

    def _recover(self, error: BaseException) -> None:
        """Account for what was under way, tell, and let the next frame come."""
        with self._wake:
            self.failures += 1
            self._orders.starting = self._orders.waits('begin')
            for item in self._moment:
                self._intake.settle(item, 'failed')
        self._complain('', f'the worker failed and was started again: {told(error)}')
