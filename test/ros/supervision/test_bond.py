"""The bond with a lifecycle manager: a peer that speaks bondcpp's protocol, over DDS."""

import sys
import uuid

from helpers.ros import Rig
from lifecycle_msgs.srv import ChangeState
import pytest
from rclpy.qos import QoSProfile

Status = pytest.importorskip('bond.msg', reason='needs the package bond').Status
OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
PART = 'lg_tracker: bond'


class Manager:
    """The other side; ``heard`` holds what the node sent."""

    def __init__(self, rig):
        """Listen; nothing is sent before ``beat``."""
        self.rig, self.heard, self.instance = rig, [], str(uuid.uuid4())
        qos = QoSProfile(depth=10)
        self.publisher = rig.client.create_publisher(Status, 'bond', qos)
        rig.client.create_subscription(Status, 'bond', self._take, qos)
        self.timer = rig.client.create_timer(0.1, self.send)
        self.timer.cancel()
        rig.until(self.publisher.get_subscription_count, 'bond subscribed')

    def _take(self, msg):
        if msg.id == 'lg_tracker' and msg.instance_id != self.instance:
            self.rig._add(self.heard, msg)

    def beat(self):
        """Begin to send heartbeats, and wait until both sides know of each other."""
        self.timer.reset()
        self.rig.part(PART, lambda s: s.message == 'heartbeats go both ways')

    def send(self, active=True, instance=''):
        """Send a heartbeat, or the end."""
        self.publisher.publish(Status(
            id='lg_tracker', instance_id=instance or self.instance, active=active,
            heartbeat_timeout=4.0, heartbeat_period=0.1))


def change(rig, label):
    client = rig.service(ChangeState, 'lg_tracker/change_state')
    request = ChangeState.Request()
    request.transition.label = label
    return rig.result(client.call_async(request)).success


def test_heartbeats_go_both_ways_and_deactivating_ends_the_bond():
    with Rig(bond=True) as rig:
        manager = Manager(rig)
        rig.until(lambda: len(manager.heard) > 2, 'heartbeats')
        first = manager.heard[-1]
        assert (first.id, first.active) == ('lg_tracker', True)
        assert (first.heartbeat_period, first.heartbeat_timeout) == pytest.approx((0.1, 4.0))
        assert rig.part(PART).message == 'no lifecycle manager yet'
        manager.beat()
        assert rig.part(PART).level == OK
        assert change(rig, 'deactivate')
        rig.until(lambda: not manager.heard[-1].active, 'the end')
        assert {m.instance_id for m in manager.heard} == {first.instance_id}
        manager.timer.cancel()
        manager.instance = str(uuid.uuid4())  # bondcpp makes another bond each time
        assert change(rig, 'activate')
        rig.until(lambda: manager.heard[-1].active, 'heartbeats again')
        assert manager.heard[-1].instance_id != first.instance_id
        manager.beat()


def test_who_ends_the_bond_is_answered_and_the_tracking_goes_on():
    with Rig(bond=True) as rig:
        manager = Manager(rig)
        manager.beat()
        rig.start(0)
        manager.send(instance='somebody-else')
        assert rig.part(PART, lambda s: s.level == ERROR).message.startswith(
            'more than one other side')
        manager.timer.cancel()
        manager.send(active=False)
        rig.until(lambda: not manager.heard[-1].active, 'answer')
        count = len(manager.heard)
        for i in range(1, 4):
            rig.node.parts.bond._beat()  # what its timer does: nothing, from now on
            assert rig.process(i)[1].target_id
        assert len(manager.heard) == count
        assert rig.part(PART, lambda s: s.level == WARN).message == (
            'the lifecycle manager has ended the bond')


def test_a_manager_that_falls_silent_is_told(monkeypatch):
    with Rig(bond=True) as rig:
        monkeypatch.setattr('lg_tracker_ros.ros.supervision.bond.TIMEOUT_S', 0.3)
        manager = Manager(rig)
        manager.beat()
        manager.timer.cancel()
        status = rig.part(PART, lambda s: s.level == WARN)
        assert status.message.startswith('no heartbeat of the lifecycle manager for 0.')
        rig.until(lambda: not manager.heard[-1].active, 'the end')
        rig.start(0)


def test_a_missing_package_is_told_the_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, 'bond.msg', None)
    with Rig(bond=True, started=False) as rig:
        status = rig.part('lg_tracker: tracking', lambda s: s.level == ERROR)
        assert 'sudo apt install ros-$ROS_DISTRO-bond' in status.message


def test_a_node_without_a_bond_sends_none():
    with Rig() as rig:
        assert rig.node.parts.bond is None and not rig.client.count_publishers('bond')
        assert PART not in rig.diagnostics
