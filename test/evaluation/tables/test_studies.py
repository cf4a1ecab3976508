"""``eval sweep --table``: the rows of papers' tables as settings, ours above theirs."""

from dataclasses import replace
import json

from helpers.clip import shorter
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.experiments.trackers import settings_of
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.tables.studies import STUDIES
import pytest


@pytest.mark.parametrize('name', STUDIES)
def test_every_row_stands_for_settings_of_its_own(name):
    """And for a local tracker alone, with a box in every frame, as papers have it."""
    rows = STUDIES[name].trackers('default')
    settings = [settings_of(tracker) for tracker in rows.values()]
    assert {(s.redetector, s.policy) for s in settings} == {('none', 'paper')}
    assert len(set(settings)) == len(rows)
    for published in STUDIES[name].published:
        assert [', '.join(row) for row in rows] == list(published.table)
        assert {len(figures) for figures in published.table.values()} == {
            len(published.head) - 1}


def test_rows_of_drols_table():
    rows = STUDIES['drol-5'].trackers('default')
    best = settings_of(rows['G3', '0.8', 'Cmp-Att', '5'])
    assert (best.tracker, best.online_module) == ('pixelwise', 'drol')
    assert (best.online_weight, best.online_attention, best.online_template_frames) == (
        0.8, 'after', 5)
    plain = settings_of(rows['G1', '0.0', 'Cmp', '-'])
    assert (plain.online_weight, plain.online_attention, plain.online_template_frames) == (
        0.0, 'none', 0)


def test_a_tracker_that_is_given_takes_the_place_of_the_tables_own():
    rows = STUDIES['dat-1'].trackers('dat+none@beta1=0.5')
    settings = settings_of(rows['3',])
    assert (settings.tracker, settings.reciprocative, settings.beta1) == ('dat', 3, 0.5)
    assert settings_of(STUDIES['dat-1'].trackers('default')['0',]).tracker == 'dat_lite'


@pytest.mark.parametrize('name, tracker, told', [
    ('dat-1', 'ncc+none', 'the rows of this table differ in reciprocative, which ncc has no use '
     'for; take one of dat_lite, dat'),
    ('dat-2', 'ncc+none', 'the rows of this table are local trackers of its own, got --trackers '
     'ncc+none; leave it out, or begin with default')])
def test_rows_that_would_be_alike_are_refused(name, tracker, told, tmp_path, capsys):
    assert main(['eval', 'sweep', '--table', name, '--data', str(tmp_path), '--out',
                 str(tmp_path / 'out'), '--trackers', tracker]) == 1
    assert capsys.readouterr().err == f'lg_tracker_ros: {told}\n'
    for base in ('default', 'default@beta1=0.5'):
        STUDIES[name].check(base)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return shorter(tmp_path_factory.mktemp('data'), 3)


def test_a_table_is_run_and_stands_above_the_papers(data, tmp_path, capsys, monkeypatch):
    whole = STUDIES['dat-1']
    monkeypatch.setitem(STUDIES, 'dat-1', replace(
        whole, rows={'0': '@beta1=0.5', '5': '@beta1=0.6'}))
    words = ['eval', 'sweep', '--table', 'dat-1', '--data', str(data), '--out', str(tmp_path),
             '--trackers', 'ncc+none']
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text == (tmp_path / 'dat-1.md').read_text() + '\n'
    assert f'ncc+none: 1 sequence of {data.name}, protocol plain.' in text
    records = read_records(tmp_path)
    found = json.loads((tmp_path / 'dat-1.json').read_text())
    assert [r['values'] for r in found] == [['0'], ['5']]
    name = 'ncc+none@redetector=none@policy=paper@beta1=0.6'
    mean = tracker_metrics(records[name])['mean']
    ours, theirs = text.split('(the paper)')
    row = next(line for line in ours.splitlines() if line.startswith('| 5 '))
    assert [c.strip() for c in row.strip('|').split('|')] == [
        '5', f'{mean["precision_20"]:.3f}', f'{mean["auc_ope"]:.3f}']
    assert '0.944' in theirs and '0.944' not in ours
