"""``track`` with every local tracker and re-detector by name, beside the weights that it takes."""

from contextlib import contextmanager

import cv2
from helpers import published
from helpers.clip import shorter, truth
from lg_tracker_ros.cli import main
from lg_tracker_ros.evaluation.tables.hosts import every_host
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.redetect import REDETECTORS
import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

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


@pytest.fixture(scope='module')
def file(tmp_path_factory):
    """Write a file for a name, once for those that take the same one."""
    return published.written(tmp_path_factory)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Let what is made for a GPU see smaller pictures and learn less."""
    published.soon(monkeypatch)


@contextmanager
def exact():
    """See to it that on a GPU every layer would keep all bits, and do the same each time."""
    def check(module, given):
        cudnn = torch.backends.cudnn
        assert cudnn.deterministic and not cudnn.allow_tf32, f'{type(module).__name__} rounds'
    handle = register_module_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


@pytest.fixture(scope='module')
def track(tmp_path_factory):
    """Give a call of ``track`` over two frames of the clip, laid down: it is long to decode."""
    images = shorter(tmp_path_factory.mktemp('clip'), 2, first=FIRST) / 'short/images'

    def run(*params):
        with exact():
            return main(['track', str(images), '--init', ','.join(map(str, truth()[FIRST])), *(
                w for p in ('engine=torch', 'recognition=first_look', *params)
                for w in ('--param', p))])
    return run


@pytest.mark.exact
def test_every_name_that_needs_a_file_has_one():
    assert {name for table in (HOSTS, FINDERS) for name, needs in table.items()
            if needs == 'a checkpoint'} == published.TORCH.keys() - ELSEWHERE
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
