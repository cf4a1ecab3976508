"""Jobs: what is left out, where results go, when they are there."""

from functools import partial
import json
from pathlib import Path

from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.planned import Job, plan, remaining
from lg_tracker_ros.files import sha256
import numpy as np
import pytest


def sequence(name):
    return LabelledSequence(name, np.ones((2, 4)), np.zeros(2, bool), (Path('0.png'),) * 2,
                            source=f'data/{name}')


def described(tracker, beta1=0.8):
    return {'settings': {'beta1': beta1}, 'weights': {}, 'jitter': 0,
            'trained_on': ['data/b_cam2'] if tracker == 'learned' else []}


SUBJECTS = {'a': [sequence('a')], 'b_cams': [sequence('b_cam1'), sequence('b_cam2')]}


@pytest.mark.parametrize('seen', [False, True])
def test_what_was_trained_on_is_left_out_or_remarked_on(tmp_path, capsys, seen):
    jobs, marks = plan(['plain', 'learned'], SUBJECTS, described, partial(Job, folder=tmp_path),
                       seen)
    assert [j.label for j in jobs] == ['plain on a', 'plain on b_cams', 'learned on a',
                                       *['learned on b_cams'] * seen]
    assert marks == ({'b_cam2': ['learned was trained on it']} if seen else {})
    assert ('b_cams is left out for learned: its weights were trained on data/b_cam2; --seen runs '
            'it, marked' in capsys.readouterr().err) is not seen
    with pytest.raises(ValueError, match='each tracker must be named once, got x x'):
        plan(['x', 'x'], SUBJECTS, described, partial(Job, folder=tmp_path), seen)


def test_results_are_kept_with_how_they_were_made(tmp_path):
    job = Job('robot.yaml@weights=a/b', 's', (sequence('s'),), described('plain'), tmp_path)
    assert remaining([job], again=False) == [job]
    job.keep([['frame', 'x'], ['0', '1.50']], stages={'local': [None, 2.0]})
    assert job.path == tmp_path / 'robot@weights=a_b/s.csv'
    assert job.path.read_text() == 'frame,x\n0,1.50\n'
    made = json.loads(job.path.with_suffix('.json').read_text())
    assert made.pop('rows_sha256') == sha256(job.path)
    assert made == {**job.made, 'stages': {'local': [None, 2.0]}}
    assert remaining([job], again=False) == [] and remaining([job], again=True) == [job]
    other = Job(job.tracker, 's', job.members, described('plain', 0.7), tmp_path)
    with pytest.raises(ValueError, match='was made with other settings; use another --out, or -'):
        other.is_done()
    kept = job.path.read_text()
    job.path.write_text(kept[:-3])  # damaged since
    assert remaining([job], again=False) == [job]
    job.path.write_text(kept)
    job.path.with_suffix('.json').write_text(json.dumps(made))  # as one of before there were sums
    assert remaining([job], again=False) == []
