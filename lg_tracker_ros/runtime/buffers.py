"""
What waits between the reception of an image and its processing. Plain Python.

Nothing here locks: the worker does.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Callable

from lg_tracker_ros.runtime.pace import LATE, Pace

FATES = ('processed', 'overwritten', 'not_wanted', 'undecodable', 'failed')
"""
What can become of a frame that was received; each frame has exactly one fate.

``overwritten``: a newer one came while the tracker was busy. ``not_wanted``: no target, or of a
camera that was not searched then. ``failed``: the tracker raised an error.
"""


@dataclass(eq=False)
class Item:
    """
    An image message as it came, not decoded.

    ``arrived`` is in ns of a steady clock: a simulated one may stand still, or not be there.
    """

    camera: str
    stamp: int
    message: Any
    arrived: int
    received: float = 0.0  # time.perf_counter()
    size: int = 0  # bytes
    counted: bool = False
    serial: int = 0  # by arrival over all cameras, from 1 on


class Counts:
    """How many frames of each camera had which fate."""

    def __init__(self) -> None:
        """Start from zero."""
        self._by_camera: dict[str, Counter[str]] = {}

    def of(self, camera: str) -> Counter[str]:
        """Return the counter of a camera."""
        return self._by_camera.setdefault(camera, Counter())

    def receive(self, item: Item) -> None:
        """Count a frame that came in."""
        self.of(item.camera)['received'] += 1

    def settle(self, item: Item, fate: str) -> None:
        """Count a frame's fate; one that was settled before is ``replayed`` or nothing new."""
        if item.counted:
            if fate == 'processed':
                self.of(item.camera)['replayed'] += 1
            return
        item.counted = True
        self.of(item.camera)[fate] += 1


MOST = 2000
"""Frames of one camera that are kept, whatever their stamps and sizes say."""
JUMP_NS = 10**8
"""A stamp that lies further back than this before the last one is of another time."""


class Ring:
    """
    The last seconds of one camera, so that tracking can begin in the past.

    In the order of arrival. When the stamps step back (a bag is looped, a clock was set), what
    was kept before is dropped; the newest frame is always kept.
    """

    def __init__(self, seconds: float, megabytes: float) -> None:
        """Keep at most ``seconds`` by the images' stamps, ``megabytes``, and MOST frames."""
        self._items: deque[Item] = deque()
        self._bytes = 0
        self.limit(seconds, megabytes)

    def __len__(self) -> int:
        """Count the frames kept."""
        return len(self._items)

    def limit(self, seconds: float, megabytes: float) -> None:
        """Change the limits."""
        self._span, self._most = int(seconds * 1e9), int(megabytes * 2**20)
        self._prune()

    def push(self, item: Item) -> None:
        """Add the newest frame, drop those beyond the limits."""
        last = self._items[-1].stamp if self._items else 0
        if item.stamp and item.stamp < last - JUMP_NS:
            self._items.clear()
            self._bytes = 0
        self._items.append(item)
        self._bytes += item.size
        self._prune()

    def find(self, stamp: int) -> Item | None:
        """Return the newest frame with exactly this stamp."""
        return next((i for i in reversed(self._items) if i.stamp == stamp), None)

    def after(self, serial: int) -> list[Item]:
        """Return the frames that came after the one with this serial number."""
        return [i for i in self._items if i.serial > serial]

    def span(self) -> tuple[int, int] | None:
        """Return the oldest and the newest stamp; None while nothing is kept."""
        return (self._items[0].stamp, self._items[-1].stamp) if self._items else None

    def _prune(self) -> None:
        items = self._items
        while len(items) > 1:
            # a camera that doesn't stamp its images is kept by the time of arrival
            first, last = items[0], items[-1]
            stamped = first.stamp and last.stamp
            age = last.stamp - first.stamp if stamped else last.arrived - first.arrived
            if abs(age) <= self._span and self._bytes <= self._most and len(items) <= MOST:
                break
            self._bytes -= items.popleft().size


class Arrivals:
    """When the last frame of each camera came, in ns, and in what rhythm they come."""

    def __init__(self) -> None:
        """Start without a camera."""
        self.last: dict[str, int] = {}
        self._paces: dict[str, Pace] = {}

    def note(self, item: Item) -> None:
        """Take note of a frame."""
        self.last[item.camera] = item.arrived
        self._paces.setdefault(item.camera, Pace()).tick(item.arrived / 1e9)

    def patience(self, camera: str, timeout: float) -> int:
        """Return the ns that a camera may be late: ``timeout`` s, a slow one LATE periods."""
        pace = self._paces.get(camera)
        return int(1e9 * max(timeout, 0.0 if pace is None else LATE * pace.period))

    def overdue(self, camera: str, timeout: float, since: int = 0) -> bool:
        """
        Whether a camera's last frame is further behind the newest of all than it may be.

        ``since``: how many ns have passed since that newest one.
        """
        newest = max(self.last.values(), default=0) + since
        return newest - self.last.get(camera, 0) > self.patience(camera, timeout)


class Mailbox:
    """
    One slot for each camera: the newest frame wins.

    One camera, as a rule that which saw the target last, is the clock: its frames start the
    processing. The newest frames of the others that are wanted come along, so that no camera is
    left out because its frames come a moment later. When the clock falls silent, any frame
    starts the processing.
    """

    apart = ''
    """Why frames of one camera wait for another's: they don't; a Queue's may."""

    def __init__(self, counts: Counts, timeout: float) -> None:
        """Report drops to ``counts``; ``timeout`` seconds, or LATE periods, make a silence."""
        self.counts = counts
        self.limit(timeout)
        self._clock = ''
        self._wants: Callable[[str], bool] = bool
        self._silent = False
        self._slots: dict[str, Item] = {}
        self._arrivals = Arrivals()

    def limit(self, timeout: float, megabytes: float = 0.0) -> None:
        """Change the timeout; ``megabytes`` are for a Queue, this keeps one frame a camera."""
        self.timeout = timeout

    def follow(self, clock: str, wants: Callable[[str], bool] = bool) -> None:
        """Set which camera is the clock (empty: no target) and which others are wanted."""
        self._silent = self._silent and clock == self._clock
        self._clock, self._wants = clock, wants
        if not clock:
            self.clear()

    def pass_time(self, seconds: float) -> None:
        """Take note that nothing came: that is for a Queue, here nobody is waited for."""

    def clear(self) -> None:
        """Drop what waits."""
        for item in self._slots.values():
            self.counts.settle(item, 'not_wanted')
        self._slots.clear()
        self._silent = False

    @property
    def ready(self) -> bool:
        """Whether there is something to process now."""
        return bool(self._slots) and (self._clock in self._slots or self._silent)

    def push(self, item: Item) -> None:
        """Put a frame in; the one that waited in its camera's slot is dropped."""
        self._arrivals.note(item)
        if not self._clock:
            self.counts.settle(item, 'not_wanted')
            return
        own = item.camera == self._clock
        old = self._slots.pop(item.camera, None)
        if old is not None:
            self.counts.settle(old, 'overwritten' if own else 'not_wanted')
        self._slots[item.camera] = item
        last = self._arrivals.last.setdefault(self._clock, item.arrived)
        self._silent = not own and item.arrived - last > self._arrivals.patience(
            self._clock, self.timeout)

    def silent(self, camera: str) -> bool:
        """Whether a camera has sent nothing for longer than it may while others did."""
        return self._arrivals.overdue(camera, self.timeout)

    def take(self) -> list[Item]:
        """Take the frames of one moment, the clock's first."""
        own = self._slots.pop(self._clock, None)
        moment = [own] if own is not None else []
        newest = max((i.arrived for i in [*moment, *self._slots.values()]), default=0)
        for camera in [c for c in self._slots if own is None or self._wants(c)]:
            item = self._slots.pop(camera)
            if newest - item.arrived <= self._arrivals.patience(camera, self.timeout):
                moment.append(item)
            else:
                self.counts.settle(item, 'not_wanted')
        self._silent = False
        return moment
