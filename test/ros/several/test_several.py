"""Several targets in one node, over DDS: places, topics, services."""

import threading

from helpers.ros import find, path, Rig, scene, SIZE, stamp, TemplateRedetector, TemplateTracker
from lg_tracker_interfaces.action import Track
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_ros.ros.convert import detection_from_msg, time_from_msg, time_to_msg
from lg_tracker_ros.tracker import LongTermTracker
import numpy as np
import pytest
from rclpy.parameter import Parameter
from ros.choosing.test_action import ABORTED, Client
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2D, Detection2DArray

OTHER = np.kron(np.random.default_rng(9).integers(0, 256, (7, 9, 3), np.uint8),
                np.ones((4, 4, 1), np.uint8))


class BuildEach:
    """Makes a tracker for each target; ``tables`` holds what they were to share."""

    def __init__(self):
        """Make none yet."""
        self.local, self.tables = TemplateTracker(), []

    def __call__(self, settings, shared=None):
        """Build as build_tracker does."""
        self.tables.append(shared)
        return LongTermTracker(TemplateTracker(), TemplateRedetector(), settings.search())


def other(i):
    """Return where the second target is in frame i."""
    return 240 - 2 * i, 20 + 3 * i


def two(i):
    """Draw both targets of frame i."""
    image = scene(*path(i))
    x, y = other(i)
    image[y:y + SIZE[1], x:x + SIZE[0]] = OTHER
    return image


class TwoRig(Rig):
    """A node for two targets, and a client that records what it says of the second and of all."""

    def __init__(self, **parameters):
        """Listen, too."""
        self.second, self.second_statuses, self.arrays = [], [], []
        super().__init__(BuildEach(), redetector='tanet_lite', targets=2, **parameters)

    def connect(self):
        """Subscribe, before anything is sent."""
        sub = self.client.create_subscription
        sub(Detection2D, 'lg_tracker/target_2/tracked_target',
            lambda m: self._add(self.second, m), 1000)
        sub(TrackerStatus, 'lg_tracker/target_2/status',
            lambda m: self._add(self.second_statuses, m), 1000)
        sub(Detection2DArray, 'lg_tracker/targets', lambda m: self._add(self.arrays, m), 1000)
        super().connect()
        self.until(lambda: self.node.outputs.all.get_subscription_count() and all(
            p.get_subscription_count() for p in self.node.outputs._others[1]), 'matched')

    def call(self, name):
        """Call a service without arguments; its success and message."""
        client = self.service(Trigger, f'lg_tracker/{name}')
        answer = self.result(client.call_async(Trigger.Request()))
        return answer.success, answer.message

    def both(self, i):
        """Publish frame i; the boxes of both targets in it."""
        header = self.send(i, two(i))
        self.until(lambda: find(self.arrays, header), f'targets of frame {i}')
        return [detection_from_msg(find(where, header))[0] if find(where, header) else None
                for where in (self.detections, self.second)]

    def start_both(self):
        """Begin on both in frame 0."""
        self.send(0, two(0))
        name = self.node.resolve_topic_name('image')
        self.until(lambda: self.node.stream.worker.find(stamp(0), [name]), 'frame kept')
        answers = [self.init(0, target_id='one'),
                   self.init(0, (*other(0), *SIZE), target_id='two', label='car')]
        assert [a.success for a in answers] == [True, True]
        assert 'as target 2' in answers[1].message
        self.until(lambda: self.detections and self.second, 'first detections')


def near(box, corner):
    """Whether a box has this corner."""
    return box is not None and abs(box.x - corner[0]) < 2 and abs(box.y - corner[1]) < 2


@pytest.fixture(scope='module')
def rig():
    """Start a node for two targets, once."""
    with TwoRig() as rig:
        yield rig
        assert rig.node.stream.worker.failures == 0


def test_two_targets_each_on_its_topic_and_both_in_the_array(rig):
    rig.start_both()
    assert rig.build.tables[0] is rig.build.tables[1] is not None
    for i in range(1, 6):
        first, second = rig.both(i)
        assert near(first, path(i)) and near(second, other(i))
    at_once = rig.node.settings.engine_config().at_once > 1
    assert any(t.name.startswith('lg_tracker target') for t in threading.enumerate()) is at_once
    array = rig.arrays[-1]
    assert [d.id for d in array.detections] == ['one', 'two']
    assert array.detections[1].results[0].hypothesis.class_id == 'car'
    rig.until(lambda: rig.second_statuses, 'status')
    assert rig.second_statuses[-1].target_id == 'two' and rig.second_statuses[-1].visible
    assert rig.statuses[-1].target_id == 'one'


def test_in_a_silence_the_second_ones_status_goes_on_as_not_visible(rig):
    rig.until(lambda: not rig.second_statuses[-1].visible, 'silence told')
    last = rig.second_statuses[-1]
    assert last.target_id == 'two' and time_from_msg(last.header.stamp) == stamp(5)
    assert last.time_since_last_seen > 1.0


def test_what_is_a_silence_is_the_same_for_the_second(rig):
    stream, (_, result) = rig.node.stream, rig.node.outputs._heard[1]
    assert stream._overdue(result, 1.1) and not stream._overdue(result, 0.9)
    assert rig.node.set_parameters([Parameter('camera_timeout', value=9.0)])[0].successful
    assert not stream._overdue(result, 8.9)
    rig.node.set_parameters([Parameter('camera_timeout', value=1.0)])


def test_one_target_is_reset_and_the_other_goes_on_and_the_place_is_free_again(rig):
    answer = rig.init(None, (*other(5), *SIZE), target_id='three')
    assert not answer.success and 'all 2 targets are taken' in answer.message
    assert 'one, two' in answer.message
    assert rig.call('target_1/reset') == (True, 'forgot one')
    rig.until(lambda: not rig.node.stream.worker.target.name, 'forgotten')
    first, second = rig.both(6)
    assert first is None and near(second, other(6))
    rig.until(lambda: rig.statuses[-1].mode == TrackerStatus.IDLE, 'idle')
    rig.send(7, two(7))
    answer = rig.init(7, (*path(7), *SIZE), target_id='again')
    assert answer.success and 'as target' not in answer.message
    first, second = rig.both(8)
    assert near(first, path(8)) and near(second, other(8))


def test_a_second_target_of_the_past_catches_up_and_the_first_sees_no_frame_twice(rig):
    before = len(rig.detections)
    answer = rig.init(6, (*other(6), *SIZE), target_id='two')  # by its id it keeps its place
    assert answer.success and 'as target 2' in answer.message
    header = [stamp(i) for i in (6, 7, 8)]
    rig.until(lambda: [time_from_msg(m.header.stamp) for m in rig.second][-3:] == header,
              'second caught up')
    assert near(rig.both(9)[1], other(9))
    assert len(rig.detections) == before + 1


def test_rejecting_the_second_leaves_the_first_and_reset_target_forgets_all(rig):
    assert rig.call('target_2/reject') == (True, 'what was followed is not two; searching on')
    assert near(rig.both(10)[0], path(10))
    assert rig.call('target_2/confirm')[0]
    assert rig.reset().message == 'forgot again, two'
    rig.until(lambda: rig.second_statuses[-1].mode == TrackerStatus.IDLE, 'idle')
    assert rig.call('target_2/reset') == (True, 'there was no target')


def test_no_two_targets_have_one_id(capfd):
    with TwoRig(namespace='/ids', track_action=True, annotations=True) as rig:
        assert 'annotations, track_action: of 2 targets they are about' in capfd.readouterr().err
        rig.start_both()
        client = Client(rig)
        assert client.end(client.goal(0, target_id='two')) == (
            ABORTED, Track.Result.REFUSED, 'target 2 is called two already; give another '
            'target_id, or reset that one first')
        rig.both(1)
        assert [d.id for d in rig.arrays[-1].detections] == ['one', 'two']
        client.goal(1, target_id='one')  # its own name may be kept
        rig.until(lambda: any(s.target_id == 'one' for s in client.heard), 'fed')


def test_of_the_first_that_is_followed_diagnostics_tell(rig):
    rig.start_both()
    second = rig.node.stream.worker._team.trackers[1].local
    tracking = 'lg_tracker: tracking'
    assert near(rig.both(1)[1], other(1)) and rig.call('target_1/reset')[0]
    rig.until(lambda: not rig.node.stream.worker.target.name, 'forgotten')
    second.fail = 'track'
    rig.send(2, two(2))
    rig.part(tracking, lambda s: 'device lost' in s.message)
    second.fail = ''
    rig.send(3, two(3))
    told = rig.part(tracking, lambda s: s.message == 'target is followed')
    assert {v.key: v.value for v in told.values}['target_id'] == 'two'
    rig.part(tracking, lambda s: s.message.startswith('no image for'))
    assert rig.statuses[-1].mode == TrackerStatus.IDLE
    assert rig.init(3, (*path(3), *SIZE), target_id='anew').success
    rig.part(tracking, lambda s: 'anew' in {v.value for v in s.values})


def test_with_one_target_there_are_no_such_topics():
    with Rig(namespace='/alone') as rig:
        assert rig.node.outputs.together is None
        names = {n for n, _ in (*rig.node.get_topic_names_and_types(),
                                *rig.node.get_service_names_and_types())}
        assert '/alone/lg_tracker/status' in names
        assert not {n for n in names if n.startswith('/alone/lg_tracker/target')}


def test_a_simulated_clock_that_is_paused_makes_no_time_unseen():
    with TwoRig(namespace='/paused', use_sim_time=True, camera_timeout=0.1) as rig:
        clock = rig.client.create_publisher(Clock, '/clock', 10)
        rig.until(clock.get_subscription_count, 'clock heard')
        clock.publish(Clock(clock=time_to_msg(stamp(0))))
        rig.until(lambda: rig.node.get_clock().now().nanoseconds == stamp(0), 'clock taken')
        rig.start_both()
        for heard in (rig.statuses, rig.second_statuses):
            rig.until(lambda h=heard: h and h[-1].target_id and not h[-1].visible, 'silence')
            assert heard[-1].time_since_last_seen == 0
        clock.publish(Clock(clock=time_to_msg(stamp(0) + 7 * 10**9)))
        for heard in (rig.statuses, rig.second_statuses):
            rig.until(lambda h=heard: h[-1].time_since_last_seen == 7, 'the clock went on')
