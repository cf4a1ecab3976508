"""Several targets, each with a tracker of its own, that know of each other."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Callable, Mapping, Sequence

from lg_tracker_ros.recognition.confidence import logistic, logit
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Claim, Frame, Track

RATE = 0.1
"""Share of the newest frame in how sure a target's tracker usually is."""


@dataclass(frozen=True)
class Known:
    """What is known of a target after a moment: its claims, and how sure (log odds) is usual."""

    claims: tuple[Claim, ...] = ()
    usual: float | None = None

    def after(self, step: Future[list[Track]]) -> Known:
        """Add what a step found; waits for it. One that failed claims nothing."""
        if step.exception() is not None:
            return replace(self, claims=())
        claims, usual = [], self.usual
        for track in step.result():
            if track.box is not None and not track.failures:
                sure = track.confidence if track.judged is None else track.judged
                claims.append(Claim(track.camera, track.box, sure))
                odds = logit(sure)
                usual = odds if usual is None else usual + RATE * (odds - usual)
        return Known(tuple(claims), usual)

    def as_sure_as(self, own: float | None, claim: Claim) -> Claim:
        """Give a claim as surely as it would be made where ``own`` log odds are usual."""
        if own is None or self.usual is None:
            return claim
        return replace(claim, confidence=logistic(own + logit(claim.confidence) - self.usual))


class Team:
    """
    Trackers that tell each other where their targets are: the others are each one's best rivals.

    A target is told where the others were seen for sure: in the same moment by those before it
    in the order, by those behind it in the moment before. The first is due in every moment, each
    other in every ``every``-th, in turn.

    Up to ``at_once`` targets are looked at at the same time: one that is to judge what its
    networks found waits for those before it. So nothing that is found depends on ``at_once``.
    """

    def __init__(self, trackers: Sequence[LongTermTracker], every: int = 1,
                 at_once: int = 1) -> None:
        """Take the trackers, at least one; places are numbered from 0 in their order."""
        self.trackers, self._every, self._moment = tuple(trackers), every, 0
        self._known = [Known() for _ in self.trackers]
        # threads of their own: a step waits for those in which networks run. Work is taken up in
        # its order, so the first that isn't done is under way, and waits for nobody
        count = min(at_once, len(self.trackers))
        self._threads = ThreadPoolExecutor(count, 'lg_tracker target') if count > 1 else None

    def close(self) -> None:
        """End the threads; nothing may be stepped any more."""
        if self._threads is not None:
            self._threads.shutdown()

    def init(self, place: int, frame: Frame, box: Box) -> Track:
        """Let a tracker learn its target; raises as LongTermTracker.init."""
        others = partial(_others, place, tuple(self._known), {})
        track = self.trackers[place].init(frame, box, others)
        self._known[place] = Known((Claim(frame.camera, box, 1.0),))
        return track

    def reset(self, place: int) -> None:
        """Forget a target."""
        self._known[place] = replace(self._known[place], claims=())
        self.trackers[place].reset()

    def due(self) -> list[int]:
        """Begin the next moment: the places in which a target is to be looked at."""
        self._moment += 1
        return [place for place in range(len(self.trackers))
                if not place or (self._moment + place) % self._every == 0]

    def step(self, moment: Mapping[int, Sequence[Frame]]) -> dict[int, Future[list[Track]]]:
        """
        Process one moment for the targets in some places, each with the frames that are its.

        Returns, once all are done and in the order of the places, what LongTermTracker.step
        returned or raised for each: what one raises takes nothing from the others.
        """
        before, threads = tuple(self._known), self._threads if len(moment) > 1 else None
        steps: dict[int, Future[list[Track]]] = {}
        submit = _now if threads is None else threads.submit
        for place in sorted(moment):
            others = cache(partial(_others, place, before, dict(steps)))
            steps[place] = submit(self.trackers[place].step, moment[place], others)
        wait(steps.values())
        for place, step in steps.items():
            self._known[place] = before[place].after(step)
        return steps


def _others(place: int, before: Sequence[Known], steps: Mapping[int, Future[list[Track]]]
            ) -> list[Claim]:
    """Say what the others claim, each as sure of it as this one would be, were it its own."""
    known = [k.after(steps[other]) if other in steps else k for other, k in enumerate(before)]
    return [k.as_sure_as(known[place].usual, claim) for other, k in enumerate(known)
            if other != place for claim in k.claims]


def _now(work: Callable[..., list[Track]], *given: object) -> Future[list[Track]]:
    """Do work here and now, as an executor does it elsewhere."""
    future: Future[list[Track]] = Future()
    try:
        future.set_result(work(*given))
    except Exception as e:  # whatever a network raises: the caller asks the future
        future.set_exception(e)
    return future
