"""A run of ``track`` with several targets."""

from __future__ import annotations

import sys
import time
from typing import Sequence, TextIO

from lg_tracker_ros.boxes import check_init_box
from lg_tracker_ros.detections.recorded import RecordedDetector
from lg_tracker_ros.media.drawing import annotate
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.media.writer import VideoOut
from lg_tracker_ros.offline.outputs import Rows
from lg_tracker_ros.offline.progress import drawn_on, moments, outcome, Progress
from lg_tracker_ros.offline.signals import Signals
from lg_tracker_ros.rows import COLUMNS, track_row
from lg_tracker_ros.team import Team
from lg_tracker_ros.types import Box, Track
from tqdm import tqdm


def follow_all(team: Team, sources: Sequence[Source], boxes: Sequence[Box], out: TextIO,
               video: VideoOut | None, done: Progress, signals: Signals,
               detector: RecordedDetector) -> None:
    """
    Follow ``boxes``, drawn in the first frame of the first source, each in its place in ``team``.

    A CSV line for each target of each frame; the column ``target`` counts from 1, and ``ms`` is
    the time that the frame took for all.
    """
    several = len(sources) > 1
    rows = Rows(out)
    rows.write((*COLUMNS, 'target', *(('camera',) if several else ())))
    last: list[Track] = []
    with tqdm(total=(sources[0].count - sources[0].start) or None, unit='frame',
              file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for number, aligned in moments(sources):
            detector.show(number, aligned)
            frames = [f for f in aligned if f is not None]
            if not last:
                first = drawn_on(aligned, number, sources[0])
                for box in boxes:  # before a network has been asked
                    check_init_box(box, first.width, first.height)
            start = time.perf_counter()
            if last:
                steps = team.step(dict.fromkeys(range(len(boxes)), frames))
                last = [outcome(steps[place].result(), track, frames)
                        for place, track in enumerate(last)]
            else:
                last = [team.init(place, frames[0], box) for place, box in enumerate(boxes)]
            ms = 1e3 * (time.perf_counter() - start)
            lines = [[*track_row(number, frames[0].stamp, track, ms), str(place + 1),
                      *([track.camera] if several else [])] for place, track in enumerate(last)]
            with signals.whole():
                for place, line in enumerate(lines):
                    rows.write(line)
                    done.seen[place] += last[place].visible
                done.frames += 1
                done.followed = True
                if video is not None:
                    # where the first is; the others are drawn as far as they are there, too
                    image = next(f.image for f in frames if f.camera == last[0].camera)
                    for place, track in enumerate(last):
                        if track.camera == last[0].camera:
                            image = annotate(image, track, f'{place + 1}', place)
                    video.write(image, frames[0].stamp)
            bar.update()
