"""``eval report``: figures, Markdown and pictures, computed from what ``eval run`` left."""

from __future__ import annotations

import argparse
from pathlib import Path

from lg_tracker_ros.evaluation.experiments import cameras
from lg_tracker_ros.evaluation.experiments.records import read_labels, tracker_folders
from lg_tracker_ros.evaluation.reports import proposal_results
from lg_tracker_ros.evaluation.reports.markdown import (
    head_tables,
    main_table,
    markdown,
    portable,
    remark,
    sections_only,
)
from lg_tracker_ros.evaluation.reports.pictures import draw
from lg_tracker_ros.evaluation.reports.results import as_json, compute, Results
from lg_tracker_ros.files import replace_file


def write(out: Path, command: str = '', pictures: bool = True,
          beside: str = '') -> Results | None:
    """
    Write OUT/report.json, OUT/report.md and OUT/pictures/ from the results in OUT.

    ``command`` is what the Markdown says that made it; ``pictures`` can be left out. report.json
    holds ``{tracker: {"mean": ..., "sequences": {name: ...}, ...}}``; it is empty, and None is
    returned, where OUT holds nothing but results of several cameras or of attention. Raises
    ValueError, in one line, when OUT holds no results, or those of more than one protocol.
    """
    if pictures:
        proposal_results.draw(out)
    sections = [*cameras.section(out), *proposal_results.section(out)]
    if sections and not tracker_folders(out):
        parts = [f for f in (out / cameras.FOLDER, out / proposal_results.FOLDER) if f.is_dir()]
        labels = {name: label for f in parts for name, label in read_labels(f).items()}
        replace_file(out / 'report.json', '{}\n')
        replace_file(out / 'report.md', sections_only(labels, sections, command))
        return None
    results = compute(out)
    replace_file(out / 'report.json', as_json(results))
    drawn = draw(results, out / 'pictures', beside) if pictures else {}
    replace_file(out / 'report.md', markdown(results, command, drawn, sections))
    return results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval report``."""
    parser.add_argument('out', type=Path, metavar='OUT', help='the --out of `eval run`')
    parser.add_argument('--beside', default='', metavar='NAME',
                        help="a tracker whose IoU is drawn into the timeline beside the first's")
    parser.add_argument('--no-pictures', action='store_true', help='figures and Markdown only')


def run(args: argparse.Namespace) -> int:
    """Run ``eval report``; prints the first tables."""
    command = (f'python -m lg_tracker_ros eval report {portable(str(args.out))}'
               + (f' --beside {args.beside}' if args.beside else ''))
    results = write(args.out, command, not args.no_pictures, args.beside)
    lines = ([*remark(results), *head_tables(results), *main_table(results)] if results
             else [f'{args.out}/report.md'])
    print('\n'.join(lines))
    return 0
