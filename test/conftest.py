"""What every test needs: DDS stays on this machine, in a domain of this run's own."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
if os.environ.get('ROS_DISTRO') == 'humble':
    os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
# tests run in several processes (pytest -n): each has a domain of its own
BASE = int(os.environ.setdefault('ROS_DOMAIN_ID', str(os.getpid() % 101 + 1)))
WORKER = os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')
if 'PYTEST_XDIST_WORKER' in os.environ:
    os.environ['ROS_DOMAIN_ID'] = str((BASE + 37 * int(WORKER)) % 101 + 1)
    # and a thread: two that each want every core wait for one another
    for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
        os.environ.setdefault(name, '1')


def pytest_addoption(parser):
    """Declare ``--perturbed`` and ``--gpu-device``."""
    parser.addoption('--perturbed', action='store_true',
                     help='only the tests marked rounding, with images and weights a little off')
    parser.addoption('--gpu-device', default='cuda', metavar='DEVICE',
                     help="where the contract tests marked gpu run: 'cpu' tries them without one")


def pytest_configure(config):
    """Keep what this run exports to itself, and perturb before anything is built."""
    if not hasattr(config, 'workerinput'):  # the processes of pytest -n share it
        cache = TemporaryDirectory(prefix='lg_tracker_tests_')
        config.add_cleanup(cache.cleanup)
        # but not from Matplotlib's list of fonts, which takes seconds
        user = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
        os.environ.setdefault('MPLCONFIGDIR', f'{user}/matplotlib')
        os.environ['XDG_CACHE_HOME'] = cache.name
    os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')  # tests import it themselves, too
    if config.getoption('--perturbed'):
        from helpers.rounding import perturb
        perturb()


def pytest_collection_modifyitems(config, items):
    """Leave out what ``--perturbed`` says nothing about."""
    if config.getoption('--perturbed'):
        kept = [i for i in items
                if i.get_closest_marker('rounding') and not i.get_closest_marker('exact')]
        config.hook.pytest_deselected(items=[i for i in items if i not in kept])
        items[:] = kept


@pytest.fixture(scope='session')
def gpu(request):
    """Name the device of tests marked gpu; skips them where it isn't there."""
    device = request.config.getoption('--gpu-device')
    torch = pytest.importorskip('torch')
    if device != 'cpu' and not torch.cuda.is_available():
        pytest.skip('needs a CUDA GPU and a CUDA build of PyTorch')
    return device


@pytest.fixture(scope='module')
def one_thread():
    """Small networks on busy cores: a second thread waits more than it works."""
    torch = pytest.importorskip('torch')
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
