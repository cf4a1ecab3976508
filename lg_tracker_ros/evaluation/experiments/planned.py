"""What every experiment does: say what is to be done and how, leave out, and keep results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import csv
from dataclasses import asdict, dataclass
import hashlib
import io
import json
from pathlib import Path
import sys
from typing import Any, Callable, TypeVar

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.records import read_labels
from lg_tracker_ros.evaluation.experiments.trackers import (
    folder_name,
    peer_weights,
    PEERS,
    settings_of,
)
from lg_tracker_ros.files import replace_file, sha256
from lg_tracker_ros.provenance import peer_files, seen_in_training, weights_of, what_made_it
from lg_tracker_ros.reading.plain import read_object


@dataclass(frozen=True, eq=False)
class Job:
    """
    One tracker on one subject: a sequence, or a group of them by the name that they share.

    ``tracker`` is its name, or a re-detector's, as the user gave it. Rows go to
    ``folder``/<tracker>/<subject>.csv and ``made``, how they came about, into a sidecar in JSON.
    """

    tracker: str
    subject: str
    members: tuple[LabelledSequence, ...]
    made: dict[str, Any]
    folder: Path

    @property
    def label(self) -> str:
        """What to call it."""
        return f'{self.tracker} on {self.subject}'

    @property
    def sequence(self) -> LabelledSequence:
        """The sequence, or the first of the group."""
        return self.members[0]

    @property
    def path(self) -> Path:
        """Where its rows go."""
        return self.folder / folder_name(self.tracker) / f'{self.subject}.csv'

    def keep(self, rows: Iterable[Sequence[str]], **made: Any) -> None:
        """
        Write the results; ``made`` is added to the sidecar.

        That is written first and the rows last, each whole, so that a file of rows on disk means
        a finished job.
        """
        text = io.StringIO()
        csv.writer(text, lineterminator='\n').writerows(rows)
        made['rows_sha256'] = hashlib.sha256(text.getvalue().encode()).hexdigest()
        sidecar = json.dumps({**self.made, **made}, sort_keys=True)
        replace_file(self.path.with_suffix('.json'), sidecar + '\n')
        replace_file(self.path, text.getvalue())

    def is_done(self) -> bool:
        """
        Whether its results are there as they were kept, made as ``made`` says.

        Raises ValueError when those there come from other settings, other weights, other first
        boxes or other images: nobody could tell afterwards which rows are whose.
        """
        sidecar = self.path.with_suffix('.json')
        if not self.path.is_file() or not sidecar.is_file():
            return False
        old = {'jitter': 0, 'detections': '', 'images': self.made.get('images', ''),
               **read_object(sidecar)}  # older ones don't say
        for what in ('settings', 'weights', 'jitter', 'detections', 'images'):
            if old.get(what) != json.loads(json.dumps(self.made.get(what, ''))):
                raise ValueError(f'{self.path} was made with other {what}; use another --out, or '
                                 '--again to replace it')
        rows = sha256(self.path)
        return bool(old.get('rows_sha256', rows) == rows)


J = TypeVar('J', bound=Job)
Marks = dict[str, list[str]]
"""By sequence, the remarks that every report must carry."""


def described(tracker: str, weights: Path | None = None, jitter: int = 0,
              detections: str = '') -> dict[str, Any]:
    """
    Say what makes a tracker's results, for the sidecar; ValueError for an unknown name.

    ``jitter`` is the seed by which first boxes are moved (jitter.py), ``detections`` names a
    detector's boxes (detections.py).
    """
    if tracker in PEERS:
        if detections:
            raise ValueError(f'{tracker} has no search that detections could help; leave '
                             '--detections out')
        files = peer_files(tracker, peer_weights(tracker, weights))
        return {'settings': {'peer': tracker}, 'jitter': jitter, 'detections': '',
                **what_made_it(tracker, files)}
    settings = settings_of(tracker, weights)
    return {'settings': asdict(settings), 'jitter': jitter, 'detections': detections,
            **what_made_it(settings.tracker, weights_of(settings))}


def plan(trackers: Sequence[str], subjects: Mapping[str, Sequence[LabelledSequence]],
         describe: Callable[[str], dict[str, Any]], make: Callable[..., J],
         seen: bool) -> tuple[list[J], Marks]:
    """
    List the jobs, ``make(tracker, subject, members, made)``, and the remarks for the report.

    A subject with a member that a tracker's weights were trained on is left out for that tracker,
    with a line on stderr, unless ``seen``; then it is remarked on. Raises ValueError for a
    tracker that is named twice, and what ``describe`` raises.
    """
    if not trackers:
        raise ValueError('nothing is named to be run; expected names as A,B')
    if len({folder_name(t) for t in trackers}) != len(trackers):
        raise ValueError(f'each tracker must be named once, got {" ".join(trackers)}')
    jobs: list[J] = []
    marks: Marks = {}
    for tracker in trackers:
        made = describe(tracker)
        for subject, members in subjects.items():
            known = {m.name: entry for m in members
                     if (entry := seen_in_training(m.source, made['trained_on']))}
            if known and not seen:
                print(f'{subject} is left out for {tracker}: its weights were trained on '
                      f'{", ".join(dict.fromkeys(known.values()))}; --seen runs it, marked',
                      file=sys.stderr)
                continue
            for name in known:
                marks.setdefault(name, []).append(f'{folder_name(tracker)} was trained on it')
            jobs.append(make(tracker, subject, tuple(members),
                             {**made, 'images': [file_sizes(m) for m in members]}))
    return jobs, marks


def file_sizes(sequence: LabelledSequence) -> list[int]:
    """
    Return the bytes of a sequence's video, or of its first and last image; -1 for none there.

    They tell whether images of the same name and labels are the same ones, without a look at each.
    """
    files = [sequence.video] if sequence.video else [sequence.images[0], sequence.images[-1]]
    return [f.stat().st_size if f.is_file() else -1 for f in files]


def remaining(jobs: Sequence[J], again: bool) -> list[J]:
    """Return the jobs whose results aren't there; all, to be done ``again``."""
    return [j for j in jobs if again or not j.is_done()]


def one_protocol(sequences: Sequence[LabelledSequence], out: Path) -> None:
    """Refuse to put sequences of two protocols into one folder: no mean may mix them."""
    protocols = {s.protocol for s in sequences}
    if (out / 'dataset.json').exists():
        protocols |= {labels.protocol for labels in read_labels(out).values()}
    if len(protocols) > 1:
        raise ValueError(f'{out} would hold the protocols {" and ".join(sorted(protocols))}; give '
                         'each its own --out')


def words(text: str) -> list[str]:
    """Split ``A,B``; blanks around a name don't count."""
    return [w.strip() for w in text.split(',') if w.strip()]
