"""``track`` with every local tracker and re-detector by name, beside the weights that it takes."""

from dataclasses import replace

import cv2
from helpers.clip import shorter, truth
from helpers.published import TORCH, write
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.tables.hosts import every_host
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.local.dimp import dimp
from lg_tracker_ros.local.mdnet import published
from lg_tracker_ros.reading.guard import tell_once
from lg_tracker_ros.redetect import REDETECTORS, tanet
from lg_tracker_ros.redetect.globaltrack import detector
from lg_tracker_ros.redetect.tanet_net import TANetGenerator
import pytest

pytestmark = [pytest.mark.rounding, pytest.mark.usefixtures('one_thread'),
              pytest.mark.filterwarnings('ignore::DeprecationWarning')]  # of PyTorch's exporter

ELSEWHERE = {'siamfcpp@backbone=resnet50', *(f'siamrpnpp@backbone=resnet50{x}' for x in (
    '', '_otb', '_lt'))}
"""The same code as another backbone's and slow; test_siamrpnpp_published.py tracks with one."""
HOSTS = {name: needs for name, needs in every_host().items()
         if 'online_module' not in name and name not in ELSEWHERE}
FINDERS = {name: 'a checkpoint' if spec.weights and not all(p.is_file() for p in spec.files(''))
           else '' for name, spec in REDETECTORS.items()}
FIRST = 158


def smaller(cut):
    """Make pictures of 96 px."""
    return lambda *given: cut(*given[:1 if cut.__name__ == '_square' else 2], 96)


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Write a file for a name, once for those that take the same one."""
    made = {}

    def one(name):
        layout = TORCH.get(name, name)
        if layout not in made:
            made[layout] = write(name, tmp_path_factory.mktemp('weights'))
        return made[layout]
    return one


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Let what is made for a GPU see smaller pictures and learn less."""
    for name, constants in dimp.VARIANTS.items():
        monkeypatch.setitem(dimp.VARIANTS, name, replace(constants, side=128))
    for name, schedule in published.SCHEDULES.items():
        monkeypatch.setitem(published.SCHEDULES, name, replace(
            schedule, candidates=6, first_positives=5, first_negatives=8, first_kept=4,
            positives=3, negatives=4, first_iterations=1, iterations=1, batch_positives=2,
            batch_negatives=2, mined=4, regression=6, first_negative_shift=0.6,
            negative_shift=0.8, whole=0.0))
    tiny = detector.GlobalTrackConfig(128, 96, 40)
    monkeypatch.setattr(detector, 'GlobalTrackConfig', lambda: tiny)
    monkeypatch.setattr(detector, 'SMALL', tiny)
    for name in ('_square', 'target_crop'):
        monkeypatch.setattr(tanet, name, smaller(getattr(tanet, name)))
    monkeypatch.setattr(TANetGenerator, '_initialise', lambda self: None)
    tell_once.cache_clear()


@pytest.fixture(scope='module')
def track(tmp_path_factory):
    """Give a call of ``track`` over two frames of the clip, laid down: it is long to decode."""
    images = shorter(tmp_path_factory.mktemp('clip'), 2, first=FIRST) / 'short/images'

    def run(*params):
        return main(['track', str(images), '--init', ','.join(map(str, truth()[FIRST])), *(
            w for p in ('engine=torch', 'recognition=first_look', *params)
            for w in ('--param', p))])
    return run


@pytest.mark.exact
def test_every_name_that_needs_a_file_has_one():
    assert {name for table in (HOSTS, FINDERS) for name, needs in table.items()
            if needs == 'a checkpoint'} == TORCH.keys()
    assert {name.split('@')[0] for name in HOSTS} == LOCAL_TRACKERS.keys()


@pytest.mark.parametrize('host', HOSTS)
def test_every_local_tracker(host, file, track, capsys, caplog):
    name, *given = host.split('@')
    if name in ('opencv_nano', 'opencv_vit'):
        opencv = f'Tracker{name.removeprefix("opencv_").capitalize()}_create'
        if not hasattr(cv2, opencv):
            pytest.skip(f'this OpenCV has no {opencv}')
    if HOSTS[host]:
        path = file(host)
        given.append(f'tracker_weights={path}')
    assert track(f'tracker={name}', 'redetector=none', *given) == 0, capsys.readouterr().err
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 1 + 2 and all(',LOCAL,' in row for row in rows[1:])
    told = HOSTS[host] and LOCAL_TRACKERS[name].weights
    assert [m for m in caplog.messages if 'not calibrated' in m] == (
        [next(m for m in caplog.messages if m.startswith(f'{path} is not'))] if told else [])


@pytest.mark.parametrize('name', FINDERS)
def test_every_redetector(name, file, track, capsys):
    """It is asked in every frame after the first."""
    given = [f'redetector_weights={file(name)}'] if FINDERS[name] else []
    assert track('tracker=ncc', 'beta2=0', f'redetector={name}', *given) == 0, (
        capsys.readouterr().err)
    _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2
    assert (',LOCAL,' if name == 'none' else ',GLOBAL,') in rows[1]
