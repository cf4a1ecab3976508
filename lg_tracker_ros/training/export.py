"""``train export``: checkpoints to the file of weights that ships."""

from __future__ import annotations

import argparse
from itertools import count
import json
from pathlib import Path
from typing import Any, Mapping, Sequence

from lg_tracker_ros.files import replace_file
from lg_tracker_ros.training.loop.checkpoints import read_run
from torch import Tensor

ABOUT = ('network', 'config', 'step', 'quality', 'report', 'commit', 'machine')


def export(checkpoints: Sequence[Path], out: Path, half: bool = False) -> int:
    """
    Write the weights of checkpoints (best.pt of ``train fit``) as safetensors.

    The heads of several runs of ``pixelwise`` or ``tanet_lite`` become one tracker's. The header's
    metadata says what they were trained on (``trained_on``, which ``eval`` reads) and how:
    network, config, step, quality, commit, machine, of several runs a list of each. ``half`` keeps
    16 bits of each number. Returns the size in bytes. Raises ValueError for a file of another
    kind, and for several of a network without heads.
    """
    if out.suffix != '.safetensors':
        raise ValueError(f'{out}: expected a name that ends in .safetensors')
    states = [read_run(path) for path in checkpoints]
    for path, state in zip(checkpoints, states):
        if 'state_dict' not in state:
            raise ValueError(f'{path} is there to go on with; export best.pt beside it')
    weights = states[0]['state_dict'] if len(states) == 1 else join(checkpoints, states)
    tensors = {name: (value.half() if half and value.is_floating_point() else value).contiguous()
               for name, value in weights.items()}
    about = {name: states[0][name] if len(states) == 1 else [s[name] for s in states]
             for name in ABOUT}
    about['trained_on'] = sorted({name for s in states for name in s['trained_on']})
    write_weights(out, tensors, {name: json.dumps(value) for name, value in about.items()})
    return out.stat().st_size


def write_weights(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """
    Write safetensors whole or not at all; ValueError where the package is missing.

    Its own ``save_file`` leaves a file that only the user who trained may read, and the robot's
    service is another.
    """
    try:
        from safetensors.torch import save
    except ImportError as e:
        raise ValueError('writing weights needs safetensors: pip install safetensors') from e
    replace_file(path, save(dict(tensors), dict(about)))


def join(checkpoints: Sequence[Path], states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give the heads of several runs new numbers; ValueError for a run that isn't all heads."""
    numbers, joined = count(), {}
    for path, state in zip(checkpoints, states):
        own: dict[str, int] = {}
        for name, value in state['state_dict'].items():
            kind, _, rest = name.partition('.')
            old, _, rest = rest.partition('.')
            if kind != 'heads':
                raise ValueError(f'{path} holds {state["network"]}, of which only one can be '
                                 'exported; heads of pixelwise and of tanet_lite can be joined')
            if old not in own:
                own[old] = next(numbers)
            joined[f'heads.{own[old]}.{rest}'] = value
    return joined


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train export``."""
    parser.add_argument('checkpoints', type=Path, nargs='+', metavar='OUT/best.pt',
                        help='several: their heads are joined')
    parser.add_argument('file', type=Path, metavar='FILE.safetensors', help='what to write')
    parser.add_argument('--half', action='store_true', help='16 bits a number: half the size')


def run(args: argparse.Namespace) -> int:
    """Run ``train export``."""
    size = export(args.checkpoints, args.file, args.half)
    print(f'{args.file}: {size / 1e6:.2f} MB')
    return 0
