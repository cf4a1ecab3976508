"""The node's process: how it ends."""

import signal
import subprocess
import sys

import pytest

BUILDING = """
import sys
from lg_tracker_ros.factory import build_tracker
from lg_tracker_ros.ros.main import spin
from lg_tracker_ros.ros.node import TrackerNode

def build(settings):
    print('building', flush=True)
    sys.stdin.readline()
    return build_tracker(settings)

sys.exit(spin(lambda: TrackerNode(build), ['--ros-args', '-p', 'tracker:=opencv_kcf',
                                           '-p', 'redetector:=none', '-p', 'device:=cpu']))
"""


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_heeded_while_networks_are_built(how):
    node = subprocess.Popen([sys.executable, '-c', BUILDING], text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert any(line == 'building\n' for line in node.stdout)
        node.send_signal(how)
        said, _ = node.communicate('go on\n', timeout=60)
        assert node.returncode == 0 and 'Traceback' not in said, said
    finally:
        node.kill()
        node.wait()
