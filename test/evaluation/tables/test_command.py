"""``eval sweep`` and ``eval tables``: the paper's studies, ours beside theirs."""

import argparse
import json

from helpers.clip import DATA, shorter
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.experiments import sweep
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.experiments.trackers import settings_of
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.papers import tanet
from lg_tracker_ros.evaluation.reports.markdown import titled
from lg_tracker_ros.evaluation.tables import rows as shared
from lg_tracker_ros.search import RULES
import pytest

LIGHT = 'opencv_kcf'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Cut the clip down to where its target leaves."""
    return shorter(tmp_path_factory.mktemp('data'), 40, first=30)


@pytest.fixture(scope='module')
def out(data, tmp_path_factory):
    """Run a local tracker without and with the global search over the clip."""
    folder = tmp_path_factory.mktemp('out') / 'plain'
    assert main(['eval', 'run', '--data', str(data), '--out', str(folder),
                 '--trackers', f'{LIGHT}+none,{LIGHT}+tanet_lite,{LIGHT}']) == 0
    return folder


def rows(text):
    """Cells of every line of a table."""
    return [[c.strip() for c in line.strip('|').split('|')] for line in text.splitlines()
            if line.startswith('| ')]


def test_tables_hold_our_figures_and_theirs_apart(out, capsys):
    assert main(['eval', 'tables', str(out)]) == 0
    text = capsys.readouterr().out
    records = read_records(out)
    before, after = (tracker_metrics(records[f'{LIGHT}+{r}'])['mean']
                     for r in ('none', 'tanet_lite'))
    ours = next(r for r in rows(text) if r[0] == LIGHT)
    assert ours[1:8] == [f'{before[k]:.3f} → {after[k]:.3f} ({after[k] - before[k]:+.3f})'
                         for k in ('ao', 'sr_50', 'auc', 'p', 'r', 'f', 'f_reported')]
    assert ours[8] == '1' and 'plain, protocol plain; ' in ours[9] and 'commit ' in ours[9]
    assert 'tanet_lite.safetensors' in ours[9]
    assert ['SiamFC++', '0.595', '0.607', '0.695', '0.737'] in rows(text)
    assert ['SiamRPN++ (AlexNet)', '259', '134'] in rows(text)
    theirs = text[text.index('(the paper)'):text.index('## Table IV')]
    assert LIGHT not in theirs
    missing = next(line for line in text.splitlines() if line.startswith('Not run: '))
    assert 'pixelwise' in missing and LIGHT not in missing
    needing = next(line for line in text.splitlines() if line.startswith('Needs a checkpoint: '))
    assert 'siamrpnpp@backbone=resnet50' in needing and 'siammask' in needing


def test_tables_go_to_a_file(out, tmp_path, capsys):
    assert main(['eval', 'tables', str(out), '--to', str(tmp_path / 'deep' / 'tables.md')]) == 0
    assert capsys.readouterr().out == ''
    assert (tmp_path / 'deep' / 'tables.md').read_text().startswith("# The paper's tables\n")


def test_tables_of_nothing_are_one_line(tmp_path, capsys):
    assert main(['eval', 'tables', str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert 'dataset.json does not exist' in err and len(err.splitlines()) == 1


def test_the_papers_figures():
    """Spot checks against the PDF, and the sign of what it claims."""
    assert tanet.GENERALISATION_VOT['SiamRPN++'][4:] == (.508, .586)
    assert tanet.EFFICIENCY['SiamRPN++ (ResNet-50)'] == (47, 35)
    assert tanet.BETA1_GOT10K['0.9'] == (.456,) and tanet.BETA2_VOT['13'] == (.522,)
    for table in (tanet.GENERALISATION_GOT10K, tanet.GENERALISATION_VOT):
        assert all(row[-1] > row[-2] for row in table.values())


def test_a_sweep_runs_every_combination_and_resumes(data, tmp_path, capsys):
    words = ['eval', 'sweep', '--data', str(data), '--out', str(tmp_path),
             '--trackers', f'{LIGHT}+correlation', '--vary', 'beta1=0.5,0.8', '--vary',
             'beta2=3,300']
    assert main(words) == 0
    found = json.loads((tmp_path / 'sweep.json').read_text())
    assert found['parameters'] == ['beta1', 'beta2']
    assert [r['values'] for r in found['results']] == [
        ['0.5', '3'], ['0.5', '300'], ['0.8', '3'], ['0.8', '300']]
    shares = [r['mean']['global_share'] for r in found['results']]
    assert shares[1] == shares[3] == 0 < shares[2]  # 40 frames never reach beta2 = 300
    text = (tmp_path / 'sweep.md').read_text()
    assert 'beta1 down, beta2 across' in text and '### beta2, F on VOT2018-LT (the paper)' in text
    assert ['', '3', '300'] in rows(text)
    capsys.readouterr()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.glob('opencv*/*.csv')}
    assert main(words) == 0 and '4 of 4 are done already' in capsys.readouterr().err
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.glob('opencv*/*.csv')}


def test_the_ladder_adds_one_rule_at_a_time():
    """From Algorithm 2 to the default, and each step stands for settings that there are."""
    names = list(sweep.steps('default'))
    settings = [settings_of(name) for name in names]
    assert [s.policy for s in settings] == ['paper'] + ['joint'] * (len(names) - 1)
    counts = [len(s.search().rules) for s in settings[1:]]
    assert counts == [*range(len(RULES) + 1), len(RULES)]
    assert {s.retry_frames for s in settings[1:-1]} == {settings[0].beta2}
    assert settings[-1] == settings_of('default')


def test_what_a_sweep_refuses(tmp_path, capsys):
    words = ['eval', 'sweep', '--data', str(DATA), '--out', str(tmp_path)]
    assert main([*words, '--trackers', 'default,opencv_kcf+none']) == 1
    assert main([*words, '--vary', 'max_candidates=1', '--vary', 'max_candidates=2']) == 1
    err = capsys.readouterr().err.splitlines()
    assert 'a sweep varies one tracker' in err[0]
    assert 'varied once, got max_candidates max_candidates' in err[1]
    with pytest.raises(SystemExit):  # one of the three was left out without a word
        main([*words, '--table', 'dat-1', '--vary', 'beta1=0.5,0.6'])
    assert 'not allowed with argument --table' in capsys.readouterr().err
    with pytest.raises(argparse.ArgumentTypeError, match='name=value,value'):
        sweep.parameter('beta1')
    with pytest.raises(ValueError, match='unknown tracker'):
        main_name = next(iter(sweep.combinations('nothing', [('max_candidates', ['1'])])))
        settings_of(main_name)


def test_a_gain_has_its_sign():
    assert shared.gain(.5, .75) == '+0.250' and shared.gain(.75, .5) == '-0.250'
    assert shared.gain(None, .5) == '-'


def test_every_table_is_written_alike():
    """Padded, its bars escaped, and without rows it says so; the sweep's too."""
    assert titled('T', ['name', 'F'], [['a|b', '0.500']]) == [
        '### T', '', '| name |     F |', '|------|------:|', '| a\\|b | 0.500 |', '']
    assert titled('T', ['name', 'F'], []) == ['### T', '', 'Not run.', '']
    results = [{'values': [b1, b2], 'mean': {'f': 0.5}} for b1 in '12' for b2 in '34']
    assert sweep.markdown(['beta1', 'beta2'], results[:-1], 'f')[2:] == [
        '|   |     3 |     4 |', '|---|------:|------:|', '| 1 | 0.500 | 0.500 |',
        '| 2 | 0.500 |     - |', '']
