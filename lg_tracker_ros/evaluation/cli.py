"""``eval``: its commands, one module each."""

from __future__ import annotations

import argparse
import sys
from typing import Callable

from lg_tracker_ros.evaluation.exchange import submissions, trax
from lg_tracker_ros.evaluation.experiments import cameras, one_pass, proposals, sweep
from lg_tracker_ros.evaluation.figures import iterations, predictions, scores, strips
from lg_tracker_ros.evaluation.protocols import absent, sizes
from lg_tracker_ros.evaluation.reports import report, spread
from lg_tracker_ros.evaluation.tables import benchmarks, command, hosts, summary
from lg_tracker_ros.files import owned
from lg_tracker_ros.offline.signals import Ended, Signals

COMMANDS = {
    'run': (one_pass.add_arguments, one_pass.run,
            'run trackers over sequences; goes on where it stopped'),
    'report': (report.add_arguments, report.run, 'figures, Markdown and pictures of a run'),
    'pictures': (strips.add_arguments, strips.run,
                 "several trackers' boxes in the same frames; frames that are surely wrong"),
    'spread': (spread.add_arguments, spread.run,
               'mean and spread of runs with first boxes moved by different seeds'),
    'sweep': (sweep.add_arguments, sweep.run_sweep, 'vary parameters'),
    'tables': (command.add_arguments, command.run, "the paper's tables, ours beside theirs"),
    'hosts': (hosts.add_arguments, hosts.run,
              "TANet's Table VIII: local trackers without and with a global search"),
    'benchmark': (benchmarks.add_arguments, benchmarks.run,
                  "a run in a benchmark's own measures, the papers' figures below"),
    'summary': (summary.add_arguments, summary.run, "a network's layers as a table"),
    'absent': (absent.add_arguments, absent.run,
               'build sequences in which the target leaves and returns'),
    'attention': (proposals.add_arguments, proposals.run, 'measure re-detectors by themselves'),
    'cameras': (cameras.add_arguments, cameras.run, 'one target in several synchronous cameras'),
    'scores': (scores.add_arguments, scores.run,
               "an online module's score maps beside its host's, and its templates"),
    'iterations': (iterations.add_arguments, iterations.run,
                   'what a classifier looks at while it learns the target (MDNet and its kin)'),
    'predictions': (predictions.add_arguments, predictions.run,
                    'what a classifier looks at and believes, frame by frame (the same)'),
    'submit': (submissions.add_arguments, submissions.run, "write a benchmark's own files"),
    'sizes': (sizes.add_arguments, sizes.run,
              'measure re-detectors on targets of given sizes, tiny ones, and on changed ones'),
    'trax': (trax.add_arguments, trax.run, 'serve a tracker to vot-toolkit'),
}


WRITERS = ('run', 'sweep', 'hosts', 'absent', 'attention', 'cameras', 'scores', 'iterations',
           'predictions', 'sizes')
"""Commands that own their --out while they run."""


def alone(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """
    Let a command run as the one owner of its --out; ValueError where that can't be.

    A signal ends it with one line, which says where and that the same command goes on.
    """
    def run_alone(args: argparse.Namespace) -> int:
        data = getattr(args, 'data', None)
        if data is not None and data.exists() and args.out.exists() and data.samefile(args.out):
            raise ValueError(f'{args.out} is the data set; give results an --out of their own')
        try:
            with Signals(), owned(args.out):
                return run(args)
        except Ended as e:
            again = 'without --again ' if getattr(args, 'again', False) else ''
            more = f' {e.where}; {again}the same command goes on from there' if e.where else ''
            print(f'lg_tracker_ros: {e}{more}', file=sys.stderr)
            return e.status
    return run_alone


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of ``eval``."""
    commands = parser.add_subparsers(dest='eval_command', required=True)
    for name, (arguments, run_it, text) in COMMANDS.items():
        p = commands.add_parser(name, help=text, description=text)
        arguments(p)
        p.set_defaults(run=alone(run_it) if name in WRITERS else run_it)
