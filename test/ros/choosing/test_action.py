"""The action ``track``: its goals, feedback and ends, over DDS."""

from helpers.ros import find, path, Rig, scene, SIZE, stamp
from lg_tracker_interfaces.action import Track
from lg_tracker_ros.ros.convert import time_from_msg, time_to_msg
from lg_tracker_ros.ros.target_services import QUEUE
from rclpy.action import ActionClient, ActionServer
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2D, Detection2DArray

CANCELED, ABORTED = 5, 6
Result = Track.Result


class Client:
    """Sends goals to a rig's node."""

    def __init__(self, rig):
        """Connect."""
        self.rig, self.heard = rig, []
        # deep: of answers that this client loses the node knows nothing
        self.client = ActionClient(rig.client, Track, 'track', goal_service_qos_profile=QUEUE)
        rig.ready(self.client.server_is_ready)

    def goal(self, i=None, **fields):
        """Send a goal for the target in frame ``i``, or one without a box; return its handle."""
        request = Track.Goal(**fields)
        if i is not None:
            request.x, request.y, request.width, request.height = map(float, (*path(i), *SIZE))
            request.header.stamp = time_to_msg(stamp(i))
        handle = self.rig.result(self.ask(
            self.client.send_goal_async, request,
            lambda m: self.rig._add(self.heard, m.feedback.status)))
        assert handle.accepted
        return handle

    def ask(self, send, *given):
        """
        Send in the thread that takes answers; return the answer's future.

        rclpy's client notes what it waits for after it has sent: from another thread, an answer
        in between is dropped.
        """
        return self.rig.result(self.rig.client.executor.create_task(send, *given))

    def end(self, handle):
        """Wait for a goal's end; return its state, code and message."""
        answer = self.rig.result(self.ask(handle.get_result_async))
        return answer.status, answer.result.error_code, answer.result.error_msg


def test_a_goal_is_followed_with_feedback_until_it_is_cancelled():
    with Rig(track_action=True) as rig:
        client = Client(rig)
        rig.feed(range(3))
        handle = client.goal(0, target_id='cup')
        rig.until(lambda: client.heard, 'feedback')
        rig.process(3)
        rig.until(lambda: time_from_msg(client.heard[-1].header.stamp) == stamp(3), 'newest')
        assert client.heard[-1].visible and client.heard[-1].target_id == 'cup'
        assert rig.result(client.ask(handle.cancel_goal_async)).goals_canceling
        assert client.end(handle) == (CANCELED, Result.NONE, '')
        rig.until(lambda: not rig.node.stream.worker.taken, 'forgotten')
        assert not rig.node.pending


def test_the_end_of_a_goal_says_why():
    with Rig(track_action=True) as rig:
        client = Client(rig)
        rig.feed(range(2))
        assert client.end(client.goal(-2000))[1] == Result.REFUSED
        first = client.goal(0, target_id='a')
        rig.until(lambda: rig.node.stream.worker.target.name == 'a' and client.heard, 'a')
        second = client.goal(1, target_id='b', lost_after=0.1)
        assert client.end(first) == (ABORTED, Result.REPLACED, 'b is followed instead')
        rig.until(lambda: client.heard[-1].target_id == 'b', 'b')
        for i in range(2, 6):
            header = rig.send(i, scene())
            rig.until(lambda h=header: find(rig.detections, h)
                      or not rig.node.stream.worker.taken, f'frame {i}, or forgotten')
        state, code, text = client.end(second)
        assert (state, code) == (ABORTED, Result.LOST) and text.startswith('b has been unseen for')
        rig.until(lambda: not rig.node.stream.worker.taken, 'forgotten')
        third = client.goal(1, target_id='c')
        rig.until(lambda: rig.node.stream.worker.target.name == 'c', 'c')
        rig.process(6)
        rig.until(lambda: client.heard[-1].target_id == 'c', 'fed')
        rig.reset()
        assert client.end(third) == (ABORTED, Result.REPLACED, 'c was forgotten')
        # one that waits for its image is not taken for the one that is followed
        rig.node.set_parameters([Parameter('init_timeout', value=30.0)])
        waiting = client.goal(8, target_id='e')
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        fourth = client.goal(1, target_id='d')
        rig.until(lambda: rig.node.stream.worker.target.name == 'd', 'd')
        rig.until(lambda: client.heard[-1].target_id == 'd', 'd fed')
        rig.node.trigger_deactivate()
        assert client.end(fourth)[:2] == (ABORTED, Result.STOPPED)
        assert client.end(waiting) == (
            ABORTED, Result.REFUSED, 'the node was deactivated meanwhile')
        assert client.end(client.goal()) == (
            ABORTED, Result.REFUSED, 'the node is inactive; activate it first')


def test_a_goal_for_another_target_of_the_same_name_replaces_the_first():
    with Rig(track_action=True) as rig:
        client = Client(rig)
        rig.feed(range(3))
        first = client.goal(0, target_id='p', lost_after=0.1)
        rig.until(lambda: client.heard, 'feedback')
        for i in (3, 4):
            rig.process(i)
        second = client.goal(4, target_id='p', lost_after=0.1)
        assert client.end(first) == (
            ABORTED, Result.REPLACED, 'another target is called p since')
        rig.process(5)
        rig.until(lambda: time_from_msg(client.heard[-1].header.stamp) == stamp(5), 'fed')
        assert rig.init(5, target_id='p').success
        assert client.end(second)[:2] == (ABORTED, Result.REPLACED)
        assert rig.process(6)[1].target_id == 'p'


def test_a_pause_is_no_loss():
    with Rig(track_action=True) as rig:
        client = Client(rig)
        enable = rig.service(SetBool, 'lg_tracker/enable')
        rig.feed([0])
        end = client.ask(client.goal(0, target_id='cup', lost_after=2.0).get_result_async)
        rig.until(lambda: client.heard, 'feedback')
        rig.result(enable.call_async(SetBool.Request(data=False)))
        rig.until(lambda: client.heard[-1].time_since_last_seen > 2.0, 'fed in the pause')
        rig.result(enable.call_async(SetBool.Request(data=True)))
        assert rig.process(1)[1].visible
        rig.until(lambda: client.heard[-1].visible or end.done(), 'seen again')
        assert not end.done() and rig.node.stream.worker.target.name == 'cup'


def test_a_goal_that_is_cancelled_before_its_image_comes_replaces_nobody():
    with Rig(track_action=True, init_timeout=50.0) as rig:
        client = Client(rig)
        rig.start(0, target_id='cup')
        handle = client.goal(9, target_id='never')
        rig.until(lambda: rig.node.targets.waiting, 'waiting for the image')
        assert rig.result(client.ask(handle.cancel_goal_async)).goals_canceling
        assert client.end(handle) == (CANCELED, Result.NONE, '')
        assert rig.process(9)[1].target_id == 'cup'


def test_a_goal_without_a_box_follows_what_a_detector_chooses():
    with Rig(track_action=True, detections_topic='detections', select='largest') as rig:
        client = Client(rig)
        detector = rig.client.create_publisher(Detection2DArray, 'detections', 10)
        rig.until(detector.get_subscription_count, 'detections subscribed')
        rig.feed(range(2))
        handle = client.goal()
        msg = Detection2DArray(detections=[Detection2D(id='seven')])
        msg.header.stamp, msg.header.frame_id = time_to_msg(stamp(1)), 'image_optical'
        box, (x, y) = msg.detections[0].bbox, path(1)
        box.center.position.x, box.center.position.y = x + SIZE[0] / 2, y + SIZE[1] / 2
        box.size_x, box.size_y = map(float, SIZE)
        detector.publish(msg)
        rig.until(lambda: client.heard, 'feedback')
        assert client.heard[-1].target_id == 'seven'
        client.ask(handle.cancel_goal_async)
        assert client.end(handle) == (CANCELED, Result.NONE, '')


def test_a_goal_without_a_box_that_nothing_would_choose_is_refused():
    with Rig(track_action=True) as rig:
        client = Client(rig)
        status, code, text = client.end(client.goal())
        assert (status, code) == (ABORTED, Result.REFUSED)
        assert text.startswith('there is no target, and nothing that chooses one: give a box')
        rig.start(0)
        handle = client.goal()  # the target that is followed already
        rig.until(lambda: client.heard, 'feedback')
        client.ask(handle.cancel_goal_async)
        assert client.end(handle) == (CANCELED, Result.NONE, '')


def test_a_node_has_no_action_unless_it_is_asked_for():
    with Rig() as rig:
        assert not any(isinstance(w, ActionServer) for w in rig.node.waitables)
    with Rig(track_action=True) as rig:
        assert any(isinstance(w, ActionServer) for w in rig.node.waitables)


def test_every_goal_of_a_storm_is_answered_and_a_wrong_time_is_refused():
    with Rig(track_action=True) as rig:
        client = Client(rig)
        rig.feed(range(2))
        for wrong in (float('nan'), -1.0):
            state, code, text = client.end(client.goal(0, lost_after=wrong))
            assert (state, code) == (ABORTED, Result.REFUSED)
            assert text.startswith('lost_after must be in seconds, 0 for never')
        asked = [client.ask(client.client.send_goal_async, Track.Goal()) for _ in range(60)]
        handles = [rig.result(a) for a in asked]
        assert all(h.accepted for h in handles)
