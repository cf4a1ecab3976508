"""What local trackers find on held-out material, and whether it was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Mapping, Sequence

from lg_tracker_ros.boxes import iou, limit_size
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.search import SearchConfig
from lg_tracker_ros.training.data.material import Material
from lg_tracker_ros.training.data.media import decode, Rng
from lg_tracker_ros.training.samples.views import drawn_scenario, HARDLY, still_views
from lg_tracker_ros.types import (
    Box,
    Frame,
    Image,
    Kind,
    LocalTracker,
    OnlineTracker,
    Region,
    TrackerOutput,
)
import numpy as np
import numpy.typing as npt

PATIENCE = 8
"""Frames after which a tracker that lost its target is put back on it."""

ELSEWHERE = 0.25
"""Share of the frames in which the tracker is also asked to look elsewhere."""


@dataclass(frozen=True, eq=False)
class Moment:
    """
    A frame of an episode.

    ``box`` is the target's, None when absent; ``others`` those of look-alikes; ``clear`` is False
    where the target shows too little for an honest label.
    """

    image: Image
    box: Box | None
    others: tuple[Box, ...] = ()
    clear: bool = True


Episode = Sequence[Moment]
"""The first moment should show the target."""

RECORDED, SMALLEST = 400, 8.0
"""Frames of a real sequence at most; side in pixels of a first box at least."""


@dataclass(frozen=True)
class Evidence:
    """
    One output of a tracker: its cues, and the IoU with the target.

    ``iou`` is -1 when the target is absent. ``followed`` says whether it was sought where it was
    last found, or elsewhere, as a candidate of a global search is.
    """

    cues: Mapping[str, float]
    iou: float
    followed: bool


def jittered(rng: Rng, box: Box, by: float) -> Box:
    """Move and scale a box by normal errors of ``by`` times its sides."""
    x, y, w, h = rng.normal(0, by, 4)
    return Box.from_center(box.cx + x * box.w, box.cy + y * box.h, box.w * np.exp(w),
                           box.h * np.exp(h))


def elsewhere(rng: Rng, moment: Moment, size: Box) -> Box:
    """Draw a place where a global search may send the tracker: a look-alike, else any."""
    others = [o for o in moment.others if moment.box is None or iou(o, moment.box) < 0.2]
    if others and rng.random() < 0.7:
        return others[int(rng.integers(len(others)))]
    if moment.box is not None and rng.random() < 0.5:
        return jittered(rng, Box.from_center(moment.box.cx, moment.box.cy, size.w, size.h), 0.25)
    h, w = moment.image.shape[:2]
    return Box.from_center(rng.uniform(0, w), rng.uniform(0, h), size.w, size.h)


def watch(rng: Rng, trackers: Mapping[str, LocalTracker], episode: Episode
          ) -> Iterator[tuple[str, Evidence]]:
    """
    Let every tracker follow an episode's target; gives what each found, by its name.

    One that refuses the first box sits out. One that learns online does so from its own
    decisions, right or wrong: on clean labels its score would be trusted too much.
    """
    first, *rest = episode
    if first.box is None:
        raise ValueError('an episode begins with its target in view')
    drawn = jittered(rng, first.box, 0.03)
    seed = int(rng.integers(1 << 31))
    for name, tracker in trackers.items():
        try:
            tracker.init(Frame(first.image), drawn)
        except ValueError:  # some of OpenCV's refuse a box at the border
            continue
        own = np.random.default_rng(seed)  # each is asked the same questions
        place, lost = drawn, 0
        for moment in rest:
            regions = [Region(place)]
            if own.random() < ELSEWHERE:
                regions.append(Region(elsewhere(own, moment, place), Kind.PROPOSAL))
            frame = Frame(moment.image)
            found = tracker.track(frame, regions)
            if isinstance(tracker, OnlineTracker):
                learn(tracker, frame, found[0])
            if moment.clear:
                for i, output in enumerate(found):
                    yield name, judged(output, moment.box, i == 0)
            box = found[0].box
            hit = moment.box is not None and iou(box, moment.box) > 0
            lost = 0 if hit else lost + 1
            place = limit_size(box, drawn, SearchConfig().max_size_ratio)
            if lost >= PATIENCE and moment.box is not None:
                place, lost = moment.box, 0


def learn(tracker: OnlineTracker, frame: Frame, followed: TrackerOutput) -> None:
    """Let a tracker learn from a frame as the search policy would by its confidence."""
    if followed.confidence >= SearchConfig().beta1:
        tracker.update(frame, followed, [])
    else:
        tracker.miss(frame)


def judged(output: TrackerOutput, box: Box | None, followed: bool) -> Evidence:
    """Compare an output with the truth."""
    return Evidence(output.cues, -1.0 if box is None else iou(output.box, box), followed)


def generated(rng: Rng, m: Material) -> list[Moment]:
    """Render a whole sequence of the generator."""
    scenario = drawn_scenario(rng, m)
    shown = (scenario.render(i) for i in range(len(scenario)))
    return [Moment(s.image, s.box, s.others, not 0 < s.visibility < HARDLY) for s in shown]


def photographed(rng: Rng, m: Material) -> list[Moment]:
    """Look at one still with two virtual cameras; what is of the target's class is alike."""
    first, _, last = still_views(rng, m)
    return [Moment(first.image, first.box), Moment(last.image, last.box, last.others)]


def filmed(rng: Rng, m: Material) -> list[Moment]:
    """Take a labelled clip, from any frame on."""
    clip = m.clips[int(rng.integers(len(m.clips)))]
    start = int(rng.integers(max(len(clip.frames) // 2, 1)))
    return [Moment(decode(clip.frames[i]), clip.boxes[i])
            for i in range(start, min(start + 40, len(clip.frames)))]


SOURCES: Mapping[str, Callable[[Rng, Material], list[Moment]]] = {
    'generated': generated, 'photographed': photographed, 'filmed': filmed}


def made(m: Material, counts: Mapping[str, int], seed: int) -> Iterator[tuple[str, Episode]]:
    """Make ``counts`` episodes of each source that ``m`` has something for; with their source."""
    needs: Mapping[str, Sequence[object]] = {
        'generated': m.sprites, 'photographed': m.stills, 'filmed': m.clips}
    for source, make in SOURCES.items():
        for n in range(counts.get(source, 0) if needs[source] else 0):
            yield source, make(np.random.default_rng((seed, n)), m)


def recorded(sequences: Iterable[LabelledSequence]) -> Iterator[tuple[str, Episode]]:
    """Take the first frames of real sequences; frames without a label are not clear."""
    for s in sequences:
        frames = zip(range(s.start, s.start + RECORDED), s.frames(s.start))
        yield 'recorded', [
            Moment(frame.image, Box(*map(float, s.truth[i])) if s.present[i] else None,
                   clear=bool(s.present[i] or s.absent[i])) for i, frame in frames]


def gather(trackers: Mapping[str, LocalTracker], episodes: Iterable[tuple[str, Episode]],
           seed: int) -> dict[str, dict[str, list[Evidence]]]:
    """Let the trackers follow episodes; returns evidence by tracker and source."""
    out: dict[str, dict[str, list[Evidence]]] = {name: {} for name in trackers}
    for n, (source, episode) in enumerate(episodes):
        box = episode[0].box
        if box is not None and min(box.w, box.h) >= SMALLEST:
            for name, evidence in watch(np.random.default_rng((seed, n)), trackers, episode):
                out[name].setdefault(source, []).append(evidence)
    return out


def as_table(evidence: Sequence[Evidence]) -> npt.NDArray[np.float64]:
    """Rows of score, look, IoU, followed."""
    return np.array([[e.cues['score'], e.cues['look'], e.iou, e.followed]
                     for e in evidence]).reshape(-1, 4)
