"""The report's pictures: what is drawn, by which rule, and those that show single sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Sequence

import cv2
from lg_tracker_ros.boxes import iou_pairs
from lg_tracker_ros.evaluation.metrics.record import Record
from lg_tracker_ros.evaluation.reports import plots
from lg_tracker_ros.evaluation.reports.canvas import new_figure, save
from lg_tracker_ros.evaluation.reports.results import Results
from lg_tracker_ros.media.video import Source
from lg_tracker_ros.types import Image, Mode
import numpy as np
import numpy.typing as npt

TIMELINES, SHEET = 6, 12
"""Sequences in the pictures that show single ones."""
TRUTH, OURS = (80, 220, 80), (0, 94, 213)
"""Colours of boxes in BGR: the truth, a tracker's."""


def spans(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the runs of true flags as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def telling(records: Sequence[Record]) -> list[Record]:
    """Order a tracker's runs: most departures of the target first, then the most searching."""
    def key(record: Record) -> tuple[int, float, str]:
        searching = float(np.mean(record.mode == Mode.GLOBAL.name))
        return -len(spans(record.labels.absent)), -searching, record.labels.name
    return sorted(records, key=key)


def overlaps(record: Record) -> npt.NDArray[np.float64]:
    """Compute each frame's IoU with the truth (N); 0 without a box, nan without a truth."""
    iou = iou_pairs(record.boxes, record.labels.truth)
    return np.where(record.labels.present & ~record.claimed, 0.0, iou)


def timeline(results: Results, path: Path) -> None:
    """Draw confidence and IoU over time, the mode shaded (the paper's Fig. 4)."""
    records = telling(list(results.records[results.shown()].values()))[:TIMELINES]
    figure, axes = new_figure(9, 1.45 * len(records) + 0.9, len(records))
    for ax, record in zip(axes, records):
        n = len(record.labels.truth)
        x = np.arange(n)
        for a, b in spans(record.mode == Mode.GLOBAL.name):
            ax.axvspan(a - 0.5, b - 0.5, color='#E69F00', alpha=0.4, lw=0)
        for a, b in spans(record.labels.absent):
            ax.axvspan(a - 0.5, b - 0.5, facecolor='none', edgecolor='0.45', hatch='////', lw=0)
        ax.plot(x, overlaps(record), color='#009E73', lw=1)
        ax.plot(x[record.labels.start:], record.confidence[record.labels.start:],
                color='#0072B2', lw=1.4)
        ax.set_xlim(-0.5, n - 0.5)
        ax.set_ylim(0, 1.03)
        ax.set_title(record.labels.name, fontsize=10, loc='left', pad=3)
        ax.tick_params(labelsize=8)
    axes[-1].set_xlabel('frame')
    axes[0].plot([], [], color='#0072B2', lw=1.4, label='confidence')
    axes[0].plot([], [], color='#009E73', lw=1, label='IoU with the truth')
    axes[0].fill_between([], [], color='#E69F00', alpha=0.4, lw=0, label='global search')
    axes[0].fill_between([], [], facecolor='none', edgecolor='0.45', hatch='////', lw=0,
                         label='target absent')
    axes[0].legend(loc='lower right', bbox_to_anchor=(1.0, 1.03), ncol=4, fontsize=9,
                   frameon=False)
    figure.tight_layout()
    save(figure, path)


def draw_box(image: Image, box: npt.NDArray[np.float64], color: tuple[int, int, int]) -> None:
    """Draw a box (x, y, w, h in pixels; nan: none) into an image."""
    if np.isfinite(box).all():
        x, y, w, h = box
        line = max(round(min(image.shape[:2]) / 120), 2)
        cv2.rectangle(image, (round(x), round(y)), (round(x + w), round(y + h)), color, line)


def sized(image: Image, width: int, height: int) -> Image:
    """Fit an image into width x height, its shape kept, on white."""
    factor = min(width / image.shape[1], height / image.shape[0])
    w, h = round(image.shape[1] * factor), round(image.shape[0] * factor)
    small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    out = np.full((height, width, 3), 255, np.uint8)
    out[(height - h) // 2:(height - h) // 2 + h, (width - w) // 2:(width - w) // 2 + w] = small
    return out


def fitting(images: Sequence[Image], width: int) -> int:
    """Return the height in pixels that the tallest of ``images`` has at this width."""
    return max(round(width * i.shape[0] / i.shape[1]) for i in images)


def moments(record: Record) -> list[int]:
    """Choose three frames: the first, the worst with a truth, and the last that is right."""
    iou = overlaps(record)
    iou[:record.labels.start + 1] = np.nan
    if np.isnan(iou).all():
        return []
    right = np.flatnonzero(iou > 0.5)
    last = int(right[-1]) if len(right) else int(np.flatnonzero(np.isfinite(iou))[-1])
    return [record.labels.start, int(np.nanargmin(iou)), last]


def frames_at(path: str, count: int, wanted: Sequence[int]) -> list[Image]:
    """
    Read the frames ``wanted`` of a video or of a folder with exactly ``count`` images.

    Nothing is returned when they aren't there: results may be read where the data set isn't.
    """
    try:
        source = Source(path)
    except ValueError:
        return []
    if Path(path).is_dir() and source.count != count:
        return []  # a sequence that is a part of its folder: which part isn't known here
    found = {i: f.image for i, f in zip(range(max(wanted) + 1), source) if i in wanted}
    return [found[i] for i in wanted] if len(found) == len(set(wanted)) else []


def sheet(results: Results, path: Path) -> None:
    """Write frames of some sequences with the truth and the tracker's box, three of each."""
    rows = []
    for record in telling(list(results.records[results.shown()].values())):
        labels, chosen, iou = record.labels, moments(record), overlaps(record)
        images = frames_at(labels.path, len(labels.truth), chosen) if chosen else []
        for i, image in zip(chosen, images):
            draw_box(image, labels.truth[i], TRUTH)
            draw_box(image, record.boxes[i], OURS)
        words = [labels.name, *(f'frame {i}, IoU {iou[i]:.2f}' for i in chosen[1:])]
        tiles = [captioned(sized(image, 220, min(fitting(images, 220), 165)), text)
                 for image, text in zip(images, words)]
        if tiles:
            rows.append(np.hstack(tiles))
        if len(rows) == SHEET:
            break
    if rows:
        columns = [np.vstack(part) for part in (rows[::2], rows[1::2]) if part]
        height = max(len(c) for c in columns)
        write_image(path, np.hstack([
            np.pad(c, ((0, height - len(c)), (0, 0), (0, 0)), constant_values=255)
            for c in columns]))


def write_image(path: Path, image: Image) -> None:
    """Write an image in the format of its suffix; ValueError when it can't be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise ValueError(f'{path} cannot be written; is its suffix .png or .jpg?')


def captioned(image: Image, text: str) -> Image:
    """Put a line of small text above an image, where it hides nothing of it."""
    out = cv2.copyMakeBorder(image, 18, 2, 0, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(out, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return np.asarray(out, np.uint8)


def attention_picture(frames: Sequence[Image], maps: Sequence[npt.NDArray[np.float32]],
                      boxes: npt.ArrayLike, path: Path) -> None:
    """
    Write frames with, below each, its attention map laid over it (the paper's Fig. 8).

    ``frames`` are uint8 BGR of any size, ``maps`` h x w in [0, 1] that cover the whole image,
    ``boxes`` N x 4 as x, y, w, h in pixels, nan for none: they are drawn into both. Raises
    ValueError when the counts differ or are 0.
    """
    places = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not len(frames) == len(maps) == len(places) or not len(frames):
        raise ValueError('frames, maps and boxes must be as many, and at least one, got '
                         f'{len(frames)}, {len(maps)} and {len(places)}')
    width, height = 240, fitting(frames, 240)
    tiles = []
    for frame, attention, box in zip(frames, maps, places):
        above = frame.copy()
        large = cv2.resize(np.asarray(attention, np.float32), (frame.shape[1], frame.shape[0]))
        heat = cv2.applyColorMap(np.uint8(255 * np.clip(large, 0, 1)), cv2.COLORMAP_INFERNO)
        below = cv2.addWeighted(above, 0.4, heat, 0.6, 0)
        for image in (above, below):
            draw_box(image, box, TRUTH)
        tiles.append(np.vstack([sized(above, width, height), sized(below, width, height)]))
    write_image(path, np.hstack(tiles))


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


def draw(results: Results, folder: Path) -> dict[str, str]:
    """
    Draw every picture into ``folder``; returns those that are there, with a caption.

    Those for which there is nothing to show (no attributes, no images) are left out, and one of
    that name from before is removed.
    """
    found = {}
    for name, (draw_it, words) in PICTURES.items():
        path = folder / name
        path.unlink(missing_ok=True)
        draw_it(results, path)
        if path.is_file():
            found[name] = words
    return found
