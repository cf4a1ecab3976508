"""``eval hosts``: Table VIII over every local tracker, on random weights where none ship."""

import cv2
from helpers.clip import DATA, shorter
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.experiments.trackers import settings_of
from lg_tracker_ros.evaluation.tables.hosts import every_host, sides
from lg_tracker_ros.evaluation.tables.rows import host_of
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.siamrpnpp_net import VARIANTS
import pytest
import torch


def test_every_host_says_what_it_needs():
    hosts = every_host()
    assert {host_of(name).partition('@')[0] for name in hosts} == set(LOCAL_TRACKERS)
    assert hosts['pixelwise'] == hosts['ncc'] == hosts['pixelwise@online_module=thor'] == ''
    needing = [name for name, needs in hosts.items() if needs == 'a checkpoint']
    assert {'siamrpnpp@backbone=alexnet', 'siamrpnpp@backbone=resnet50', 'siammask', 'dimp50',
            'siamfcpp@backbone=googlenet_published', 'superdimp', 'mdnet', 'rtmdnet',
            'dat'} <= set(needing)
    assert hosts['opencv_nano'] == 'its ONNX files (--peers)'
    ready = [tracker for name, needs in hosts.items() if not needs
             for tracker in sides(name, 'correlation')]
    assert {settings_of(tracker).redetector for tracker in ready} == {'none', 'correlation'}
    assert 'siamrpnpp@backbone=alexnet' == host_of(
        'siamrpnpp+none@backbone=alexnet@tracker_weights=_tmp_file.pth')


@pytest.mark.usefixtures('one_thread')
def test_hosts_run_without_and_with_the_search(tmp_path, capsys):
    torch.manual_seed(0)
    torch.save({'state_dict': VARIANTS['alexnet'][0]().state_dict()}, tmp_path / 'alex.pth')
    host = f'siamrpnpp@backbone=alexnet@tracker_weights={tmp_path / "alex.pth"}'
    words = ['eval', 'hosts', '--data', str(shorter(tmp_path / 'data', 3)), '--out',
             str(tmp_path / 'out'), '--trackers', f'{host},opencv_kcf', '--redetector',
             'correlation']
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text == (tmp_path / 'out/hosts.md').read_text() + '\n'
    ours, theirs = text.split('### GOT-10k (the paper)')
    named = [line.split('|')[1].strip() for line in ours.splitlines()
             if line.startswith('|') and ' → ' in line]
    assert named == ['opencv_kcf', 'siamrpnpp@backbone=alexnet']
    needing = next(line for line in ours.splitlines() if line.startswith('Needs a checkpoint'))
    assert 'siamrpnpp@backbone=resnet50' in needing
    assert 'siamrpnpp@backbone=alexnet,' not in needing
    assert '0.684' in theirs and '0.684' not in ours


@pytest.mark.parametrize(('host', 'said'), [
    ('default', 'as pixelwise'), ('opencv_csrt+none', 'did you mean opencv_csrt'),
    ('pixlwise', 'did you mean pixelwise?')])
def test_what_is_no_host_is_told_in_words_of_this_command(host, said, tmp_path, capsys):
    """Not those of `eval run`, which asked whether `default` meant default."""
    words = ['eval', 'hosts', '--data', str(DATA), '--out', str(tmp_path), '--trackers', host]
    assert main(words) == 1
    err = capsys.readouterr().err
    assert f"'{host}' is no host: expected a local tracker alone" in err and said in err


@pytest.mark.parametrize('redetector', ['none', 'nothing'])
def test_a_search_that_is_none_is_refused(redetector, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(['eval', 'hosts', '--data', str(DATA), '--out', str(tmp_path), '--redetector',
              redetector])
    assert '--redetector' in capsys.readouterr().err


def test_a_host_that_fails_leaves_the_others_their_table(tmp_path, capsys, monkeypatch):
    """As where OpenCV has no KCF; also says what moved first boxes."""
    monkeypatch.delattr(cv2, 'TrackerKCF_create')
    assert main(['eval', 'hosts', '--data', str(shorter(tmp_path / 'data', 3)), '--out',
                 str(tmp_path / 'out'), '--trackers', 'opencv_kcf,opencv_csrt', '--redetector',
                 'correlation', '--jitter', '7']) == 1
    out, err = capsys.readouterr()
    assert 'opencv_kcf+none on short: ' in err and out == (
        tmp_path / 'out/hosts.md').read_text() + '\n'
    row, = (line for line in out.splitlines() if ' → ' in line and line.startswith('|'))
    assert row.startswith('| opencv_csrt ') and 'protocol plain, --jitter 7; ' in row
    not_run = next(line for line in out.splitlines() if line.startswith('Not run: '))
    assert 'opencv_kcf' in not_run and 'opencv_csrt' not in not_run
