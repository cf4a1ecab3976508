"""``train onnx``: the networks whose weights ship, as ONNX."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from lg_tracker_ros.checkpoint import SHIPPED_NETWORKS
from lg_tracker_ros.engine import EngineConfig
from lg_tracker_ros.engine.exporting import pack
from lg_tracker_ros.factory import make_local, make_redetector
from lg_tracker_ros.parameters.tracker import Settings

SHIP = (('pixelwise', 'tanet_lite'), ('ncc', 'correlation'), ('ncc', 'globaltrack_lite'),
        ('dimp_lite', 'none'))
"""Local trackers and re-detectors whose networks ship; what others need is among them."""


def ship(folder: Path) -> int:
    """
    Export every network whose weights ship into ``folder``, each weight once.

    With these a robot needs neither the package ``onnx`` nor an export at start. Returns the
    size in bytes. Raises ValueError, in one line, where they can't be exported here.
    """
    with TemporaryDirectory() as kept:
        engine = EngineConfig('cpu', 'onnx', threads=1, cache=Path(kept)).resolve()
        for tracker, redetector in SHIP:
            settings = Settings(tracker=tracker, redetector=redetector)
            make_local(settings, engine)
            make_redetector(settings, engine)
        make_local(Settings(online_module='thor'), engine)  # drol's networks are the same
        pack({'-'.join(p.name.split('-')[:2]) + '.onnx': p.read_bytes()
              for p in Path(kept).glob('*.onnx')}, folder)
    return sum(p.stat().st_size for p in folder.iterdir())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train onnx``."""
    parser.add_argument('--out', type=Path, default=SHIPPED_NETWORKS, metavar='FOLDER',
                        help='default: where they ship')


def run(args: argparse.Namespace) -> int:
    """Run ``train onnx``."""
    size = ship(args.out)
    print(f'{args.out}: {size / 1e6:.2f} MB')
    return 0
