"""What every test needs: DDS stays on this machine, in a domain of this run's own."""

import os

import pytest

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
if os.environ.get('ROS_DISTRO') == 'humble':
    os.environ.setdefault('ROS_LOCALHOST_ONLY', '1')
os.environ.setdefault('ROS_DOMAIN_ID', str(os.getpid() % 101 + 1))


@pytest.fixture(scope='module')
def one_thread():
    """Small networks on busy cores: a second thread waits more than it works."""
    torch = pytest.importorskip('torch')
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
