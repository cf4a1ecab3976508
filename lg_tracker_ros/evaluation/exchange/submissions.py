"""
``eval submit``: a run's results in the files that a benchmark's own evaluation reads.

All but OxUvA want one box for every frame and know no "not in view": where nothing is claimed it
is the place where the tracker believes the target to be (``Record.every``). Boxes are in the
benchmark's own convention, that of its labels.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Callable, Mapping, Sequence
import zipfile

from lg_tracker_ros.datasets.readers import oxuva
from lg_tracker_ros.datasets.readers.files import frame_number
from lg_tracker_ros.datasets.sequence import Boxes, LabelledSequence
from lg_tracker_ros.evaluation.experiments.records import read_labels, read_record, tracker_folders
from lg_tracker_ros.evaluation.metrics.record import Record
from lg_tracker_ros.files import replace_file
import numpy as np

Records = Mapping[str, Record]
"""One tracker's records by the name of the sequence."""


def every_frame(record: Record) -> Boxes:
    """
    Return N x 4 boxes, 0-based, one for every frame.

    Raises ValueError when the run did not begin at the sequence's first frame.
    """
    if not record.claimed[0]:
        raise ValueError(f'{record.labels.name}: the target has no box in frame 0; a submission '
                         'has a box for every frame from there on')
    return record.every


def _lines(rows: Boxes, digits: int) -> str:
    """Write rows of numbers, commas between."""
    return ''.join(','.join(f'{v:.{digits}f}' for v in row) + '\n' for row in rows)


def _name(records: Records) -> str:
    """Return the name of the one tracker whose records these are."""
    names = sorted({r.tracker for r in records.values()})
    if len(names) != 1:
        raise ValueError(f'a submission holds the results of one tracker, got {names}')
    return names[0]


def _pack(path: Path, folder: Path, files: Sequence[Path]) -> Path:
    """Zip files by their path in ``folder``, without dates: the same results, the same bytes."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(str(file.relative_to(folder))), file.read_bytes(),
                             zipfile.ZIP_DEFLATED)
    return path


def write_got10k(out: Path, records: Records) -> list[Path]:
    """
    Write TRACKER/NAME/NAME_001.txt and NAME_time.txt below ``out``, and TRACKER.zip of them.

    x, y, w, h as they are; seconds a frame (the first: the initialisation). So the results_dir
    of the `got10k` toolkit (Huang et al., TPAMI 2021) looks, and so it packs it. One repetition:
    our trackers are deterministic. Returns all files, the archive last.
    """
    folder = out / _name(records)
    files = []
    for name, record in sorted(records.items()):
        for end, rows, digits in (('001', every_frame(record), 3),
                                  ('time', record.ms[:, None] / 1e3, 8)):
            files.append(folder / name / f'{name}_{end}.txt')
            replace_file(files[-1], _lines(rows, digits))
    return [*files, _pack(out / f'{folder.name}.zip', folder, files)]


def write_trackingnet(out: Path, records: Records) -> list[Path]:
    """
    Write TRACKER/NAME.txt below ``out``, and TRACKER.zip of them, without a folder in it.

    x, y, w, h as they are, as in the example of TrackingNet's devkit (Müller et al., ECCV 2018);
    its evaluation rounds them to whole pixels. Returns all files, the archive last.
    """
    folder = out / _name(records)
    files = _one_each(folder, records, 0)
    return [*files, _pack(out / f'{folder.name}.zip', folder, files)]


def write_lasot(out: Path, records: Records) -> list[Path]:
    """
    Write TRACKER_tracking_result/NAME.txt below ``out``: what LaSOT's toolkit looks for.

    x, y, w, h, 1-based as the labels are (Fan et al., CVPR 2019: its overlap counts the pixels
    from x to x + w - 1). There is no server: ``out`` is the toolkit's folder tracking_results.
    Returns the files.
    """
    return _one_each(out / f'{_name(records)}_tracking_result', records, 1)


def _one_each(folder: Path, records: Records, base: int) -> list[Path]:
    files = []
    for name, record in sorted(records.items()):
        files.append(folder / f'{name}.txt')
        replace_file(files[-1], _lines(every_frame(record) + np.array([base, base, 0, 0]), 2))
    return files


def write_oxuva(out: Path, records: Records) -> list[Path]:
    """
    Write TRACKER/VIDEO_OBJECT.csv below ``out``, and TRACKER.zip of them, without a folder in it.

    A row for each frame after the first: video, object, frame, true or false (present), score,
    xmin, xmax, ymin, ymax as shares of the image, as OxUvA's own program (Valmadre et al., ECCV
    2018) writes and reads them; its text says present and absent, which that program refuses.
    Frame numbers and sizes are those of the data set, read anew. Returns all files, the archive
    last. Raises ValueError where the data set isn't there any more, or isn't OxUvA.
    """
    folder = out / _name(records)
    sequences: dict[str, LabelledSequence] = {}
    for root in sorted({_oxuva_root(record) for record in records.values()}):
        sequences |= {s.name: s for s in oxuva.read(root)}
    files = []
    for name, record in sorted(records.items()):
        if name not in sequences or len(sequences[name].truth) != len(record.boxes):
            raise ValueError(f'{name} is no sequence of OxUvA in {_oxuva_root(record)}, or has '
                             'another length there; expected its folder with images/ and tasks/')
        first = next(sequences[name].frames())
        video, _, item = name.rpartition('_')
        start = frame_number(sequences[name].images[0])
        low = np.clip(record.boxes[:, :2] / (first.width, first.height), 0, 1)
        high = np.clip((record.boxes[:, :2] + record.boxes[:, 2:]) / (first.width, first.height),
                       0, 1)
        edges = np.nan_to_num(np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], 1))
        rows = [','.join([video, item, str(start + i), str(bool(record.claimed[i])).lower(),
                          *(f'{v:.6f}' for v in (record.confidence[i], *edges[i]))])
                for i in range(1, len(edges))]
        files.append(folder / f'{name}.csv')
        replace_file(files[-1], '\n'.join([*rows, '']))
    return [*files, _pack(out / f'{folder.name}.zip', folder, files)]


def _oxuva_root(record: Record) -> Path:
    """Find the data set above images/SUBSET/VIDEO."""
    return Path(os.path.abspath(record.labels.path)).parents[2]


SUBMISSIONS: dict[str, Callable[[Path, Records], list[Path]]] = {
    'got10k': write_got10k,
    'lasot': write_lasot,
    'oxuva': write_oxuva,
    'trackingnet': write_trackingnet,
}


def read_complete(out: Path, tracker: str) -> dict[str, Record]:
    """
    Read all records of one tracker of a run.

    Raises ValueError when there are none, or not of every sequence of the run (a benchmark counts
    what is missing as lost), or not of every frame or from the given first boxes.
    """
    labels = read_labels(out)
    folder = out / tracker
    if folder not in tracker_folders(out):
        there = ', '.join(p.name for p in tracker_folders(out)) or 'none'
        raise ValueError(f'{out} holds no results of {tracker!r}; there are: {there}')
    missing = [name for name in labels if not (folder / f'{name}.csv').is_file()]
    if missing:
        raise ValueError(f'{folder} lacks {len(missing)} of {len(labels)} sequences, such as '
                         f'{missing[0]}; finish it with `eval run`')
    records = {name: read_record(folder / f'{name}.csv', of) for name, of in labels.items()}
    for name, record in records.items():
        for option, odd in (('every', record.labels.every != 1),
                            ('jitter', record.made.get('jitter', 0))):
            if odd:
                raise ValueError(f'{folder / name}.csv was made with --{option}, and a benchmark '
                                 'wants all frames, from the boxes that it gives; `eval run` '
                                 f'without --{option} into another --out')
    return records


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval submit``."""
    parser.add_argument('out', metavar='OUT', help='the --out of an `eval run`')
    parser.add_argument('--format', required=True, choices=sorted(SUBMISSIONS),
                        help='whose')
    parser.add_argument('--tracker', required=True, metavar='NAME', help='a folder of OUT')
    parser.add_argument('--to', required=True, metavar='DIR', help='where to write')


def run(args: argparse.Namespace) -> int:
    """Run ``eval submit``."""
    out, to = Path(args.out), Path(args.to)
    records = read_complete(out, args.tracker)
    if to.exists() and to.samefile(out):  # OxUvA's files have the names of ours
        raise ValueError(f'--to {to} holds the results themselves; give another folder')
    files = SUBMISSIONS[args.format](to, records)
    print(f'{len(files)} files, the last {files[-1]}')
    return 0
