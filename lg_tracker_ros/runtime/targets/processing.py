"""What the worker's thread does with targets and frames: begin, process a moment, forget."""

from __future__ import annotations

from threading import Condition
import time
from typing import Callable, Mapping, Sequence

from lg_tracker_ros.runtime.buffers import Item
from lg_tracker_ros.runtime.decoders import Decoders
from lg_tracker_ros.runtime.intake import Intake
from lg_tracker_ros.runtime.results import Result, Target
from lg_tracker_ros.runtime.targets.orders import Orders
from lg_tracker_ros.team import Team
from lg_tracker_ros.types import Box, Frame, Image, Mode, Track
from lg_tracker_ros.words.lines import one_line, told


class Processing:
    """
    Lets each target's tracker have the frames that are its, and accounts for every frame.

    Its methods are called in the worker's thread alone. ``lock`` guards ``orders`` and
    ``intake``, which other threads use, too; it is never held while a tracker works.
    ``publish``, ``complain`` and ``together`` are the worker's.
    """

    def __init__(self, team: Team, orders: Orders, intake: Intake, lock: Condition,
                 decoders: Decoders, publish: Callable[[Result], None],
                 complain: Callable[[str, str], None],
                 together: Callable[[Sequence[Result]], None] | None) -> None:
        """Prepare."""
        self._team, self._orders, self._intake, self._lock = team, orders, intake, lock
        self._decoders, self._places = decoders, orders.places
        self._publish, self._complain, self._together = publish, complain, together

    def begin(self, item: Item, image: Image, box: Box, target: Target) -> None:
        """Let a tracker learn its target, and catch up with what came after this frame."""
        begun, place = time.perf_counter(), target.place
        followed = self._places[place]
        try:
            track = self._team.init(place, Frame(image, item.stamp, item.camera), box)
        except Exception as e:  # a network may raise anything; the node must live on
            self.reset(place)
            self._complain('', one_line(f'init of {target.name} failed: {told(e)}'))
            return
        with self._lock:
            self._intake.drop_newest()
            self._follow()
            self._intake.settle(item, 'processed')
            # another init_target that waits will fetch its frames itself
            self._orders.starting = self._orders.waits('begin')
            if not self._orders.paused:
                # from where those are who are followed already: one may be catching up, too
                behind = (p.latest for p in self._places if p is not followed and p.target.name)
                self._intake.replay(min([item.serial, *behind]))
            followed.begin(target, item)
            forgotten = followed.forgotten
        if not forgotten:
            queue_ms = max(0.0, 1e3 * (begun - item.received))
            self._publish(Result(track, item, image, target, queue_ms, 0.0, 0.0))

    def advise(self, right: bool, target: Target) -> None:
        """Take an operator's word whether the target is followed."""
        tracker = self._team.trackers[target.place]
        if self._places[target.place].target is target:  # another may be followed meanwhile
            (tracker.confirm if right else tracker.reject)()
            with self._lock:
                self._follow()

    def reset(self, place: int) -> None:
        """Forget a target."""
        self._team.reset(place)
        with self._lock:
            followed = self._places[place]
            followed.end()
            followed.forgotten = self._orders.waits('reset', place)
            if not self._orders.waits('begin', place):
                followed.booked = ''
            self._orders.starting = self._orders.waits('begin')
            if all(t.mode is Mode.IDLE for t in self._team.trackers):
                self._intake.end_replay()
            self._follow()

    def process(self, moment: Sequence[Item]) -> None:
        """Process the frames of one moment: decode them, let trackers have them, publish."""
        begun = time.perf_counter()
        frames: list[Frame] = []
        items: dict[str, Item] = {}
        convert: dict[str, float] = {}
        for item in moment:
            start = time.perf_counter()
            try:
                frames.append(Frame(self._decoders.image(item), item.stamp, item.camera))
            except Exception as e:  # whatever a library throws at it, it is this frame's fault
                self._settle(item, 'undecodable')
                self._complain(item.camera, told(e))
                continue
            items[item.camera] = item
            convert[item.camera] = 1e3 * (time.perf_counter() - start)
        mine = {place: awaited for place in self._team.due()
                if (awaited := self._awaited(place, frames, items))}
        failed: set[str] = set()
        found: list[tuple[int, Track]] = []
        for place, step in self._team.step(mine).items():
            try:
                found += [(place, track) for track in step.result()]
            except Exception as e:  # a network may raise anything; the node must live on
                failed.update(f.camera for f in mine[place])
                self._complain('', f'the tracker failed on a frame: {told(e)}')
        with self._lock:
            found = [(place, t) for place, t in found if not self._places[place].forgotten]
            self._follow()
        # who keeps the last result of a moment keeps that of the camera which has the target
        found.sort(key=lambda f: (f[0], f[1].visible,
                                  f[1].camera == self._team.trackers[f[0]].camera))
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
                followed.unseen_s(track, item)))
            self._publish(results[-1])
        if self._together is not None and results:
            self._together(results)
        for camera in items.keys() - done:
            self._settle(items[camera], 'not_wanted')

    def _awaited(self, place: int, frames: Sequence[Frame], items: Mapping[str, Item]
                 ) -> list[Frame]:
        """Take the frames that a target's tracker is to process, and note that it does."""
        tracker, followed = self._team.trackers[place], self._places[place]
        mine = [f for f in frames if followed.awaits(items[f.camera])]
        if not mine or tracker.mode is Mode.IDLE:
            return []
        if len(self._places) > 1 and not any(tracker.wants(f.camera) for f in mine):
            with self._lock:
                if not self._intake.silent(tracker.camera):
                    return []  # a moment of another target's camera
        for frame in mine:
            followed.did(items[frame.camera])
        return mine

    def _follow(self) -> None:
        """Say which cameras' frames are wanted next; with the lock held."""
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
        with self._lock:
            self._intake.settle(item, fate)
