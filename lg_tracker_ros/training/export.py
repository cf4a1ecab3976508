"""``train export``: a checkpoint to the file of weights that ships."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lg_tracker_ros.training.run_files import read_run


def export(checkpoint: Path, out: Path, half: bool = False) -> int:
    """
    Write the weights of ``checkpoint`` (best.pt of ``train fit``) as safetensors.

    The header's metadata says what they were trained on (``trained_on``, which ``eval`` reads)
    and how: network, config, step, quality, commit, machine. ``half`` keeps 16 bits of each
    number. Returns the size in bytes. Raises ValueError for a file of another kind.
    """
    try:
        from safetensors.torch import save_file
    except ImportError as e:
        raise ValueError('train export needs safetensors: pip install safetensors') from e
    if out.suffix != '.safetensors':
        raise ValueError(f'{out}: expected a name that ends in .safetensors')
    state = read_run(checkpoint)
    if 'state_dict' not in state:
        raise ValueError(f'{checkpoint} is there to go on with; export best.pt beside it')
    tensors = {name: (value.half() if half and value.is_floating_point() else value).contiguous()
               for name, value in state['state_dict'].items()}
    about = {name: state[name] for name in ('trained_on', 'network', 'config', 'step', 'quality',
                                            'report', 'commit', 'machine')}
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out, {name: json.dumps(value) for name, value in about.items()})
    return out.stat().st_size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train export``."""
    parser.add_argument('checkpoint', type=Path, metavar='OUT/best.pt')
    parser.add_argument('file', type=Path, metavar='FILE.safetensors')
    parser.add_argument('--half', action='store_true', help='16 bits a number: half the size')


def run(args: argparse.Namespace) -> int:
    """Run ``train export``."""
    size = export(args.checkpoint, args.file, args.half)
    print(f'{args.file}: {size / 1e6:.2f} MB')
    return 0
