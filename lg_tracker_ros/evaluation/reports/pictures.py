"""The report's pictures: which there are, and the sheet of single frames."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Callable

from lg_tracker_ros.evaluation.figures.choice import moments, overlaps, telling
from lg_tracker_ros.evaluation.figures.tiles import (
    board,
    Color,
    fitting,
    frames_at,
    tile,
    TRUTH,
    write_image,
)
from lg_tracker_ros.evaluation.figures.timeline import timeline
from lg_tracker_ros.evaluation.reports import plots
from lg_tracker_ros.evaluation.reports.canvas import as_written
from lg_tracker_ros.evaluation.reports.results import among, Results

SHEET = 12
"""Sequences in the sheet."""
OURS: Color = (0, 94, 213)


def sheet(results: Results, path: Path) -> None:
    """Write frames of some sequences with the truth and the tracker's box, three of each."""
    rows = []
    for record in telling(list(results.records[results.shown()].values())):
        labels, chosen, iou = record.labels, moments(record), overlaps(record)
        images = (frames_at(labels.path, len(labels.truth), chosen, labels.every)
                  if chosen else [])
        words = [labels.name, *(f'frame {i}, IoU {iou[i]:.2f}' for i in chosen[1:])]
        if images:
            height = min(fitting(images, 220), 165)
            rows.append([tile(image, [(labels.truth[i], TRUTH), (record.boxes[i], OURS)], 220,
                              height, text) for i, image, text in zip(chosen, images, words)])
        if len(rows) == SHEET:
            break
    if rows:
        write_image(path, board(rows, columns=2))


Draw = Callable[[Results, Path], None]
PICTURES: dict[str, tuple[Draw, str]] = {
    'success.png': (plots.success, 'Success plot'),
    'precision.png': (plots.precision, 'Precision plot'),
    'normalised_precision.png': (plots.normalised_precision, 'Normalised precision plot'),
    'longterm.png': (plots.longterm, 'Long term: tracking precision over recall'),
    'speed.png': (plots.speed, 'Speed against accuracy'),
    'attributes.png': (plots.attributes, 'AUC by attribute'),
    'attributes_precision.png': (plots.attributes_precision, 'Precision at 20 px by attribute'),
    'sequences.png': (plots.sequences, 'AUC of each sequence (*: remark in the table)'),
    'timeline.png': (timeline, 'Confidence over time'),
    'reliability.png': (plots.reliability, 'What the confidence is worth'),
    'frames.jpg': (sheet, 'First frame, worst frame, last right frame; truth green')}


@as_written()
def draw(results: Results, folder: Path, beside: str = '') -> dict[str, str]:
    """
    Draw every picture into ``folder``; returns those that are there, with a caption.

    ``beside`` is a tracker whose IoU is drawn into the timeline as well; ValueError where there
    is none of that name. Those for which there is nothing to show (no attributes, no images) are
    left out, and one of that name from before is removed.
    """
    if beside:
        among('tracker', [beside], results.records)
    found = {}
    pictures = dict(PICTURES)
    if beside:
        pictures['timeline.png'] = (partial(timeline, beside=beside),
                                    f'Confidence over time, and the IoU of {beside}')
    for name, (draw_it, words) in pictures.items():
        path = folder / name
        path.unlink(missing_ok=True)
        draw_it(results, path)
        if path.is_file():
            found[name] = words
    return found
