"""Recall over the number of proposals."""

from lg_tracker_ros.evaluation.figures.recall import drawn
import numpy as np


def test_the_curves_are_the_figures():
    means = {'weak': {'ar_1': 0.1, 'ar_10': 0.2, 'recall_1': 0.4, 'recall_10': 0.5},
             'strong': {'ar_10': 0.6, 'ar_1': 0.3, 'ar_64': 0.7, 'recall_1': None,
                        'recall_10': 0.9, 'recall_64': 1.0, 'recall_iou_1': 0.2}}
    recall, share = drawn(means).axes
    first, second = recall.get_lines()
    assert list(first.get_xdata()) == [1, 10, 64]
    np.testing.assert_allclose(first.get_ydata(), [0.3, 0.6, 0.7])
    np.testing.assert_allclose(second.get_ydata(), [0.1, 0.2])
    assert [t.get_text() for t in recall.get_legend().get_texts()] == [
        '0.700  strong', '0.200  weak'], 'the best first'
    np.testing.assert_allclose(share.get_lines()[0].get_ydata(), [np.nan, 0.9, 1])
    assert recall.get_xscale() == 'log'
