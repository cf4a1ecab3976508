"""``eval report``: figures, Markdown and pictures, computed from what ``eval run`` left."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from lg_tracker_ros.evaluation.markdown import main_table, markdown, remark
from lg_tracker_ros.evaluation.pictures import draw
from lg_tracker_ros.evaluation.records import replace_file
from lg_tracker_ros.evaluation.results import as_json, compute, Results


def write(out: Path, command: str = '', pictures: bool = True) -> Results:
    """Write the report of OUT (see write_report) and return what it shows."""
    results = compute(out)
    replace_file(out / 'report.json', as_json(results))
    drawn = draw(results, out / 'pictures') if pictures else {}
    replace_file(out / 'report.md', markdown(results, command, drawn))
    return results


def write_report(out: Path, command: str = '') -> dict[str, Any]:
    """
    Write OUT/report.json, OUT/report.md and OUT/pictures/*.png from the results in OUT.

    ``command`` is what the Markdown says that made it. Returns what report.json holds. Raises
    ValueError, in one line, when OUT holds no results of one protocol.
    """
    return json.loads(as_json(write(out, command)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval report``."""
    parser.add_argument('out', type=Path, metavar='OUT', help='the --out of `eval run`')
    parser.add_argument('--no-pictures', action='store_true', help='figures and Markdown only')


def run(args: argparse.Namespace) -> int:
    """Run ``eval report``; prints the main table."""
    command = f'python -m lg_tracker_ros eval report {args.out}'
    results = write(args.out, command, pictures=not args.no_pictures)
    print('\n'.join([*remark(results), *main_table(results)]))
    return 0
