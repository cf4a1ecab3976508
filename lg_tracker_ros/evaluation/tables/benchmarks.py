"""
``eval benchmark``: a run in a benchmark's own measures, and what the papers print for it.

TANet's Table III, DROL's Tables 1 to 4, GlobalTrack's Tables 1, 2 and 4 to 7, and DAT's Tables 3
and 4.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from lg_tracker_ros.evaluation.papers import dat, drol, globaltrack, Published, tanet
from lg_tracker_ros.evaluation.reports import proposal_results
from lg_tracker_ros.evaluation.reports.columns import BY_KEY, SEQUENCES
from lg_tracker_ros.evaluation.reports.markdown import figures, number, titled
from lg_tracker_ros.evaluation.reports.results import compute
from lg_tracker_ros.evaluation.tables.rows import theirs
from lg_tracker_ros.files import replace_file


@dataclass(frozen=True)
class Benchmark:
    """
    A benchmark: its name, its measures by key (the first one ranks), and the papers' tables.

    Without measures ours come from another program, as ``note`` says.
    """

    title: str
    measures: Sequence[str]
    published: Sequence[Published]
    note: str = ''


SUCCESS = ('auc_ope', 'precision_20', 'normalised_precision')
OTB = (*SUCCESS[:2], 'sr_50', 'centre_error')
VOT_LT = ('P', 'R', 'F')
RATES = ('MaxGM', 'TPR', 'TNR')
SERVER = 'Labels of the test set are not public: `eval submit`, then the server.'

BENCHMARKS: Mapping[str, Benchmark] = {
    'otb2013': Benchmark('OTB-2013', OTB, (
        Published("DAT's Table 3", ('tracker', 'centre error, px', 'SR.50'), dat.OTB2013),)),
    'otb2015': Benchmark('OTB-2015 (OTB100)', OTB, (
        Published("TANet's Table III", ('tracker', 'P@20', 'AUC'), tanet.OTB100),
        Published("DROL's Table 1", ('tracker', 'P@20', 'AUC'), drol.OTB2015),
        Published("DAT's Table 3", ('tracker', 'centre error, px', 'SR.50'), dat.OTB2015))),
    'got10k': Benchmark('GOT-10k', ('ao_pooled', 'sr_50_pooled', 'sr_75_pooled'), (
        Published("TANet's Table III", ('tracker', 'AO', 'SR.50'), tanet.GOT10K),), SERVER),
    'trackingnet': Benchmark('TrackingNet', SUCCESS, tuple(
        Published(title, ('tracker', 'P@20', 'P norm', 'AUC'), table) for title, table in (
            ("TANet's Table III", tanet.TRACKINGNET), ("DROL's Table 4", drol.TRACKINGNET),
            ("GlobalTrack's Table 5", globaltrack.TRACKINGNET))), SERVER),
    'vot2018lt': Benchmark('VOT2018-LT', ('f', 'p', 'r', 'f_reported'), (
        Published("TANet's Table III", ('tracker', *VOT_LT), tanet.VOT2018LT),
        Published("DROL's Table 2", ('tracker', *VOT_LT[:2]), drol.VOT2018LT))),
    'vot2019lt': Benchmark('VOT2019-LT', ('f', 'p', 'r', 'f_reported'), (
        Published("TANet's Table III", ('tracker', *VOT_LT), tanet.VOT2019LT),)),
    'uav123': Benchmark('UAV123', SUCCESS[:2], (
        Published("DROL's Table 3", ('tracker', 'AUC', 'P@20'), drol.UAV123),)),
    'tlp': Benchmark('TLP', ('sr_50', *SUCCESS[:2]), (
        Published("GlobalTrack's Table 4", ('tracker', 'SR.50', 'AUC', 'P@20'),
                  globaltrack.TLP),)),
    'oxuva-dev': Benchmark('OxUvA, dev', ('maxgm', 'tpr', 'tnr'), (
        Published("GlobalTrack's Table 7", ('tracker', *RATES), globaltrack.OXUVA_DEV),)),
    'oxuva-test': Benchmark('OxUvA, test', (), (
        Published("GlobalTrack's Table 6", ('tracker', *RATES), globaltrack.OXUVA_TEST),),
        SERVER),
    'vot2016': Benchmark('VOT2016', (), (
        Published("DAT's Table 4", ('tracker', 'EAO', 'accuracy rank', 'robustness rank'),
                  dat.VOT2016),), 'Ours come from vot-toolkit: `eval trax`.'),
}
"""By what ``--as`` calls them."""


def page(out: Path, benchmark: Benchmark) -> str:
    """Write the page of a run in OUT; ValueError where it holds none (see results.compute)."""
    lines = [f'# {benchmark.title}', '', '## Ours', '']
    if benchmark.measures:
        results = compute(out)
        columns = [BY_KEY[key] for key in benchmark.measures]
        ranked = results.ranked(columns[0].key)
        lines += [f'{len(results.common)} sequences of {out.name}, protocol '
                  f'{next(iter(results.labels.values())).protocol}. A target that is there and '
                  'not claimed is missed, but for AUC OPE; `policy: paper` always claims.', '',
                  *figures([*columns, SEQUENCES],
                           {t: results.compared[t]['mean'] for t in ranked}), '',
                  *(f'{c.title}: {c.text}.' for c in columns if c.text), '']
    if benchmark.note:
        lines += [benchmark.note, '']
    lines += ['## Theirs', '', 'Measured by others on the whole benchmark.', '']
    return '\n'.join([*lines, *(line for p in benchmark.published
                                for line in theirs(p.title, p.head, p.table))])


RECALL = (
    Published("GlobalTrack's Table 1, OTB-2015", ('', 'RPN', 'GA-RPN', 'QG-RPN'),
              globaltrack.PROPOSALS),
    Published("GlobalTrack's Table 2, OTB-2015", ('', 'QG-RPN', 'QG-RCNN'), globaltrack.STAGES))


def recall_page(out: Path) -> str:
    """Write the average recall of what `eval attention` asked; ValueError without results."""
    found = proposal_results.results(out)
    if not found:
        raise ValueError(f'{out} holds no results of `eval attention`; run it first, with --k '
                         '1000 for recall as far')
    depths = sorted({int(key.removeprefix('ar_')) for f in found.values() for key in f['mean']
                     if key.startswith('ar_')})
    rows = [[f'AR@{k}', *(number(f['mean'].get(f'ar_{k}')) for f in found.values())]
            for k in depths]
    return '\n'.join(['# Average recall of proposals', '', *titled('Ours', ['', *found], rows),
                      *(line for p in RECALL for line in theirs(p.title, p.head, p.table))])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``eval benchmark``."""
    parser.add_argument('out', type=Path, metavar='OUT',
                        help='the --out of an `eval run` over the benchmark')
    parser.add_argument('--as', dest='benchmark', required=True, choices=[*BENCHMARKS, 'recall'],
                        help='in whose measures; recall: AR@k of an `eval attention`')
    parser.add_argument('--to', type=Path, metavar='FILE.md', help='instead of standard output')


def run(args: argparse.Namespace) -> int:
    """Run ``eval benchmark``."""
    text = (recall_page(args.out) if args.benchmark == 'recall'
            else page(args.out, BENCHMARKS[args.benchmark]))
    if args.to:
        replace_file(args.to, text)
    else:
        print(text)
    return 0
