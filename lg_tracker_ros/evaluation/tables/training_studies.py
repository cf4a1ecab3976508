"""Studies of training that papers print as a table: ``train ablation --study NAME``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from lg_tracker_ros.evaluation.papers import globaltrack, Published, tanet

L1, L2 = 0.2, 0.1
"""The weights of Algorithm 1."""
SWEPT = (0.1, 0.3, 0.5)
PAIRS = ((0.1, 0.2), (0.3, 0.3), (0.5, 0.5), (0.7, 0.7), (0.9, 0.9))
"""The paper's Fig. 7 varies both at a time."""
LONG_TERM = {'f': 'F', 'f_reported': 'F as reported'}
"""Of the whole tracker: Table IV has its F."""


@dataclass(frozen=True)
class TrainingStudy:
    """
    A study of training: by row, what is set.

    ``samples`` is set where samples are made, so that all rows learn from the same ones;
    ``needs`` are settings that the network must have. ``tracked`` heads the figures of the whole
    tracker by their key; ``published`` are the paper's.
    """

    rows: Mapping[str, Mapping[str, Any]]
    published: Sequence[Published]
    samples: Mapping[str, Any] = field(default_factory=dict)
    tracked: Mapping[str, str] = field(default_factory=lambda: LONG_TERM)

    @property
    def needs(self) -> set[str]:
        """Settings that a network must have."""
        return set(self.samples).union(*self.rows.values())


def weights(appearance: float, motion: float) -> dict[str, Any]:
    """Name the settings of a row by its lambdas."""
    return {'lambda_appearance': appearance, 'lambda_motion': motion}


JUDGED = {'judged': 3}
"""Discriminators see three frames."""
TABLE_IV = Published("TANet's Table IV, F on VOT2018-LT", ('configuration', 'F'), tanet.ABLATION)

STUDIES: Mapping[str, TrainingStudy] = {
    'losses': TrainingStudy(
        {'BCE': weights(0.0, 0.0), 'BCE, AppD': weights(L1, 0.0),
         'BCE, MotD': weights(0.0, L2), 'BCE, AppD, MotD': weights(L1, L2)}, (TABLE_IV,), JUDGED),
    'lambdas': TrainingStudy(
        {f'{a:g}, {m:g}': weights(a, m)
         for a, m in [(L1, L2), *((v, L2) for v in SWEPT), *((L1, v) for v in SWEPT[1:]),
                      *PAIRS]},
        (Published("TANet's Fig. 7a, SuperDiMP on GOT-10k",
                   ('lambda1/lambda2', 'AO', 'SR.50', 'SR.75'), tanet.LAMBDAS),), JUDGED,
        {**LONG_TERM, 'ao': 'AO', 'sr_50': 'SR.50', 'sr_75': 'SR.75'}),
    'inputs': TrainingStudy(
        {'motion': {'inputs': 'motion', **weights(0.0, 0.0)},
         'appearance': {'inputs': 'appearance', **weights(0.0, 0.0)},
         'both': weights(0.0, 0.0)}, (TABLE_IV,), JUDGED),
    'frames': TrainingStudy(
        {str(n): {'clip_frames': n, **weights(0.0, 0.0)} for n in (1, 2, 3)},
        (Published("the conference version's Table 1, VOT2016", ('frames', 'precision', 'success'),
                   tanet.FRAMES),), JUDGED, {'precision_20': 'P@20', 'auc_ope': 'AUC OPE'}),
    'queries': TrainingStudy(
        {'single-query': {'queries': 1}, 'cross-query': {'queries': 4}},
        (Published("GlobalTrack's Table 3, LaSOT", ('loss', 'P@20', 'P norm', 'AUC'),
                   globaltrack.QUERIES),), {'queries': 4},
        {'precision_20': 'P@20', 'normalised_precision': 'P norm', 'auc_ope': 'AUC OPE'}),
}
"""By name. The inputs are C3D and ResNet in the paper, trained by BCE."""
