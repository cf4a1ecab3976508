"""
A tracker that runs on rails: its parts are asked, and answer as they once did.

Where a closed loop goes depends on the last digit: on the bundled clip a candidate misses the
threshold by .001, and with another rounding a look-alike is followed from there on. So what is
recorded is what each part was asked and what it answered, frame by frame. The policy gets the
recorded answers, whereupon it must ask and decide exactly as recorded; the parts get the recorded
questions, whereupon they must answer about as recorded, and no answer changes the next question.
"""

import csv
from dataclasses import dataclass, field

from lg_tracker_ros.boxes import iou
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, OnlineTracker, Proposals, Track, TrackerOutput
import numpy as np

BELIEVABLE = 0.5
SEARCH_FROM, SEARCH_EVERY = 3, 3
LOOKED = ('frame', 'x', 'y', 'w', 'h', 'found_x', 'found_y', 'found_w', 'found_h', 'confidence',
          'again')
TRACKED = ('frame', 'x', 'y', 'w', 'h', 'confidence', 'visible', 'mode')


class LeftTheRails(Exception):
    """A part was asked what it was not asked in the recording."""


@dataclass(frozen=True)
class Looked:
    """A place that the local tracker was asked to look at, and what it answered."""

    around: Box
    found: Box
    confidence: float
    again: bool


@dataclass
class Journey:
    """What was asked and answered in each frame, and the tracks that came of it."""

    looked: dict[int, list[Looked]] = field(default_factory=dict)
    tracks: list[Track] = field(default_factory=list)
    proposed: dict[int, list[Box]] = field(default_factory=dict)


def _short(box):
    return Box(*(round(v, 2) for v in (box.x, box.y, box.w, box.h)))


def _near(a, b):
    return max(abs(p - q) for p, q in zip((a.x, a.y, a.w, a.h), (b.x, b.y, b.w, b.h))) < 0.02


class Rails:
    """Both parts of a long-term tracker; ``real`` brings those that are asked, if any."""

    def __init__(self, real=None, recorded=None):
        """Answer as ``recorded`` (a Journey); without it as ``real``, to the digits of a file."""
        self.real, self.recorded, self.got, self.frame = real, recorded, Journey(), 0
        self.history = real.redetector.history if real else 1
        if real and isinstance(real.local, OnlineTracker):
            self.update, self.miss = real.local.update, real.local.miss

    def init(self, frame, box):
        """Nothing: ``run`` starts the parts, for here both have this name."""

    def track(self, frame, regions):
        """Look at the places, and compare them with those recorded."""
        outputs = self.real.local.track(frame, regions) if self.real else []
        around = [r.box for r in regions]
        self.got.looked[self.frame] = [
            Looked(a, _short(o.box), round(o.confidence, 4), o.again)
            for a, o in zip(around, outputs)]
        if self.recorded is None:
            told = self.got.looked[self.frame]
        else:
            told = self.recorded.looked[self.frame]
            if len(told) != len(around) or not all(
                    _near(a.around, b) for a, b in zip(told, around)):
                raise LeftTheRails(f'frame {self.frame}: looked at {around}, not {told}')
        return [TrackerOutput(a.found, a.confidence, a.confidence, again=a.again) for a in told]

    def propose(self, clip, size, k):
        """Search the whole image; what was looked at besides the last place was proposed."""
        if self.recorded is None:
            found = self.real.redetector.propose(clip, size, k).boxes
            return Proposals([_short(b) for b in found])
        return Proposals([a.around for a in self.recorded.looked[self.frame][1:]])

    def run(self, frames, box, search, learned=None):
        """
        Follow the target from ``box`` in the first frame on; returns what came of it.

        ``learned`` is the box from which the real parts learn it, if it is another.
        """
        if self.real:
            self.real.local.init(frames[0], learned or box)
            self.real.redetector.init(frames[0], learned or box)
        tracker = LongTermTracker(self, self, search)
        self.got.tracks.append(tracker.init(frames[0], box))
        for self.frame, frame in enumerate(frames[1:], 1):
            self.got.tracks += tracker.step([frame])
        # the policy searches in few frames: compare more of them
        for i in range(SEARCH_FROM, len(frames), SEARCH_EVERY) if self.real else ():
            found = self.real.redetector.propose(frames[i - self.history + 1:i + 1],
                                                 (box.w, box.h), search.max_candidates)
            self.got.proposed[i] = [_short(b) for b in found.boxes]
        return self.got


def write(journey, path, name):
    """Write a journey as two files of CSV."""
    def sides(box):
        return [f'{v:.2f}' for v in (box.x, box.y, box.w, box.h)] if box else ['nan'] * 4
    looked = [[i, *sides(a.around), *sides(a.found), f'{a.confidence:.4f}', int(a.again)]
              for i, places in journey.looked.items() for a in places]
    looked += [[i, *sides(b), *[''] * 6] for i, boxes in journey.proposed.items() for b in boxes]
    tracks = [[i, *sides(t.box), f'{t.confidence:.4f}', int(t.visible), t.mode.name]
              for i, t in enumerate(journey.tracks)]
    for file, head, rows in ((f'{name}_looked.csv', LOOKED, looked),
                             (f'{name}.csv', TRACKED, tracks)):
        with open(path / file, 'w', newline='') as f:
            csv.writer(f, lineterminator='\n').writerows([head, *rows])


def read(path, name):
    """Read what ``write`` wrote; the tracks as rows."""
    journey = Journey()
    with open(path / f'{name}_looked.csv', newline='') as f:
        for row in csv.DictReader(f):
            numbers = [float(row[c]) for c in LOOKED[1:] if row[c]]
            around, *rest = Box(*numbers[:4]), *numbers[4:]
            if rest:
                journey.looked.setdefault(int(row['frame']), []).append(
                    Looked(around, Box(*rest[:4]), rest[4], bool(rest[5])))
            else:  # proposed in a search of the comparison's own
                journey.proposed.setdefault(int(row['frame']), []).append(around)
    with open(path / f'{name}.csv', newline='') as f:
        return journey, list(csv.DictReader(f))


def decided_otherwise(tracks, rows):
    """List the frames in which mode, visibility or box are not those of the file's rows."""
    if len(tracks) != len(rows):
        return [f'{len(tracks)} frames instead of {len(rows)}']
    different = []
    for track, row in zip(tracks, rows):
        place = None if row['visible'] == '0' else Box(*(float(row[c]) for c in 'xywh'))
        same = (track.mode.name == row['mode'] and track.visible == (place is not None)
                and abs(track.confidence - float(row['confidence'])) < 1e-3
                and (place is None or _near(track.box, place)))
        if not same:
            different.append(f"frame {row['frame']}: {track} instead of {row}")
    return different


def answers(got, recorded):
    """
    Say how alike the parts' answers are to those recorded, by name, each in [0, 1].

    ``iou`` and ``low``: mean and tenth percentile of the IoU of the boxes found, where the
    recorded confidence is at least BELIEVABLE (nobody looks at the others). ``apart`` and
    ``far``: mean and 95th percentile of how far confidences are apart. ``there``: share of the
    recorded proposals that are among those made, by an IoU over .5.
    """
    pairs = [(a, b) for i, places in got.looked.items()
             for a, b in zip(places, recorded.looked[i])]
    overlaps = [iou(a.found, b.found) for a, b in pairs if b.confidence >= BELIEVABLE]
    apart = [abs(a.confidence - b.confidence) for a, b in pairs]
    there = [any(iou(a, b) > 0.5 for b in got.proposed[i])
             for i, boxes in recorded.proposed.items() for a in boxes]
    return {'iou': np.mean(overlaps), 'low': np.percentile(overlaps, 10), 'apart': np.mean(apart),
            'far': np.percentile(apart, 95), 'there': np.mean(there)}
