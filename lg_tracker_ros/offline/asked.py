"""What is asked of ``track`` as a whole: options that make no sense together, or were in vain."""

from __future__ import annotations

import argparse
import os
from typing import Callable, Mapping, Sequence

from lg_tracker_ros.media.video import Source
from lg_tracker_ros.offline.progress import Progress
from lg_tracker_ros.parameters.node import NodeOptions
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.types import Mode

Words = dict[int, Callable[[], None]]
"""What an operator says after the frame with this number; said ones are taken out."""


def chooses(args: argparse.Namespace, settings: Settings) -> bool:
    """Tell whether a box or a detector's choice says what to follow."""
    return bool(args.init) or bool(args.detections and settings.select != 'none')


def refuse_nonsense(args: argparse.Namespace, sources: Sequence[Source],
                    settings: Settings) -> None:
    """Raise ValueError, in one line, for options that make no sense together."""
    if len({s.name if s.live else os.path.realpath(s.name) for s in sources}) != len(sources):
        raise ValueError(f'each source must be named once, got {" ".join(args.source)}')
    if args.topic and not any(s.topics for s in sources):
        raise ValueError(f'--topic {args.topic} is for bags; no source is one')
    said = {*args.reject, *args.confirm}
    if both := sorted({*args.reject} & {*args.confirm}):
        raise ValueError(f'frame {both[0]} is both rejected and confirmed; keep one of the two')
    if args.init and args.start in said:
        raise ValueError(f'frame {args.start} is the one that --init is for, so nothing can be '
                         'said of it; give --init a box that is right')
    if len(args.detections) > len(sources):
        raise ValueError(f'--detections is for one source each, got {len(args.detections)} files '
                         f'for {len(sources)} source(s)')
    if len(args.init) > 1 and (args.ui or said):
        raise ValueError('--ui, --reject and --confirm are about one target; give --init once')
    if twice := [b for i, b in enumerate(args.init) if b in args.init[:i]]:
        raise ValueError(f'--init {twice[0].x:g},{twice[0].y:g},{twice[0].w:g},{twice[0].h:g} is '
                         'given twice; each target needs a box of its own')
    if not args.ui:
        for name, usual in (('host', NodeOptions.ui_host), ('port', NodeOptions.ui_port),
                            ('token', '')):
            if getattr(args, f'ui_{name}') != usual:
                raise ValueError(f'--ui-{name} is about the page, which is not asked for; give '
                                 '--ui too')
        if not chooses(args, settings):
            raise ValueError('nothing says what to follow; give --init x,y,w,h, or --detections '
                             'FILE with --param select=best, or --ui')


def say(words: Words, number: int, mode: Mode) -> None:
    """Say what is to be said after frame ``number``, where a target is followed."""
    if mode is not Mode.IDLE and number in words:
        words.pop(number)()


def tell_what_was_in_vain(left: Mapping[int, object], start: int, done: Progress,
                          args: argparse.Namespace) -> None:
    """Raise ValueError for a run that followed nothing, and for words that were not said."""
    last = start + done.frames - 1
    if not done.followed and not args.ui:
        raise ValueError(f'no target was chosen in the frames {start} to {last}: none of the '
                         'detections there fits what select and detections_classes, _score ask '
                         f'for, and an image; is {args.detections[0]} of this source?')
    for number in sorted(left):
        if not start <= number <= last:
            raise ValueError(f'frame {number} did not come, so nothing was said of it; frames '
                             f'{start} to {last} did')
        raise ValueError(f'nothing was followed in frame {number}, so nothing was said of it')
