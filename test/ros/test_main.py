"""Tracker and camera as processes of their own: they start, refuse, and end on a signal."""

import importlib.util
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from helpers.ros import Build, path, PATIENCE, Rig, scene
from lg_tracker_ros.bench import busy
from lg_tracker_ros.ros.node import TrackerNode
from lifecycle_msgs.srv import GetState
import pytest
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter

ROOT = Path(__file__).resolve().parents[2]
TRACKING, CAMERA = 'lg_tracker: tracking', 'lg_tracker: camera /image'

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
        with Rig(node=False) as rig:
            rig.until(lambda: 'lg_tracker' in rig.client.get_node_names(), 'seen')
            node.send_signal(how)
            # before: it waited for its networks, which are never made here
            assert node.wait(PATIENCE) == 0
            rig.until(lambda: 'lg_tracker' not in rig.client.get_node_names(), 'gone', 10)
        said = node.stdout.read()
        assert not said, said
    finally:
        node.kill()
        node.wait()


UNLUCKY = """
import os, signal, sys, time
from lg_tracker_ros.ros.main import spin
from rclpy.node import Node

class Unlucky(Node):
    ticks = 0

    def __init__(self):
        super().__init__('unlucky')
        self.create_timer(0.01, self.tick)

    def tick(self):
        self.ticks += 1
        if self.ticks == 1:
            raise KeyError('nobody expected this')
        print('it goes on', flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

    def mishap(self, error):
        print(repr(error), flush=True)

    def close(self):
        print('closed', flush=True)

class Foreign:
    def __del__(self):  # as in C code that calls back: what is raised here is lost
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        time.sleep(0.01)

def slow():
    Foreign()  # and gone
    time.sleep(600)

sys.exit(spin(slow if len(sys.argv) > 1 else Unlucky, []))
"""


LOADED = """
import sys
from lg_tracker_ros.ros import node
from lg_tracker_ros.ros.main import main

def tell(self):
    raise ValueError(f'loaded: {"onnxruntime" in sys.modules}')

assert 'onnxruntime' not in sys.modules
node.TrackerNode.__init__ = tell
sys.exit(main([]))
"""


def test_what_holds_every_thread_up_is_loaded_before_there_is_a_node():
    pytest.importorskip('onnxruntime')
    done = subprocess.run([sys.executable, '-c', LOADED], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert 'loaded: True' in done.stderr, done.stderr


PLAIN = """
import sys
from lg_tracker_ros.ros.node import TrackerNode
import rclpy
from rclpy.parameter import Parameter

rclpy.init()
values = {'autostart': False, 'tracker': 'ncc', 'redetector': 'correlation'}
node = TrackerNode(parameter_overrides=[Parameter(n, value=v) for n, v in values.items()])
node.trigger_configure()
node.trigger_activate()
print(node.state, *sys.modules)
node.destroy_node()
"""


def test_a_plain_node_imports_nothing_of_the_optional_parts():
    """So that a node which asks for none is as quick as one that has none."""
    done = subprocess.run([sys.executable, '-c', PLAIN], capture_output=True, text=True,
                          timeout=PATIENCE)
    state, *loaded = done.stdout.split()
    assert state == 'active', done.stderr
    assert {'lg_tracker_ros.ros.stream', 'lg_tracker_ros.tracker'} <= set(loaded)
    parts = {f'lg_tracker_ros.{part}' for part in (
        'ros.world', 'ros.operators', 'ros.several', 'ros.supervision', 'ros.choosing', 'ui',
        'geometry', 'detections.besides', 'detections.recent', 'media.video', 'offline')}
    assert all(map(importlib.util.find_spec, parts))
    parts |= {'aiohttp', 'av', 'bond', 'visualization_msgs', 'tf2_msgs', 'rosbags', 'matplotlib'}
    assert not parts & set(loaded)


@pytest.mark.parametrize('how', ['SIGINT', 'SIGTERM'])
def test_a_signal_ends_what_takes_long_to_import(how):
    done = subprocess.run([sys.executable, '-c', UNLUCKY, how], capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


@pytest.mark.parametrize('node', ['main', 'camera'])
def test_a_signal_while_rclpy_loads_ends_it_without_a_traceback(node):
    start = f'import sys; from lg_tracker_ros.ros.main import {node}; sys.exit({node}([]))'
    with subprocess.Popen([sys.executable, '-X', 'importtime', '-c', start],
                          stderr=subprocess.PIPE, text=True) as run:
        assert any('rpyutils' in line for line in run.stderr)  # the first that rclpy imports
        run.send_signal(signal.SIGINT)
        rest = run.communicate(timeout=60)[1]
    assert run.returncode == 0 and 'Traceback' not in rest


def test_what_a_callback_raises_is_told_and_ends_nothing():
    done = subprocess.run([sys.executable, '-c', UNLUCKY], capture_output=True, text=True,
                          timeout=60)
    assert done.stdout.splitlines() == ["KeyError('nobody expected this')", 'it goes on', 'closed']
    assert done.returncode == 0 and not done.stderr


def process(entry, *arguments, without=()):
    """Start an entry point of setup.py as a process of its own, in the domain of this run."""
    return subprocess.Popen(
        # its last second passes while a machine with other work lets it wait
        [sys.executable, '-X', 'faulthandler', '-c', 'import sys; from lg_tracker_ros.ros import '
         f'main; main.LAST_WORDS_S = {PATIENCE}; sys.exit(main.{entry}())',
         '--ros-args', *arguments],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={k: v for k, v in os.environ.items() if not k.startswith(without)})


@pytest.mark.parametrize('how', [signal.SIGINT, signal.SIGTERM])
def test_processes_of_camera_and_tracker(tmp_path, how):
    import cv2
    for i in range(40):
        cv2.imwrite(str(tmp_path / f'{i:03}.png'), cv2.resize(scene(*path(i)), (640, 480)))
    (tmp_path / 'robot.yaml').write_text('robot/lg_tracker: {ros__parameters: {beta1: 0.9}}')
    tracker = process('main', '--params-file', f'{tmp_path}/robot.yaml',
                      '-p', 'tracker:=opencv_kcf', '-p', 'redetector:=none',
                      '-p', 'device:=cpu', '-p', 'init_timeout:=60.0',
                      # coverage ends a process on SIGTERM by SIGTERM: not what is tested
                      without=('COVERAGE',) if how == signal.SIGTERM else ())
    camera = None
    try:
        with Rig(node=False) as rig:
            rig.ready(rig.init_client.service_is_ready)
            rig.part(TRACKING, lambda s: any(
                v.key == 'state' and v.value == 'active' for v in s.values))
            # asked before there is an image, it is the first one's: all 40 are left to follow
            x, y = path(0)
            asked = rig.init_async(None, box=(2 * x, 2 * y, 72, 56))
            camera = process('camera', '-p', f'source:={tmp_path}', '-p', 'rate:=15')
            answer = rig.result(asked)
            assert answer.success, answer.message
            rig.until(lambda: len(rig.detections) > 10, 'detections')
            assert {d.header.frame_id for d in rig.detections} == {'camera'}
            assert camera.wait(PATIENCE) == 0 and 'the end after 40 images' in camera.stdout.read()
            # best effort, 0.9 MiB: without the profile most would be lost
            rig.part(CAMERA, lambda s: any(
                v.key == 'received' and int(v.value) > 30 for v in s.values))
            waiting = rig.init_async()
            assert not rig.init(box=(0, 0, 0, 0)).success  # so the one before was taken
            tracker.send_signal(how)
            assert rig.result(waiting).message == 'the node is being shut down'
            code, printed = tracker.wait(PATIENCE), tracker.stdout.read()
            assert code == 0 and 'Traceback' not in printed, printed
            assert 'robot.yaml has nothing for /lg_tracker, only for /robot/lg_tracker' in printed
    finally:
        for p in (tracker, camera):
            if p is not None and p.poll() is None:
                p.kill()


def test_a_signal_between_two_waits_is_no_failure():
    text = """
import sys
from lg_tracker_ros.ros.main import spin
import rclpy
from rclpy.node import Node

class Late(Node):
    close = lambda self: print('closed')

    @property
    def finished(self):
        rclpy.shutdown()  # as the signal's handler does, after ok() was asked
        return False

sys.exit(spin(lambda: Late('late'), []))
"""
    done = subprocess.run([sys.executable, '-c', text], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, 'closed\n', '')


def test_a_node_that_is_destroyed_takes_its_participant_along():
    context = Context()
    rclpy.init(context=context)
    try:
        node = TrackerNode(Build(), context=context, parameter_overrides=[
            Parameter('autostart', value=False)])
        with Rig(node=False) as rig:
            rig.until(lambda: 'lg_tracker' in rig.client.get_node_names(), 'seen')
            node.close()
            node.destroy_node()  # the object is still there, as it is when the process ends
            rig.until(lambda: 'lg_tracker' not in rig.client.get_node_names(), 'gone', 10)
    finally:
        rclpy.try_shutdown(context=context)


def test_a_package_that_is_missing_is_told_in_one_line():
    done = subprocess.run(
        [sys.executable, '-c', 'import sys; sys.modules["torch"] = None\n'
         'from lg_tracker_ros.ros.main import main; sys.exit(main([]))'],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith('lg_tracker_ros: the Python package torch is missing for ')


@pytest.mark.performance
@pytest.mark.parametrize('others, ready_s', [(0, 3), (2, 10)])
def test_the_default_node_is_ready_soon_and_answers_meanwhile(others, ready_s):
    with Rig(node=False) as rig, busy(others):
        client = rig.client.create_client(GetState, 'lg_tracker/get_state')
        node = process('main')
        try:
            assert client.wait_for_service(60)
            begun, waits, state = time.monotonic(), [], ''
            while state != 'active':
                asked = time.monotonic()
                answer = client.call_async(GetState.Request())
                # DDS shows the service before it has heard of who asks: that answer may be lost
                if not rig.answered(answer, 2 if not waits else 60):
                    continue
                state = answer.result().current_state.label
                waits.append(time.monotonic() - asked)
                assert asked - begun < 60, state
            assert time.monotonic() - begun < ready_s
            # the first one may wait for what the node makes after this service, before it spins
            assert max(waits[1:], default=0) < 0.1 and waits[0] < 0.5, (waits[0], waits[1:])
        finally:
            node.terminate()
            assert node.wait(30) == 0
