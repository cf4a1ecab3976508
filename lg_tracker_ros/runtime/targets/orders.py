"""
What waits to be done for the targets, and which of their places are taken.

Nothing here locks: the worker does.
"""

from __future__ import annotations

from collections import deque
from typing import Callable, NamedTuple

from lg_tracker_ros.runtime.results import Target
from lg_tracker_ros.runtime.targets.followed import Followed, place_for


class Order(NamedTuple):
    """Work for the worker's thread; ``what`` it is, ``begin`` or ``reset``, for which place."""

    work: Callable[[], None]
    what: str = ''
    place: int = 0


class Orders:
    """
    Takes in what other threads ask for, and gives it out in its order.

    ``places`` are numbered from 0. ``starting``: a target waits to be begun on, or is being begun
    on; ``paused``: no frame is to be processed.
    """

    def __init__(self, places: int) -> None:
        """Start without a target, and with nothing to do."""
        self.places = [Followed() for _ in range(places)]
        self.starting = self.paused = False
        self._waiting: deque[Order] = deque()

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    def add(self, work: Callable[[], None]) -> None:
        """Let work be done between two frames."""
        self._waiting.append(Order(work))

    def begin(self, target: Target, work: Callable[[], None]) -> None:
        """Let a target be begun on; of several that wait in one place only the last counts."""
        self._waiting = deque(o for o in self._waiting
                              if (o.what, o.place) != ('begin', target.place))
        self.starting, self.places[target.place].booked = True, target.name
        self._waiting.append(Order(work, 'begin', target.place))

    def reset(self, place: int, work: Callable[[], None]) -> str:
        """Let a target be forgotten, what is under way for it at once; return its id."""
        followed = self.places[place]
        name, followed.forgotten, followed.booked = followed.booked, True, ''
        self.starting = any(o.what == 'begin' and o.place != place for o in self._waiting)
        self._waiting.append(Order(work, 'reset', place))
        return name

    def take(self) -> Callable[[], None] | None:
        """Take the next work out; None where there is none."""
        return self._waiting.popleft().work if self._waiting else None

    def waits(self, what: str, place: int | None = None) -> bool:
        """Whether ``what`` waits, for one place or, None, for any."""
        return any(o.what == what and place in (None, o.place) for o in self._waiting)

    def place_for(self, name: str, place: int | None = None) -> int:
        """Return the place for a target that is to be called ``name``; see followed.place_for."""
        return place_for([p.booked for p in self.places], name, place)
