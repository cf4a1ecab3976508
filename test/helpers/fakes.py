"""Fakes of the tracker's parts, which do what a test wrote down and keep what they were given."""

from concurrent.futures import Executor, Future

from lg_tracker_ros.types import Proposals, TrackerOutput
import numpy as np


class ScriptedLocal:
    """
    Finds, in each region, what the test says: ``confidence(frame, region)`` at the region's box.

    ``calls`` holds (camera, stamp, regions) of every search.
    """

    def __init__(self, confidence):
        """Take the script; it is asked for every region."""
        self.confidence = confidence
        self.calls = []

    def init(self, frame, box):
        """Forget the calls before."""
        self.first = (frame.camera, box)
        self.calls.clear()

    def track(self, frame, regions):
        """Stay where it is told to look."""
        self.calls.append((frame.camera, frame.stamp, list(regions)))
        found = [self.confidence(frame, region) for region in regions]
        return [TrackerOutput(r.box, c, c) for r, c in zip(regions, found)]


class ScriptedOnline(ScriptedLocal):
    """The same, learning; ``learned`` holds (stamp, camera, accepted or None, rejected)."""

    def __init__(self, confidence):
        """Take the script."""
        super().__init__(confidence)
        self.learned = []

    def update(self, frame, accepted, rejected):
        """Note what was accepted."""
        self.learned.append((frame.stamp, frame.camera, accepted.box, [o.box for o in rejected]))

    def miss(self, frame):
        """Note that nothing was."""
        self.learned.append((frame.stamp, frame.camera, None, []))


class ScriptedRedetector:
    """Proposes ``boxes[camera]``; ``calls`` holds (stamps of the clip, camera, size, k)."""

    def __init__(self, boxes, history=1):
        """Take the script."""
        self.boxes, self.history = boxes, history
        self.calls = []

    def init(self, frame, box):
        """Forget the calls before."""
        self.first = (frame.camera, box)
        self.calls.clear()

    def propose(self, clip, size, k):
        """Propose what the script says of the clip's camera, at most ``k`` boxes."""
        camera = clip[-1].camera
        self.calls.append(([f.stamp for f in clip], camera, size, k))
        return Proposals(list(self.boxes.get(camera, ()))[:k])


class ScriptedLook:
    """Sees, in each box, the unit vector that the test says: ``look(box)``."""

    def __init__(self, look):
        """Take the script."""
        self.look, self.first = look, np.zeros(3, np.float32)

    def learn(self, image, box, fill):
        """Remember the first look."""
        self.first = self.look(box)

    def compare(self, image, boxes, fill, masks=()):
        """Give cosines with the first look, and the looks."""
        looks = np.stack([self.look(b) for b in boxes])
        return looks @ self.first, looks


class ManualExecutor(Executor):
    """Runs nothing before the test says so with ``run``."""

    def __init__(self):
        """Start without work."""
        self.waiting = []

    def submit(self, fn, /, *args, **kwargs):
        """Take work in."""
        future = Future()
        self.waiting.append((future, fn))
        return future

    def run(self):
        """Do what waits; returns how much that was."""
        waiting, self.waiting = self.waiting, []
        done = [(f, fn) for f, fn in waiting if f.set_running_or_notify_cancel()]
        for future, work in done:
            try:
                future.set_result(work())
            except Exception as e:  # as a pool does
                future.set_exception(e)
        return len(done)
