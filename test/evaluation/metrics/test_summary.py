"""The figures of a run, from records: by hand, and as the functions they join give them."""

from dataclasses import replace
import json

from lg_tracker_ros.evaluation.metrics.record import Labels, Record
from lg_tracker_ros.evaluation.metrics.summary import plain, tracker_metrics
import numpy as np
import pytest

NAN = float('nan')
BOX = [10, 10, 20, 20]
HALF = [10, 10, 20, 40]   # IoU .5 with BOX, centre 10 px away, size ratio sqrt(2)
WRONG = [100, 100, 20, 20]
NONE = [NAN] * 4
SEQUENCE_KEYS = {
    'auc', 'auc_ope', 'precision_20', 'normalised_precision', 'centre_error', 'ao', 'sr_50',
    'sr_75', 'f', 'p', 'r', 'threshold', 'f_reported', 'p_reported', 'r_reported',
    'claimed_when_absent', 'returns',
    'returns_found', 'reacquired_after_median', 'reacquired_after_p90', 'false_reacquisitions',
    'ece', 'size_ratio_p95', 'frames', 'frames_present', 'frames_absent', 'global_share',
    'ms_median', 'ms_p95', 'fps', 'ms_local_median', 'ms_local_p95', 'ms_redetect_median',
    'ms_redetect_p95', 'ms_median_in_local', 'ms_median_in_global', 'claimed_on_twin',
    'claimed_on_nothing', 'wrong_twin'}
MEAN_KEYS = SEQUENCE_KEYS | {
    'tpr', 'tnr', 'maxgm', 'false_reacquisitions_per_hour', 'sequences', 'ao_pooled',
    'sr_50_pooled', 'sr_75_pooled'}


def record(truth, absent, boxes, confidence, mode, ms, stages=None, **labels):
    n = len(truth)
    flags = np.zeros(n, bool)
    flags[list(absent)] = True
    return Record('default', Labels(labels.pop('name', 's'), np.array(truth, float), flags,
                                    **labels),
                  np.array(boxes, float), np.array(confidence, float), np.array(mode),
                  np.array(ms, float), {k: np.array(v) for k, v in (stages or {}).items()})


def long_run(**labels):
    """Give a run in which the target leaves and returns, after two frames that come before it."""
    return record(
        [NONE, NONE, BOX, BOX, BOX, NONE, NONE, BOX, BOX, NONE],
        [0, 1, 5, 6],
        [NONE, NONE, BOX, HALF, NONE, NONE, WRONG, NONE, BOX, WRONG],  # the last is unlabelled
        [0, 0, 1, 0.8, 0.2, 0.1, 0.6, 0.3, 0.9, 0.9],
        ['IDLE', 'IDLE', 'LOCAL', 'LOCAL', 'LOCAL', 'GLOBAL', 'GLOBAL', 'GLOBAL', 'GLOBAL',
         'LOCAL'],
        [NAN, NAN, 900, 10, 10, 40, 40, 40, 40, 20],
        {'local': [NAN, NAN, 500, 10, 10, 5, 5, 5, 5, 20],
         'redetect': [NAN, NAN, 400, NAN, NAN, 35, 35, 35, 30, NAN]}, **labels)


def short_run(**labels):
    """Give a run over a target that is always there, which the tracker never finds."""
    return record([BOX] * 3, [], [BOX, WRONG, WRONG], [1, 0.5, 0.5], ['LOCAL'] * 3, [100, 5, 5],
                  **labels)


def sequence_metrics(run):
    """Compute the figures of one sequence."""
    return tracker_metrics({'it': run})['sequences']['it']


def test_what_is_claimed_on_a_twin_by_hand():
    twin = [200, 10, 20, 20]
    near = [200, 10, 20, 60]  # IoU 1/3 with the twin
    off = [200, 10, 20, 70]  # 2/7: not on it
    run = record(
        [BOX, BOX, BOX, NONE, NONE, NONE, NONE, NONE, BOX], [3, 4, 5, 6],
        [BOX, twin, BOX, near, off, NONE, WRONG, twin, near], [.9] * 9, ['LOCAL'] * 9, [5] * 9,
        others=np.array([twin, twin, twin, twin, twin, twin, NONE, twin, NONE], float))
    m = sequence_metrics(run)
    assert m['claimed_on_twin'] == pytest.approx(1 / 3), 'of frames 3, 4 and 5'
    assert m['claimed_on_nothing'] == pytest.approx(2 / 4), 'off and wrong; 7 is unlabelled'
    assert m['wrong_twin'] == pytest.approx(1 / 2), 'of frames 1 and 2: the first box is given'
    both = tracker_metrics({'a': run, 'b': long_run(name='b')})
    assert both['mean']['claimed_on_nothing'] == pytest.approx(2 / 4), 'where there are twins'
    alone = sequence_metrics(long_run())
    assert {alone[k] for k in ('claimed_on_twin', 'claimed_on_nothing', 'wrong_twin')} == {None}


def test_a_sequence_by_hand():
    m = sequence_metrics(long_run())
    assert set(m) == SEQUENCE_KEYS
    assert (m['frames'], m['frames_present'], m['frames_absent']) == (8, 5, 2)
    # IoUs 1, .5, 0, 0, 1: above 0 .. .45 three times, up to .95 twice, above 1 never
    assert m['auc'] == pytest.approx((10 * 3 + 10 * 2) / (5 * 21))
    # a box for every frame, the one before where there is none: 1, .5, .5, 0, 1
    assert m['auc_ope'] == pytest.approx((10 * 4 + 10 * 2) / (5 * 21))
    assert m['precision_20'] == pytest.approx(3 / 5)
    # errors 0, .5, inf, inf, 0 against 0 .. .5
    assert m['normalised_precision'] == pytest.approx((2 * 51 + 1) / (5 * 51))
    # of a box for every frame: 0, then HALF twice 10 px off, WRONG 90 px each way, 0
    assert m['centre_error'] == pytest.approx((2 * 10 + 90 * np.sqrt(2)) / 5)
    # less the given box
    assert m['ao'] == pytest.approx((0.5 + 0 + 0 + 1) / 4)
    assert m['sr_50'] == m['sr_75'] == pytest.approx(1 / 4)
    assert m['size_ratio_p95'] == pytest.approx(np.percentile([np.sqrt(2), 1], 95))
    # all claims: IoU 1, .5, 1 and 0 on the absent target; without that one at .8
    assert m['p_reported'] == pytest.approx(2.5 / 4)
    assert m['r_reported'] == pytest.approx(2.5 / 5)
    assert m['f_reported'] == pytest.approx(2 * 2.5 / 9)
    assert (m['threshold'], m['p'], m['r']) == (0.8, pytest.approx(2.5 / 3), pytest.approx(0.5))
    assert m['f'] == pytest.approx(2 * 2.5 / 8)
    assert m['claimed_when_absent'] == 0.5
    assert (m['returns'], m['returns_found']) == (1, 1)
    assert m['reacquired_after_median'] == m['reacquired_after_p90'] == 1
    assert m['false_reacquisitions'] == 1  # the box at the absent target; the last run is right
    # claimed and labelled, less the given: .8 wrong (not above .5), .6 wrong, .9 right
    assert m['ece'] == pytest.approx((0.8 + 0.6 + 0.1) / 3)


def test_one_pass_evaluation_takes_the_place_where_nothing_is_claimed():
    places = np.array([NONE, NONE, BOX, HALF, BOX, BOX, WRONG, HALF, BOX, WRONG], float)
    run = replace(long_run(), places=places)
    assert run.every[2:].tolist() == [BOX, HALF, BOX, BOX, WRONG, HALF, BOX, WRONG]
    # IoUs 1, .5, 1, .5, 1
    assert sequence_metrics(run)['auc_ope'] == pytest.approx((10 * 5 + 10 * 3) / (5 * 21))
    assert sequence_metrics(run)['auc'] == sequence_metrics(long_run())['auc']


def test_times_leave_out_the_first_frame():
    m = sequence_metrics(long_run())
    assert m['ms_median'] == 40
    assert m['ms_p95'] == 40
    assert m['fps'] == pytest.approx(1e3 * 7 / 200)
    assert (m['ms_local_median'], m['ms_local_p95']) == (5, pytest.approx(17))
    assert m['ms_redetect_median'] == 35
    assert (m['ms_median_in_local'], m['ms_median_in_global']) == (10, 40)
    assert m['global_share'] == pytest.approx(4 / 7)


def test_what_is_not_defined_is_none():
    m = sequence_metrics(short_run())
    for key in ('claimed_when_absent', 'reacquired_after_median', 'reacquired_after_p90',
                'size_ratio_p95', 'ms_redetect_median', 'ms_local_p95', 'ms_median_in_global'):
        assert (m[key] is None) == (key != 'size_ratio_p95'), key
    assert m['global_share'] == 0
    alone = sequence_metrics(record([BOX], [], [BOX], [1], ['LOCAL'], [100]))
    assert alone['auc'] == pytest.approx(20 / 21)
    assert alone['f'] == alone['f_reported'] == alone['threshold'] == 1
    for key in ('ao', 'sr_50', 'sr_75', 'ece', 'ms_median', 'ms_p95', 'fps', 'global_share',
                'size_ratio_p95'):
        assert alone[key] is None, key


def test_a_return_that_is_never_found_is_infinite():
    lost = record([BOX, NONE, BOX], [1], [BOX, NONE, NONE], [1, 0, 0], ['LOCAL'] * 3, [1] * 3)
    m = sequence_metrics(lost)
    assert (m['returns'], m['returns_found'], m['reacquired_after_median']) == (1, 0, None)
    # pooled: waits 1 and never
    mean = tracker_metrics({'a': long_run(), 'b': lost})['mean']
    assert (mean['returns'], mean['returns_found'], mean['reacquired_after_median']) == (2, 1,
                                                                                         None)
    mean = tracker_metrics({'a': long_run(), 'b': lost, 'c': long_run()})['mean']
    assert (mean['reacquired_after_median'], mean['reacquired_after_p90']) == (1, None)


def test_labels_without_a_box_are_an_error():
    with pytest.raises(ValueError, match=r'^empty: no frame has a true box'):
        sequence_metrics(record([NONE], [], [NONE], [0], ['IDLE'], [1], name='empty'))
    with pytest.raises(ValueError, match='no sequence to score'):
        tracker_metrics({})


def test_a_tracker_over_several_sequences():
    records = {'long': long_run(attributes=('FM', 'OV')), 'short': short_run(attributes=('FM',))}
    m = tracker_metrics(records)
    mean, long, short = m['mean'], *(sequence_metrics(r) for r in records.values())
    assert m['sequences'] == {'long': long, 'short': short}
    assert set(mean) == set(m['where_targets_leave']) == MEAN_KEYS
    for key in ('auc', 'precision_20', 'normalised_precision', 'centre_error', 'ao',
                'sr_50', 'sr_75', 'global_share', 'size_ratio_p95', 'p_reported', 'r_reported'):
        assert mean[key] == pytest.approx((long[key] + short[key]) / 2), key
    for key in ('frames', 'frames_present', 'frames_absent', 'returns', 'returns_found',
                'false_reacquisitions'):
        assert mean[key] == long[key] + short[key], key
    assert mean['claimed_when_absent'] == long['claimed_when_absent'] == 0.5
    # of the averages, not the average of F
    p, r = mean['p_reported'], mean['r_reported']
    assert mean['f_reported'] == pytest.approx(2 * p * r / (p + r))
    assert mean['f_reported'] != pytest.approx((long['f_reported'] + short['f_reported']) / 2)
    # at .8 both: p (2.5/3 + 1) / 2, r (2.5/5 + 1/3) / 2
    assert mean['threshold'] == 0.8
    assert (mean['p'], mean['r']) == (pytest.approx(11 / 12), pytest.approx(5 / 12))
    # pooled over frames
    assert mean['ms_median'] == np.median([10, 10, 40, 40, 40, 40, 20, 5, 5])
    assert mean['fps'] == pytest.approx(1e3 * 9 / 210)
    assert mean['ece'] == pytest.approx((0.8 + 0.6 + 0.1 + 0.5 + 0.5) / 5)
    # OxUvA, pooled, less the given boxes: .5, 0, 0, 1 and 0, 0; one of two absent frames claimed
    assert (mean['tpr'], mean['tnr']) == (pytest.approx(2 / 6), 0.5)
    assert mean['maxgm'] == pytest.approx(np.sqrt(1 / 6))
    assert mean['false_reacquisitions_per_hour'] == pytest.approx(1 * 108000 / 11)
    assert mean['sequences'] == 2
    assert m['where_targets_leave']['sequences'] == 1
    for key in SEQUENCE_KEYS:
        assert m['where_targets_leave'][key] == long[key], key
    assert m['attributes'] == {
        'FM': {'auc': pytest.approx((long['auc'] + short['auc']) / 2),
               'precision_20': pytest.approx((3 / 5 + 1 / 3) / 2), 'sequences': 2},
        'OV': {'auc': long['auc'], 'precision_20': pytest.approx(3 / 5), 'sequences': 1}}


def test_got10k_pools_the_frames_of_all_sequences():
    mean = tracker_metrics({'a': long_run(name='a'), 'b': short_run(name='b')})['mean']
    # IoU .5, 0, 0, 1 and 0, 0
    assert mean['ao'] == pytest.approx(1.5 / 4 / 2) and mean['ao_pooled'] == pytest.approx(1.5 / 6)
    assert mean['sr_50_pooled'] == mean['sr_75_pooled'] == pytest.approx(1 / 6)


def test_where_no_target_leaves():
    m = tracker_metrics({'short': short_run()})
    assert m['where_targets_leave'] is None
    assert (m['mean']['tpr'], m['mean']['tnr'], m['mean']['maxgm']) == (None, None, None)
    assert m['attributes'] == {}


def test_curves_belong_to_the_figures():
    m = tracker_metrics({'long': long_run(), 'short': short_run()})
    curves, mean = m['curves'], m['mean']
    assert [len(curves[k]) for k in ('success', 'precision', 'normalised_precision')] == [21, 51,
                                                                                          51]
    assert np.mean(curves['success']) == pytest.approx(mean['auc'])
    assert curves['precision'][20] == pytest.approx(mean['precision_20'])
    assert np.mean(curves['normalised_precision']) == pytest.approx(mean['normalised_precision'])
    sweep = curves['longterm']
    assert max(sweep['f']) == mean['f'] and sweep['f'][-1] == mean['f_reported']
    assert sweep['threshold'][0] is None
    at = sweep['threshold'].index(mean['threshold'])
    assert (sweep['p'][at], sweep['r'][at]) == (mean['p'], mean['r'])
    assert sweep['threshold'][-1] == 0.5  # the lowest of a claimed box
    assert curves['reliability']['count'] == [0, 0, 0, 0, 0, 2, 1, 0, 1, 1]
    assert curves['reliability']['accuracy'][9] == 1
    assert curves['reliability']['confidence'][0] is None


def test_everything_goes_into_json_as_it_is():
    m = tracker_metrics({'long': long_run(), 'short': short_run()})
    assert json.loads(json.dumps(m, allow_nan=False)) == m
    assert plain({'a': np.float32(0.5), 'b': [np.int64(3), NAN, np.inf], 'c': None}) == {
        'a': 0.5, 'b': [3, None, None], 'c': None}


def test_a_box_too_small_counts_as_one_too_large():
    small = record([BOX] * 2, [], [BOX, [15, 15, 10, 10]], [1, 1], ['LOCAL'] * 2, [1] * 2)
    assert sequence_metrics(small)['size_ratio_p95'] == pytest.approx(2)
