"""Readers of data sets, a file for each layout that people have on disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Callable, Mapping, NamedTuple, Sequence

from lg_tracker_ros.datasets.readers import (
    davis,
    got10k,
    lasot,
    otb,
    oxuva,
    plain,
    tlp,
    trackingnet,
    uav123,
    vid,
    vot,
)
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.reading.guard import refused
from lg_tracker_ros.words.nearest import meant, not_there

Reader = Callable[[Path], 'list[LabelledSequence]']


class Layout(NamedTuple):
    """How a data set lies on disk: what it expects, who recognises it and who reads it."""

    expects: str
    recognise: Callable[[Path], bool]
    read: Reader


# in the order in which they are tried; plain wants the least, so it comes last
LAYOUTS: Mapping[str, Layout] = {
    'otb': Layout(otb.EXPECTS, otb.recognise, otb.read),
    'got10k': Layout(got10k.EXPECTS, got10k.recognise, got10k.read),
    'lasot': Layout(lasot.EXPECTS, lasot.recognise, lasot.read),
    'trackingnet': Layout(trackingnet.EXPECTS, trackingnet.recognise, trackingnet.read),
    'vot': Layout(vot.EXPECTS, vot.recognise, vot.read),
    'uav123': Layout(uav123.EXPECTS, uav123.recognise, uav123.read),
    'uav20l': Layout(uav123.EXPECTS_LONG, uav123.recognise_long, uav123.read_long),
    'tlp': Layout(tlp.EXPECTS, tlp.recognise, tlp.read),
    'oxuva': Layout(oxuva.EXPECTS, oxuva.recognise, oxuva.read),
    'vid': Layout(vid.EXPECTS, vid.recognise, vid.read),
    'davis': Layout(davis.EXPECTS, davis.recognise, davis.read),
    'plain': Layout(plain.EXPECTS, plain.recognise, plain.read),
}
READERS: Mapping[str, Reader] = {name: layout.read for name, layout in LAYOUTS.items()}


def read_dataset(folder: Path, layout: str = '',
                 only: Sequence[str] = ()) -> list[LabelledSequence]:
    """
    Read the sequences of a data set, sorted by name; ``only`` picks some by name.

    ``layout`` is a name of READERS; '' takes the first whose files are there. Raises ValueError
    in one line when nothing fits or for what the reader can't take.
    """
    if not folder.exists():
        raise ValueError(not_there(folder))
    if not folder.is_dir():
        raise ValueError(f'{folder} is not a folder; expected one that holds a data set')
    if layout and layout not in READERS:
        raise ValueError(f'no layout {layout!r}; there are {", ".join(READERS)}')
    names = [layout] if layout else [n for n, way in LAYOUTS.items() if way.recognise(folder)]
    found = READERS[names[0]](folder) if names else []
    if not found:
        if names:
            raise refused(folder, f'holds no sequence of layout {names[0]}; expected '
                                  f'{LAYOUTS[names[0]].expects}')
        raise refused(folder, f'holds no sequence of a known layout; expected {plain.EXPECTS}'
                              '; --layout NAME says what another lacks')
    count = Counter(s.name for s in found)
    odd = [n for n in count if '\n' in n or n != n.encode(errors='ignore').decode()]
    if odd:  # no page could name it, after hours of runs
        raise ValueError(f'{folder}: the name of sequence {odd[0]!a} holds what no page can '
                         'show (a line end, or a byte that is no UTF-8); rename it')
    twice = [name for name, n in count.items() if n > 1]
    if twice:
        raise ValueError(f'{folder} holds two sequences {twice[0]}; read its parts one by one')
    for name in only:
        if name not in count:
            raise ValueError(f'{folder} holds no sequence {name!r}; ' + (
                meant(name, count) or f'it has {len(count)}, such as {found[0].name}'))
    return sorted((s for s in found if not only or s.name in only), key=lambda s: s.name)
