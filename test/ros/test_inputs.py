"""Image topics: which publisher counts, with which QoS, and what is said when nothing comes."""

from helpers.ros import path, Rig, scene
from lg_tracker_ros.ros import inputs
from lg_tracker_ros.ros.convert import compressed_to_msg, image_to_msg
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
CAMERA = 'lg_tracker: camera /image'


def test_no_publisher_and_another_type_are_errors_that_say_how_to_mend():
    with Rig(cameras=('image', 'words'), started=False) as rig:
        rig.client.create_publisher(Image, 'front/image_raw', 1)
        rig.client.create_publisher(String, 'words', 1)
        status = rig.part(CAMERA, lambda s: 'front' in s.message)
        assert status.level == ERROR
        assert status.message == (
            'no publisher on /image; image topics that exist: /front/image_raw. Set the '
            'parameter image_topics or remap: -r image:=/front/image_raw')
        words = rig.part('lg_tracker: camera /words', lambda s: 'carries' in s.message)
        assert words.level == ERROR and 'std_msgs/msg/String' in words.message


@pytest.mark.parametrize('reliable', [True, False])
def test_qos_is_matched_also_after_the_camera_was_started_anew(reliable):
    with Rig(started=False) as rig:
        rig.camera(reliable=reliable)
        rig.connect()
        rig.start(0)
        rig.part(CAMERA, lambda s: s.level == OK)
        rig.client.destroy_publisher(rig.cameras.pop('image'))
        rig.part(CAMERA, lambda s: s.level == ERROR and 'no publisher' in s.message)
        rig.camera(reliable=not reliable)
        rig.connect()
        wanted = 'BEST_EFFORT' if reliable else 'RELIABLE'
        rig.until(lambda: [i.qos_profile.reliability.name for i in
                           rig.client.get_subscriptions_info_by_topic('/image')] == [wanted],
                  'matched anew')
        rig.connect()
        rig.process(1)
        camera = rig.node.stream.cameras[0]
        assert camera.loss.lost == 0
        assert ('let it publish reliable' in camera.advice) == (wanted == 'BEST_EFFORT')


def test_the_newest_publisher_counts_and_silence_tries_another():
    with Rig(started=False) as rig, Rig(node=False) as first, Rig(node=False) as back:
        first.camera(kind=CompressedImage)
        first.connect()
        rig.until(first.cameras['image'].get_subscription_count, 'subscribed')
        first.send(0, msg=compressed_to_msg(scene(*path(0)), Header()))
        rig.received(1)
        # killed, as DDS sees it for a while; back with another type
        back.camera()
        rig.until(back.cameras['image'].get_subscription_count, 'subscribed anew', 5)
        back.send(1)
        rig.received(2)
        # that one falls silent, and who was there before goes on
        rig.until(first.cameras['image'].get_subscription_count, 'tried again', 10)
        first.send(2, msg=compressed_to_msg(scene(*path(2)), Header()))
        rig.received(3)


def test_two_cameras_on_one_topic_are_told_once_neither_can_be_a_dead_one(monkeypatch):
    with Rig(started=False) as rig:
        one, other = rig.camera(), rig.camera()
        rig.connect()
        rig.start(0)
        rig.part(CAMERA, lambda s: s.level == OK and any(
            v.key == 'publishers' and v.value == '2' for v in s.values))
        monkeypatch.setattr(inputs, 'CROWD_S', 0.1)

        def both(s):
            rig.send(1)
            return s.level == WARN and s.message.startswith('2 publishers, whose images are taken')
        rig.part(CAMERA, both)
        rig.client.destroy_publisher(one)
        rig.until(lambda: rig.send(2) and rig.diagnostics[CAMERA].level == OK, 'alone again')
        assert rig.cameras['image'] is other


def test_a_topic_that_cannot_be_subscribed_to_is_told_and_the_node_lives_on():
    with Rig(started=False) as rig:
        # of another type in the same DDS participant, which that refuses
        rig.camera(kind=CompressedImage)
        taken = rig.client.create_publisher(CompressedImage, 'image', 1)
        rig.connect()
        with Rig(node=False) as other:
            other.camera()
            told = rig.part(CAMERA, lambda s: s.level == ERROR)
            assert "/image can't be subscribed to as sensor_msgs/msg/Image" in told.message
        rig.until(lambda: taken.get_subscription_count() and rig.send(
            0, msg=compressed_to_msg(scene(*path(0)), Header())), 'back')
        rig.received(1)


def test_incompatible_qos_is_an_error_that_says_how_to_mend():
    with Rig(started=False, reliability='reliable') as rig:
        rig.camera(reliable=False)
        status = rig.part(CAMERA, lambda s: 'incompatible' in s.message)
        assert status.level == ERROR and "reliability to 'auto'" in status.message


def test_unreadable_images_are_an_error_and_are_counted():
    with Rig() as rig:
        rig.start(0)
        rig.send(1, msg=Image(width=2, height=2, step=8, encoding='64FC1', data=bytes(16)))
        assert rig.received(2)['undecodable'] == 1
        rig.part(CAMERA, lambda s: s.level == ERROR and "'64FC1'" in s.message)
        rig.process(2)
        rig.cameras['image'].publish(image_to_msg(scene(), Header(
            frame_id='\x1b[2J' + 'f' * 10**6)))
        rig.part(CAMERA, lambda s: any(v.key == 'frame_id' and len(v.value) == 300
                                       and v.value.startswith('\\x1b[2Jf') for v in s.values))


def test_the_range_of_a_thermal_camera_is_told():
    grey = 29500 + 4 * scene(*path(0))[..., 0].astype(np.uint16)
    with Rig() as rig:
        rig.send(0, msg=Image(width=320, height=240, step=640, encoding='mono16',
                              data=grey.tobytes()))
        rig.received(1)
        assert rig.init(0).success
        status = rig.part(CAMERA, lambda s: any(
            v.key == 'range_shown' and v.value for v in s.values))
        low, high = map(float, next(
            v.value for v in status.values if v.key == 'range_shown').split('..'))
        assert grey.min() <= low < low + 400 < high <= grey.max()


def test_topics_that_a_remapping_swaps_are_not_swapped_twice():
    swapped = ['--ros-args', '-r', 'a:=b', '-r', 'b:=a']
    with Rig(cameras=('a', 'b'), started=False, cli_args=swapped) as rig:
        rig.camera('a', kind=CompressedImage)
        rig.camera('b')
        rig.connect()
        rig.send(0, topic='a', msg=compressed_to_msg(scene(), Header()))
        rig.send(0, topic='b')
        for name in ('/a', '/b'):
            rig.until(lambda n=name: rig.node.stream.worker.counts(n)['received'], name)
