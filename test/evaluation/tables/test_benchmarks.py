"""``eval benchmark``: a run in a benchmark's own measures, what papers print apart."""

from helpers.clip import shorter
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.experiments.records import read_records
from lg_tracker_ros.evaluation.metrics.summary import tracker_metrics
from lg_tracker_ros.evaluation.papers import by_row, dat, drol, globaltrack, tanet
from lg_tracker_ros.evaluation.reports.columns import BY_KEY
from lg_tracker_ros.evaluation.reports.proposal_results import results
from lg_tracker_ros.evaluation.tables.benchmarks import BENCHMARKS
import pytest


@pytest.fixture(scope='module')
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    assert main(['eval', 'run', '--data', str(shorter(folder / 'data', 6)), '--out',
                 str(folder / 'out'), '--trackers', 'opencv_kcf,opencv_mil']) == 0
    return folder / 'out'


def cells(text, name):
    """Cells of the line of a table that begins with a name."""
    line = next(line for line in text.splitlines() if line.startswith(f'| {name} '))
    return [c.strip(' *') for c in line.strip('|').split('|')]


@pytest.mark.parametrize('name, keys', [
    ('got10k', ('ao_pooled', 'sr_50_pooled', 'sr_75_pooled')),
    ('trackingnet', ('auc_ope', 'precision_20', 'normalised_precision'))])
def test_a_page_has_the_benchmarks_measures_and_the_papers_apart(out, capsys, name, keys):
    assert main(['eval', 'benchmark', str(out), '--as', name]) == 0
    ours, theirs = capsys.readouterr().out.split('## Theirs')
    mean = tracker_metrics(read_records(out)['opencv_kcf'])['mean']
    assert cells(ours, 'opencv_kcf') == ['opencv_kcf', *(f'{mean[k]:.3f}' for k in keys), '1']
    assert 'SiamFC' not in ours and 'opencv' not in theirs
    assert 'SiamFC++ with TANet' in theirs


def test_what_another_program_measures_is_said(out, tmp_path):
    page = tmp_path / 'page.md'
    assert main(['eval', 'benchmark', str(out), '--as', 'vot2016', '--to', str(page)]) == 0
    assert 'eval trax' in page.read_text() and 'opencv' not in page.read_text()
    assert cells(page.read_text(), 'DAT') == ['DAT', '0.320', '1.470', '2.100']


def test_recall_of_proposals_stands_beside_globaltracks(tmp_path, capsys):
    data = shorter(tmp_path / 'data', 12, first=6)
    assert main(['eval', 'attention', '--data', str(data), '--out', str(tmp_path / 'out'),
                 '--redetectors', 'correlation', '--every', '5', '--k', '20']) == 0
    assert main(['eval', 'benchmark', str(tmp_path / 'out'), '--as', 'otb2015']) == 1
    capsys.readouterr()
    assert main(['eval', 'benchmark', str(tmp_path / 'out'), '--as', 'recall']) == 0
    ours, theirs = capsys.readouterr().out.split("### GlobalTrack's Table 1")
    mean = results(tmp_path / 'out')['correlation']['mean']
    assert [cells(ours, f'AR@{k}')[1] for k in (1, 10, 20)] == [
        f'{mean[f"ar_{k}"]:.3f}' for k in (1, 10, 20)]
    assert cells(theirs, 'AR@100') == ['AR@100', '0.849', '0.826', '0.974']
    assert main(['eval', 'benchmark', str(tmp_path), '--as', 'recall']) == 1
    assert 'run it first' in capsys.readouterr().err


def test_every_benchmark_has_figures_that_there_are():
    for benchmark in BENCHMARKS.values():
        assert set(benchmark.measures) <= set(BY_KEY)
        assert benchmark.measures or benchmark.note
        for published in benchmark.published:
            assert {len(row) for row in published.table.values()} == {len(published.head) - 1}


def test_the_papers_figures():
    """Spot checks against the PDFs, a corner of each table."""
    assert tanet.OTB100['PTAV'] == (.848, .634) and tanet.GOT10K['SiamFC++ with TANet'] == (
        .607, .737)
    assert tanet.TRACKINGNET['DiMP'] == (.687, .801, .740)
    assert tanet.VOT2018LT['MBMD'] == (.634, .588, .610) == tanet.VOT2019LT['mbdet']
    assert drol.OTB2015['SiamRPN++ (ResNet-50)'] == (.915, .696)
    assert drol.OTB2015['UPDT'] == (None, .702) and drol.UAV123['DROL-RPN'] == (.652, .855)
    assert drol.ABLATION['G3, 0.8, Cmp-Att, 5'] == (.537, .624, .746, .817)
    assert dat.OTB2015['ACFN'] == (25.14, .686) and dat.WEIGHT['5'] == (.944, .704)
    assert globaltrack.TLP['MBMD'] == (.481, None, None)
    assert globaltrack.OXUVA_DEV['GlobalTrack'] == (.639, .558, .732)
    assert globaltrack.STAGES['AR@5'] == (.871, .825)
    assert by_row('a, b', '1, -', '30, 40', scale=10) == {'a': (.1, 3.0), 'b': (None, 4.0)}
    with pytest.raises(ValueError, match='zip'):
        by_row('a, b', '1')
