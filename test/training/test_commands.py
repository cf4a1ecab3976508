"""``train fit``, ``pack`` and ``export`` from the command line."""

from dataclasses import replace
from pathlib import Path

from helpers.toy import (
    FIELDS,
    same,
    TOY,
    weights,
)
from lg_tracker_ros.checkpoint import count_heads
from lg_tracker_ros.cli import main
from lg_tracker_ros.reading.notes import read_note, trained_on
from lg_tracker_ros.reading.state_dicts import read_state_dict
from lg_tracker_ros.training.export import export
from lg_tracker_ros.training.loop import fit as run_module
from lg_tracker_ros.training.loop.checkpoints import read_run, save, set_values
from lg_tracker_ros.training.networks.registry import NETWORKS
from lg_tracker_ros.training.samples.ring import Ring
import pytest
import torch

pytestmark = pytest.mark.usefixtures('one_thread')


@pytest.fixture
def toy(monkeypatch):
    """Let ``train`` know the network of this file, and read no material."""
    monkeypatch.setattr(run_module, 'NETWORKS', {'toy': replace(TOY, seen=('ImageNet/*',))})

    class Material:
        names = ('clips/a',)
    monkeypatch.setattr(run_module, 'read_material', lambda *_: Material())


@pytest.mark.parametrize('kind', ['ring', 'fresh'])
def test_fit_and_export_from_the_command_line(tmp_path, toy, kind):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    words = ['train', 'fit', 'toy', '--data', 'somewhere', '--workers', '2', '--device', 'cpu',
             '--set', 'seed=3', '--set', f'fresh={str(kind == "fresh").lower()}']
    assert main([*words, '--out', str(tmp_path / 'a')]) == 0
    state = read_run(tmp_path / 'a/best.pt')
    assert state['trained_on'] == ['ImageNet/*', 'clips/a'] and state['config']['seed'] == 3
    assert (tmp_path / 'a/samples/train').exists() == (kind == 'ring')
    file = tmp_path / 'toy.safetensors'
    assert main(['train', 'export', str(tmp_path / 'a/best.pt'), str(file), '--half']) == 0
    assert trained_on(file) == ('ImageNet/*', 'clips/a')
    for name, value in read_state_dict(file).items():
        assert torch.equal(value, state['state_dict'][name].half())
    # who begins with these weights has seen what they saw
    assert main([*words, '--set', 'steps=1', '--out', str(tmp_path / 'b'), '--weights',
                 str(tmp_path / 'a/best.pt')]) == 0
    assert read_run(tmp_path / 'b/best.pt')['trained_on'] == ['ImageNet/*', 'clips/a']
    moved = [(read_run(tmp_path / n / 'best.pt')['state_dict']['3.bias']) for n in 'ab']
    assert (moved[0] - moved[1]).abs().max() < 0.05  # one small step from there


def test_samples_can_be_packed_beforehand(tmp_path, toy):
    ring = str(tmp_path / 'ring')
    assert main(['train', 'pack', 'toy', '--data', 'somewhere', '--ring', ring]) == 0
    assert len(Ring(Path(ring, 'train'), FIELDS, 40).attach()) == 40
    assert len(Ring(Path(ring, 'held_out'), FIELDS, 10).attach()) == 10
    for name in 'ab':
        assert main(['train', 'fit', 'toy', '--ring', ring, '--out', str(tmp_path / name)]) == 0
    assert same(weights(tmp_path / 'a'), weights(tmp_path / 'b'))
    assert read_run(tmp_path / 'a/best.pt')['trained_on'] == ['ImageNet/*', 'clips/a']


@pytest.mark.parametrize('words, message', [
    (['fit', 'pixelwize', '--out', 'o'], "no network 'pixelwize' to train; did you mean pixel"),
    (['fit', 'yolo', '--out', 'o'], 'there are pixelwise, '),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'step=4'], '--set step: there is no such'),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'held_out=2', '--set', 'capacity=2'],
     'and --data is missing'),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'held_out=2', '--data', 'nowhere'],
     '--data nowhere: there is no such folder'),
    (['fit', 'pixelwise', '--out', 'o', '--set', 'held_out=2', '--data', '.'],
     'nothing to train on: expected stills in COCO form'),
    (['fit', 'pixelwise', '--out', 'o', '--device', 'gpu'], "device must be 'auto', 'cpu'"),
    (['fit', 'pixelwise', '--out', 'o', '--device', 'cuda:77'], 'PyTorch sees'),
    (['fit', 'pixelwise', '--out', 'o', '--workers', '-1'], '--workers must be at least 0'),
    *((['fit', 'pixelwise', '--out', 'o', '--seconds', n], f'--seconds must be above 0, got {n}')
      for n in ('nan', '0', '-3')),
    (['pack', 'pixelwise'], 'train pack needs --ring'),
    (['pack', 'pixelwise', '--ring', 'r', '--count', '0'], '--count must be at least 1, got 0'),
    *((['calibrate', 'ncc', '--data', '.', '--episodes', n], f'expected above 0, got {n}')
      for n in ('nan', 'inf', '0', '-1')),
    (['export', 'o/best.pt', 'w.safetensors'], 'no checkpoint at o/best.pt'),
    (['export', 'o/best.pt', 'w.pth'], 'expected a name that ends in .safetensors')])
def test_a_users_error_is_one_line(tmp_path, monkeypatch, capsys, words, message):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    monkeypatch.chdir(tmp_path)
    assert main(['train', *words]) == 1
    line, = capsys.readouterr().err.splitlines()
    assert message in line


def test_only_the_best_weights_are_exported(tmp_path):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    save(tmp_path / 'last.pt', {'network': 'a', 'config': {}, 'step': 1})
    with pytest.raises(ValueError, match=r'export best\.pt beside it'):
        export([tmp_path / 'last.pt'], tmp_path / 'a.safetensors')


def checkpoint(path, network, tensors, names):
    """Save what `train fit` leaves of a network with these tensors."""
    about = dict.fromkeys(('config', 'step', 'quality', 'report', 'commit', 'machine'), 1)
    save(path, {**about, 'network': network, 'state_dict': tensors, 'trained_on': names})
    return path


def test_heads_of_several_runs_become_one_file(tmp_path):
    pytest.importorskip('safetensors', reason='safetensors is not installed')
    a = checkpoint(tmp_path / 'a.pt', 'pixelwise', {'heads.0.w': torch.zeros(2)}, ['x', 'y'])
    b = checkpoint(tmp_path / 'b.pt', 'pixelwise', {
        'heads.0.w': torch.ones(2), 'heads.1.w': torch.full((2,), 2.0)}, ['y', 'z'])
    out = tmp_path / 'all.safetensors'
    export([a, b], out)
    assert {k: v[0].item() for k, v in read_state_dict(out).items()} == {
        'heads.0.w': 0, 'heads.1.w': 1, 'heads.2.w': 2}
    assert trained_on(out) == ('x', 'y', 'z') and read_note(out, 'network') == ['pixelwise'] * 2
    assert count_heads(out) == 3
    assert out.stat().st_mode == a.stat().st_mode  # others may read it, too, where they may that
    c = checkpoint(tmp_path / 'c.pt', 'tanet', {'embed.w': torch.zeros(2)}, [])
    with pytest.raises(ValueError, match=r'c\.pt holds tanet, of which only one can be'):
        export([a, c], out)


def test_weights_to_begin_with_set_what_they_ask_for(tmp_path):
    safetensors = pytest.importorskip('safetensors.torch', reason='safetensors is missing')
    start = tmp_path / 'start.safetensors'
    safetensors.save_file({f'heads.{i}.w': torch.zeros(1) for i in range(3)}, start)
    network = NETWORKS['pixelwise']
    assert run_module.begun_with(network, network.defaults, start).heads == 3
    assert run_module.begun_with(network, network.defaults, None).heads == 1
    with pytest.raises(ValueError, match=r'heads=2 does not fit .*start.safetensors: it has 3'):
        run_module.begun_with(network, set_values(network.defaults, ['heads=2']), start)
