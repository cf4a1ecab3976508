"""Several targets, each with a tracker of its own, that know of each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from lg_tracker_ros.recognition.confidence import logistic, logit
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Claim, Frame, Track

RATE = 0.1
"""Share of the newest frame in how sure a target's tracker usually is."""


class Team:
    """
    Trackers that tell each other where their targets are: the others are each one's best rivals.

    A target is told where the others were seen for sure: in the same moment by those before it
    in the order, by those behind it in the moment before. The first is due in every moment, each
    other in every ``every``-th, in turn.
    """

    def __init__(self, trackers: Sequence[LongTermTracker], every: int = 1) -> None:
        """Take the trackers, at least one; places are numbered from 0 in their order."""
        self.trackers, self._every, self._moment = tuple(trackers), every, 0
        self._usual: list[float | None] = [None for _ in self.trackers]
        self._claims: list[list[Claim]] = [[] for _ in self.trackers]

    def init(self, place: int, frame: Frame, box: Box) -> Track:
        """Let a tracker learn its target; raises as LongTermTracker.init."""
        track = self.trackers[place].init(frame, box, self._others(place))
        self._claims[place] = [Claim(frame.camera, box, 1.0)]
        self._usual[place] = None
        return track

    def reset(self, place: int) -> None:
        """Forget a target."""
        self._claims[place] = []
        self.trackers[place].reset()

    def due(self) -> list[int]:
        """Begin the next moment: the places in which a target is to be looked at."""
        self._moment += 1
        return [place for place in range(len(self.trackers))
                if not place or (self._moment + place) % self._every == 0]

    def step(self, place: int, frames: Sequence[Frame]) -> list[Track]:
        """Process one moment for one target; as LongTermTracker.step."""
        self._claims[place] = []  # nothing, should the tracker fail
        tracks = self.trackers[place].step(frames, self._others(place))
        self._claims[place] = [Claim(t.camera, t.box, t.confidence) for t in tracks
                               if t.box is not None and not t.failures]
        for claim in self._claims[place]:
            odds, usual = logit(claim.confidence), self._usual[place]
            self._usual[place] = odds if usual is None else usual + RATE * (odds - usual)
        return tracks

    def _others(self, place: int) -> list[Claim]:
        """Say what the others claim, each as sure of it as this one would be, were it its own."""
        return [replace(claim, confidence=self._as_sure(place, other, claim.confidence))
                for other, claims in enumerate(self._claims) if other != place
                for claim in claims]

    def _as_sure(self, place: int, other: int, confidence: float) -> float:
        own, theirs = self._usual[place], self._usual[other]
        if own is None or theirs is None:
            return confidence
        return logistic(own + logit(confidence) - theirs)
