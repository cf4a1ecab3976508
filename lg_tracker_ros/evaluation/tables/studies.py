"""Studies that papers print as a table, as rows of settings: ``eval sweep --table NAME``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from lg_tracker_ros.evaluation.experiments.trackers import settings_of
from lg_tracker_ros.evaluation.papers import dat, drol, Published
from lg_tracker_ros.evaluation.reports.columns import BY_KEY, Column
from lg_tracker_ros.local import LOCAL_TRACKERS


@dataclass(frozen=True)
class Study:
    """
    A paper's table: its rows, each with the settings that make it.

    ``told_by`` heads the cells that tell a row, which are parted by ``, `` in ``rows``; a row's
    settings are words of ``eval run`` and come last; ``always``, those of all rows, come before
    what the user says of ``tracker``, or of another one. ``shown`` are the figures of ours,
    ``published`` the paper's.
    """

    title: str
    told_by: Sequence[str]
    rows: Mapping[str, str]
    shown: Sequence[Column]
    published: Sequence[Published]
    always: str
    tracker: str = 'default'

    def trackers(self, base: str) -> dict[tuple[str, ...], str]:
        """Name the tracker of each row, by the row's cells."""
        name, *given = base.split('@')
        stem = '@'.join([f'{self.tracker if name == "default" else name}{self.always}', *given])
        return {tuple(row.split(', ')): f'{stem}{words}'
                for row, words in self.rows.items()}

    def check(self, base: str) -> None:
        """Raise ValueError, in one line, where rows would not be what they say of ``base``."""
        for row, tracker in self.trackers(base).items():
            local = settings_of(tracker).tracker
            for name in (word.partition('=')[0]
                         for word in self.rows[', '.join(row)].split('@')[1:]):
                if name == 'tracker' and base.partition('@')[0] != 'default':
                    raise ValueError('the rows of this table are local trackers of its own, got '
                                     f'--trackers {base}; leave it out, or begin with default')
                hosts = [s.name for s in LOCAL_TRACKERS.values() if name in s.parameters]
                if hosts and local not in hosts:
                    raise ValueError(f'the rows of this table differ in {name}, which {local} has '
                                     f'no use for; take one of {", ".join(hosts)}')


def _drol(row: str) -> str:
    """Give the settings of a row of DROL's Table 5."""
    _, weight, modules, frames = row.split(', ')
    attention = {'Cmp': 'none', 'Att-Cmp': 'before', 'Cmp-Att': 'after'}[modules]
    return (f'@online_weight={weight}@online_attention={attention}'
            f'@online_template_frames={"0" if frames == "-" else frames}')


OTB = (BY_KEY['precision_20'], BY_KEY['auc_ope'])
ALONE = '@redetector=none@policy=paper'
"""A local tracker as it is published: alone, with a box in every frame."""
STUDIES: Mapping[str, Study] = {
    'drol-5': Study(
        "DROL's Table 5: weight of the online score, attention, short-term template",
        ('group', 'weight', 'modules', 'T'), {row: _drol(row) for row in drol.ABLATION},
        (BY_KEY['auc_ope'], BY_KEY['normalised_precision']), (
            Published("DROL's Table 5, SiamRPN++ (ResNet-50)",
                      ('group, weight, modules, T', 'AUC on LaSOT', 'P norm on LaSOT',
                       'AUC on TrackingNet', 'P norm on TrackingNet'), drol.ABLATION),),
        f'@online_module=drol{ALONE}'),
    'dat-1': Study(
        "DAT's Table 1: weight of the reciprocative loss", ('weight',),
        {row: f'@reciprocative={row}' for row in dat.WEIGHT}, OTB,
        (Published("DAT's Table 1, OTB-2013", ('weight', 'P@20', 'AUC'), dat.WEIGHT),),
        ALONE, 'dat_lite+none'),
    'dat-2': Study(
        "DAT's Table 2: attention in the features or in the classifier", ('attention',),
        dict(zip(dat.ATTENTION, ('@tracker=mdnet_lite', '@tracker=attentive_lite',
                                 '@tracker=dat_lite'))), OTB,
        (Published("DAT's Table 2, OTB-2013", ('attention', 'P@20', 'AUC'), dat.ATTENTION),),
        ALONE),
}
"""By what ``--table`` calls them."""
