"""
``eval hosts``: TANet's Table VIII, local trackers without and with a global search.

    OUT/<tracker>/...    as of ``eval run``
    OUT/hosts.md         the table; ``eval tables`` has it, too
"""

from __future__ import annotations

import argparse
from typing import Mapping

from lg_tracker_ros.evaluation.experiments import one_pass
from lg_tracker_ros.evaluation.experiments.planned import words
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.experiments.sweep import carried_out
from lg_tracker_ros.evaluation.experiments.trackers import settings_of
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.papers import tanet
from lg_tracker_ros.evaluation.reports.columns import BY_KEY
from lg_tracker_ros.evaluation.reports.markdown import number, titled
from lg_tracker_ros.evaluation.tables.rows import gain, host_of, origin, pairs, Results, theirs
from lg_tracker_ros.files import replace_file
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.words.nearest import meant

SHOWN = ('ao', 'sr_50', 'auc', 'p', 'r', 'f', 'f_reported')
MODULES = ('thor', 'drol')
"""What learns on top; THOR is one of the paper's hosts."""


def every_host() -> dict[str, str]:
    """
    Name every host, as LOCAL@name=value, with what it still needs: '' where it runs as it is.

    A tracker with several backbones is as many hosts; one that ships, and can be opened for it,
    is a host with each of MODULES as well.
    """
    found = {}
    for spec in LOCAL_TRACKERS.values():
        for backbone in spec.backbones:
            name = spec.name + (f'@backbone={backbone}' if len(spec.backbones) > 1 else '')
            missing = spec.weights and not all(p.is_file() for p in spec.files('', backbone))
            found[name] = ('a checkpoint' if missing
                           else 'its ONNX files (--peers)' if spec.external else '')
            if spec.host is not None and not found[name]:
                found.update({f'{name}@online_module={m}': '' for m in MODULES})
    return found


def sides(host: str, redetector: str) -> list[str]:
    """Name the trackers of ``eval run`` that are ``host`` without and with ``redetector``."""
    local, at, given = host.partition('@')
    return [f'{local}+{r}{at}{given}' for r in ('none', redetector)]


def generalisation(outs: Mapping[str, Results], redetector: str) -> list[str]:
    """Table VIII: every local tracker without and with the global search."""
    lines, shown = ['## Table VIII: generalisation', ''], set()
    columns = [BY_KEY[key] for key in SHOWN]
    for data, results in outs.items():
        rows = []
        for name, partner in pairs(results, redetector):
            common = sorted(results[name].keys() & results[partner].keys())
            if not common:
                continue
            shown.add(host_of(name))
            before, after = (tracker_metrics({k: results[n][k] for k in common})['mean']
                             for n in (name, partner))
            cells = [f'{number(before[k])} → {number(after[k])} ({gain(before[k], after[k])})'
                     for k in SHOWN]
            rows.append([host_of(name), *cells, str(len(common)), origin(results[partner], data)])
        lines += titled(f'Without → with {redetector}, {data} (ours)',
                        ['local tracker', *(c.title for c in columns), 'sequences',
                         'data; weights; commit; machine'], rows)
    waiting: dict[str, list[str]] = {}
    for name, needs in every_host().items():
        if name not in shown:
            waiting.setdefault(needs, []).append(name)
    lines += [line for needs, names in waiting.items() for line in (
        f'{"Needs " + needs if needs else "Not run"}: {", ".join(names)}.', '')]

    for title, measured, published in (
            ('GOT-10k', ('AO', 'SR.50'), tanet.GENERALISATION_GOT10K),
            ('VOT2018-LT', ('P', 'R', 'F'), tanet.GENERALISATION_VOT)):
        lines += theirs(title, ['tracker', *(f'{m} {side}' for m in measured
                                             for side in ('without', 'with TANet'))], published)
    return lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval hosts``: those of ``eval run``, and the re-detector."""
    one_pass.add_arguments(
        parser, trackers='', trackers_help='hosts, as pixelwise or siamrpnpp@backbone=resnet50'
        '@tracker_weights=FILE; default: every one that can be had here')
    add_redetector(parser)


def add_redetector(parser: argparse.ArgumentParser) -> None:
    """Declare ``--redetector``: which search is compared with none."""
    parser.add_argument('--redetector', default='tanet_lite', metavar='NAME',
                        choices=[name for name in REDETECTORS if name != 'none'],
                        help='which searches the whole image')


def run(args: argparse.Namespace) -> int:
    """
    Run ``eval hosts`` over those of --trackers (LOCAL@name=value), or all that can be had.

    Status 1 where a job failed; the table has what was done.
    """
    hosts = words(args.trackers) or [
        name for name, needs in every_host().items()
        if not needs or (args.peers and 'ONNX' in needs)]
    for host in hosts:
        name, _, _ = host.partition('@')
        if name not in LOCAL_TRACKERS:
            near = meant(name.partition('+')[0], LOCAL_TRACKERS)
            raise ValueError(f'{host!r} is no host: expected a local tracker alone, as pixelwise '
                             'or siamrpnpp@backbone=resnet50' + (f'; {near}' if near else ''))
    trackers = [tracker for host in hosts for tracker in sides(host, args.redetector)]
    for tracker in trackers:
        settings_of(tracker, args.peers)  # a wrong name should say so at once
    sequences, failed = carried_out(args, trackers)
    outs = {f'{args.data.name}, protocol {sequences[0].protocol}': read_records(args.out)}
    text = '\n'.join(generalisation(outs, args.redetector))
    replace_file(args.out / 'hosts.md', text)
    print(text)
    return 1 if failed else 0
