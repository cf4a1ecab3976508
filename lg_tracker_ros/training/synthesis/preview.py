"""Look at what the generator makes: a contact sheet, a sequence a row."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
import time

import cv2
from lg_tracker_ros.training.data.material import read_material
from lg_tracker_ros.training.synthesis.generator import generate, GeneratedSequence, SceneConfig
from lg_tracker_ros.types import Image
from lg_tracker_ros.words.arguments import at_least
import numpy as np
from tqdm import tqdm

GREEN, RED, WHITE = (60, 220, 60), (60, 60, 240), (255, 255, 255)


def draw_labels(sequence: GeneratedSequence, i: int) -> Image:
    """Draw the labels of frame ``i``: green box and outline, red look-alikes, visibility."""
    image = sequence.frames[i].copy()
    outline, _ = cv2.findContours(sequence.masks[i].view(np.uint8), cv2.RETR_EXTERNAL,
                                  cv2.CHAIN_APPROX_SIMPLE)
    for box, color in [(b, RED) for b in sequence.others[i]] + [(sequence.boxes[i], GREEN)]:
        if np.isfinite(box).all():
            x, y, w, h = (int(v) for v in box)
            cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), color, 1)
    cv2.drawContours(image, outline, -1, WHITE, 1)
    cv2.putText(image, f'{sequence.visibility[i]:.2f}', (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5,
                (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, f'{sequence.visibility[i]:.2f}', (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5,
                WHITE, 1, cv2.LINE_AA)
    return np.asarray(image, np.uint8)


def contact_sheet(sequences: list[GeneratedSequence], columns: int, side: int) -> Image:
    """Lay ``columns`` frames of each sequence, evenly in time, into a row; ``side`` px wide."""
    rows = []
    for s in sequences:
        times = np.linspace(0, len(s.frames) - 1, columns).round().astype(int)
        k = side / s.frames.shape[2]
        rows.append(np.hstack([cv2.resize(draw_labels(s, int(t)), None, fx=k, fy=k,
                                          interpolation=cv2.INTER_AREA) for t in times]))
    return np.asarray(np.vstack(rows), np.uint8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``train preview``."""
    parser.add_argument('--data', type=Path, nargs='+', required=True, metavar='DIR',
                        help='folders of stills, cut-outs and clips')
    parser.add_argument('--out', type=Path, default=Path('preview.jpg'), metavar='FILE',
                        help='the picture')
    parser.add_argument('--count', type=int, default=8, metavar='N', help='sequences: rows')
    parser.add_argument('--columns', type=int, default=8, metavar='N', help='frames of each')
    parser.add_argument('--side', type=int, default=160, metavar='PIXELS',
                        help='width of a frame in the picture')
    parser.add_argument('--size', type=int, nargs=2, default=(320, 320), metavar=('H', 'W'),
                        help='height and width of the frames as they are made')
    parser.add_argument('--seed', type=at_least(0), default=0, metavar='SEED',
                        help='of what is drawn')


def run(args: argparse.Namespace) -> int:
    """
    Write the contact sheet; returns 0.

    Raises ValueError for data that gives no scene, and for a file that can't be written.
    """
    if min(args.count, args.columns, args.side) < 1:
        raise ValueError('--count, --columns and --side must be 1 or more, got '
                         f'{args.count}, {args.columns} and {args.side}')
    config = SceneConfig(*args.size)
    material = read_material(args.data, validation=False)
    rng = np.random.default_rng(args.seed)
    began = time.process_time()
    made = [generate(rng, material.sprites, material.backgrounds, config)
            for _ in tqdm(range(args.count), 'sequences', file=sys.stderr,
                          disable=not sys.stderr.isatty())]
    speed = sum(len(s.frames) for s in made) / (time.process_time() - began)
    sheet = contact_sheet(made, args.columns, args.side)
    if not args.out.parent.is_dir() or not cv2.haveImageWriter(str(args.out)):
        raise ValueError(f'--out {args.out}: this picture cannot be written; name a .jpg or '
                         '.png file in a folder that is there')
    cv2.imwrite(str(args.out), sheet)
    print(f'{args.out}: green is the target, red its look-alikes, white what shows; the number '
          'is the share of the target that shows')
    print(f'{speed:.0f} frames of {config.width}x{config.height} a second of processor time')
    return 0
