"""The timeline: what its lines are."""

from helpers.runs import AWAY, three_trackers
from lg_tracker_ros.evaluation.figures.timeline import drawn
from lg_tracker_ros.evaluation.reports.pictures import draw
from lg_tracker_ros.evaluation.reports.results import compute
import numpy as np
import pytest


def test_the_second_trackers_iou_is_drawn_beside(tmp_path):
    out = three_trackers(tmp_path)
    (out / 'other' / 'car.csv').unlink()
    results = compute(out)
    (alone, _), (walk, car) = drawn(results).axes, drawn(results, 'other').axes
    assert walk.get_title('left') == 'walk', 'the target leaves'
    beside, own, confidence = (line.get_ydata() for line in walk.get_lines()[:3])
    away = np.isin(np.arange(30), AWAY)
    assert np.isnan(beside[away]).all() and np.isnan(own[away]).all()
    np.testing.assert_allclose(own[~away], 1)
    np.testing.assert_allclose(beside[~away][1:], 10 / 14, err_msg='2 px of 12 beside the truth')
    np.testing.assert_allclose(confidence, np.where(away, 0.1, 0.9))
    names = [text.get_text() for text in walk.get_legend().get_texts()]
    assert names == ['confidence', 'IoU with the truth', 'IoU of other', 'global search',
                     'target absent']
    assert len(car.get_lines()) == 2, 'it did not run there'
    assert len(alone.get_legend().get_texts()) == 4


def test_the_name_is_looked_up_first(tmp_path):
    results = compute(three_trackers(tmp_path))
    with pytest.raises(ValueError, match="no results of tracker 'mine'; expected one of default"):
        draw(results, tmp_path / 'pictures', 'mine')
    assert not (tmp_path / 'pictures').exists()
