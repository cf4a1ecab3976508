"""What a picture shows: by hand."""

from lg_tracker_ros.evaluation.figures.choice import (
    apart,
    moments,
    rightness,
    spans,
    sure_but_wrong,
    telling,
)
from lg_tracker_ros.evaluation.metrics.record import Labels, Record
import numpy as np

NAN = float('nan')
NONE = [NAN] * 4
BOX, HALF, FAR = [10, 10, 20, 20], [10, 10, 20, 40], [90, 90, 20, 20]


def record(truth, boxes, confidence=None, absent=(), name='s', mode='LOCAL'):
    n = len(truth)
    flags = np.isin(np.arange(n), list(absent))
    return Record('t', Labels(name, np.array(truth, float), flags), np.array(boxes, float),
                  np.full(n, 0.9) if confidence is None else np.array(confidence, float),
                  np.full(n, mode), np.full(n, 5.0))


def test_spans():
    assert spans(np.array([1, 1, 0, 1], bool)) == [(0, 2), (3, 4)]


def test_rightness_counts_silence_about_an_absent_target():
    r = record([BOX, BOX, BOX, NONE, NONE, NONE], [BOX, HALF, NONE, NONE, FAR, FAR],
               absent=(3, 4))
    np.testing.assert_allclose(rightness(r), [1, 0.5, 0, 1, 0, NAN])  # the last is unlabelled


def test_frames_in_which_trackers_differ_most():
    truth = [BOX] * 4 + [NONE] * 3
    a = record(truth, [BOX, BOX, BOX, BOX, NONE, NONE, FAR], absent=(4, 5, 6))
    b = record(truth, [BOX, HALF, FAR, BOX, NONE, FAR, FAR], absent=(4, 5, 6))
    assert apart([a, b], 2) == [2, 5], 'of 1 to 3, and of 4 to 6: one claims, one does not'
    assert apart([a, b], 50) == [1, 2, 3, 4, 5, 6], 'no more than there are'
    unlabelled = record([BOX, NONE, NONE], [BOX] * 3)
    assert apart([unlabelled, unlabelled], 2) == []


def test_sure_but_wrong_takes_each_sequences_worst_first():
    a = record([BOX] * 6 + [NONE], [BOX, FAR, FAR, BOX, HALF, BOX, FAR],
               [1, 0.7, 0.9, 1, 0.8, 1, 0.6], absent=(6,), name='a')
    b = record([BOX] * 3, [BOX, HALF, NONE], [1, 1, 0.9], name='b')
    found = sure_but_wrong([a, b], 3)
    assert [(m.record.labels.name, m.frame) for m in found] == [('a', 2), ('b', 1), ('a', 6)]
    np.testing.assert_allclose([m.gap for m in found], [0.9, 0.5, 0.6])
    assert sure_but_wrong([record([BOX] * 2, [BOX] * 2)], 4) == []


def test_telling_and_moments():
    away = record([BOX, NONE, BOX], [BOX] * 3, absent=(1,), name='z')
    quiet, searching = (record([BOX], [BOX], name=n, mode=m)
                        for n, m in (('a', 'LOCAL'), ('b', 'GLOBAL')))
    assert [r.labels.name for r in telling([quiet, searching, away])] == ['z', 'b', 'a']
    assert moments(record([BOX] * 4, [BOX, HALF, FAR, BOX])) == [0, 2, 3]
    assert moments(quiet) == [], 'the first frame is given'
