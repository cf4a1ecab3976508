"""init_target and reset_target: when they wait, when they refuse, and that they answer."""

import re
import threading

from helpers.ros import Build, path, Rig, scene, SIZE, stamp
from lg_tracker_interfaces.srv import InitTarget
from lg_tracker_ros.ros.convert import image_to_msg, time_from_msg, time_to_msg
from lg_tracker_ros.types import Box
from rclpy.qos import QoSProfile
from std_msgs.msg import Header
from std_srvs.srv import SetBool


def truth(i):
    """Return the box drawn in frame i."""
    return Box(*path(i), *SIZE)


def test_services_answer_during_a_slow_inference():
    build = Build()
    with Rig(build) as rig:
        rig.start(0)
        build.local.gate = threading.Event()
        rig.send(1)
        rig.until(lambda: build.local.calls == 1, 'inference under way')
        # each answer comes while the inference waits for the gate
        for _ in range(20):
            assert rig.init(0, box=(0, 0, 1, 1)).message
        assert rig.init(1, target_id='second').success
        assert rig.reset().success
        build.local.gate.set()
        rig.until(lambda: rig.node.stream.worker.idle, 'idle')
        assert rig.node.stream.worker.target.name == ''
        assert len(rig.detections) == 1  # the result under way was not published


def test_next_frame_is_waited_for_and_refused_after_a_while():
    with Rig(init_timeout=0.6) as rig:
        future = rig.init_async()
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        header = rig.send(0)
        answer = rig.result(future)
        assert answer.success and answer.header == header
        rig.until(lambda: rig.detections, 'detection')
        answer = rig.init()
        assert not answer.success and 'no image on /image within 0.6 s' in answer.message
        rig.process(1)  # what was running goes on


def test_a_stamp_that_is_about_to_come_is_waited_for():
    with Rig() as rig:
        rig.start(0)
        future = rig.init_async(2, target_id='b')
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        rig.send(1)
        rig.send(2)
        assert rig.result(future).success
        rig.until(lambda: any(d.id == 'b' and time_from_msg(d.header.stamp) == stamp(2)
                              for d in rig.detections), 'began on frame 2')


def test_a_storm_of_calls_is_answered_call_by_call():
    with Rig(init_timeout=30) as rig:
        rig.start(0)
        # as ROS makes them they keep ten answers, not enough on a machine that is busy elsewhere
        clients = [rig.client.create_client(InitTarget, 'init_target',
                                            qos_profile=QoSProfile(depth=1000)) for _ in range(5)]
        rig.until(lambda: all(c.service_is_ready() for c in clients), 'clients')
        request = InitTarget.Request(x=40.0, y=60.0, width=36.0, height=28.0)
        request.header.stamp = time_to_msg(stamp(0))
        futures = [c.call_async(request) for _ in range(20) for c in clients]
        rig.until(lambda: all(f.done() for f in futures), 'answers', 60)
        assert all(f.result().success for f in futures)
        request.header.stamp = time_to_msg(0)  # of the next frame, for which 32 may wait
        waiting = [clients[0].call_async(request) for _ in range(40)]
        rig.until(lambda: sum(f.done() for f in waiting) == 8, 'refusals', 60)
        assert {f.result().message for f in waiting if f.done()} == {
            '32 requests wait for an image already; call again later'}
        rig.send(1)
        rig.until(lambda: all(f.done() for f in waiting), 'answers', 60)
        begun = [f.result().target_id for f in waiting if f.result().success]
        passed_over = [f.result().message for f in waiting].count(
            'another target was asked for since')
        assert begun and len(begun) + passed_over == 32
        rig.until(lambda: rig.node.stream.worker.idle, 'idle')
        assert rig.node.stream.worker.target.name == max(begun, key=lambda n: (len(n), n))


def test_while_a_target_is_being_learned_nobody_says_that_there_is_none():
    with Rig() as rig:
        rig.feed([0])
        go, learn = threading.Event(), rig.build.local.init
        rig.build.local.init = lambda *args: (go.wait(60), learn(*args))
        assert rig.init(0, target_id='cup').success
        before = len(rig.statuses)
        rig.part('lg_tracker: tracking', lambda s: s.message == 'a target is being begun on')
        go.set()
        rig.until(lambda: rig.detections, 'begun')
        rig.process(1)
        assert all(s.target_id == 'cup' for s in rig.statuses[before + 1:])


def test_what_waits_for_its_image_undoes_nothing_that_was_asked_for_since():
    with Rig(init_timeout=30) as rig:
        rig.feed([0])
        older = rig.init_async(target_id='older')
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        assert rig.init(0, target_id='newer').success
        rig.until(lambda: rig.detections, 'begun')
        assert rig.process(1)[1].target_id == 'newer'
        answer = rig.result(older)
        assert (answer.success, answer.message) == (False, 'another target was asked for since')
        waiting = rig.init_async(target_id='forgotten')
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        assert rig.reset().message == 'forgot newer'
        assert rig.result(waiting).message == 'reset_target was called meanwhile'
        rig.feed([2])
        assert not rig.node.targets.stream.worker.taken


def test_deactivating_during_a_wait_is_answered_truly():
    with Rig(init_timeout=30) as rig:
        future = rig.init_async()
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        rig.node.trigger_deactivate()
        assert rig.result(future).message == 'the node was deactivated meanwhile'
        assert rig.init().message == 'the node is inactive; activate it first'
        assert rig.reset().message == (
            'there is no target: the node is inactive; activate it first')


def test_an_init_waits_for_the_period_of_a_slow_camera_and_says_what_helps():
    with Rig(init_timeout=0.05) as rig:
        refused = rig.init().message
        assert refused == ('no image on /image within 0.05 s: none has come yet; raise '
                           'init_timeout if the camera is that slow')
        rig.feed([0])
        refused = rig.init().message
        assert re.fullmatch(r'no image on /image within 0.05 s: the last came [\d.]+ s ago; give '
                            r'its stamp, 100.000000000, or raise init_timeout', refused), refused
        pace = rig.node.stream.cameras[0].pace
        pace.tick(pace.last + 8)  # as if eight seconds had passed between two images
        future = rig.init_async()
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        assert not threading.Event().wait(0.3) and not future.done()
        rig.send(1)
        assert rig.result(future).success


def test_escape_codes_of_an_id_reach_no_log(capfd):
    with Rig() as rig:
        answer = rig.start(0, target_id='a\x1b[31m\nb')
        assert answer.target_id == 'a\x1b[31m\nb'
        assert answer.message == 'following a\\x1b[31m b in /image'
        assert rig.reset().message == 'forgot a\\x1b[31m b'
        assert not rig.init(0, camera='\x1b]0;title\x07\n' + 'x' * 10**6).success
    printed = ''.join(capfd.readouterr())
    assert 'following a\\x1b[31m b' in printed and '\x1b[31m' not in printed
    assert '\x1b]' not in printed and 'x' * 400 not in printed


NAN, INF = float('nan'), float('inf')
BAD = [
    ({'i': 5, 'box': (NAN, 1, 20, 20)}, 'finite'), ({'i': 5, 'box': (1, 1, INF, 20)}, 'finite'),
    ({'i': 5, 'box': (10, 10, 0, 20)}, 'positive'),
    ({'i': 5, 'box': (10, 10, -5, 20)}, 'positive'),
    ({'i': 5, 'box': (10, 10, 2, 2)}, 'too small'), ({'i': 5, 'box': (400, 10, 30, 30)}, '0%'),
    ({'i': 5, 'box': (10, 10, 30, 30), 'image_width': 3200, 'image_height': 2400}, 'too small'),
    ({'i': 5, 'image_width': 320}, 'both'),
    ({'i': 5, 'target_id': 'x' * 257}, 'at most 256'),
    ({'i': 5, 'label': 'x' * 10**6}, 'got 1000000'),
    ({'i': 5, 'camera': '/other'}, 'not one of image_topics'),
    ({'i': -2000}, 'is gone: /image keeps 100.000000000 to 100.200000000'),
    ({'i': 9000}, 'is in the future: /image keeps'), ({'i': 2.5}, 'exact stamp')]


def test_bad_requests_are_refused_with_the_reason_and_what_runs_goes_on():
    with Rig() as rig:
        empty = rig.init(3)
        assert not empty.success and 'no image has come yet' in empty.message
        target = rig.start(0).target_id
        for i in range(1, 6):
            rig.process(i)
        for fields, reason in BAD:
            fields = fields.copy()
            i = fields.pop('i')
            fields.setdefault('box', (*path(5), *SIZE))
            answer = rig.init(i, **fields)
            assert not answer.success and reason.split(' to ')[0] in answer.message, answer
        detection, _ = rig.process(6)
        assert detection.id == target and detection.results


def test_images_without_a_stamp_are_found_by_none_and_it_is_said():
    with Rig() as rig:
        rig.cameras['image'].publish(image_to_msg(scene(*path(0)), Header()))
        rig.until(lambda: rig.node.stream.worker.spans(), 'kept')
        answer = rig.init(0)
        assert not answer.success and answer.message.startswith(
            'images of /image have no stamp, so that none can be found by one: give a zero stamp')


def test_a_box_of_one_cameras_image_is_never_begun_on_in_anothers():
    with Rig(cameras=('left', 'right'), init_timeout=0.2) as rig:
        def init(i, frame_id):
            header = Header(frame_id=frame_id)
            if i is not None:
                header.stamp = time_to_msg(stamp(i))
            return rig.init(0, header=header)
        for i in (0, 1):
            rig.feed([i], 'left')
        answer = init(None, 'right_optical')  # that may be the other's, which has yet to come
        assert not answer.success and 'no image on /right within' in answer.message
        rig.feed([0], 'right')
        answer = init(1, 'right_optical')  # the other's image of this moment was lost, or is late
        assert not answer.success and 'is in the future: /right keeps' in answer.message
        for i in (1, None):
            answer = init(i, 'elsewhere')
            assert not answer.success and answer.message.startswith(
                "no image has frame_id 'elsewhere', they have 'left_optical', 'right_optical'")
        answer = init(0, 'right_optical')
        assert answer.success and answer.header.frame_id == 'right_optical', answer.message


def test_box_drawn_on_a_smaller_picture_and_a_second_init():
    with Rig() as rig:
        x, y = path(0)
        rig.start(0, box=(x / 2, y / 2, SIZE[0] / 2, SIZE[1] / 2), image_width=160,
                  image_height=120)
        assert rig.boxes()[stamp(0)] == truth(0)
        assert rig.start(4, target_id='mine').target_id == 'mine'
        detection, _ = rig.process(5)
        assert detection.id == 'mine' == detection.results[0].hypothesis.class_id


def test_reset_forgets_and_idle_status_comes():
    with Rig() as rig:
        target = rig.start(0).target_id
        answer = rig.reset()
        assert answer.success and answer.message == f'forgot {target}'
        assert rig.reset().message in ('there was no target', answer.message)
        rig.until(lambda: rig.statuses[-1].mode == 0, 'idle status')
        assert rig.statuses[-1].time_since_last_seen == -1
        count = len(rig.detections)
        rig.send(1)
        assert rig.received(2)['not_wanted'] == 2
        assert len(rig.detections) == count


def test_disabled_it_processes_nothing_and_goes_on_with_the_same_target():
    with Rig() as rig:
        client = rig.service(SetBool, 'lg_tracker/enable')

        def enable(on):
            return rig.result(client.call_async(SetBool.Request(data=on)))
        enable(False)  # without a target it is told, too
        rig.part('lg_tracker: tracking', lambda s: (s.level, s.message) == (
            b'\x01', 'tracking is disabled; ~/enable goes on'))
        enable(True)
        target = rig.start(0, target_id='cup').target_id
        rig.process(1)
        assert enable(False) == SetBool.Response(success=True, message='tracking is disabled')
        rig.feed(range(2, 6))
        assert rig.received(6)['not_wanted'] == 5  # the first was before there was a target
        assert rig.build.local.calls == 1
        told = rig.part('lg_tracker: tracking', lambda s: 'disabled' in s.message)
        assert told.level == b'\x01' and told.message == 'tracking is disabled; ~/enable goes on'
        rig.until(lambda: not rig.statuses[-1].visible, 'a status that claims nothing')
        refused = rig.init(5)
        assert refused.message == ('tracking is disabled; call ~/enable with data: true first')
        assert enable(True).message == 'tracking is enabled'
        detection, status = rig.process(6)
        assert detection.id == target and status.visible
        rig.node.trigger_deactivate()
        assert enable(True) == SetBool.Response(
            success=False, message='the node is inactive; activate it first')
