"""The columns of the report's tables: which figure, how it is written, what it means."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """
    A column of a table: heading, key of the figure, digits, which value is best, meaning.

    ``of`` is the key of how many there were in all: the figure is written ``x of y``.
    """

    title: str
    key: str
    digits: int
    best: int = 1  # 1: the highest, -1: the lowest, 0: none
    text: str = ''
    of: str = ''


SEQUENCES = Column('seq.', 'sequences', 0, 0, 'how many sequences the row is over')
FPS = Column('fps', 'fps', 1, 1, 'frames a second of the tracker alone, without reading images')
MEDIAN = Column('ms', 'ms_median', 1, -1, 'time a frame, median')
AUC = Column('AUC', 'auc', 3, 1, 'area under the success curve of the claimed boxes: the share of '
             'frames with IoU above a threshold, over thresholds 0 to 1 (OTB)')
AUC_OPE = Column('AUC OPE', 'auc_ope', 3, 1, 'the same as one-pass evaluation has it, a box for '
                 'every frame: where the tracker claims none, the place where it believes the '
                 'target to be')
F_REPORTED = Column('F rep.', 'f_reported', 3, 1, 'VOT-LT F-measure of tracking precision and '
                    'recall of the boxes as the tracker reported them, without a threshold')
TNR = Column('TNR', 'tnr', 3, 1, 'share of frames without the target that have no box (OxUvA), '
             'all sequences end to end')
CLAIMED = Column('absent claimed', 'claimed_when_absent', 3, -1, 'share of the frames without the '
                 'target in which a box is claimed, the mean over sequences')
FALSE = Column('false an hour', 'false_reacquisitions_per_hour', 1, -1, 'how often a box is '
               'claimed anew that is not the target, for an hour of 30 frames a second')
HEAD = (F_REPORTED, TNR, CLAIMED, FALSE,
        Column('found again', 'returns_found', 0, 1, 'after how many of its returns the target is '
               'followed again', 'returns'),
        AUC, AUC_OPE, SEQUENCES)
"""What every report begins with."""
MAIN = (
    AUC, AUC_OPE,
    Column('P@20', 'precision_20', 3, 1, 'share of frames whose centre is at most 20 px off '
           '(OTB)'),
    Column('P norm', 'normalised_precision', 3, 1, 'area under the precision curve with the error '
           "in units of the target's size (TrackingNet, LaSOT)"),
    Column('CE', 'centre_error', 1, -1, 'mean distance of the centres in px, of a box for every '
           'frame as in AUC OPE (OTB)'),
    Column('AO', 'ao', 3, 1, 'average overlap (GOT-10k), without the given first frame, the mean '
           'over sequences'),
    Column('SR.50', 'sr_50', 3, 1, 'share of those frames with IoU above .5'),
    Column('SR.75', 'sr_75', 3, 1, 'share of those frames with IoU above .75'),
    Column('F', 'f', 3, 1, 'VOT-LT F-measure of tracking precision and recall at the confidence '
           'threshold where it is highest'),
    Column('size p95', 'size_ratio_p95', 2, -1, 'how many times too large or too small the box '
           'is, 95th percentile (side lengths)'),
    MEDIAN, FPS, SEQUENCES)
LONG_TERM = (
    Column('F', 'f', 3),
    Column('P', 'p', 3, 1, 'tracking precision at that threshold'),
    Column('R', 'r', 3, 1, 'tracking recall at that threshold'),
    Column('at', 'threshold', 3, 0, 'that threshold'),
    F_REPORTED,
    Column('P rep.', 'p_reported', 3),
    Column('R rep.', 'r_reported', 3),
    Column('ECE', 'ece', 3, -1, 'expected calibration error: how far confidence is from the share '
           'of right boxes'),
    SEQUENCES)
LEAVING = (
    *LONG_TERM[:-2],
    CLAIMED,
    Column('TPR', 'tpr', 3, 1, 'share of frames with the target that have a box with IoU of .5 or '
           'more (OxUvA)'),
    TNR,
    Column('MaxGM', 'maxgm', 3, 1, 'geometric mean of the two, the best that leaving out boxes '
           'at random can make of it (OxUvA)'),
    SEQUENCES)
RETURNS = (
    Column('returns', 'returns', 0, 0, 'how often the target comes back'),
    Column('found', 'returns_found', 0, 1, 'after how many of these it is followed again'),
    Column('after, median', 'reacquired_after_median', 0, -1, 'frames from the return until a '
           'claimed box has IoU above .5; a return that is never found counts as endless, and a '
           'dash stands for an endless figure'),
    Column('after, p90', 'reacquired_after_p90', 0, -1, 'the 90th percentile of that'),
    Column('false', 'false_reacquisitions', 0, -1, 'how often a box is claimed anew that is not '
           'the target'),
    FALSE)
TWINS = (
    Column('on the twin', 'claimed_on_twin', 3, -1, 'share of the frames without the target but '
           'with a look-alike in which a box is claimed on it (IoU above .3)'),
    Column('on nothing', 'claimed_on_nothing', 3, -1, 'share of the frames without the target in '
           'which a box is claimed that is on no look-alike'),
    Column('wrong twin', 'wrong_twin', 3, -1, 'share of the frames with both in which the claimed '
           'box is on the look-alike'))
"""Only where look-alikes are labelled."""
SPEED = (
    MEDIAN, Column('ms p95', 'ms_p95', 1, -1, 'time a frame, 95th percentile'), FPS,
    Column('local', 'ms_local_median', 1, 0, 'the local tracker in ms, median'),
    Column('local p95', 'ms_local_p95', 1, 0),
    Column('re-detect', 'ms_redetect_median', 1, 0, 'the re-detector in ms, where it ran, median'),
    Column('re-detect p95', 'ms_redetect_p95', 1, 0),
    Column('frame, LOCAL', 'ms_median_in_local', 1, 0, 'ms of a frame without global search, '
           'median'),
    Column('frame, GLOBAL', 'ms_median_in_global', 1, 0, 'ms of a frame with global search, '
           'median'),
    Column('global share', 'global_share', 3, 0, 'share of frames in global search'))
POOLED = (
    Column('AO', 'ao_pooled', 3, 1, 'average overlap over the frames of all sequences, less each '
           "one's given first (GOT-10k's toolkit; its server averages over classes)"),
    Column('SR.50', 'sr_50_pooled', 3, 1, 'share of those frames with IoU above .5'),
    Column('SR.75', 'sr_75_pooled', 3, 1, 'share of those frames with IoU above .75'))
BY_KEY = {c.key: c for c in (*LEAVING, *MAIN, *POOLED)}
"""Columns by the key of their figure, for tables of a choice of them."""
