"""The thread in which the tracker runs, so that services and timers answer meanwhile. No ROS."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
import threading
import time
from typing import Callable, Mapping, NamedTuple, Sequence

from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.decoders import Decoders
from lg_tracker_ros.runtime.followed import Followed, place_for
from lg_tracker_ros.runtime.intake import Intake
from lg_tracker_ros.runtime.results import NOBODY, Result, Target
from lg_tracker_ros.runtime.words import one_line, told
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.search.aside import Asides
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.tracking.team import Team
from lg_tracker_ros.types import Box, Frame, Image, Mode, Track


class _Command(NamedTuple):
    """Work for the worker's thread; ``what`` it is, ``begin`` or ``reset``, for which place."""

    work: Callable[[], None]
    what: str = ''
    place: int = 0


class Worker:
    """
    Runs one LongTermTracker on the newest frames, or in ``lockstep`` on every one.

    ``publish`` gets every result, in the worker's thread; ``complain`` gets (camera or '', one
    line) for each thing that went wrong. Whatever a part raises, the thread lives on with the next
    frame; ``failures`` counts what no part caught itself. The decoders are the worker's: what
    another thread wants decoded goes through ``decode``. With ``aside`` the whole image is
    searched in a thread of its own, but never in ``lockstep``.

    With ``more`` trackers it follows more targets, in places numbered from 0, in the frames that
    were decoded once, those beside the first in ``every``-th moments (tracking.team.Team);
    ``together`` gets the results of all for a moment, after ``publish``.
    """

    def __init__(self, tracker: LongTermTracker, publish: Callable[[Result], None],
                 complain: Callable[[str, str], None], camera_timeout: float = 1.0,
                 history: tuple[float, float] = (3.0, 256.0),
                 decoders: Decoders | None = None, lockstep: bool = False,
                 aside: bool = False, more: Sequence[LongTermTracker] = (), every: int = 1,
                 together: Callable[[Sequence[Result]], None] | None = None) -> None:
        """Prepare; ``history`` is seconds and megabytes for each camera."""
        self.tracker, self._team = tracker, Team([tracker, *more], every)
        self._places = [Followed() for _ in self._team.trackers]
        self._publish, self._together, self._complain = publish, together, complain
        self.decoders = decoders or Decoders()
        self._wake = threading.Condition()
        self._searching = (ThreadPoolExecutor(1, 'lg_tracker search') if aside and not lockstep
                           else None)
        self._intake = Intake(camera_timeout, history, lockstep)
        self._commands: deque[_Command] = deque()
        self._moment: Sequence[Item] = ()
        self.failures = 0
        self.paused = False
        self._starting = self._stop = False
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
        if self._searching is not None:
            self._searching.shutdown()
        self._intake.forget()

    def offer(self, item: Item) -> None:
        """Take in a frame: into the history, and into the mailbox or the queue of a replay."""
        with self._wake:
            self._intake.offer(item, self._starting or self.paused)
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
        """Return the place for a target that is to be called ``name``; see followed.place_for."""
        with self._wake:
            return place_for([p.booked for p in self._places], name, place)

    def begin(self, item: Item, image: Image, box: Box, target: Target) -> int:
        """
        Follow a new target from this frame on and catch up; returns how many frames that is.

        The work is done in the worker's thread. Box and image must have been checked. Of several
        targets that wait to be begun on in one place only the last counts.
        """
        place = target.place
        with self._wake:
            self._commands = deque(c for c in self._commands
                                   if (c.what, c.place) != ('begin', place))
            self._starting, self._places[place].booked = True, target.name
            self._commands.append(_Command(partial(self._begin, item, image, box, target),
                                           'begin', place))
            self._wake.notify()
            return len(self._intake.later(item))

    def forget(self, place: int = 0) -> str:
        """
        Forget a target, one that waits to be begun on too; return its id.

        A result that is under way is not published.
        """
        with self._wake:
            followed = self._places[place]
            name, followed.forgotten, followed.booked = followed.booked, True, ''
            self._starting = any(c.what == 'begin' and c.place != place for c in self._commands)
            self._commands.append(_Command(partial(self._reset, place), 'reset', place))
            self._wake.notify()
            return name

    def advise(self, right: bool, place: int = 0) -> str:
        """Take an operator's word whether the target is followed; return its id, or ''."""
        with self._wake:
            target = self._places[place].target
            if target.name:
                self._commands.append(_Command(partial(self._advise, right, target)))
                self._wake.notify()
            return target.name

    def pause(self, paused: bool) -> None:
        """Process no frame until told to go on; the target stays, and the history goes on."""
        with self._wake:
            self.paused = paused
            if paused:
                self._intake.clear()

    def configure(self, config: SearchConfig) -> None:
        """Change the search policy's parameters between two frames."""
        with self._wake:
            self._commands.extend(_Command(partial(t.configure, config))
                                  for t in self._team.trackers)
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
    def target(self) -> Target:
        """The first target; an empty name where none is followed."""
        return self._places[0].target

    @property
    def leader(self) -> Target:
        """The first of the targets that are followed; an empty name where none is."""
        return next((p.target for p in self._places if p.target.name), NOBODY)

    @property
    def targets(self) -> list[Target]:
        """The target of each place; an empty name where none is followed."""
        return [p.target for p in self._places]

    @property
    def taken(self) -> bool:
        """Whether a target is followed, or waits to be begun on."""
        with self._wake:
            return any(p.target.name for p in self._places) or self._starting

    @property
    def beginning(self) -> bool:
        """Whether a target waits to be begun on."""
        return self._starting

    @property
    def busy_s(self) -> float:
        """Seconds since what is under way was begun; 0 while nothing is."""
        since = self._since
        return time.perf_counter() - since if since else 0.0

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        with self._wake:
            return not (self._since or self._commands or self._intake.ready)

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
            while not (self._stop or self._commands or self._intake.ready):
                self._wake.wait()
            if self._stop:
                return
            self._since = time.perf_counter()
            command = self._commands.popleft() if self._commands else None
            self._moment = [] if command is not None else self._intake.take()
        if command is not None:
            command.work()
        elif self._moment:
            self._process(self._moment)

    def _recover(self, error: BaseException) -> None:
        """Account for what was under way, tell, and let the next frame come."""
        with self._wake:
            self.failures += 1
            self._starting = self._waits('begin')
            for item in self._moment:
                self._intake.settle(item, 'failed')
        self._complain('', f'the worker failed and was started again: {told(error)}')

    def _waits(self, what: str, place: int | None = None) -> bool:
        """Whether a command waits, for one place or, None, for any; with the lock held."""
        return any(c.what == what and place in (None, c.place) for c in self._commands)

    def _begin(self, item: Item, image: Image, box: Box, target: Target) -> None:
        begun, place = time.perf_counter(), target.place
        followed = self._places[place]
        try:
            track = self._team.init(place, Frame(image, item.stamp, item.camera), box)
        except Exception as e:  # a network may raise anything; the node must live on
            self._reset(place)
            self._complain('', one_line(f'init of {target.name} failed: {told(e)}'))
            return
        with self._wake:
            self._intake.drop_newest()
            self._follow()
            self._intake.settle(item, 'processed')
            # another init_target that waits will fetch its frames itself
            self._starting = self._waits('begin')
            if not self.paused:
                self._intake.replay(item)
            followed.begin(target, item)
            forgotten = followed.forgotten
        if not forgotten:
            queue_ms = max(0.0, 1e3 * (begun - item.received))
            self._publish(Result(track, item, image, target, queue_ms, 0.0, 0.0))

    def _advise(self, right: bool, target: Target) -> None:
        tracker = self._team.trackers[target.place]
        if self._places[target.place].target is target:  # another may be followed meanwhile
            (tracker.confirm if right else tracker.reject)()
            with self._wake:
                self._follow()

    def _reset(self, place: int) -> None:
        self._team.reset(place)
        with self._wake:
            followed = self._places[place]
            followed.end()
            followed.forgotten = self._waits('reset', place)
            if not self._waits('begin', place):
                followed.booked = ''
            self._starting = self._waits('begin')
            if all(t.mode is Mode.IDLE for t in self._team.trackers):
                self._intake.end_replay()
            self._follow()

    def _process(self, moment: Sequence[Item]) -> None:
        begun = time.perf_counter()
        frames: list[Frame] = []
        items: dict[str, Item] = {}
        convert: dict[str, float] = {}
        for item in moment:
            start = time.perf_counter()
            try:
                frames.append(Frame(self.decode(item), item.stamp, item.camera))
            except Exception as e:  # whatever a library throws at it, it is this frame's fault
                self._settle(item, 'undecodable')
                self._complain(item.camera, told(e))
                continue
            items[item.camera] = item
            convert[item.camera] = 1e3 * (time.perf_counter() - start)
        failed: set[str] = set()
        found = [(place, track) for place in self._team.due()
                 for track in self._step(place, frames, items, failed)]
        with self._wake:
            found = [(place, t) for place, t in found if not self._places[place].forgotten]
            self._follow()
        done = {t.camera for _, t in found}
        for camera in done | failed:
            self._settle(items[camera], 'processed' if camera in done else 'failed')
        images = {f.camera: f.image for f in frames}
        results = []
        for place, track in found:
            followed, item = self._places[place], items[track.camera]
            results.append(Result(
                track, item, images[track.camera], followed.target,
                max(0.0, 1e3 * (begun - item.received)), convert[track.camera],
                followed.unseen_s(track)))
            self._publish(results[-1])
        if self._together is not None and results:
            self._together(results)
        for camera in items.keys() - done:
            self._settle(items[camera], 'not_wanted')

    def _step(self, place: int, frames: Sequence[Frame], items: Mapping[str, Item],
              failed: set[str]) -> list[Track]:
        """Let a target's tracker process a moment, if it awaits it; note where it ``failed``."""
        tracker, followed = self._team.trackers[place], self._places[place]
        mine = [f for f in frames if followed.awaits(items[f.camera])]
        if not mine or tracker.mode is Mode.IDLE:
            return []
        if len(self._places) > 1 and not any(tracker.wants(f.camera) for f in mine):
            with self._wake:
                if not self._intake.silent(tracker.camera):
                    return []  # a moment of another target's camera
        for frame in mine:
            followed.did(items[frame.camera])
        try:
            return self._team.step(place, mine)
        except Exception as e:  # a network may raise anything; the node must live on
            failed.update(f.camera for f in mine)
            self._complain('', f'the tracker failed on a frame: {told(e)}')
            return []

    def _follow(self) -> None:
        trackers = [t for t in self._team.trackers if t.mode is not Mode.IDLE]
        if not trackers:
            self._intake.follow('')
            return
        first = trackers[0]
        clock = first.camera
        if first.mode is Mode.LOCAL:
            # a candidate in another camera waits to be confirmed: that camera's next frame counts
            clock = next((c for c in self._intake.cameras
                          if c != clock and first.wants(c)), clock)
        self._intake.follow(clock, first.wants if len(trackers) == 1 else
                            lambda camera: any(t.wants(camera) for t in trackers))

    def _settle(self, item: Item, fate: str) -> None:
        with self._wake:
            self._intake.settle(item, fate)
