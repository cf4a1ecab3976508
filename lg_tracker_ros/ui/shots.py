"""What the page shows, and what it asks for: plain values between a tracker's host and viewers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, fields
import math
import threading
import time
from typing import Any, Callable, Mapping, Protocol, Sequence

from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Box, Image, Track

POINTS = 900
"""Results that the curve keeps: 30 seconds at 30 Hz."""
STEPS = {'beta1': 0.01, 'beta2': 1}
"""Parameters that have a slider, and its steps."""
MANY = 30
"""Frames at which the slider of beta2 ends."""


@dataclass(frozen=True, eq=False)
class Shot:
    """
    A frame as it may be shown, with the result for it where there is one.

    ``image`` gives its pixels, and may decode them or raise ValueError; ``origin`` is what the
    host needs to begin on this very frame.
    """

    camera: str
    stamp: int
    image: Callable[[], Image]
    track: Track | None
    origin: Any


class Host(Protocol):
    """The tracker's side; called in threads of the page's, ``state`` often: it must be quick."""

    def state(self) -> Mapping[str, Any]:
        """
        Return what the page says besides the picture, ready for JSON.

        ``cameras``: names; ``target``: its id, '' without one; ``note``: what is wrong, or '';
        ``sliders``: as ``sliders`` gives them.
        """

    def begin(self, shot: Shot, box: Box) -> str:
        """Follow what is in ``box``, pixels of this shot's image, from this very frame on."""

    def reset(self) -> str:
        """Forget the target."""

    def advise(self, right: bool) -> str:
        """Take the word of who looks on: what is followed is the target, or it isn't."""

    def tune(self, name: str, value: float) -> str:
        """Set a parameter of STEPS. These four say what was done; ValueError says why not."""

    def hold(self, viewer: object, on: bool) -> None:
        """Take note that a viewer begins, or ends, to draw; a recording may wait meanwhile."""


def sliders(settings: Settings) -> list[dict[str, Any]]:
    """Describe the sliders: name, value, low, high, step."""
    known = {f.name: f.metadata['limits'] for f in fields(settings)}
    # beta1 below it would be refused
    low = {'beta1': settings.visible_threshold}
    high = {'beta2': max(MANY, settings.beta2)}
    return [{'name': name, 'value': getattr(settings, name),
             'low': low.get(name, known[name].low), 'high': high.get(name, known[name].high),
             'step': step} for name, step in STEPS.items()]


def changed(settings: Settings, name: str, value: float) -> Settings:
    """Return settings with a slider moved; ValueError for another parameter or a wrong value."""
    if name not in STEPS:
        raise ValueError(f'the page sets {" and ".join(STEPS)}, not {name!r}')
    return settings.changed({name: type(getattr(settings, name))(value)})


class Board:
    """The newest shot of each camera and the curve; written by the tracker's threads."""

    def __init__(self) -> None:
        """Start empty; ``ring`` is called after each shot, in the writer's thread."""
        self.ring: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._newest: dict[str, Shot] = {}
        self._results: dict[str, float] = {}
        self._curve: deque[tuple[float, float, int, int]] = deque(maxlen=POINTS)
        self._count = 0
        self._followed = ''

    def put(self, shot: Shot) -> None:
        """Take a shot in; it costs the same whoever looks on."""
        with self._lock:
            self._newest[shot.camera] = shot
            track = shot.track
            if track is not None:
                now = self._results[shot.camera] = time.monotonic()
                self._curve.append((round(now, 3), round(float(track.confidence), 3),
                                    track.mode.value, track.sight.value))
                self._count += 1
                if track.visible or not self._followed:
                    self._followed = shot.camera
        self.ring()

    def age(self, camera: str) -> float:
        """Return the seconds since the last result of this camera."""
        return time.monotonic() - self._results.get(camera, -math.inf)

    def newest(self, camera: str = '') -> Shot | None:
        """Return a camera's newest shot; '': of the one where the target was seen last."""
        with self._lock:
            kept = self._newest.get(camera or self._followed)
            return kept if kept or camera else next(iter(self._newest.values()), None)

    def curve(self, since: int) -> tuple[Sequence[tuple[float, float, int, int]], int]:
        """Return the results after number ``since`` (time, confidence, mode, sight), and all."""
        with self._lock:
            points, count = list(self._curve), self._count
        return points[max(len(points) - (count - since), 0):], count
