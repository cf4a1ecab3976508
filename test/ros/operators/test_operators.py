"""Clicks that choose the target and the box that viewers draw, over DDS."""

from geometry_msgs.msg import Point, PointStamped
from helpers.ros import path, Rig, scene, SIZE, stamp
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.ros.convert import compressed_to_msg, time_to_msg
from lg_tracker_ros.ros.operators.clicks import box_of
from lg_tracker_ros.types import Box
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from visualization_msgs.msg import ImageMarker


def test_corners_in_any_order_and_a_square_around_a_click():
    assert box_of([(50, 60)], 0) is None
    assert box_of([(50, 60), (10, 80)], 0) == (10, 60, 40, 20)
    assert box_of([(50, 60)], 32) == (34, 44, 32, 32)


def click(x, y, i=None, **header):
    msg = PointStamped(point=Point(x=float(x), y=float(y)))
    msg.header.frame_id = header.get('frame_id', '')
    if i is not None:
        msg.header.stamp = time_to_msg(stamp(i))
    return msg


def test_two_clicks_begin_on_the_frame_that_they_name_and_one_with_a_size():
    with Rig(click_topic='image/mouse_click') as rig:
        mouse = rig.client.create_publisher(PointStamped, 'image/mouse_click', 10)
        rig.until(mouse.get_subscription_count, 'clicks subscribed')
        rig.feed(range(3))
        (x, y), (w, h) = path(1), SIZE
        mouse.publish(click(x + w, y, 1))
        mouse.publish(click(x, y + h, 1))
        rig.until(lambda: rig.boxes().get(stamp(1)), 'begun')
        assert rig.boxes()[stamp(1)] == Box(x, y, w, h)
        # in metres, as RViz's tool Publish Point has it
        mouse.publish(click(1, 2, frame_id='map'))
        told = rig.part('lg_tracker: clicks /image/mouse_click', lambda s: s.level == b'\x01')
        assert "a point in 'map', z = 0, is none of an image" in told.message
        rig.node.set_parameters([Parameter('click_size', value=30.0)])
        first = rig.node.stream.worker.target.name
        mouse.publish(click(x + w / 2, y + h / 2, 1))
        rig.until(lambda: rig.node.stream.worker.target.name not in ('', first), 'another')


def test_corners_in_the_images_of_two_cameras_are_none_of_one_box():
    with Rig(click_topic='clicks', cameras=('image', 'other')) as rig:
        mouse = rig.client.create_publisher(PointStamped, 'clicks', 10)
        rig.until(mouse.get_subscription_count, 'clicks subscribed')
        rig.feed([1])
        rig.feed([2], topic='other')
        (x, y), (w, h) = path(1), SIZE
        mouse.publish(click(5, 5, frame_id='other_optical'))
        mouse.publish(click(x + w, y, 1, frame_id='image_optical'))
        mouse.publish(click(x, y + h, 1, frame_id='image_optical'))
        rig.until(lambda: rig.boxes().get(stamp(1)), 'begun')
        assert rig.boxes()[stamp(1)] == Box(x, y, w, h)


def test_rqt_image_view_publishes_bare_points_and_another_type_is_told():
    with Rig(click_topic='image_mouse_left', click_size=32.0) as rig:
        mouse = rig.client.create_publisher(Point, 'image_mouse_left', 10)
        rig.until(mouse.get_subscription_count, 'clicks subscribed')
        (x, y), (w, h) = path(5), SIZE
        mouse.publish(Point(x=x + w / 2, y=y + h / 2))
        rig.until(lambda: rig.node.targets.waiting, 'waiting for the next frame')
        rig.send(5)
        rig.until(lambda: rig.boxes().get(stamp(5)), 'begun')
        assert iou(rig.boxes()[stamp(5)], Box(x, y, w, h)) > .7
    # the picture that is clicked is the same, however the tracker gets it
    with Rig(click_topic='b/image_mouse_left', click_size=32.0, started=False,
             cameras=('a/image/compressed', 'b/image/compressed')) as rig:
        for topic in ('a/image/compressed', 'b/image/compressed'):
            rig.camera(topic, kind=CompressedImage)
        rig.connect()
        mouse = rig.client.create_publisher(Point, 'b/image_mouse_left', 10)
        rig.until(mouse.get_subscription_count, 'clicks subscribed')
        mouse.publish(Point(x=x + w / 2, y=y + h / 2))
        rig.until(lambda: rig.node.targets.waiting, 'waiting for the next frame')
        for topic in rig.cameras:
            rig.send(5, topic=topic, msg=compressed_to_msg(scene(*path(5)), Header()))
        rig.until(lambda: rig.statuses and rig.statuses[-1].target_id, 'begun')
        assert rig.statuses[-1].camera == '/b/image/compressed'
    with Rig(click_topic='tracked_target') as rig:
        told = rig.part('lg_tracker: clicks /tracked_target', lambda s: s.level == b'\x02')
        assert 'carries vision_msgs/msg/Detection2D; expected' in told.message


def test_the_box_is_drawn_and_taken_away():
    heard = []
    with Rig(annotations=True, camera_timeout=60.0) as rig:
        rig.client.create_subscription(ImageMarker, 'lg_tracker/annotations',
                                       lambda m: rig._add(heard, m), 10)
        drawing = rig.node.stream._annotations.publisher
        rig.until(drawing.get_subscription_count, 'heard')
        rig.start(0)
        rig.until(lambda: heard, 'drawn')
        (x, y), (w, h) = path(0), SIZE
        assert [(p.x, p.y) for p in heard[0].points] == [
            (x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)]
        assert heard[0].header == rig.detections[0].header
        # a doubt or two is borne before the target counts as gone
        gone = next(d for d, _ in (rig.process(i, scene()) for i in range(1, 20)) if not d.results)
        rig.until(lambda: heard[-1].header == gone.header, 'the last')
        assert heard[-1].action == ImageMarker.REMOVE and not heard[-1].points
        assert all(m.action == ImageMarker.ADD and m.points for m in heard[:-1])


def test_the_box_of_a_target_that_is_forgotten_or_replaced_or_unknown_is_taken_away():
    heard = []
    with Rig(annotations=True) as rig:
        rig.client.create_subscription(
            ImageMarker, 'lg_tracker/annotations',
            lambda m: rig._add(heard, (m.ns, m.action == ImageMarker.ADD)), 10)
        rig.until(rig.node.stream._annotations.publisher.get_subscription_count, 'heard')
        rig.start(0, target_id='a')
        rig.init(0, target_id='b')
        rig.until(lambda: heard[:3] == [('a', True), ('a', False), ('b', True)], lambda: heard)
        rig.until(lambda: heard[3:4] == [('b', False)], lambda: heard)  # in a silence
        rig.process(1)
        rig.until(lambda: heard[4:5] == [('b', True)], lambda: heard)
        rig.reset()
        rig.until(lambda: heard[5:6] == [('b', False)], lambda: heard)


def test_a_click_that_is_nowhere_spoils_no_other_and_a_topic_in_use_ends_no_node():
    with Rig(click_topic='clicks') as rig:
        mouse = rig.client.create_publisher(PointStamped, 'clicks', 10)
        rig.until(mouse.get_subscription_count, 'clicks subscribed')
        rig.feed(range(3))
        (x, y), (w, h) = path(1), SIZE
        mouse.publish(click(float('nan'), 3, 1))
        rig.part('lg_tracker: clicks /clicks', lambda s: 'in pixels, got nan, 3' in s.message)
        mouse.publish(click(x + w, y, 1))
        mouse.publish(click(x, y + h, 1))
        rig.until(lambda: rig.boxes().get(stamp(1)), 'begun')
    with Rig(click_topic='image') as rig:
        other = Context()
        rclpy.init(context=other)
        node = rclpy.create_node('other', context=other)
        node.create_publisher(PointStamped, 'image', 10)
        told = rig.part('lg_tracker: clicks /image', lambda s: s.level == b'\x01')
        assert told.message.startswith("can't be subscribed to as geometry_msgs/msg/PointStamped")
        node.destroy_node()
        rclpy.try_shutdown(context=other)
        rig.start(0)
