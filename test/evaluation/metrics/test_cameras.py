"""One target across cameras: scores worked out by hand."""

from helpers.runs import labels
from lg_tracker_ros.evaluation.metrics.cameras import score
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
import numpy as np
import pytest

BOX = [10., 10., 20., 20.]
NONE = [np.nan] * 4


def record(boxes, cameras, members):
    boxes = np.array(boxes, np.float64)
    n = len(boxes)
    return Record('t', members[0], boxes, np.ones(n), np.full(n, 'LOCAL'),
                  np.r_[99., np.full(n - 1, 7.)]), np.array(cameras)


def test_score_by_hand():
    half = [10., 10., 20., 10.]  # IoU exactly .5: not right
    members = [labels('a', [BOX, BOX, BOX, BOX, NONE, NONE, NONE, BOX]),
               labels('b', [NONE, NONE, NONE, NONE, BOX, NONE, NONE, BOX])]
    got = score(*record(
        [BOX, half, BOX, NONE, BOX, BOX, NONE, BOX],
        ['a', 'a', 'b', 'a', 'b', 'b', 'a', 'b'], members), members)
    # right: 0, 4, 7 (either camera will do); right camera: and 1; wrong camera: 2; silent: 3
    assert {k: v for k, v in got.items() if k not in ('auc', 'ms_median')} == {
        'frames': 8, 'visible': 6, 'right': 3, 'right_camera': 4, 'wrong': 2, 'silent': 1,
        'absent': 2, 'claimed_when_absent': 1}
    # IoU 1 is above 20 of the 21 thresholds, .5 above 10, 0 above none
    assert got['auc'] == pytest.approx((3 * 20 + 10) / 21 / 6)
    assert got['ms_median'] == 7


def test_moments_before_the_first_box_or_without_labels_are_not_scored():
    a, b = labels('a', [NONE, NONE, BOX, BOX]), labels('b', [NONE, NONE, NONE, BOX])
    unlabelled = Labels('b', b.truth, np.zeros(4, bool))
    scored = record([BOX] * 4, ['a'] * 4, [a, b])
    assert score(*scored, [a, b])['frames'] == 2
    got = score(*scored, [a, unlabelled])
    assert (got['frames'], got['right'], got['absent']) == (1, 1, 0)
