"""The node over DDS: what comes in and what comes out."""

import array
import itertools
import re
import threading
import time

import cv2
from helpers.ros import Build, path, PATIENCE, Rig, scene, SIZE, stamp
from lg_tracker_ros.boxes import iou, scale
from lg_tracker_ros.ros.convert import (
    compressed_to_msg,
    detection_from_msg,
    time_from_msg,
)
from lg_tracker_ros.types import Box
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

OK, WARN = b'\x00', b'\x01'
TRACKING = 'lg_tracker: tracking'


def truth(i):
    """Return the box drawn in frame i."""
    return Box(*path(i), *SIZE)


def test_follows_with_the_images_own_headers():
    with Rig() as rig:
        answer = rig.start(0, label='mug')
        assert re.fullmatch('target-[0-9a-f]{6}-1', answer.target_id)
        assert answer.header.frame_id == 'image_optical'
        for i in range(1, 15):
            detection, status = rig.process(i)
            box, confidence = detection_from_msg(detection)
            assert iou(box, truth(i)) > 0.95 and confidence > 0.9
            assert detection.header.frame_id == 'image_optical'
            assert detection.id == answer.target_id
            assert detection.results[0].hypothesis.class_id == 'mug'
            assert (status.mode, status.camera, status.visible) == (1, '/image', True)
            assert status.time_since_last_seen == 0
            stages = (status.latency_queue_ms, status.latency_convert_ms,
                      status.latency_local_ms, status.latency_publish_ms)
            assert 0 < sum(stages) <= status.latency_total_ms + 0.01


def test_lost_searched_everywhere_and_found_elsewhere():
    with Rig(beta2=3, visible_threshold=0.6) as rig:  # the template's .25 on nothing is no doubt
        target = rig.start(0).target_id
        rig.process(1)
        modes = []
        for i in range(2, 9):
            detection, status = rig.process(i, scene())
            assert not detection.results and not status.visible
            assert detection.bbox.size_x == 0 and detection.id == target
            assert status.time_since_last_seen == pytest.approx((i - 1) * 0.04)
            modes.append(status.mode)
        assert modes[:4] == [1, 1, 1, 2]
        for i in range(9, 13):
            detection, status = rig.process(i, scene(250, 180))
            if detection.results:
                break
        assert status.visible and status.consecutive_failures == 0
        assert iou(detection_from_msg(detection)[0], Box(250, 180, *SIZE)) > 0.9


def test_late_init_replays_to_the_same_boxes_as_an_early_one():
    def late():
        with Rig() as rig:
            rig.feed(range(20))
            assert not rig.detections
            answer = rig.init(3)
            assert answer.success and 'catching up 16 frames' in answer.message
            assert time_from_msg(answer.header.stamp) == stamp(3)
            rig.until(lambda: len(rig.detections) == 17, 'replay')
            rig.process(20)
            counts = rig.received(21)
            assert counts['replayed'] == 17 and counts['processed'] == 1
            return rig.boxes()

    with Rig() as rig:
        rig.start(3)
        for i in range(4, 21):
            rig.process(i)
        early = rig.boxes()
    assert late() == early
    assert sorted(early) == [stamp(i) for i in range(3, 21)]


def test_in_lockstep_a_slow_tracker_drops_nothing():
    """Thirty frames at once, each slow to track: the boxes are those of one after the other."""
    def played(delay, lockstep):
        with Rig(Build(delay=delay), lockstep=lockstep) as rig:
            rig.start(0)
            for i in range(1, 31):
                if lockstep:
                    rig.send(i)
                else:
                    rig.process(i)
            rig.until(lambda: len(rig.detections) == 31, 'every result')
            counts = rig.received(31)
            assert (counts['processed'], counts['overwritten']) == (30, 0)
            return rig.boxes()
    assert played(0.03, True) == played(0.0, False)


def test_in_lockstep_the_last_frames_of_a_camera_wait_for_no_other():
    with Rig(cameras=('a', 'b'), lockstep=True, camera_timeout=0.2) as rig:
        rig.feed([0], 'a')
        rig.feed([0], 'b')
        assert rig.init(0, camera='a').success
        rig.feed([1], 'b')
        rig.feed([1, 2, 3], 'a')  # the recording of a is the longer one
        rig.until(lambda: rig.boxes().get(stamp(3)), 'the last frame')
        assert [i for i in range(4) if stamp(i) in rig.boxes()] == [0, 1, 2, 3]


def test_in_lockstep_cameras_of_two_clocks_are_told():
    with Rig(cameras=('a', 'b'), lockstep=True) as rig:
        rig.feed([0], 'a')
        assert rig.init(0, camera='a').success
        for i in (1, 2):
            rig.feed([i + 1000], 'b')
            rig.feed([i], 'a')
        part = rig.part('lg_tracker: tracking', lambda s: '/b are stamped 40.0 s' in s.message)
        assert part.level == part.WARN


def test_every_drop_is_counted_with_a_slow_tracker():
    build = Build(delay=0.05)
    with Rig(build) as rig:
        rig.start(0)
        rig.received(1)
        rig.feed(range(1, 31))
        assert rig.received(31)['received'] == 31
        for i in range(31, 61):  # all at once: more than the middleware keeps for a reader
            rig.send(i)
        counts = rig.received(61)
        lost = rig.node.stream.cameras[0].loss.lost
        assert counts['received'] + lost == 61
        assert counts['processed'] + counts['overwritten'] + counts['not_wanted'] == 61 - lost
        assert counts['not_wanted'] == 1  # the first, before there was a target
        assert counts['processed'] == build.local.calls
        rig.until(lambda: len(rig.detections) == counts['processed'] + counts['replayed'])
        newest = max(time_from_msg(d.header.stamp) for d in rig.detections)
        assert newest == stamp(60)  # the newest frame wins
        values = {v.key: v.value for v in rig.part('lg_tracker: tracking', lambda s: any(
            v.key == 'overwritten' and int(v.value) == counts['overwritten']
            for v in s.values)).values}
        assert int(values['received']) + int(values['lost_on_the_way']) == 61


def test_boxes_follow_a_change_of_the_image_size():
    with Rig() as rig:
        rig.start(0)
        for i, k in enumerate((1, 0.5, 3, 1), 1):
            detection, _ = rig.process(i, cv2.resize(scene(*path(i)), None, fx=k, fy=k,
                                                     interpolation=cv2.INTER_AREA))
            box, confidence = detection_from_msg(detection)
            assert iou(box, scale(truth(i), k, k)) > 0.9 and confidence > 0.7


def test_a_failing_network_is_reported_and_the_node_lives_on():
    build = Build()
    with Rig(build) as rig:
        rig.start(0)
        build.local.fail = 'track'
        rig.send(1)
        assert rig.received(2)['failed'] == 1
        rig.part('lg_tracker: tracking',
                 lambda s: s.level == b'\x02' and 'device lost' in s.message)
        build.local.fail = ''
        rig.process(2)
        build.local.fail = 'init'
        assert rig.init(2).success
        rig.part('lg_tracker: tracking',
                 lambda s: s.level == b'\x02' and 'no memory' in s.message)
        rig.until(lambda: rig.statuses[-1].mode == 0, 'idle')
        build.local.fail = ''
        rig.start(3)


def test_a_jpeg_with_a_garbled_header_is_refused_and_forgotten():
    with Rig(cameras=('cam/compressed',), started=False) as rig:
        rig.camera('cam/compressed', kind=CompressedImage)
        rig.connect()
        good = compressed_to_msg(scene(*path(0)), Header())
        bad = compressed_to_msg(scene(*path(0)), Header())
        at = bytes(bad.data).index(b'\xff\xc0')
        bad.data[at + 5:at + 9] = array.array('B', b'\xff\xdc\xff\xdc')  # 65500 x 65500
        future = rig.init_async()
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        rig.send(0, topic='cam/compressed', msg=bad)
        answer = rig.result(future)
        assert not answer.success and answer.message and len(answer.message) <= 300
        rig.send(1, topic='cam/compressed', msg=good)
        rig.received(2, 'cam/compressed')
        assert rig.init(1, box=(*path(0), *SIZE)).success
        rig.until(lambda: len(rig.detections) == 1, 'begun')
        rig.send(2, topic='cam/compressed', msg=bad)
        assert rig.received(3, 'cam/compressed')['undecodable'] == 1
        rig.send(3, topic='cam/compressed', msg=good)
        rig.until(lambda: stamp(3) in rig.boxes(), 'the next is tracked')


def test_compressed_images():
    with Rig(cameras=('cam/compressed',), started=False) as rig:
        rig.camera('cam/compressed', kind=CompressedImage, reliable=False)
        rig.connect()
        for i in range(5):
            rig.send(i, topic='cam/compressed',
                     msg=compressed_to_msg(scene(*path(i)), Header()))
        rig.received(5, 'cam/compressed')
        assert rig.init(0, camera='cam/compressed').success
        rig.until(lambda: len(rig.detections) == 5, 'replay')
        assert all(iou(b, truth(i)) > 0.9 for i, (_, b) in enumerate(sorted(rig.boxes().items())))


def test_target_leaves_one_camera_and_is_found_in_another():
    with Rig(cameras=('a/image', 'b/image'), beta2=2) as rig:
        rig.send(0, topic='a/image')
        rig.received(1, 'a/image')
        assert rig.init(0).success
        rig.until(lambda: rig.detections, 'begun')
        for i in range(1, 4):
            rig.process(i, topic='a/image')
            rig.send(i, scene(), 'b/image')
        counts = rig.received(3, 'b/image')
        assert counts['processed'] == 0
        for i in range(4, 12):  # gone from a; b shows it, a moment later than a's frame
            rig.send(i, scene(200, 150), 'b/image')
            rig.received(i, 'b/image')
            rig.send(i, scene(), 'a/image')
            rig.received(i + 1, 'a/image')
            if any(s.camera == '/b/image' and s.visible for s in rig.statuses):
                break
        rig.until(lambda: any(s.camera == '/b/image' and s.visible for s in rig.statuses), 'in b')
        detection, status = rig.process(20, scene(203, 150), 'b/image')
        assert status.camera == '/b/image' and status.mode == 1
        assert detection.header.frame_id == 'b/image_optical'
        rig.part('lg_tracker: tracking', lambda s: any(
            (v.key, v.value) == ('camera', '/b/image') for v in s.values))
        assert iou(detection_from_msg(detection)[0], Box(203, 150, *SIZE)) > 0.9


@pytest.mark.parametrize('simulated', [False, True])
def test_a_silent_camera_lets_the_others_search(simulated):
    # before: never with use_sim_time and no clock, or one that stands still
    with Rig(cameras=('a/image', 'b/image'), camera_timeout=0.2, use_sim_time=simulated) as rig:
        rig.send(0, topic='a/image')
        rig.received(1, 'a/image')
        assert rig.init(0).success
        rig.until(lambda: rig.detections, 'begun')
        begun, i = time.monotonic(), 1
        while not any(s.camera == '/b/image' and s.visible for s in rig.statuses):
            rig.send(i, scene(100, 100), 'b/image')
            rig.received(i, 'b/image')
            i += 1
            assert time.monotonic() < begun + 10
        found = next(s for s in rig.statuses if s.camera == '/b/image')
        assert found.mode == 2


def test_two_nodes_in_two_namespaces():
    with Rig(namespace='/left') as left, Rig(namespace='/right') as right:
        left.start(0, target_id='l')
        right.start(0, target_id='r')
        for i in range(1, 4):
            assert left.process(i)[0].id == 'l'
            assert right.process(i)[0].id == 'r'
        assert {d.id for d in left.detections} == {'l'}
        assert left.part('left/lg_tracker: tracking').hardware_id == '/left/lg_tracker'


def test_nobody_says_that_there_is_no_target_before_its_first_result_is_done():
    with Rig() as rig:
        gate = threading.Event()
        rig.end.callback(gate.set)
        rig.node.outputs.draw = lambda results: gate.wait(PATIENCE)
        rig.start(0)
        for _ in range(2):  # the first may have been on its way
            rig.diagnostics.clear()
            told = rig.part(TRACKING)
        # before: an idle status came after that of the target, and "no target" in /diagnostics
        assert told.message == 'a target is being begun on'
        assert rig.statuses[-1].visible
        gate.set()
        rig.part(TRACKING, lambda s: s.message == 'target is followed')


def test_silence_of_the_camera_is_told_and_status_goes_on():
    with Rig(camera_timeout=0.3, haste=1) as rig:
        rig.start(0)
        rig.process(1)
        count = len(rig.statuses)
        told = rig.part(TRACKING, lambda s: 'no image for' in s.message)
        assert told.level == WARN and told.message.endswith(' s on /image')
        values = {v.key: v.value for v in told.values}
        assert (values['visible'], values['confidence']) == ('False', '0.000')
        rig.until(lambda: len(rig.statuses) > count + 2, 'status goes on')
        late = rig.statuses[count:]
        assert {(s.mode, s.visible, s.confidence, s.target_id) for s in late} == {
            (1, False, 0.0, late[0].target_id)}
        ages = [s.time_since_last_seen for s in late]
        assert ages[0] > 0.3 and ages == sorted(ages) and ages[-1] - ages[0] > 0.5
        rig.process(2)
        rig.part(TRACKING, lambda s: s.level == OK and s.message == 'target is followed')


def test_a_tracker_that_hangs_is_told():
    build = Build()
    with Rig(build, camera_timeout=0.3) as rig:
        rig.start(0)
        build.local.gate = threading.Event()
        told = rig.part(
            TRACKING, lambda s: rig.send(1) and 'busy with one frame for' in s.message)
        assert told.level == WARN


def test_too_slow_is_told_with_rates_threads_and_engine():
    with Rig(Build(delay=0.05)) as rig:
        rig.start(0)
        sent = itertools.count(1)
        status = rig.part(TRACKING, lambda s: rig.send(next(sent)) and 'too slow' in s.message)
        found = re.search(r'too slow: ([\d.]+) images a second come, ([\d.]+) are processed '
                          r'\(threads: (.+), engine: (\w+) on cpu\)$', status.message)
        assert found, status.message
        assert float(found[1]) > 1.2 * float(found[2]) > 0 and status.level == WARN


def test_debug_image_and_attention_only_while_somebody_listens():
    with Rig(beta2=1) as rig:
        rig.start(0)
        seen = {'debug_image': [], 'attention': []}
        subs = [rig.client.create_subscription(
            Image, f'lg_tracker/{k}', lambda m, v=v: rig._add(v, m), 10) for k, v in seen.items()]
        rig.until(lambda: rig.node.outputs.debug.get_subscription_count()
                  and rig.node.outputs.attention.get_subscription_count(), 'listened to')
        for i in range(1, 5):
            rig.process(i, scene())
        rig.until(lambda: len(seen['debug_image']) == 4 and seen['attention'], 'pictures')
        assert (seen['debug_image'][0].width, seen['debug_image'][0].encoding) == (320, 'bgr8')
        assert seen['attention'][0].encoding == 'mono8'
        for s in subs:
            rig.client.destroy_subscription(s)
