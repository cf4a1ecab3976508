"""The report of a run: figures, tables and pictures, from files written by hand."""

import argparse
import json

import cv2
from helpers.runs import MADE, sequence, three_trackers, write_run
from lg_tracker_ros.evaluation.experiments.records import write_labels
from lg_tracker_ros.evaluation.metrics.record import Labels
from lg_tracker_ros.evaluation.reports import proposal_results as attention_results
from lg_tracker_ros.evaluation.reports import report
from lg_tracker_ros.evaluation.reports.canvas import styles
from lg_tracker_ros.evaluation.reports.markdown import bold_best, data_sets, said, table
from lg_tracker_ros.evaluation.reports.results import data_folder
import numpy as np
import pytest

PERFECT = 20 / 21  # no IoU is above the last of the 21 thresholds
THIRD = 7 / 21  # an IoU of 1/3 is above 0, .05, ... .3
PICTURES = {'success.png', 'precision.png', 'longterm.png', 'speed.png', 'attributes.png',
            'attributes_precision.png', 'normalised_precision.png', 'sequences.png',
            'timeline.png', 'reliability.png', 'frames.jpg'}


@pytest.fixture
def out(tmp_path):
    """Return an OUT of three trackers over two sequences."""
    return three_trackers(tmp_path)


def write_report(out, *words, **options):
    """Write it; return what report.json holds."""
    report.write(out, *words, **options)
    return json.loads((out / 'report.json').read_text())


def row(text, name, heading=''):
    """Cells of the first table row that begins with ``name``, from the line of ``heading`` on."""
    lines = text[text.rfind('\n', 0, text.index(heading)) + 1:].splitlines()
    line = next(part for part in lines if part.startswith(f'| {name} '))
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_json_holds_the_figures_and_nothing_else(out):
    figures = write_report(out, pictures=False)
    assert figures == json.loads((out / 'report.json').read_text())
    assert set(figures) == {'default', 'other', 'opencv_csrt'}
    best, csrt = figures['default'], figures['opencv_csrt']
    assert set(best) == {'mean', 'where_targets_leave', 'sequences', 'attributes', 'curves',
                         'made'}
    assert best['mean']['auc'] == pytest.approx(PERFECT)
    assert best['sequences']['walk']['f'] == pytest.approx(1)
    car, walk = ((PERFECT + (n - 1) * THIRD) / n for n in (20, 25))
    assert csrt['sequences']['car']['auc'] == pytest.approx(car)
    assert csrt['mean']['auc'] == pytest.approx((car + walk) / 2)
    assert csrt['mean']['sequences'] == 2
    assert csrt['where_targets_leave']['auc'] == pytest.approx(walk)
    assert csrt['where_targets_leave']['claimed_when_absent'] == 1
    assert best['where_targets_leave']['claimed_when_absent'] == 0
    assert csrt['attributes']['OV'] == {'auc': pytest.approx(walk), 'precision_20': 1,
                                        'sequences': 1}
    assert csrt['mean']['ms_median'] == 5 and best['mean']['ms_local_median'] == 10
    assert best['made'] == MADE['default']


def test_markdown(out):
    write_report(out, 'make eval')
    text = (out / 'report.md').read_text()
    assert text.splitlines()[0] == "# data, protocol 'plain'", 'a page is for other machines'
    assert '2 sequences of 50 frames; the target is absent in 5 of them, in 1 sequences.' in text
    assert '\n    make eval\n' in text
    names = [line.split('|')[1].strip() for line in text.splitlines()
             if line.startswith('| ') and line.count('|') > 9][:4]
    assert names == ['tracker', 'default', 'other', 'opencv_csrt'], 'the highest AUC first'
    short = '## Short term'
    head, best = row(text, 'tracker', short), row(text, 'default', short)
    assert best[head.index('AUC')] == '**0.952**'
    assert best[head.index('ms')] == '20.0'
    assert row(text, 'opencv_csrt', short)[head.index('ms')] == '**5.0**'
    assert row(text, 'opencv_csrt', short)[head.index('AUC')] == '0.361'
    returns = row(text, 'tracker', 'returns |')
    assert row(text, 'default', 'returns |')[returns.index('found')] == '**1**'
    assert row(text, 'car (default was trained on it)') == [
        'car (default was trained on it)', '**0.952**',
        f'{(PERFECT + 19 * 15 / 21) / 20:.3f}', '0.364'], 'a shift of 2 px: IoU 10/14'
    assert row(text, 'FM (2)')[1] == '**0.952**'
    assert row(text, 'OV (1)')[3] == '0.358'
    assert row(text, 'OV (1)', '## Precision at 20 px by attribute')[3] == '1.000'
    ce = head.index('CE')
    assert [row(text, t, short)[ce] for t in ('default', 'other')] == ['**0.0**', '1.9']
    made = '## What made it'
    assert row(text, 'default', made) == [
        'default', 'beta1 0.8', 'pixelwise.safetensors 00aa', 'Birds (2), COCO 2017', 'c0ffee+']
    assert row(text, 'other', made)[3] == 'mine.onnx: not declared'
    assert row(text, 'opencv_csrt', made)[1] == 'peer opencv_csrt'
    assert 'tracker pixelwise, redetector tanet_lite, tracker_weights none.' in text
    assert 'Machine: unknown; cpu a slow one, cores 2.' in text
    for name in PICTURES:
        assert f'(pictures/{name})' in text
    for column in head[1:]:
        assert f'\n- {column}: ' in text


def test_every_report_is_headed_by_the_figures_that_count(out):
    write_report(out, pictures=False)
    text = (out / 'report.md').read_text()
    for part in ('All sequences:', 'Where targets leave:'):
        assert text.index(part) < text.index('## Short term')
        head = row(text, 'tracker', part)
        assert head == ['tracker', 'F rep.', 'TNR', 'absent claimed', 'false an hour',
                        'found again', 'AUC', 'AUC OPE', 'seq.']
        for column in head[1:]:
            assert text.count(f'\n- {column}: ') == 1
    leave = dict(zip(head, row(text, 'opencv_csrt', part)))
    assert leave['TNR'] == '0.000' and leave['absent claimed'] == '1.000'
    assert leave['found again'] == '0 of 1' and leave['seq.'] == '1'
    assert row(text, 'default', part)[3:6] == ['**0.000**', '0.0', '**1** of 1']
    assert row(text, 'default', 'All sequences:')[-1] == '2'
    assert 'look-alike' not in text, 'none is labelled'


def test_moved_first_boxes_are_said(out):
    write_report(out, pictures=False)
    assert '--jitter' not in (out / 'report.md').read_text()
    for path in out.glob('*/walk.json'):
        path.write_text(json.dumps({**json.loads(path.read_text()), 'jitter': 7}))
    write_report(out, pictures=False)
    assert 'First boxes are moved and scaled: --jitter 7.' in (out / 'report.md').read_text()


def test_pictures_are_there_and_not_blank(out):
    write_report(out)
    assert {p.name for p in (out / 'pictures').iterdir()} == PICTURES
    for path in (out / 'pictures').iterdir():
        image = cv2.imread(str(path))
        assert image is not None and min(image.shape[:2]) > 80, path.name
        assert image.std() > 15, path.name
        if path.suffix == '.png':
            assert (image[[0, -1]] == 255).all(), f'{path.name} is cut at its border'
    sheet = cv2.imread(str(out / 'pictures/frames.jpg'))
    drawn = (np.abs(sheet.astype(int) - (0, 94, 213)) < 60).all(axis=2)
    assert drawn.sum() > 100, 'the boxes of the tracker, here on those of the truth'


def test_a_second_report_changes_nothing(out):
    def files():
        return {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}
    write_report(out, 'make eval')
    first = files()
    write_report(out, 'make eval')
    assert files() == first


def test_different_sets_are_compared_on_the_common_sequences(out):
    (out / 'other' / 'walk.csv').unlink()
    figures = write_report(out, pictures=False)
    text = (out / 'report.md').read_text()
    assert ('Not every tracker ran on all of the 2 sequences: other on 1. Means and curves are '
            'over the 1 that all ran on.') in text
    car, walk = ((PERFECT + (n - 1) * THIRD) / n for n in (20, 25))
    csrt = figures['opencv_csrt']
    assert csrt['mean']['auc'] == pytest.approx((car + walk) / 2)
    assert csrt['common']['sequences'] == ['car']
    assert csrt['common']['mean']['auc'] == pytest.approx(car)
    assert csrt['common']['where_targets_leave'] is None
    head = row(text, 'tracker')
    assert row(text, 'opencv_csrt')[head.index('AUC')] == f'{car:.3f}'
    assert row(text, 'opencv_csrt')[head.index('seq.')] == '1'
    assert row(text, 'walk')[1:] == ['**0.952**', '-', f'{walk:.3f}']


def test_sequences_without_any_result_are_named(out):
    told = 'Without any result, and so in no figure: 1 of 2 sequences, walk.'
    write_report(out, pictures=False)
    assert 'Without any result' not in (out / 'report.md').read_text()
    for path in out.glob('*/walk.csv'):
        path.unlink()
    write_report(out, pictures=False)
    assert told in (out / 'report.md').read_text()


def test_sequences_of_which_only_the_first_box_is_known_are_in_no_mean(out, tmp_path):
    """In a test split every tracker would be perfect."""
    before = write_report(out, pictures=False)
    test = sequence(tmp_path / 'data', 'test', 8)
    test.truth[1:] = np.nan
    write_labels(out, [test], {})
    for tracker in ('default', 'other', 'opencv_csrt'):
        write_run(out, tracker, test, 0, False, 5)
    assert write_report(out, pictures=False) == before
    said = 'Of 1 sequences only the first box is labelled, so '
    assert f'{said}they are in no figure: test. `eval submit`' in (out / 'report.md').read_text()
    for path in [*out.glob('*/walk.*'), *out.glob('*/car.*')]:
        path.unlink()
    write_report(out)
    assert f'{said}no figure here says anything: test.' in (out / 'report.md').read_text()


def test_without_a_common_sequence_it_is_said(out):
    for name in ('other/walk.csv', 'default/car.csv', 'opencv_csrt/car.csv'):
        (out / name).unlink()
    figures = write_report(out, pictures=False)
    assert 'None is common to all' in (out / 'report.md').read_text()
    assert figures['other']['common'] == {
        'sequences': [], 'mean': None, 'where_targets_leave': None}
    assert figures['other']['mean']['sequences'] == 1


def test_command_line(out, capsys):
    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    assert report.run(parser.parse_args([str(out), '--no-pictures'])) == 0
    printed = capsys.readouterr().out
    tables = [part.splitlines() for part in printed.split('\n\n') if part.startswith('|')]
    assert len(tables) == 3, 'the head of all, of where targets leave, and the main one'
    for lines in tables:
        assert [line.split()[1] for line in lines[2:]] == ['default', 'other', 'opencv_csrt']
        assert len({len(line) for line in lines}) == 1, 'aligned'
    assert not (out / 'pictures').exists()
    text = (out / 'report.md').read_text()
    assert 'pictures/' not in text
    assert f'python -m lg_tracker_ros eval report {out.name}\n' in text


def write_attention(out, s):
    """Write what `eval attention` leaves of one re-detector that is always right."""
    write_labels(out / attention_results.FOLDER, [s], {})
    folder = out / attention_results.FOLDER / 'correlation'
    folder.mkdir()
    lines = [','.join(attention_results.COLUMNS)]
    lines += [','.join([str(i), *'1' * (len(attention_results.COLUMNS) - 1)]) for i in (5, 10)]
    (folder / f'{s.name}.csv').write_text('\n'.join(lines) + '\n')


def test_attention_is_a_section(out, tmp_path, capsys):
    s = sequence(tmp_path / 'more', 'built', 20, protocol='absent')
    write_attention(out, s)
    assert set(write_report(out, pictures=False)) == {'default', 'other', 'opencv_csrt'}
    text = (out / 'report.md').read_text()
    assert row(text, 'correlation', '## Re-detectors')[1] == '1.000'
    assert text.index('## AUC of each') < text.index('## Re-detectors') < text.index('## What')

    alone = tmp_path / 'alone'
    write_attention(alone, s)
    assert write_report(alone, 'make eval') == {}
    assert (alone / 'report.json').read_text() == '{}\n'
    text = (alone / 'report.md').read_text()
    assert text.startswith("# more, protocol 'absent'\n\nMade by\n\n    make eval")
    assert row(text, 'correlation', '## Re-detectors')[1] == '1.000'
    assert report.run(argparse.Namespace(out=alone, no_pictures=True, beside='')) == 0
    assert capsys.readouterr().out == f'{alone}/report.md\n'


def test_a_name_is_no_formula(tmp_path):
    s = sequence(tmp_path / 'data', r'p$\frac$q', 8, range(3, 5))
    write_labels(tmp_path / 'out', [s], {})
    write_run(tmp_path / 'out', 'default', s, 2, True, 20)
    assert list(write_report(tmp_path / 'out')['default']['sequences']) == [s.name]


def test_no_attributes_no_such_table_or_picture(tmp_path):
    s = sequence(tmp_path, 'car', 20)
    write_labels(tmp_path / 'out', [s], {})
    write_run(tmp_path / 'out', 'default', s, 0, True, 20)
    write_report(tmp_path / 'out')
    text = (tmp_path / 'out' / 'report.md').read_text()
    assert 'attribute (' not in text and 'Where targets leave' not in text
    assert not (tmp_path / 'out' / 'pictures' / 'attributes.png').exists()


def test_results_are_reported_where_the_data_set_is_not(out):
    for name in ('walk', 'car'):
        (out.parent / 'data' / name).rename(out.parent / 'data' / f'{name}_moved')
    write_report(out)
    assert {p.name for p in (out / 'pictures').iterdir()} == PICTURES - {'frames.jpg'}


def test_errors_are_one_clear_line(tmp_path, out):
    with pytest.raises(ValueError, match=r'dataset\.json does not exist; is .* the --out of'):
        write_report(tmp_path / 'nothing')
    empty = tmp_path / 'empty'
    s = sequence(tmp_path / 'more', 'built', 20, protocol='absent')
    write_labels(empty, [s], {})
    with pytest.raises(ValueError, match=r'empty holds no results: expected .*run `eval run`'):
        write_report(empty)
    write_labels(out, [s], {})
    write_run(out, 'default', s, 0, True, 20)
    with pytest.raises(ValueError, match='holds the protocols absent and plain'):
        write_report(out, pictures=False)


def test_styles_stay_with_the_tracker():
    few, many = styles(['opencv_csrt', 'default']), styles([f't{i}' for i in range(20)])
    assert few['default'] == styles(['default'])['default']
    assert len(set(many.values())) == 20


def test_tables():
    assert table(['a', 'b'], [['x|y', '1'], ['z', '22']]) == [
        '| a    |  b |', '|------|---:|', '| x\\|y |  1 |', '| z    | 22 |']
    assert bold_best([0.5001, None, 0.5, 0.1], 2, 1) == ['**0.50**', '-', '**0.50**', '0.10']
    assert bold_best([3, 1], 0, -1) == ['3', '**1**']
    assert bold_best([3, None], 0, 1) == ['3', '-'], 'one alone is no best'
    assert bold_best([3, 3], 0, 1) == ['3', '3'], 'nor is what all have'
    assert said({'weights': '/home/me/nano', 'size': (2, 1 / 4), 'p': ''}) == (
        'weights nano, size 2; 0.25, p none')
    assert data_sets(['A/*', 'B/1', 'B/2']) == 'A, B (2)'


def test_data_folder():
    def folder(**paths):
        return data_folder({name: Labels(name, np.ones((1, 4)), np.zeros(1, bool), path=path)
                            for name, path in paths.items()})
    assert folder(a='/x/a/img', b='/x/b/video.mp4') == '/x'
    assert folder(a='/x/c.mp4') == '/x/c.mp4'
    assert folder(a='') == ''
    assert folder(a='x/a/img', b='/y/b') == '/y, x'
