"""``eval hosts``: Table VIII over every local tracker, on random weights where none ship."""

from helpers.clip import shorter
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
    assert main([*words[:6], '--trackers', 'nothing']) == 1
    assert 'unknown tracker' in capsys.readouterr().err
