"""Algorithm 2 of the TANet paper (Wang et al., TNNLS 2021), as it is written."""

from __future__ import annotations

from typing import Sequence

from lg_tracker_ros.search.candidate import Candidate, Decision, Place, Proposed
from lg_tracker_ros.search.config import SearchConfig
from lg_tracker_ros.types import Box, Mode, Region


class Algorithm2:
    """
    Search locally while the score is high, and globally after it was low for beta2 frames.

    Every result is reported, whatever its score: the paper's tracker gives a box in every frame.
    After a global search the next frame is searched locally again, and beta2 more failing frames
    must pass before the next one.

    Where the paper contradicts itself: the pseudocode never resets its counter on a success, the
    text counts continuous frames, and so does this. The pseudocode compares the counter before
    it counts the frame at hand, so that beta2 + 1 frames fail before a global search; here, as in
    the text, beta2 frames do, and with beta2 = 0 every frame is searched globally (the
    conference version). Where it is silent: what the attention map proposes has the size of the
    last reliable result, and when it proposes nothing the place stays.
    """

    def __init__(self, config: SearchConfig, place: Place) -> None:
        """Start with a target just seen at ``place``."""
        self.config = config
        self.place = place
        self.sought = (place.box.w, place.box.h)
        self.failures = 0
        self._since_search = 0
        self._proposed = Proposed()

    @property
    def mode(self) -> Mode:
        """GLOBAL after beta2 failing frames since the last success or global search."""
        return Mode.GLOBAL if self._since_search >= self.config.beta2 else Mode.LOCAL

    looks_meanwhile = False

    def regions(self, mode: Mode, camera: str) -> list[Region]:
        """Return the last place; a global search leaves it for what the network proposes."""
        if mode is Mode.GLOBAL:
            return self._proposed.regions(camera)
        return [Region(self.place.box)] if camera == self.place.camera else []

    def propose(self, camera: str, boxes: Sequence[Box]) -> None:
        """Take what the network proposes: this frame looks at all of it."""
        self._proposed.boxes[camera] = boxes

    def decide(self, mode: Mode, candidates: Sequence[Candidate], span: int = 1) -> Decision:
        """
        Take the best of what was looked at; in GLOBAL mode that is what was proposed.

        A frame is a frame here, as in the paper, however slow the camera (``span``).
        """
        self._proposed.boxes.clear()
        best = max(candidates, key=lambda c: c.confidence, default=None)
        reliable = best is not None and best.confidence >= self.config.beta1
        self.failures = 0 if reliable else self.failures + 1
        self._since_search = 0 if reliable or mode is Mode.GLOBAL else self._since_search + 1
        if best is None:
            return Decision(None, 0.0, False, None)
        self.place = best.place
        if reliable:
            self.sought = (best.output.box.w, best.output.box.h)
        return Decision(best.output.box, best.confidence, reliable, best)

    def lose(self) -> None:
        """Search the whole image next."""
        self._since_search = self.failures = max(self.failures, self.config.beta2)

    def assure(self) -> None:
        """Count failures anew."""
        self.failures = self._since_search = 0
