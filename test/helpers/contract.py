"""What every local tracker and re-detector must do, on a CPU as on a GPU."""

from dataclasses import dataclass, replace
from typing import Any

from lg_tracker_ros.types import Box, Correctable, Kind, OnlineTracker, Region
import numpy as np
import pytest

from . import published
from .clip import first_box, truth

PLACES = [Region(box, Kind.PROPOSAL) for box in (
    Box(200, 120, 40, 70), Box(-30, -20, 80, 80), Box(100, 100, 8, 8))]
"""Where to look besides: within, over a corner, at something tiny."""
LEARNED = 12
"""Accepted frames after which all that learns has learned."""


@dataclass(frozen=True)
class Case:
    """A part by its name, made on a device, and made anew elsewhere: on the CPU."""

    name: str
    device: str
    part: Any
    elsewhere: Any

    @property
    def learned(self):
        """Frames after which it has learned; of those on a CPU dimp_lite is the slowest."""
        return 6 if self.device == 'cpu' else LEARNED


def cases(here, there):
    """Give (name, device) of names for the CPU, and for the GPU."""
    return [*(pytest.param((name, 'cpu'), id=f'{name}-cpu') for name in here),
            *(pytest.param((name, 'gpu'), id=f'{name}-gpu', marks=pytest.mark.gpu)
              for name in there)]


def make_case(request, make, settings, file):
    """Yield the case of ``request``, whose parts ``make`` makes of ``settings`` on each device."""
    name, device = request.param
    if device == 'gpu':
        device = request.getfixturevalue('gpu')
    with pytest.MonkeyPatch.context() as patch:
        published.soon(patch)
        # what a GPU cuts out of an image differs a little: test/engine/test_uploads.py
        made = [make(s, replace(s.engine_config(), uploads=None))
                for s in (settings(name, d, file) for d in (device, 'cpu'))]
        yield Case(name, device, *made)


def flat(outputs):
    """Boxes, scores and confidences, a row each."""
    return np.array([(o.box.x, o.box.y, o.box.w, o.box.h, o.score, o.confidence)
                     for o in outputs])


def followed(tracker, clip, box, learned=LEARNED):
    """
    Follow ``box`` for a while and look elsewhere besides; learn, where it does, and forget.

    Where to look doesn't follow from what was found, so that no difference grows by that. Returns
    what was found: before it learned, after it, and after it forgot.
    """
    frame, last = clip[0], clip[LEARNED + 1]
    regions = [Region(box), *PLACES]
    tracker.init(frame, box)
    found = [tracker.track(frame, regions)]
    if isinstance(tracker, OnlineTracker):
        for i in range(1, learned + 1):
            place = Box(*truth()[i])
            outputs = tracker.track(clip[i], [Region(place), PLACES[0]])
            if i % 6:
                tracker.update(clip[i], outputs[0], outputs[1:])
            else:
                tracker.miss(clip[i])
    found.append(tracker.track(last, [Region(Box(*truth()[LEARNED + 1])), *PLACES]))
    inner = tracker.tracker
    if isinstance(inner, Correctable):
        inner.disown()
    found.append(tracker.track(frame, regions))
    return [flat(outputs) for outputs in found]


def sane(found, frame):
    """Assert that boxes lie where boxes may, and scores in [0, 1]."""
    for rows in found:
        assert np.isfinite(rows).all() and (rows[:, 2:4] > 0).all()
        assert (0 <= rows[:, 4:]).all() and (rows[:, 4:] <= 1).all()
        middle = rows[:, :2] + rows[:, 2:4] / 2
        assert (middle >= 0).all() and (middle <= (frame.width, frame.height)).all()


def near(mine, theirs, pixels, score, what=''):
    """Assert that rows of ``flat`` differ by less, and say by how much where they do."""
    assert mine.shape == theirs.shape
    off = np.abs(mine - theirs)
    text = f'{what}: boxes off by {off[:, :4].max():.2g} px, scores by {off[:, 4:].max():.2g}'
    assert (off[:, :4] <= pixels).all() and (off[:, 4:] <= score).all(), (
        f'{text}\n{mine}\n{theirs}')


def proposed(finder, clip, box, frames=(0, 11)):
    """Search frames, a lone one too; boxes with scores, and maps."""
    finder.init(clip[0], box)
    found = []
    for i in frames:
        some = clip[max(i - finder.history + 1, 0):i + 1]
        p = finder.propose(some, (box.w, box.h), 5)
        found.append((np.array([(b.x, b.y, b.w, b.h) for b in p.boxes]).reshape(-1, 4),
                      np.array(p.scores if p.scores is not None else [0.0] * len(p.boxes)),
                      np.asarray(p.attention)))
    return found


BOXES = [first_box(), Box(-30, -20, 80, 80), Box(340, 250, 80, 70), Box(100, 100, 8, 8),
         Box(0, 0, 384, 288)]
"""Targets: one, over corners, tiny, and all that is seen."""
