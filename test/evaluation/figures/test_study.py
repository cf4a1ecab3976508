"""A study of trainings as a picture."""

from lg_tracker_ros.evaluation.figures.study import draw_study, drawn, read_study
from lg_tracker_ros.evaluation.tables.training_studies import STUDIES
import numpy as np
import pytest

HEAD = 'row,seed,steps,r1'
CSV = f"""{HEAD},F hall
"0.2, 0.1",0,100,0.8,0.5
BCE,0,90,0.4,
"0.2, 0.1",1,100,0.6,0.7
"""


def test_the_curve_is_the_mean_over_seeds(tmp_path):
    path = tmp_path / 'lambdas.csv'
    path.write_text(CSV)
    runs = read_study(path)
    assert {key: list(rows) for key, rows in runs.items()} == {
        'r1': ['0.2, 0.1', 'BCE'], 'F hall': ['0.2, 0.1', 'BCE']}
    first, second = drawn(runs, {'F hall': 0.3}).axes
    line, (bar,) = first.containers[0][0], first.containers[0][2]
    np.testing.assert_allclose(line.get_ydata(), [0.7, 0.4])
    np.testing.assert_allclose(bar.get_segments()[0][:, 1], 0.7 + np.array([-1, 1]) * 0.1 * 2**.5)
    np.testing.assert_allclose(second.containers[0][0].get_ydata(), [0.6, np.nan])
    assert second.get_lines()[-1].get_ydata()[0] == 0.3, 'the baseline'
    assert [t.get_text() for t in second.get_xticklabels()] == ['0.2, 0.1', 'BCE']
    assert [t.get_text() for t in first.get_legend().get_texts()] == ['the local tracker alone']
    draw_study(path, tmp_path / 'lambdas.png')
    assert (tmp_path / 'lambdas.png').is_file()


def test_fig_7a_is_in_the_papers_measures():
    study = STUDIES['lambdas']
    assert set(study.published[0].head[1:]) <= set(study.tracked.values())


def test_another_file_is_named(tmp_path):
    path = tmp_path / 'other.csv'
    for text in ('frame,rank\n1,2\n', f'{HEAD}\nBCE,0\n', f'{HEAD}\na,0,1,x\n'):
        path.write_text(text)
        with pytest.raises(ValueError, match=r'other\.csv is not a study of `train ablation`'):
            read_study(path)
