"""The node's life: transitions, parameters, diagnostics, QoS, processes of their own."""

from dataclasses import fields
import gc
from pathlib import Path
import threading

import helpers.ros
from helpers.ros import Build, PATIENCE, Rig, stamp
from lg_tracker_ros.engine.memory import GpuMemory
from lg_tracker_ros.parameters.node import NODE_PARAMETERS, NodeOptions
from lg_tracker_ros.parameters.reading import read_yaml
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.ros import diagnostics, node
from lg_tracker_ros.ros.convert import time_to_msg
from lg_tracker_ros.ros.node import TrackerNode
from lg_tracker_ros.ros.params import unknown
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
import pytest
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.srv import DescribeParameters, SetParametersAtomically
import rclpy
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from vision_msgs.msg import Detection2D
import yaml

ROOT = Path(__file__).resolve().parents[2]
OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
TRACKING, ENGINE, CAMERA = ('lg_tracker: ' + p for p in ('tracking', 'engine', 'camera /image'))


def change(rig, label):
    """Trigger a transition over the service, as ``ros2 lifecycle set`` does."""
    if not hasattr(rig, 'change'):
        rig.change = rig.service(ChangeState, 'lg_tracker/change_state')
    request = ChangeState.Request()
    request.transition.label = label
    return rig.result(rig.change.call_async(request)).success


def rss():
    """Return the memory of this process in MiB."""
    gc.collect()
    return int(Path('/proc/self/statm').read_text().split()[1]) * 4096 / 2**20


def test_a_rig_that_cannot_be_connected_leaves_nothing(monkeypatch):
    monkeypatch.setattr(Rig, 'connect', lambda self: pytest.fail('not connected'))
    before = threading.active_count()
    with pytest.raises(pytest.fail.Exception, match='not connected'):
        Rig()
    assert threading.active_count() == before


@pytest.mark.parametrize('cycles', [3, pytest.param(20, marks=pytest.mark.performance)])
def test_cycled_without_growth(cycles, monkeypatch):
    given = []
    monkeypatch.setattr(node, 'give_back', lambda: given.append(rss()))
    with Rig(autostart=False, started=False) as rig:
        rig.camera()
        assert rig.node.state == 'unconfigured'
        before = None
        for n in range(cycles):
            assert change(rig, 'configure') and change(rig, 'activate')
            rig.connect()
            threads = threading.active_count()
            rig.feed(range(100 * n, 100 * n + 10))
            answer = rig.init(100 * n)
            assert answer.success, answer.message
            rig.until(lambda i=100 * n + 9: stamp(i) in rig.boxes(), 'replayed')
            assert change(rig, 'deactivate')
            assert threading.active_count() == threads - 1
            count = len(rig.detections)
            rig.send(100 * n + 11)
            assert not rig.init(100 * n).success
            assert change(rig, 'cleanup')
            assert rig.node.tracker is None and rig.node.stream is None
            assert len(rig.detections) == count and len(given) == n + 1
            if n == 4:
                before = rss()
        # a single leaked history of ten images in each cycle would be 33 MiB
        assert before is None or rss() - before < 12
        assert change(rig, 'shutdown')


def test_a_node_answers_while_its_networks_are_built():
    go, begun = threading.Event(), threading.Event()
    build = Build()

    def slow(settings):
        begun.set()
        assert go.wait(PATIENCE)
        return build(settings)
    slow.local = build.local
    with Rig(slow, autostart=False, started=False) as rig:
        rig.change = rig.service(ChangeState, 'lg_tracker/change_state')
        get = rig.service(GetState, 'lg_tracker/get_state')
        configure = ChangeState.Request()
        configure.transition.id = Transition.TRANSITION_CONFIGURE
        answer = rig.change.call_async(configure)
        assert begun.wait(PATIENCE)
        assert rig.result(get.call_async(GetState.Request())).current_state.label == 'configuring'
        assert 'configuring' in rig.init(0).message
        builder = rig.node.transitions.thread
        assert not change(rig, 'activate') and not change(rig, 'configure')
        assert rig.node.transitions.thread is builder  # no second one, which nobody would wait for
        params = AsyncParameterClient(rig.client, 'lg_tracker')
        refused, taken = rig.result(params.set_parameters(
            [Parameter('tracker', value='pixelwise'), Parameter('beta1', value=0.9)])).results
        assert 'cleanup the node first' in refused.reason and taken.successful
        assert rig.part(ENGINE, lambda s: s.message == 'being built').level == OK
        assert not answer.done()
        go.set()
        assert rig.result(answer).success
        assert rig.node.tracker.config.beta1 == 0.9
        assert not change(rig, 'deactivate')  # it isn't active: refused, and the node lives
        assert change(rig, 'activate')


def test_who_is_quicker_than_autostart_ends_no_node(monkeypatch):
    class Quick(TrackerNode):

        def trigger_configure(self):
            result = super().trigger_configure()
            self.trigger_activate()  # as a lifecycle manager may, before autostart comes to it
            return result
    monkeypatch.setattr(helpers.ros, 'TrackerNode', Quick)
    with Rig() as rig:
        get = rig.service(GetState, 'lg_tracker/get_state')
        assert rig.result(get.call_async(GetState.Request())).current_state.label == 'active'


@pytest.mark.parametrize('other', ['/image', 'image/compressed'])
def test_one_camera_named_twice_is_refused(other):
    with Rig(cameras=('image', other), started=False) as rig:
        status = rig.part(TRACKING, lambda s: s.level == ERROR)
        assert status.message == (
            'configure failed: image_topics must differ from each other, got '
            f"['image', '{other}'], which are ['/image', '/image']")


def test_what_went_wrong_beside_the_tracking_is_told_and_so_is_a_namesake():
    with Rig() as rig:
        rig.start(0)
        rig.node.mishap(KeyError('nobody expected this'))
        status = rig.part(TRACKING, lambda s: 'callback' in s.message)
        assert status.level == WARN
        assert "a callback failed: KeyError: 'nobody expected this'" in status.message
        other = rclpy.create_node('lg_tracker', context=rig.context)
        rig.part(TRACKING, lambda s: '2 nodes are called /lg_tracker' in s.message)
        other.destroy_node()
        rig.part(TRACKING, lambda s: 'nodes are called' not in s.message)
        # under another name, but in the same namespace
        other = rclpy.create_node('second_tracker', context=rig.context)
        other.create_publisher(Detection2D, 'tracked_target', 10)
        status = rig.part(TRACKING, lambda s: 'another node publishes' in s.message)
        assert status.level == WARN and status.message.endswith(
            'another node publishes on /tracked_target: if it is a second tracker, calls of '
            'init_target reach both; give each a namespace of its own')
        other.destroy_node()
        rig.part(TRACKING, lambda s: 'another node' not in s.message)


@pytest.mark.parametrize('topic, wanted, failed', [
    ('status', 'unconfigured', 'configure failed: RCLError: '),
    ('bearing', 'unconfigured', 'activate failed: RCLError: ')])
def test_what_a_transition_raises_is_told(topic, wanted, failed):
    there = ['--ros-args', '-r', f'lg_tracker/{topic}:=/diagnostics']  # of another type
    with Rig(started=False, world=True, cli_args=there) as rig:
        status = rig.part(TRACKING, lambda s: s.level == ERROR)
        assert status.message.startswith(failed)
        rig.until(lambda: rig.node.state == wanted, wanted)


def test_a_frame_that_takes_for_ever_holds_deactivate_up_and_nothing_else():
    build = Build()
    with Rig(build) as rig:
        rig.start(0)
        get = rig.service(GetState, 'lg_tracker/get_state')
        assert not change(rig, 'activate')  # makes the client
        build.local.gate = threading.Event()
        rig.send(1)
        rig.until(lambda: rig.node.stream.worker.busy_s > 0, 'busy')
        ends = ChangeState.Request()
        ends.transition.id = Transition.TRANSITION_DEACTIVATE
        answer = rig.change.call_async(ends)
        while (message := rig.init(0).message) != 'the node was deactivated meanwhile':
            assert message.startswith('following')  # before the node has heard of it
        assert rig.result(get.call_async(GetState.Request())).current_state.label == 'active'
        assert not change(rig, 'shutdown') and not answer.done()
        build.local.gate.set()
        assert rig.result(answer).success
        assert rig.result(get.call_async(GetState.Request())).current_state.label == 'inactive'
        assert change(rig, 'activate')


def test_what_cannot_be_configured_is_said_and_can_be_mended():
    def build(settings):
        if settings.tracker_weights:
            raise ValueError(f'{settings.tracker_weights} does not exist; give a file that does')
        return Build()(settings)
    build.local = Build().local
    with Rig(build, started=False, tracker_weights='/nowhere.pt') as rig:
        rig.camera()
        status = rig.part(TRACKING, lambda s: s.level == ERROR)
        assert status.message == ('configure failed: /nowhere.pt does not exist; '
                                  'give a file that does')
        assert rig.diagnostics[ENGINE].level == ERROR
        assert 'unconfigured' in rig.init(0).message
        params = AsyncParameterClient(rig.client, 'lg_tracker')
        assert rig.result(params.set_parameters(
            [Parameter('tracker_weights', value='')])).results[0].successful
        assert change(rig, 'configure') and change(rig, 'activate')
        rig.connect()
        rig.start(0)
        rig.part(ENGINE, lambda s: s.level == OK)


def test_a_gpu_without_memory_is_a_warning_until_the_networks_are_made_anew():
    with Rig() as rig:
        rig.camera()
        rig.part(ENGINE, lambda s: s.level == OK)
        memory = GpuMemory()
        memory.ran_out('cuda')
        status = rig.part(ENGINE, lambda s: s.level == WARN)
        assert status.message == memory.gone and 'the CPU from now on' in memory.gone
        for label in ('deactivate', 'cleanup', 'configure'):
            assert change(rig, label)
        rig.part(ENGINE, lambda s: s.level == OK)


@pytest.mark.parametrize('name, value, text', [
    ('beta1', 7.0, 'beta1'), ('beta2', 'five', 'beta2'), ('tracker', 'magic', 'must be one of'),
    ('backbone', 'alexnet', 'is for the trackers siamfcpp and siamrpnpp only'),
    ('device', 'tpu', "device must be 'auto'"),
    ('device', 'cuda:0', 'no CUDA')])
def test_wrong_value_at_the_start_is_a_failed_configure(name, value, text):
    import torch
    if value == 'cuda:0' and torch.cuda.is_available():
        pytest.skip('there is a GPU here')
    with Rig(started=False, **{name: value}) as rig:
        assert text in rig.part(TRACKING, lambda s: s.level == ERROR).message


def test_name_of_before_is_refused_with_that_of_today():
    with Rig(started=False, visible=0.3, beta_1=0.2) as rig:
        assert unknown(rig.node) == [
            "unknown parameter 'beta_1'; did you mean beta1 or beta2? (its value is not used)",
            "parameter 'visible' is now called 'visible_threshold' (its value is not used)"]
        assert rig.node.settings.visible_threshold == 0.4


def test_whole_number_for_a_float_is_taken():
    with Rig(beta1=1, history_seconds=2) as rig:
        assert rig.node.settings.beta1 == 1.0


def test_a_whole_number_and_the_nodes_own_dump_are_taken():
    with Rig() as rig:
        params = AsyncParameterClient(rig.client, 'lg_tracker')
        rig.ready(params.services_are_ready)

        def put(*changes):
            return [(r.successful, r.reason)
                    for r in rig.result(params.set_parameters(list(changes))).results]
        assert put(Parameter('beta1', value=1), Parameter('camera_timeout', value=2)) == [
            (True, '')] * 2
        assert rig.node.get_parameter('beta1').value == 1.0 == rig.node.settings.beta1
        names = rig.result(params.list_parameters([], 10)).result.names
        assert {'autostart', 'use_sim_time', 'beta1'} < set(names)
        dump = [Parameter.from_parameter_msg(ParameterMsg(name=n, value=v)) for n, v in zip(
            names, rig.result(params.get_parameters(names)).values)]
        assert put(*dump) == [(True, '')] * len(names)
        (taken, reason), = put(Parameter('autostart', value=False))
        assert not taken and 'read-only' in reason


def test_parameters_change_together_or_not_at_all():
    build = Build()
    with Rig(build) as rig:
        rig.start(0)
        params = AsyncParameterClient(rig.client, 'lg_tracker')
        rig.ready(params.services_are_ready)
        client = rig.client.create_client(SetParametersAtomically,
                                          'lg_tracker/set_parameters_atomically')

        def atomically(**values):
            request = SetParametersAtomically.Request()
            request.parameters = [Parameter(k, value=v).to_parameter_msg()
                                  for k, v in values.items()]
            return rig.result(client.call_async(request)).result

        refused = atomically(beta2=9, backbone='alexnet')
        assert not refused.successful
        assert 'is for the trackers siamfcpp and siamrpnpp only' in refused.reason
        assert rig.node.settings.beta2 == 5
        assert rig.node.get_parameter('beta2').value == 5
        assert atomically(beta1=0.97, visible_threshold=0.96, camera_timeout=0.5).successful
        tracker = rig.node.tracker
        rig.until(lambda: (tracker.config.beta1, tracker.config.visible_threshold)
                  == (0.97, 0.96), 'applied')
        for values, reason in (({'tracker': 'pixelwise'}, 'cleanup the node first'),
                               ({'image_topics': ['other']}, 'deactivate the node first'),
                               ({'autostart': False}, 'read-only'),
                               ({'beta1': 3.0}, 'range'), ({'beta2': 'x'}, 'whole number'),
                               ({'nonsense': 1}, 'unknown parameter')):
            answer = atomically(**values)
            assert not answer.successful and reason in answer.reason, answer
        assert rig.process(1)[0].results  # what was running goes on
        described = rig.client.create_client(DescribeParameters, 'lg_tracker/describe_parameters')
        names = [f.name for f in fields(Settings)] + list(NODE_PARAMETERS)
        answer = rig.result(described.call_async(DescribeParameters.Request(names=names)))
        assert len(answer.descriptors) == len(names)
        for d in answer.descriptors:
            assert d.description
        beta1 = next(d for d in answer.descriptors if d.name == 'beta1')
        assert beta1.floating_point_range[0].to_value == 1.0


def test_diagnostics_keep_the_nodes_own_clock():
    with Rig(started=False, use_sim_time=True) as rig:
        rig.camera()
        clock = rig.client.create_publisher(Clock, '/clock', QoSProfile(depth=10))
        rig.connect()
        rig.until(clock.get_subscription_count, 'clock heard')

        def tick(ms):
            clock.publish(Clock(clock=time_to_msg(50 * 10**9 + ms * 10**6)))
            rig.until(lambda: rig.node.get_clock().now().nanoseconds
                      == 50 * 10**9 + ms * 10**6, 'tick')

        def rate():
            values = rig.diagnostics[TRACKING].values if TRACKING in rig.diagnostics else ()
            return next((float(v.value) for v in values if v.key == 'rate_hz'), 0.0)

        tick(0)
        rig.start(0)
        i = 0
        while abs(rate() - 5) > 1.5 and i < 3000:  # five a second, as fast as they go through
            i += 1
            tick(200 * i)
            rig.process(i)
        assert rate() == pytest.approx(5, abs=1.5)
        rig.part(CAMERA, lambda s: s.level == WARN and 'no image for' in s.message)


def test_diagnostics_come_without_a_clock_and_with_one_that_stands_still(monkeypatch):
    monkeypatch.setattr(diagnostics, 'CLOCK_STILL_S', 0.5)
    with Rig(use_sim_time=True) as rig:
        rig.start(0)
        told = rig.part(TRACKING, lambda s: 'clock' in s.message)
        assert told.level == WARN and told.message.endswith(
            'use_sim_time is on, but nothing comes on /clock')
        clock = rig.client.create_publisher(Clock, '/clock', QoSProfile(depth=10))
        rig.until(clock.get_subscription_count, 'clock heard')
        clock.publish(Clock(clock=time_to_msg(50 * 10**9)))
        told = rig.part(TRACKING, lambda s: 'still' in s.message)
        assert told.level == WARN and 'use_sim_time is on and /clock has stood' in told.message


def test_config_file_holds_every_default():
    file = ROOT / 'config/tracker.yaml'
    data = yaml.safe_load(file.read_text())['/**']['ros__parameters']
    assert read_yaml(file, NODE_PARAMETERS) == Settings()
    assert NodeOptions().changed(data) == NodeOptions()
    assert set(data) == {f.name for f in fields(Settings)} | set(NODE_PARAMETERS)
    lines = file.read_text().splitlines()
    for name in data:
        at = next(i for i, line in enumerate(lines) if line.startswith(f'    {name}:'))
        assert lines[at - 1].startswith('    # '), f'{name} has no comment'
