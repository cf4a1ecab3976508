"""What weights were trained on, and what a run says of its making."""

import hashlib
import json
from pathlib import Path
import subprocess
import sys

import lg_tracker_ros
from lg_tracker_ros import checkpoint
from lg_tracker_ros.checkpoint import FOLDER
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.provenance import (
    commit,
    machine,
    peer_files,
    seen_in_training,
    training_sets,
    weights_of,
    what_made_it,
)
from lg_tracker_ros.reading.notes import trained_on
from lg_tracker_ros.redetect import REDETECTORS
from lg_tracker_ros.training.data.media import held_out
import pytest
import torch

NANO = Path(__file__).resolve().parents[2] / 'shared/weights/nanotrackv2'


def header(metadata):
    """Make the bytes of a safetensors file without tensors."""
    text = json.dumps({'__metadata__': metadata} if metadata else {}).encode()
    return len(text).to_bytes(8, 'little') + text


def test_shipped_weights_name_what_they_were_trained_on():
    assert trained_on(FOLDER / 'efficientnet_lite0.safetensors') == ('ImageNet/*',)
    local = trained_on(FOLDER / 'pixelwise.safetensors')
    again = trained_on(FOLDER / 'tanet_lite.safetensors')
    pictures = {'raccoon_dataset/*', 'tuxpaint-stamps-default/*', 'sweethome3d-furniture/*'}
    for names, tracks in ((local, 155), (again, 56)):
        assert pictures <= set(names)
        # under terms that forbid commerce, or under none
        assert not any(n.startswith(('COCO', 'Penn', 'DAVIS')) for n in names)
        clips = [n for n in names if n.startswith('Drone-detection-dataset/')]
        assert len(clips) == 57
        assert not any(held_out(c.partition('/')[2]) for c in clips)
        assert 'Drone-detection-dataset/V_BIRD_024' in clips
        assert len([n for n in names if n.startswith('sample-videos/')]) == tracks
    # people's first boxes and cut-outs
    assert {'sample-videos/again.mkv', 'sample-videos/*'} <= set(local)
    assert {'sample-videos/again_001_0', 'sample-videos/*'} <= set(again)
    assert set(again) - set(local) == {'sam2/*', *(n for n in again if n.startswith('sample-vi'))
                                       } - set(local)


def test_every_shipped_file_says_something():
    files = sorted(FOLDER.glob('*.safetensors'))
    assert len(files) == 5
    assert all(trained_on(p) for p in files)


def test_files_that_say_nothing(tmp_path):
    plain, other = tmp_path / 'a.safetensors', tmp_path / 'a.pth'
    plain.write_bytes(header(None))
    other.write_bytes(b'anything')
    assert trained_on(plain) == trained_on(other) == ()


@pytest.mark.parametrize('data', [b'', b'\xff' * 40, header({'trained_on': 'not JSON'}),
                                  (2).to_bytes(8, 'little') + b'[]'])
def test_a_damaged_file_is_named(tmp_path, data):
    path = tmp_path / 'a.safetensors'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r'a\.safetensors is not a readable safetensors file'):
        trained_on(path)


@pytest.mark.parametrize('source, entry', [
    ('COCO 2017/000000000009', 'COCO 2017/*'),
    ('coco 2017/x', 'COCO 2017/*'),
    ('drone-DETECTION-dataset/v_bird_024', 'Drone-detection-dataset/V_BIRD_024'),
    ('V_BIRD_024', 'Drone-detection-dataset/V_BIRD_024'),
    ('GOT-10k/GOT-10k_Train_000001', 'GOT-10k/GOT-10k_Train_*'),
    ('GOT-10k/GOT-10k_Val_000001', None),
    ('Drone-detection-dataset/V_BIRD_025', None),
    ('OTB/V_BIRD_024', None),
    ('OTB/Dog', None),
    ('Dog', None),
    ('', None),
    ('*', None),
])
def test_seen_in_training(source, entry):
    trained = ('COCO 2017/*', 'Drone-detection-dataset/V_BIRD_024', 'GOT-10k/GOT-10k_Train_*')
    assert seen_in_training(source, trained) == entry


def test_weights_of_what_ships():
    backbone, local, again = (FOLDER / f'{n}.safetensors'
                              for n in ('efficientnet_lite0', 'pixelwise', 'tanet_lite'))
    assert weights_of(Settings()) == [backbone, local, again]
    assert weights_of(Settings(tracker='ncc', redetector='correlation')) == [backbone]
    assert weights_of(Settings(tracker='opencv_csrt', redetector='none')) == [backbone]
    assert weights_of(Settings(tracker='opencv_kcf')) == [backbone, again]
    assert weights_of(Settings(tracker_weights='/a/my.pth', redetector='none')) == [
        backbone, Path('/a/my.pth')]
    assert weights_of(Settings(tracker='ncc', redetector_weights='b.pth')) == [
        backbone, Path('b.pth')]


@pytest.mark.parametrize('values', [
    {'tracker_weights': '/nowhere/a.pth'}, {'redetector_weights': '/nowhere/b.pth'},
    {'tracker': 'siamrpnpp', 'backbone': 'alexnet'},
    {'tracker': 'siamrpnpp', 'backbone': 'resnet50'},
    {'tracker': 'opencv_csrt', 'redetector': 'tanet'},
    {'tracker': 'opencv_vit', 'tracker_weights': '/nowhere/v.onnx', 'redetector': 'none'}])
def test_the_builders_miss_the_same_files(values):
    """What isn't there is named by weights_of and by the builder's error alike."""
    settings = Settings(device='cpu', engine='torch', **values)
    missing, = [p for p in weights_of(settings) if not p.exists()]
    with pytest.raises((ValueError, FileNotFoundError), match=missing.name):
        build_tracker(settings)


@pytest.mark.parametrize('values', [
    *({'tracker': s.name, 'redetector': 'none'} for s in LOCAL_TRACKERS.values()
      if not s.external),
    *({'tracker': 'opencv_kcf', 'redetector': name} for name in REDETECTORS)],
    ids=lambda values: '+'.join(values.values()))
def test_the_builders_read_no_other_files(values, tmp_path, monkeypatch):
    """Without what weights_of names beside the backbone every builder fails; else none does."""
    for name in ('efficientnet_lite0.safetensors', 'SHA256SUMS'):
        (tmp_path / name).symlink_to(FOLDER / name)
    monkeypatch.setattr(checkpoint, 'FOLDER', tmp_path)
    settings = Settings(device='cpu', engine='torch', threads=1, **values)
    own = weights_of(settings)[1:]
    if own:
        with pytest.raises((ValueError, FileNotFoundError), match=own[0].name):
            build_tracker(settings)
    else:
        build_tracker(settings)


@pytest.mark.skipif(not NANO.is_dir(), reason=f'NanoTrack is not at {NANO}')
def test_a_peer_goes_by_its_authors_word():
    settings = Settings(tracker='opencv_nano', tracker_weights=str(NANO), redetector='none')
    files = peer_files('opencv_nano', str(NANO))
    assert [p.name for p in files] == ['nanotrack_backbone_sim.onnx', 'nanotrack_head_sim.onnx']
    assert weights_of(settings)[1:] == files
    assert training_sets('opencv_nano', files) == LOCAL_TRACKERS['opencv_nano'].trained_on
    assert what_made_it('opencv_nano', files)['undeclared'] == []
    assert peer_files('opencv_csrt', '') == []


def test_what_made_it():
    made = what_made_it('pixelwise', weights_of(Settings()))
    assert json.loads(json.dumps(made)) == made
    assert list(made['weights']) == ['efficientnet_lite0.safetensors', 'pixelwise.safetensors',
                                     'tanet_lite.safetensors']
    data = (FOLDER / 'pixelwise.safetensors').read_bytes()
    assert made['weights']['pixelwise.safetensors'] == hashlib.sha256(data).hexdigest()[:16]
    assert {'ImageNet/*', 'tuxpaint-stamps-default/*'} <= set(made['trained_on'])
    assert made['undeclared'] == []
    assert made['machine'] == machine()
    assert made['machine']['python'] == '.'.join(map(str, sys.version_info[:3]))
    assert made['machine']['torch'].split('+')[0] == torch.__version__.split('+')[0]


def test_weights_of_unknown_training_are_told(tmp_path):
    path = tmp_path / 'mine.pth'
    torch.save({'a': torch.zeros(1)}, path)
    settings = Settings(tracker_weights=str(path), redetector='none')
    made = what_made_it('pixelwise', weights_of(settings))
    assert made['undeclared'] == ['mine.pth']
    assert made['trained_on'] == ['ImageNet/*']


def test_missing_weights_are_an_error():
    with pytest.raises(ValueError, match=r'mine\.pth; name yours in `tracker_weights`'):
        what_made_it('pixelwise', weights_of(Settings(tracker_weights='/nowhere/mine.pth')))


def test_commit(tmp_path):
    assert commit(tmp_path) == lg_tracker_ros.__version__

    def git(*words):
        subprocess.run(['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b',
                        *words], check=True, capture_output=True)
    git('init')
    assert commit(tmp_path) == lg_tracker_ros.__version__  # no commit yet
    module = tmp_path / 'lg_tracker_ros' / 'a.py'
    module.parent.mkdir()
    module.write_text('1')
    git('add', '.')
    git('commit', '-m', 'a')
    clean = commit(tmp_path)
    assert len(clean) == 12
    assert int(clean, 16)
    (tmp_path / 'README').write_text('documents change nothing')
    assert commit(tmp_path) == clean
    module.write_text('2')
    assert commit(tmp_path) == clean + '+'
    # a folder inside another checkout is no checkout
    assert commit(module.parent) == lg_tracker_ros.__version__
