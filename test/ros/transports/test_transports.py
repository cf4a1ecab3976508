"""Images beside the image topic: found, switched to in mid-stream, and video packets decoded."""

import threading

from helpers.packets import Encoder
from helpers.ros import path, Rig, scene, SIZE, stamp
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.ros.convert import compressed_to_msg
from lg_tracker_ros.types import Box
import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header, String

ERROR = b'\x02'
CAMERA = 'lg_tracker: camera /image'
KINDS = {'image': Image, 'image/compressed': CompressedImage}


def messages(topic, **options):
    """Return what makes the messages of a topic: image -> message."""
    if topic == 'image':
        return lambda image: None
    if topic == 'image/compressed':
        return lambda image: compressed_to_msg(image, Header(), 'png')
    encoder = Encoder(make=packet(), **options)
    return lambda image: encoder(image)[0]


def packet():
    return pytest.importorskip('ffmpeg_image_transport_msgs.msg').FFMPEGPacket


def send(rig, make, i, topic):
    """Publish frame i on a topic and wait until the node has it."""
    before = rig.node.stream.worker.counts('/image')['received']
    image = scene(*path(i))
    rig.send(i, image, topic, make(image))
    rig.until(lambda: rig.node.stream.worker.counts('/image')['received'] > before, f'frame {i}')


def check(rig, i):
    """Wait for the result of frame i; the box is right."""
    rig.until(lambda: rig.boxes().get(stamp(i)), lambda: f'frame {i} of {sorted(rig.boxes())}')
    assert iou(rig.boxes()[stamp(i)], Box(*path(i), *SIZE)) > .8


def begin(rig, make, topic):
    """Start a camera on a topic, and tracking on its frame 0."""
    if topic not in rig.cameras:
        kind = KINDS.get(topic) or packet()
        rig.camera(topic, kind=kind)
    rig.connect()
    send(rig, make, 0, topic)
    answer = rig.init(0)
    assert answer.success, answer.message
    assert answer.header.frame_id == f'{topic}_optical'
    check(rig, 0)


@pytest.mark.parametrize('topic, transport', [
    ('image/compressed', 'auto'), ('image/ffmpeg', 'auto'),
    ('image/compressed', 'compressed'), ('image/ffmpeg', 'ffmpeg'), ('image', 'raw')])
def test_images_are_found_where_they_are(topic, transport):
    make = messages(topic)
    with Rig(started=False, image_transport=transport) as rig:
        begin(rig, make, topic)
        for i in (1, 2):
            send(rig, make, i, topic)
            check(rig, i)
        assert {s.camera for s in rig.statuses if s.camera} == {'/image'}


def test_a_stated_transport_leaves_the_others_alone():
    with Rig(started=False, image_transport='compressed') as rig:
        rig.camera()
        # at first the camera isn't known yet
        told = rig.part(CAMERA, lambda s: s.level == ERROR and 'start the camera' not in s.message)
        assert told.message == ('no publisher on /image/compressed; /image itself has one: set '
                                'image_transport to auto')
        assert not rig.cameras['image'].get_subscription_count()
    with Rig(started=False) as rig:
        rig.client.create_publisher(String, 'image', 1)
        told = rig.part(CAMERA, lambda s: 'carries' in s.message)
        assert told.message.startswith('/image carries std_msgs/msg/String; expected ')


def test_raw_counts_while_it_is_published_and_then_compressed():
    raw, compressed = messages('image'), messages('image/compressed')
    with Rig(started=False) as rig:
        rig.camera('image/compressed', kind=CompressedImage)
        begin(rig, compressed, 'image/compressed')
        rig.camera()
        rig.until(rig.cameras['image'].get_subscription_count, 'the better one')
        send(rig, raw, 1, 'image')
        check(rig, 1)
        # what was published beside it meanwhile is not received twice
        assert not rig.cameras['image/compressed'].get_subscription_count()
        rig.client.destroy_publisher(rig.cameras.pop('image'))
        rig.until(rig.cameras['image/compressed'].get_subscription_count, 'back')
        send(rig, compressed, 2, 'image/compressed')
        check(rig, 2)
        assert rig.node.stream.worker.target.name


def test_a_video_is_decoded_whole_while_the_tracker_is_busy():
    make = messages('image/ffmpeg', gop=100)
    with Rig(started=False) as rig:
        begin(rig, make, 'image/ffmpeg')
        rig.build.local.gate = gate = threading.Event()
        for i in range(1, 12):
            send(rig, make, i, 'image/ffmpeg')
        gate.set()
        check(rig, 11)
        counts = rig.received(12, 'image')
        assert counts['undecodable'] == 0 and counts['overwritten'] > 5
        # what was passed over is kept as an image: a target can be begun on it
        assert rig.init(5).success
        check(rig, 5)


def test_lost_packets_and_another_encoder_are_told_and_tracking_goes_on():
    make = messages('image/ffmpeg', gop=6)
    with Rig(started=False) as rig:
        begin(rig, make, 'image/ffmpeg')
        send(rig, make, 1, 'image/ffmpeg')
        # as the middleware numbers a message after two that got lost
        camera, (lost,) = rig.node.stream.cameras[0], [make(scene(*path(2)))]
        camera._take(lost, {'publication_sequence_number': 5})
        for i in range(3, 6):
            send(rig, make, i, 'image/ffmpeg')
        told = rig.part(CAMERA, lambda s: 'key frame' in s.message)
        assert told.level == ERROR and '2 packets were lost on the way: waiting' in told.message
        send(rig, make, 6, 'image/ffmpeg')
        check(rig, 6)
        other = messages('image/ffmpeg', name='libx265')
        send(rig, other, 8, 'image/ffmpeg')
        send(rig, other, 9, 'image/ffmpeg')
        check(rig, 9)
        assert rig.received(10, 'image')['undecodable'] == 4  # 2 to 5


def test_packets_that_nobody_can_read_are_told_in_a_line():
    make = messages('image/ffmpeg', encoding='libsvtav1')
    with Rig(started=False) as rig:
        rig.camera('image/ffmpeg', kind=packet())
        rig.connect()
        send(rig, make, 0, 'image/ffmpeg')
        told = rig.part(CAMERA, lambda s: 'libsvtav1' in s.message)
        assert told.level == ERROR and 'expected H.264 or H.265' in told.message
