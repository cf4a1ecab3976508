"""
Train the shipped heads anew: two processes for each, one that makes samples, one that learns.

``python -m lg_tracker_ros.training generate pixelwise --ring R --stills S --stamps T --clips C``
once with ``--held-out --count 1500`` and then without, beside
``python -m lg_tracker_ros.training train pixelwise --ring R --out O``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Iterable

import cv2
from lg_tracker_ros.training import pixelwise, tanet_lite
from lg_tracker_ros.training.pairs import Material
from lg_tracker_ros.training.stream import Ring
import torch

HEADS = {'pixelwise': pixelwise, 'tanet_lite': tanet_lite}
HELD_OUT = 2000
NAMES = 'trained_on.json'
"""What was trained on, beside the samples and beside the weights."""


def read_names(folder: Path) -> set[str]:
    """Read what is said in ``folder`` to have been trained on; nothing where nothing is said."""
    path = folder / NAMES
    return set(json.loads(path.read_text())) if path.exists() else set()


def write_names(folder: Path, names: Iterable[str]) -> None:
    """Add ``names`` to what is said in ``folder`` to have been trained on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAMES).write_text(json.dumps(sorted(read_names(folder).union(names)), indent=0))


def main() -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    g = commands.add_parser('generate', help='fill the ring with samples')
    t = commands.add_parser('train', help='learn from the ring while it is filled')
    for p in (g, t):
        p.add_argument('head', choices=sorted(HEADS))
        p.add_argument('--ring', type=Path, required=True, help='folder for the samples, some GB')
    for name, text in (('stills', 'instances.json (COCO) beside images/'),
                       ('stamps', 'cut-outs as PNG with alpha'),
                       ('clips', 'NAME/NAME.mp4 beside NAME/groundtruth.txt')):
        g.add_argument(f'--{name}', type=Path, nargs='*', default=[], help=text)
    g.add_argument('--held-out', action='store_true', help='samples of the validation split')
    g.add_argument('--count', type=int, default=100_000)
    g.add_argument('--seed', type=int, default=1)
    t.add_argument('--out', type=Path, required=True, help='checkpoints and NAME.safetensors')
    t.add_argument('--start', type=Path, help='a best.pt to begin with')
    args = parser.parse_args()
    head = HEADS[args.head]
    torch.set_num_threads(1)  # the two processes share a small machine
    cv2.setNumThreads(1)
    learn = Ring(args.ring / 'train', head.FIELDS, head.CAPACITY)
    held = Ring(args.ring / 'held_out', head.FIELDS, HELD_OUT)
    if args.command == 'generate':
        material = Material(args.stills, args.stamps, args.clips, validation=args.held_out)
        if not args.held_out:
            write_names(args.ring, material.names)
        head.generate(material, (held if args.held_out else learn).attach(), args.seed, args.count)
        return
    head.train(learn.attach(), held.attach(), args.out, start=args.start)
    # a head that began with another's weights has seen what that one saw
    before = read_names(args.start.parent) if args.start else set()
    write_names(args.out, read_names(args.ring) | before)
    from safetensors.torch import save_file  # optional where nothing is trained
    best = torch.load(args.out / 'best.pt', map_location='cpu', weights_only=True)
    save_file({k: v.contiguous() for k, v in best.items()},
              args.out / f'{args.head}.safetensors',
              {'trained_on': json.dumps(sorted(read_names(args.out)))})


if __name__ == '__main__':
    main()
