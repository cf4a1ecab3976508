"""``eval spread`` on runs that are worked out by hand."""

import json

from lg_tracker_ros.cli import main
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments.records import read_records, write_labels
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.rows import COLUMNS
import numpy as np


def write(out, jitter, claimed, tracker='default', settings='a', name='walk'):
    """Write a run of ten frames, absent in 4..7, claimed in the first ``claimed`` of these."""
    truth = np.tile([5., 10, 12, 8], (10, 1))
    truth[4:8] = np.nan
    write_labels(out, [LabelledSequence(name, truth, np.isnan(truth[:, 0]),
                                        tuple(out / f'{i}.png' for i in range(10)))], {})
    lines = [','.join(COLUMNS)]
    for i in range(10):
        box = '5,10,12,8,0.9,1,LOCAL' if not 4 + claimed <= i < 8 else 'nan,nan,nan,nan,0,0,GLOBAL'
        x, y, w, h, confidence, visible, mode = box.split(',')
        lines.append(f'{i},{i / 30},{x},{y},{w},{h},{confidence},{visible},{mode},5')
    folder = out / tracker
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{name}.csv').write_text('\n'.join(lines) + '\n')
    (folder / f'{name}.json').write_text(json.dumps(
        {'settings': {'of': settings}, 'weights': {}, 'jitter': jitter}))
    return out


def spread(capsys, *outs):
    capsys.readouterr()
    status = main(['eval', 'spread', *map(str, outs)])
    return status, *capsys.readouterr()


def test_mean_and_half_of_the_range(tmp_path, capsys):
    outs = [write(tmp_path / str(i), i, claimed) for i, claimed in ((1, 0), (2, 1), (3, 4))]
    status, printed, _ = spread(capsys, *outs)
    assert status == 0
    lines = printed.splitlines()
    assert lines[0] == 'mean ± (max - min) / 2 of 3 runs, --jitter 1, 2, 3'
    head, row = ([c.strip() for c in line.strip('|').split('|')] for line in (lines[4], lines[6]))
    assert head == ['tracker', 'F rep.', 'TNR', 'absent claimed', 'false an hour', 'found again',
                    'AUC', 'AUC OPE', 'seq.']
    got = dict(zip(head, row))
    assert got['TNR'] == '0.583 ± 0.500', 'of 1, .75 and 0'
    assert got['absent claimed'] == '0.417 ± 0.500'
    assert got['found again'] == '1.0 ± 0.0 of 1'
    assert got['AUC'] == '0.952 ± 0.000' and got['seq.'] == '1'
    f = [tracker_metrics(read_records(out)['default'])['mean']['f_reported'] for out in outs]
    assert got['F rep.'] == f'{np.mean(f):.3f} ± {(max(f) - min(f)) / 2:.3f}'
    assert 'Where targets leave' not in printed, 'they leave in all: one table will do'


def test_what_cannot_be_compared_is_one_line(tmp_path, capsys):
    one, two = write(tmp_path / '1', 1, 0), write(tmp_path / '2', 2, 0)
    for others, said in (
            ([], 'a spread needs two runs or more'),
            ([write(tmp_path / 'b', 1, 0)], 'have the same first boxes; give runs of different'),
            ([write(tmp_path / 'c', 3, 0, settings='b')],
             'has default on walk with other settings, weights or labels than'),
            ([write(tmp_path / 'd', 3, 0, name='run')], 'has default on other sequences than'),
            ([write(tmp_path / 'e', 3, 0, 'ncc')], 'has ncc on other sequences than')):
        status, _, err = spread(capsys, one, *others)
        assert status == 1 and said in err and len(err.strip().splitlines()) == 1
    write(two, 3, 0, 'ncc')
    status, _, err = spread(capsys, one, two)
    assert status == 1 and '2 holds runs of --jitter 2 and 3; give each its own --out' in err
    write(one, 1, 0, 'ncc')
    status, _, err = spread(capsys, one, write(tmp_path / 'f', 4, 0))
    assert status == 1 and 'f lacks ncc, which' in err


def test_a_file_instead(tmp_path, capsys):
    outs = [write(tmp_path / str(i), i, 0) for i in (0, 1)]
    status, printed, _ = spread(capsys, *outs, '--to', tmp_path / 'spread.md')
    assert (status, printed) == (0, '')
    assert '| default |' in (tmp_path / 'spread.md').read_text()
