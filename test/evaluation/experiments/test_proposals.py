"""Re-detectors by themselves: what is asked, what is written, and what the figures say."""

import argparse
from itertools import pairwise
import json
from pathlib import Path

import cv2
from helpers.clip import CLIP, truth
from lg_tracker_ros.datasets.readers import read_dataset
from lg_tracker_ros.datasets.sequence import LabelledSequence
from lg_tracker_ros.evaluation.experiments import proposals as attention
from lg_tracker_ros.evaluation.reports import proposal_results as attention_results
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.types import Box, Frame, Proposals
import numpy as np
import pytest

pytestmark = pytest.mark.rounding

NONE = [np.nan] * 4


class Stub:
    """A Redetector that notes what it is asked and says what it is told."""

    history = 2

    def __init__(self, proposals):
        self.proposals, self.asked, self.first = proposals, [], None

    def init(self, frame, box):
        self.first = box

    def propose(self, clip, size, k):
        self.asked.append(([f.stamp for f in clip], size, k))
        return self.proposals


@pytest.fixture
def sequence(tmp_path):
    """Twelve images of 40 x 20; the target grows a pixel a frame and is absent in 0, 6 and 7."""
    images = []
    for i in range(12):
        images.append(tmp_path / f'{i}.png')
        cv2.imwrite(str(images[-1]), np.zeros((20, 40, 3), np.uint8))
    rows = np.array([[20, 0, 10, 10 + i] for i in range(12)], np.float64)
    rows[[0, 6, 7]] = np.nan
    return LabelledSequence('small', rows, np.isnan(rows[:, 0]), tuple(images))


def test_what_is_asked(sequence):
    stub = Stub(Proposals([]))
    rows = attention.measure(stub, sequence, 1, 10)
    assert stub.first == Box(20, 0, 10, 11)
    assert [int(row[0]) for row in rows] == [2, 3, 4, 5, 8, 9, 10, 11]
    for stamps, _, k in stub.asked:
        assert len(stamps) == 2
        assert stamps[0] < stamps[1]
        assert k == 10
    # the size of the last true box before the frame asked, also over an absence
    assert [size for _, size, _ in stub.asked] == [
        (10, 11), (10, 12), (10, 13), (10, 14), (10, 15), (10, 18), (10, 19), (10, 20)]
    assert attention.asked(sequence, 3) == [4, 10]  # 1 is given, 7 absent


def test_rows_by_hand(sequence):
    # frame 11: the truth is 20,0 10x21, of which the image holds 20 lines
    away, near, right = Box(0, 0, 10, 21), Box(24, 8, 10, 21), Box(20, 0, 10, 21)
    values = np.zeros((2, 4), np.float32)
    values[0, 2] = 0.2
    stub = Stub(Proposals([away, near, right], values))
    looks = []
    *_, row = attention.measure(stub, sequence, 5, 10, looks)
    got = dict(zip(attention_results.COLUMNS, row))
    assert [int(got[key]) for key in ('frame', 'rank', 'rank_iou')] == [11, 2, 3]
    inter = 6 * 13
    assert float(got['iou_1']) == 0
    assert float(got['iou_3']) == float(got['iou_10']) == 1
    assert attention.judge([near], np.array([20., 0, 10, 21]))[2] == pytest.approx(
        inter / (420 - inter))
    # the box fills the third of four columns: one of its two cells is high
    assert float(got['auc']) == pytest.approx((6 + 3) / 12)
    assert float(got['iou']) == 0.5
    assert [look.frame for look in looks][-1] == 11
    np.testing.assert_array_equal(looks[-1].attention, values)


def test_the_mask_goes_before_the_box_and_no_map_has_no_figures(sequence, tmp_path):
    mask = np.zeros((20, 40), np.uint8)
    mask[:10, :10] = 255
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    masked = LabelledSequence('masked', sequence.truth, sequence.absent, sequence.images,
                              masks=(tmp_path / 'mask.png',) * 12)
    frame = next(masked.frames())
    assert (attention.target_mask(masked, frame, 3) == mask).all()
    filled = attention.target_mask(sequence, frame, 3)
    assert filled.sum() == 10 * 13
    assert filled[:13, 20:30].all()
    *_, row = attention.measure(Stub(Proposals([Box(20, 0, 10, 21)])), masked, 5, 10)
    assert row[-3:-1] == ['nan', 'nan']
    missing = LabelledSequence('masked', sequence.truth, sequence.absent, sequence.images,
                               masks=(tmp_path / 'gone.png',) * 12)
    with pytest.raises(ValueError, match=r'gone\.png cannot be read as an image'):
        attention.target_mask(missing, frame, 3)


def test_a_box_over_the_border_fills_what_is_inside():
    boxes = np.array([[-5., -5, 8, 7]])
    s = LabelledSequence('s', boxes, np.zeros(1, bool), (Path('x.png'),))
    filled = attention.target_mask(s, Frame(np.zeros((9, 9, 3), np.uint8)), 0)
    assert filled.sum() == 6
    assert filled[:2, :3].all()


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join([','.join(attention_results.COLUMNS), *rows]) + '\n')


def test_figures_by_hand(tmp_path):
    folder = tmp_path / '_attention'
    write(folder / 'x' / 'a.csv', '10,1,0,0.2,0.2,0.2,0.2,0.9,0.1,5',
          '20,3,2,0,0.62,0.62,0.62,nan,0.3,7')
    write(folder / 'x' / 'b.csv', '10,0,0,0,0,0,0,0.5,0.5,9')
    (folder / 'dataset.json').write_text('{}')
    got = attention_results.results(tmp_path)['x']
    a = got['sequences']['a']
    assert [a[f'recall_{k}'] for k in attention_results.AT] == [0.5, 1, 1, 1]
    assert [a[f'recall_iou_{k}'] for k in attention_results.AT] == [0, 0.5, 0.5, 0.5]
    assert a['ar_1'] == 0
    assert a['ar_3'] == pytest.approx((3 / 10) / 2)  # .62 reaches .50, .55 and .60
    assert (a['auc'], a['iou'], a['ms_median'], a['frames']) == (0.9, pytest.approx(0.2), 6, 2)
    mean = got['mean']
    assert [mean[f'recall_{k}'] for k in attention_results.AT] == [0.25, 0.5, 0.5, 0.5]
    assert mean['auc'] == pytest.approx(0.7)
    assert (mean['ms_median'], mean['frames']) == (7, 3)
    json.dumps(got, allow_nan=False)
    row = next(line for line in attention_results.section(tmp_path) if line.startswith('| x '))
    assert [cell.strip() for cell in row.split('|')[2:4]] == ['0.250', '0.500']


@pytest.mark.parametrize('rows, said', [
    (['10,1,1,1,1,1,1,1,1'], r'a\.csv:2: expected 10 numbers'),
    (['10,1,1,1,1,1,1,1,1,5', '20,one,1,1,1,1,1,1,1,5'], r"a\.csv:3: .*'one'")])
def test_an_odd_row_is_named(tmp_path, rows, said):
    write(tmp_path / 'a.csv', *rows)
    with pytest.raises(ValueError, match=said):
        attention_results.read_rows(tmp_path / 'a.csv')


def test_many_proposals_are_noted_further_on(sequence, tmp_path):
    assert attention_results.depths(10) == attention_results.AT
    assert attention_results.depths(64) == (1, 3, 5, 10, 20, 50, 64)
    assert attention_results.depths(1000)[-3:] == (200, 500, 1000)
    boxes = [Box(0, 0, 10, 21)] * 19 + [Box(22, 0, 10, 21)] + [Box(20, 0, 10, 21)] * 44
    rows = attention.measure(Stub(Proposals(boxes)), sequence, 5, 64)
    head = attention_results.columns(attention_results.depths(64))
    got = dict(zip(head, map(float, rows[-1])))
    assert [got[f'iou_{k}'] for k in (10, 20, 50)] == [0, pytest.approx(8 / 12, abs=1e-6), 1]
    path = tmp_path / '_attention' / 'x' / 'a.csv'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(map(','.join, [head, rows[-1]])) + '\n')
    mean = attention_results.results(tmp_path)['x']['mean']
    assert (mean['recall_10'], mean['recall_20']) == (0, 1)
    assert mean['ar_20'] == pytest.approx(4 / 10), '.50, .55, .60 and .65'
    assert (mean['ar_10'], mean['ar_64']) == (0, 1)
    (path.parent / 'b.csv').write_text(','.join(attention_results.COLUMNS) + '\n11'
                                       + ',1' * (len(attention_results.COLUMNS) - 1) + '\n')
    assert 'ar_20' not in attention_results.results(tmp_path)['x']['mean'], 'not of both'


def test_other_columns_are_named(tmp_path):
    (tmp_path / 'a.csv').write_text('frame,rank\n')
    with pytest.raises(ValueError, match=r'a\.csv:1: expected the columns frame,rank,rank_iou,'):
        attention_results.read_rows(tmp_path / 'a.csv')


def test_nothing_there(tmp_path):
    assert attention_results.results(tmp_path) == {}
    assert attention_results.section(tmp_path) == []


def run(*words):
    parser = argparse.ArgumentParser()
    attention.add_arguments(parser)
    return attention.run(parser.parse_args(words))


def test_the_shipped_ones_on_a_real_clip(tmp_path, capsys):
    words = ['--data', str(CLIP), '--every', '20', '--out', str(tmp_path)]
    assert run(*words, '--beside') == 0
    got = attention_results.results(tmp_path)
    assert set(got) == {'tanet_lite', 'correlation'}
    name = read_dataset(CLIP)[0].name
    expected = int(np.isfinite(truth()[20::20, 0]).sum())
    for figures in got.values():
        one = figures['sequences'][name]
        assert one['frames'] == figures['mean']['frames'] == expected
        assert one['recall_3'] >= 0.5
        assert one['auc'] > 0.7
        assert all(a <= b for a, b in pairwise(one[f'recall_{k}'] for k in attention_results.AT))
    text = capsys.readouterr().out
    for words_, file in (('tanet_lite', f'tanet_lite/{name}.jpg'), ('All', f'_beside/{name}.jpg')):
        assert f'![{words_} on {name}](_attention/{file})' in text
    assert '](_attention/recall.png)' in text
    sheet = cv2.imread(str(tmp_path / '_attention' / '_beside' / f'{name}.jpg'))
    assert sheet.shape[1] == 4 * 242, 'four frames'
    (tmp_path / '_attention' / 'correlation' / f'{name}.npz').unlink()
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / '_attention').rglob('*.csv')}
    assert len(files) == 2
    assert run(*words) == 0
    assert {p: p.stat().st_mtime_ns for p in files} == files, 'done is not done again'
    assert run(*words, '--beside') == 0
    changed = [p.parent.name for p in files if p.stat().st_mtime_ns != files[p]]
    assert changed == ['correlation'], 'its maps were missing'
    with pytest.raises(ValueError, match='made with other settings; use another --out'):
        run(*words, '--k', '11')


def test_errors_in_one_line(tmp_path):
    def said(*more):
        with pytest.raises(ValueError) as caught:
            run('--data', str(CLIP), '--out', str(tmp_path), *more)
        return str(caught.value)
    names = ', '.join(n for n in REDETECTORS if n != 'none')
    assert said('--redetectors', 'none') == (
        f"unknown re-detector 'none'; expected one of {names}, perhaps with @parameter=value")
    assert said('--every', '0') == '--every must be at least 1, got 0'
    assert said('--k', '5') == '--k must be at least 10, got 5'
    assert not (tmp_path / '_attention').exists()
