"""Metrics by hand, and against the toolkits that the field uses, on the same boxes."""

from helpers.vot import pixel_overlaps
from lg_tracker_ros.evaluation.metrics import longterm, overlap, redetection
from lg_tracker_ros.evaluation.metrics.attention import map_auc, map_iou, target_cells
from lg_tracker_ros.evaluation.metrics.calibration import calibration_error, reliability
from lg_tracker_ros.evaluation.metrics.speed import speed
import numpy as np
import pytest

NAN = float('nan')
SIZE = (320, 240)
SEEDS = range(6)


def walk(seed, n=257, whole=False):
    """Make a target's walk and a tracker's boxes that follow, drift and are lost: 2 x N x 4."""
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.normal(0, [4, 3, 0.7, 0.7], (n, 4)), axis=0)
    truth = np.array([120, 90, 60, 40]) + steps
    truth[:, 2:] = np.clip(truth[:, 2:], 8, None)
    scale = rng.choice([0, 0.5, 4, 40], (n, 1), p=[0.1, 0.4, 0.4, 0.1])
    boxes = truth + scale * rng.normal(size=(n, 4))
    boxes[:, 2:] = np.clip(boxes[:, 2:], 4, None)
    digits = 0 if whole else 2  # as in the files of OTB, and as in those of GOT-10k
    return np.round(boxes, digits), np.round(truth, digits)


def random_boxes(seed, n=300):
    rng = np.random.default_rng(seed)
    return [np.concatenate([rng.uniform(-20, 300, (n, 2)), rng.uniform(2, 120, (n, 2))], axis=1)
            for _ in range(2)]


def scored_run(seed, n=257):
    """Make boxes, truth, absence and confidence with all that a long-term run holds."""
    rng = np.random.default_rng(seed)
    boxes, truth = walk(seed, n)
    absent = np.zeros(n, bool)
    absent[n // 4:n // 3] = absent[n // 2:n // 2 + 9] = True
    truth[absent] = NAN
    boxes[1:][rng.random(n - 1) < 0.2] = NAN
    iou = overlap.overlaps(boxes, truth)
    confidence = np.clip(np.nan_to_num(iou) * 0.6 + rng.uniform(0, 0.5, n), 0, 1).round(3)
    confidence[np.isnan(boxes[:, 0])] = NAN
    return boxes, truth, absent, confidence


# -- overlap, by hand

def test_a_frame_without_claim_is_missed_and_one_without_truth_is_not_scored():
    truth = [[0, 0, 10, 10], [0, 0, 10, 10], [NAN] * 4, [0, 0, 10, 10]]
    boxes = [[0, 0, 10, 10], [NAN] * 4, [0, 0, 10, 10], [3, 4, 10, 10]]
    iou = overlap.overlaps(boxes, truth)
    np.testing.assert_allclose(iou, [1, 0, NAN, 42 / 158])
    np.testing.assert_allclose(overlap.center_errors(boxes, truth), [0, np.inf, NAN, 5])
    np.testing.assert_allclose(overlap.center_errors(boxes, truth, normalised=True),
                               [0, np.inf, NAN, 0.5])
    assert overlap.average_overlap(iou) == pytest.approx((1 + 42 / 158) / 3)
    assert overlap.success_rate(iou, 0.5) == pytest.approx(1 / 3)
    assert overlap.precision_at([0, np.inf, NAN, 20], 20) == pytest.approx(2 / 3)
    np.testing.assert_allclose(overlap.precision_curve([0, np.inf, NAN, 5])[[0, 4, 5, 50]],
                               [1 / 3, 1 / 3, 2 / 3, 2 / 3])


def test_success_is_strictly_above_and_precision_is_up_to():
    assert overlap.success_auc([1.0]) == pytest.approx(20 / 21)
    assert overlap.success_auc([0.0]) == 0
    assert overlap.success_rate([0.5, 0.51], 0.5) == 0.5
    assert overlap.precision_at([20.0, 20.001]) == 0.5
    # errors 0 and .25: 51 thresholds, and the 26 from .25 on
    assert overlap.normalised_precision([0, 0.25]) == pytest.approx((51 + 26) / 102)


def test_a_box_without_area_overlaps_nothing():
    assert overlap.overlaps([[5, 5, 0, 0]], [[5, 5, 0, 0]]) == [0]


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match='no frame has a true box'):
        overlap.success_curve([NAN])
    with pytest.raises(ValueError, match='no frame has a true box'):
        longterm.precision_recall(longterm.Scores(
            np.array([NAN]), np.array([NAN]), np.array([True])), np.zeros(1))


# -- overlap, against got10k

def got10k():
    return pytest.importorskip('got10k.experiments', reason='got10k is not installed')


@pytest.mark.parametrize('seed', SEEDS)
def test_otb_agrees_with_got10k(seed):
    toolkit = got10k().ExperimentOTB.__new__(got10k().ExperimentOTB)  # its init downloads OTB
    toolkit.nbins_iou, toolkit.nbins_ce = 21, 51
    for boxes, truth in (walk(seed), walk(seed, whole=True), random_boxes(seed)):
        ious, errors = toolkit._calc_metrics(boxes, truth)
        success, precision = toolkit._calc_curves(ious, errors)
        iou, error = overlap.overlaps(boxes, truth), overlap.center_errors(boxes, truth)
        np.testing.assert_array_equal(iou, ious)
        np.testing.assert_array_equal(error, errors)
        np.testing.assert_array_equal(overlap.success_curve(iou), success)
        np.testing.assert_array_equal(overlap.precision_curve(error), precision)
        assert overlap.success_auc(iou) == np.mean(success)
        assert overlap.precision_at(error) == precision[20]


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('size', [None, SIZE])
def test_got10k_agrees_with_got10k(seed, size):
    got10k()
    from got10k.utils.metrics import rect_iou
    toolkit = got10k().ExperimentGOT10k.__new__(got10k().ExperimentGOT10k)  # init wants the data
    for boxes, truth in (walk(seed), random_boxes(seed)):
        ious = rect_iou(boxes.copy(), truth.copy(), bound=size)
        ao, sr, _, _ = toolkit._evaluate(ious, np.array([]))
        iou = overlap.overlaps(boxes, truth, size)
        np.testing.assert_array_equal(iou, ious)
        assert (overlap.average_overlap(iou), overlap.success_rate(iou, 0.5)) == (ao, sr)
    if size:
        assert (rect_iou(truth.copy(), boxes.copy()) != ious).any()  # the bounds are felt


# -- long term, by hand

def test_precision_and_recall_by_hand():
    # present, present, absent, present, unlabelled
    run = longterm.Scores(np.array([1, 0.5, NAN, 0, NAN]), np.array([0.9, 0.6, 0.6, NAN, 0.95]),
                          np.array([False, False, True, False, False]))
    p, r = longterm.precision_recall(run, np.array([np.inf, 0.92, 0.9, 0.6, -np.inf]))
    np.testing.assert_allclose(p, [1, 1, 1, 0.5, 0.5])
    np.testing.assert_allclose(r, [0, 0, 1 / 3, 0.5, 0.5])
    whole = longterm.sweep([run])
    np.testing.assert_array_equal(whole.threshold, [np.inf, 0.95, 0.9, 0.6, 0.6, 0.6])
    np.testing.assert_allclose(whole.f, [0, 0, 0.5, 0.5, 0.5, 0.5])
    assert whole.best == 2  # the highest of the thresholds that are as good


def test_f_is_that_of_the_averages_over_sequences():
    good = longterm.Scores(np.ones(2), np.array([0.8, 0.8]), np.zeros(2, bool))
    bad = longterm.Scores(np.zeros(2), np.array([0.8, NAN]), np.zeros(2, bool))
    whole = longterm.sweep([good, bad])
    assert whole.f[whole.best] == 0.5
    half = longterm.Scores(np.array([1, 0.0]), np.array([0.8, NAN]), np.zeros(2, bool))
    whole = longterm.sweep([half, bad])
    assert whole.f[whole.best] == pytest.approx(2 * 0.5 * 0.25 / 0.75)  # not (2/3 + 0) / 2
    assert whole.threshold[whole.best] == 0.8


def test_no_claimed_box_is_no_recall():
    run = longterm.Scores(np.zeros(3), np.full(3, NAN), np.zeros(3, bool))
    np.testing.assert_array_equal(longterm.sweep([run]).f, [0, 0])


def test_oxuva_by_hand():
    iou = np.array([1, 0.5, 0.49, 0, NAN, NAN, NAN, NAN])
    absent = np.array([0, 0, 0, 0, 1, 1, 1, 0], bool)
    claimed = np.array([1, 1, 1, 0, 1, 0, 0, 1], bool)
    tpr, tnr = longterm.true_rates(iou, claimed, absent)
    assert (tpr, tnr) == (0.5, pytest.approx(2 / 3))
    assert longterm.geometric_mean(tpr, tnr) == pytest.approx(np.sqrt(1 / 3))
    assert longterm.true_rates(iou[:4], claimed[:4], absent[:4]) == (0.5, None)


@pytest.mark.parametrize('tpr, tnr, expected', [
    (1, 1, 1),
    (0.64, 0, 0.4),       # drop half at random: sqrt(.32 * .5)
    (1, 0.2, 0.559017),   # q = .375: sqrt(.625 * (.125 + .375))
    (0.5, 0.5, 0.5),      # at the edge nothing is dropped
    (0.81, 0.64, 0.72), (0, 0.3, 0), (0.7, 0, 0.41833)])
def test_maxgm_by_hand(tpr, tnr, expected):
    got = longterm.max_geometric_mean(tpr, tnr)
    assert got == pytest.approx(expected, abs=1e-6)
    q = np.linspace(0, 1, 10001)
    assert got == pytest.approx(np.sqrt((1 - q) * tpr * ((1 - q) * tnr + q)).max(), abs=1e-7)


# -- long term, against vot-toolkit

def vot():
    return pytest.importorskip('vot.analysis.longterm', reason='vot-toolkit is not installed')


def regions(boxes):
    from vot.region import Special
    from vot.region.shapes import Rectangle
    return [Rectangle(*b) if np.isfinite(b).all() else Special(0) for b in boxes]


def vot_sequence(truth):
    from vot.dataset import InMemorySequence

    class OneChannel(InMemorySequence):

        def channel(self, channel='color'):  # its `size` calls this without a name
            return super().channel(channel)

    sequence = OneChannel('walk', ['color'])
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for region in regions(truth):
        sequence.append({'color': image}, region)
    return sequence


def test_pixel_overlaps_agree_with_vot_toolkit():
    vot()
    from vot.region import calculate_overlaps
    for seed in SEEDS:
        for boxes, truth in (walk(seed), walk(seed, whole=True), random_boxes(seed)):
            theirs = calculate_overlaps(regions(boxes), regions(truth), SIZE)
            np.testing.assert_array_equal(pixel_overlaps(boxes, truth, SIZE), theirs)
            # without bounds the toolkit is wrong left of and above the image: stay within
            boxes[:, :2], truth[:, :2] = boxes[:, :2] + 400, truth[:, :2] + 400
            theirs = calculate_overlaps(regions(boxes), regions(truth))
            np.testing.assert_array_equal(pixel_overlaps(boxes, truth), theirs)


@pytest.mark.parametrize('n', [60, 257, 700])
def test_thresholds_agree_with_vot_toolkit(n):
    determine_thresholds = vot().determine_thresholds
    confidence = scored_run(n, n)[3]
    np.testing.assert_array_equal(longterm.sweep_thresholds(confidence),
                                  determine_thresholds(confidence, 100))


def test_f_agrees_with_vot_toolkit():
    toolkit = vot()
    runs = [scored_run(seed, n) for seed, n in enumerate((90, 257, 400))]
    mine = longterm.sweep([longterm.Scores(pixel_overlaps(b, t, SIZE), c, a)
                           for b, t, a, c in runs])
    thresholds = toolkit.determine_thresholds(np.concatenate([r[3] for r in runs]), 100)
    partial = []
    for boxes, truth, _, confidence in runs:
        p, r = toolkit.compute_tpr_curves(regions(boxes), confidence, vot_sequence(truth),
                                          thresholds)
        partial.append((list(zip(p, r)), thresholds))
    curve = toolkit.PrecisionRecallCurve().aggregate(None, [], partial)
    f_curve = toolkit.FScoreCurve().compute(None, [None], [], [[curve]])[0, 0]
    p, r, f = toolkit.PrecisionRecall().compute(None, [None], [], [[curve], [f_curve]])[0, 0]
    best = mine.best
    assert (mine.p[best], mine.r[best], mine.f[best]) == (p, r, f)
    assert mine.threshold[best] == thresholds[f_curve[0].index(f)]
    np.testing.assert_array_equal(mine.r, [point[0] for point in curve[0]])
    np.testing.assert_array_equal(mine.p, [point[1] for point in curve[0]])
    np.testing.assert_array_equal(mine.f, f_curve[0])


def test_the_first_frame_of_a_vot_run_is_without_a_box():
    toolkit = vot()
    boxes, truth, absent, confidence = scored_run(3)
    confidence[0] = 0
    iou = pixel_overlaps(boxes, truth, SIZE)
    iou[0] = 0
    at = longterm.sweep_thresholds(confidence)
    tracked = regions(boxes)
    tracked[0] = regions([[NAN] * 4])[0]
    theirs = toolkit.compute_tpr_curves(tracked, confidence, vot_sequence(truth), list(at))
    np.testing.assert_array_equal(
        longterm.precision_recall(longterm.Scores(iou, confidence, absent), at), theirs)


# -- re-detection

def frames(text):
    """Read frames: '1' right, '0' wrong or nothing (present), 'a' absent, '?' unlabelled."""
    iou = np.array([{'1': 0.8, '0': 0.0}.get(c, NAN) for c in text])
    return iou, np.array([c == 'a' for c in text])


@pytest.mark.parametrize('text, min_absent, expected', [
    ('11aa0011', 1, [(4, 2)]),
    ('11aa11', 1, [(4, 0)]),
    ('11aa00', 1, [(4, None)]),
    ('11aa00aa11', 1, [(4, None), (8, 0)]),  # not found before it left again
    ('1a1aa1aaa01', 2, [(5, 0), (9, 1)]),
    ('1a?a?0?1', 2, [(5, 2)]),               # unlabelled frames pass, but are not absent
    ('1??0', 1, []), ('111aa', 1, []), ('aa11', 1, [])])
def test_returns(text, min_absent, expected):
    assert redetection.find_returns(*frames(text), min_absent) == expected


def test_percentiles_of_waits():
    assert redetection.wait_percentile([], 50) is None
    assert redetection.wait_percentile([3, 1, None], 50) == 3
    assert redetection.wait_percentile([3, 1, None], 90) is None
    assert redetection.wait_percentile([3, None], 50) is None
    waits = [7, 1, 4, 0, 22, 9]
    for percent in (0, 50, 90, 100):
        assert redetection.wait_percentile(waits, percent) == pytest.approx(
            np.percentile(waits, percent))


@pytest.mark.parametrize('labels, claims, expected', [
    ('1100aa00', '11..cc.c', 2),  # on an absent target; on the wrong place
    ('110000', '11.ccc', 1),      # one run is one
    ('110011', '11.ccc', 0),      # wrong at first, then right
    ('110000', 'cccccc', 0),      # drift is not a re-acquisition
    ('11??00', '11.c..', 0),      # nobody knows
    ('11?aa0', '11.cc.', 1),
    ('1100', '....', 0)])
def test_false_reacquisitions(labels, claims, expected):
    claimed = np.array([c != '.' for c in claims])
    iou, absent = frames(labels)
    iou = np.where(claimed | np.isnan(iou), iou, 0)
    assert redetection.false_reacquisitions(iou, claimed, absent) == expected


def test_false_reacquisitions_an_hour():
    assert redetection.per_hour(2, 3600) == pytest.approx(60)  # in two minutes
    assert redetection.per_hour(2, 3600, 60) == pytest.approx(120)


# -- attention

def test_masks_are_averaged_over_cells():
    mask = np.zeros((6, 4))
    mask[:3, :2] = 255
    np.testing.assert_array_equal(target_cells(mask, (2, 2)), [[True, False], [False, False]])
    # cells of 1.5 x 4 pixels are half target each, which isn't more than half
    assert not target_cells(mask, (4, 1)).any()
    # cells of 2 x 4/3: the first column is whole, the second half, the third empty
    np.testing.assert_array_equal(target_cells(mask, (3, 3))[0], [True, False, False])
    np.testing.assert_array_equal(target_cells([[1, 0]], (2, 4)), [[1, 1, 0, 0]] * 2)


def test_cells_agree_with_opencv_area_average():
    import cv2
    mask = (np.random.default_rng(0).random((97, 131)) > 0.5).astype(np.float32)
    average = cv2.resize(mask, (37, 19), interpolation=cv2.INTER_AREA)
    sure = np.abs(average - 0.5) > 1e-4
    np.testing.assert_array_equal(target_cells(mask, (19, 37))[sure], (average > 0.5)[sure])


def test_attention_iou_and_auc():
    mask = np.kron([[1, 0], [1, 0]], np.ones((8, 8)))
    attention = np.array([[0.9, 0.6], [0.4, 0.1]])
    assert map_iou(attention, mask, 0.5) == pytest.approx(1 / 3)
    assert map_iou(attention, mask, 0.95) == 0
    assert map_auc(attention, mask) == pytest.approx(3 / 4)  # .4 is below .6
    assert map_auc(np.full((2, 2), 0.3), mask) == 0.5
    assert map_auc(attention, np.ones((8, 8))) is None
    assert map_iou(attention, np.zeros((8, 8)), 0.95) is None


def test_auc_counts_every_pair():
    rng = np.random.default_rng(1)
    attention, mask = rng.integers(0, 9, (13, 17)) / 9, rng.random((13, 17)) > 0.7
    inside, outside = attention[mask][:, None], attention[~mask]
    pairs = np.mean((inside > outside) + 0.5 * (inside == outside))
    assert map_auc(attention, mask) == pytest.approx(pairs)


# -- calibration and speed

def test_reliability_and_ece_by_hand():
    curve = reliability([0.05, 0.95, 0.95, 1.0, 0.3], [False, True, True, False, True])
    np.testing.assert_array_equal(curve.counts, [1, 0, 0, 1, 0, 0, 0, 0, 0, 3])
    assert curve.confidence[9] == pytest.approx(2.9 / 3)
    assert curve.accuracy[9] == pytest.approx(2 / 3)
    assert np.isnan(curve.confidence[1]) and np.isnan(curve.accuracy[1])
    assert calibration_error(curve) == pytest.approx((0.05 + 0.7 + (2.9 - 2)) / 5)
    assert calibration_error(reliability([], [])) is None


def test_confidence_that_is_the_probability_is_calibrated():
    rng = np.random.default_rng(2)
    confidence = rng.random(20000)
    assert calibration_error(reliability(confidence, rng.random(20000) < confidence)) < 0.02
    assert calibration_error(reliability(confidence, rng.random(20000) < 0.5)) > 0.2


def test_speed_is_frames_over_time():
    assert speed([10, 30, NAN, 20]) == (20, pytest.approx(29), pytest.approx(50))
    assert speed([NAN]) == (None, None, None)
    assert speed([0.0]).fps is None
