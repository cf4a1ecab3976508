"""How long ago a target was seen, by the stamps of the images. Plain Python."""

from __future__ import annotations

from lg_tracker_ros.types import Track


class Sightings:
    """Takes note of a target's tracks."""

    def __init__(self, camera: str, stamp: int) -> None:
        """Begin with a frame in which the target is seen; ``stamp`` in ns."""
        self._seen = stamp
        self._stamps = {camera: stamp}

    def unseen_s(self, track: Track) -> float:
        """Take note of a track; return the seconds since the target was seen."""
        back = self._stamps.get(track.camera, track.stamp) - track.stamp
        self._stamps[track.camera] = track.stamp
        if track.visible:
            self._seen = track.stamp
        elif back > 0:
            self._seen -= back  # the clock was set back, or a bag begins again: time goes on
        return max(0.0, (track.stamp - self._seen) / 1e9)
