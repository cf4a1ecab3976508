"""``train``: its commands, one module each."""

from __future__ import annotations

import argparse
from typing import Callable, Mapping

from lg_tracker_ros.training import export, finetune, ship
from lg_tracker_ros.training.assets import install
from lg_tracker_ros.training.calibration import fit as calibrate
from lg_tracker_ros.training.calibration import learned
from lg_tracker_ros.training.data import grabcut, pseudo_labels
from lg_tracker_ros.training.loop import fit
from lg_tracker_ros.training.synthesis import preview

Command = tuple[Callable[[argparse.ArgumentParser], None],
                Callable[[argparse.Namespace], int], str]
"""How a command declares its options, how it runs, and what it is for."""

COMMANDS: Mapping[str, Command] = {
    'assets': (install.add_arguments, install.run, 'get what scenes are made of'),
    'preview': (preview.add_arguments, preview.run, 'show what the generator makes'),
    'fit': (fit.add_arguments, fit.run,
            'train a network; goes on where it stopped; torchrun starts it on several GPUs'),
    'pack': (fit.add_pack_arguments, fit.run_pack, 'make samples beforehand'),
    'label': (pseudo_labels.add_arguments, pseudo_labels.run,
              'label real video with a teacher that must return to where it began'),
    'cut': (grabcut.add_arguments, grabcut.run,
            'cut the targets of your recordings out, to be shown in other scenes'),
    'finetune': (finetune.add_arguments, finetune.run,
                 'train on with recordings of your own, and measure whether that helps'),
    'calibrate': (calibrate.add_arguments, calibrate.run,
                  'make confidence mean the probability that the box is right'),
    'recogniser': (learned.add_arguments, learned.run,
                   'fit what the recogniser adds to that, in a closed loop on real sequences'),
    'export': (export.add_arguments, export.run, 'write a checkpoint as the weights that ship'),
    'onnx': (ship.add_arguments, ship.run, 'export the networks whose weights ship'),
}


def add_arguments(parser: argparse.ArgumentParser, more: Mapping[str, Command]) -> None:
    """
    Declare the commands of ``train``.

    ``more`` are commands that live above training because they measure as well.
    """
    commands = parser.add_subparsers(dest='train_command', required=True)
    for name, (arguments, run_it, text) in {**COMMANDS, **more}.items():
        p = commands.add_parser(name, help=text, description=text)
        arguments(p)
        p.set_defaults(run=run_it)
