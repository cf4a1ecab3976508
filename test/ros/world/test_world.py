"""The world over DDS: a drawn scene with depth in, the place of the target out."""

from dataclasses import replace

import cv2
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from helpers.ros import H, path, Rig, scene, SIZE, stamp, W
from helpers.world import calibration, depth_map, depth_to_msg, FAR, K, NEAR, WorldRig
from lg_tracker_ros.parameters.node import NodeOptions
import numpy as np
import pytest
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
WORLD = 'lg_tracker: world /image'
MODELS = {'plumb_bob': [-0.28, 0.09, 0.0007, -0.0004, -0.013],
          'rational_polynomial': [0.45, -2.6, 0.0008, -0.0003, 1.5, 0.33, -2.4, 1.42],
          'equidistant': [-0.012, 0.021, -0.018, 0.005]}
METRES = ('target_pose', 'target_pose_with_covariance', 'target_3d', '/tf')


def xyz(point):
    return np.array([point.x, point.y, point.z])


def middle(i):
    """Return the pixel of the target's centre as calibrations count."""
    x, y = path(i)
    return np.array([x + SIZE[0] / 2 - 0.5, y + SIZE[1] / 2 - 0.5])


def truth(i):
    """Return where the target is in frame i without distortion."""
    u, v = middle(i)
    return NEAR * np.array([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], 1])


def test_a_known_point_comes_out_everywhere():
    with WorldRig(('bearing', 'image_error', *METRES), target_frame='target') as rig:
        rig.calibrate()
        answer = rig.start(0, label='mug')
        for i, encoding in ((1, '16UC1'), (2, '32FC1')):
            header = rig.look(i, depth=depth_to_msg(depth_map(i), encoding), first=i == 2)
            point = truth(i)
            pose = rig.at('target_pose', i)
            assert pose.header == header  # the image's own
            assert xyz(pose.pose.position) == pytest.approx(point, abs=2e-3)
            assert pose.pose.orientation == Quaternion(w=1.0)
            uncertain = rig.at('target_pose_with_covariance', i)
            assert uncertain.pose.pose == pose.pose
            covariance = uncertain.pose.covariance.reshape(6, 6)
            assert (np.linalg.eigvalsh(covariance) > 0).all()
            assert covariance[3, 3] == pytest.approx(np.pi**2)
            detection = rig.at('target_3d', i)
            assert (detection.id, detection.results[0].hypothesis.class_id) == (
                answer.target_id, 'mug')
            assert detection.results[0].hypothesis.score > 0.9
            assert detection.bbox.center == pose.pose == detection.results[0].pose.pose
            assert detection.bbox.size.x == pytest.approx(NEAR * SIZE[0] / K[0, 0], abs=1e-3)
            transform, = rig.at('/tf', i).transforms
            assert (transform.header, transform.child_frame_id) == (header, 'target')
            assert xyz(transform.transform.translation) == pytest.approx(point, abs=2e-3)
            angles = rig.at('bearing', i)
            assert angles.header == header
            x, y, z = point
            assert xyz(angles.vector)[:2] == pytest.approx(
                (np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))), abs=1e-3)
            error = rig.at('image_error', i).vector
            u, v = middle(i) + 0.5
            assert (error.x, error.y) == pytest.approx((2 * u / W - 1, 2 * v / H - 1), abs=0.01)
        rig.part(WORLD, lambda s: s.level == OK and s.message == 'places are published')


@pytest.mark.parametrize('model', MODELS)
def test_distortion_is_taken_out(model):
    with WorldRig(('target_pose', 'bearing')) as rig:
        rig.calibrate(calibration(model, MODELS[model]))
        rig.start(0)
        for i in (1, 4):
            rig.look(i)
            position = xyz(rig.at('target_pose', i).pose.position)
            assert position[2] == pytest.approx(NEAR, abs=1e-3)
            project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
            seen = project(position[None, None], np.zeros(3), np.zeros(3), K,
                           np.array(MODELS[model]))[0].ravel()
            assert seen == pytest.approx(middle(i), abs=0.6)  # what the tracker may be off
            assert rig.at('bearing', i).vector.z == pytest.approx(
                np.arccos(position[2] / np.linalg.norm(position)))


def test_no_pose_without_a_box():
    with WorldRig(('target_pose', 'target_3d', 'bearing', 'image_error')) as rig:
        rig.calibrate()
        target = rig.start(0).target_id
        rig.look(1)
        rig.at('target_pose', 1)
        for i in (2, 3):
            rig.look(i, image=False, first=True)  # the target is gone, the wall is measured
            gone = rig.at('target_3d', i)
            assert not gone.results and gone.id == target and gone.bbox.size.x == 0
        rig.look(4)
        rig.at('target_pose', 4)
        # frame 0 was before any depth: it waits in vain, and only frames 1 and 4 are places
        assert len(rig.heard['target_pose']) == 2
        assert len(rig.heard['bearing']) == len(rig.heard['image_error']) == 3


def test_nothing_is_received_while_nobody_listens():
    with WorldRig() as rig:
        rig.part(WORLD, lambda s: s.message.startswith('nobody listens'))
        assert not rig.info.get_subscription_count() + rig.depth.get_subscription_count()
        rig.listen('bearing')
        rig.until(rig.info.get_subscription_count, 'subscribed')
        assert not rig.depth.get_subscription_count()
        rig.calibrate = None
        rig.listen('target_3d')
        rig.until(rig.depth.get_subscription_count, 'depth subscribed')
        for subscription in list(rig.client.subscriptions):
            if 'target_3d' in subscription.topic or 'bearing' in subscription.topic:
                rig.client.destroy_subscription(subscription)
        rig.until(lambda: not rig.info.get_subscription_count()
                  and not rig.depth.get_subscription_count(), 'given up')
    with Rig() as rig:  # the plain node has none of it
        assert not rig.client.count_publishers('lg_tracker/bearing')
        assert rig.node.stream.world is None


def test_a_depth_camera_of_its_own_and_tf_static():
    with WorldRig(('target_pose',), depth_info_topics=['depth_camera_info']) as rig:
        rig.calibrate()
        rig.start(0)
        # 20 cm to the left of the camera, and seen as from there
        shift, found = 0.2, depth_map(1)
        moved = np.full_like(found, FAR)
        x, y = path(1)
        x += round(K[0, 0] * shift / NEAR)
        moved[y:y + SIZE[1], x:x + SIZE[0]] = NEAR
        rig.look(1, depth=moved, frame='depth_optical')
        rig.until(rig.depth_info.get_subscription_count, 'CameraInfo of the depth camera')
        rig.look(2, depth=moved, frame='depth_optical')
        rig.depth_info.publish(calibration())
        view, = rig.node.stream.world._views.values()
        rig.until(lambda: view._depth_calibration._message, 'calibrated')
        rig.look(3, depth=moved, frame='depth_optical')
        told = rig.part(WORLD, lambda s: s.level == ERROR)
        assert told.message == ("no transform from 'depth_optical' to 'image_optical' on "
                                '/tf_static; publish one, as with static_transform_publisher')
        transform = TransformStamped(child_frame_id='depth_optical')
        transform.header.frame_id = 'image_optical'
        transform.transform.translation = Vector3(x=-shift)
        transform.transform.rotation.w = 1.0
        rig.static.publish(TFMessage(transforms=[transform]))
        rig.until(lambda: rig.node.stream.world._transforms.frames._up, 'transform')
        rig.process(1, None)
        rig.look(4, depth=_move(4, shift), frame='depth_optical')
        position = xyz(rig.at('target_pose', 4).pose.position)
        assert position == pytest.approx(truth(4), abs=5e-3)
        rig.part(WORLD, lambda s: s.level == OK)


def _move(i, shift):
    depth = np.full((H, W), FAR, np.float32)
    x, y = path(i)
    x += round(K[0, 0] * shift / NEAR)
    depth[y:y + SIZE[1], x:x + SIZE[0]] = NEAR
    return depth


def test_what_is_wrong_is_told_in_a_line():
    with WorldRig(('target_pose', 'bearing')) as rig:
        rig.calibrate(calibration(k=np.zeros(9)))
        rig.start(0)
        rig.look(1)

        def told(text):
            status = rig.part(WORLD, lambda s: text in s.message)
            assert len(status.message) <= 300 and '\n' not in status.message
            return status.level
        assert told('/camera_info: the camera is not calibrated: K has focal lengths 0') == ERROR
        rig.calibrate(calibration(size=(640, 480)))
        rig.look(2)
        assert told('it is for images of 640 x 480 px, those that come have 320 x 240') == ERROR
        rig.calibrate(calibration('double_sphere'))
        rig.look(3)
        assert told('expected one of plumb_bob, rational_polynomial, equidistant') == ERROR
        rig.calibrate()
        rig.look(4, depth=depth_map(4)[:150])
        assert told('depth images of 320 x 150 px do not lie on images of 320 x 240') == ERROR
        rig.look(5, depth=depth_to_msg(depth_map(5), 'mono8'))
        assert told("encoding 'mono8' is no depth; expected a raw image of 16UC1") == ERROR
        for i in range(6, 9):
            rig.look(i, depth=np.full((H, W), np.nan, np.float32))
        assert told('nothing was measured inside of the box') == WARN
        for i in range(9, 12):
            rig.look(i, lag=-1000)
        rig.look(12, lag=3000)
        assert told('had no depth image within 0.02 s on /depth: raise depth_tolerance') == WARN
        assert not rig.heard['target_pose']  # none of it was a place
        rig.look(13)  # the depth images' stamps step back: a new beginning
        rig.look(14)
        rig.at('target_pose', 14)
        told('places are published')


@pytest.mark.parametrize('topic, rectified, told', [
    ('image_rect', False, 'are rectified images by their name, but D of /camera_info is taken'),
    ('image_raw', True, 'are no rectified images by their name, but images_rectified is set')])
def test_a_name_that_says_something_else_than_images_rectified_is_told(topic, rectified, told):
    with WorldRig(('bearing',), depth=False, cameras=(topic,), images_rectified=rectified) as rig:
        part = f'lg_tracker: world /{topic}'
        rig.calibrate(calibration(d=MODELS['plumb_bob']))
        status = rig.part(part, lambda s: told in s.message)
        assert status.level == WARN and len(status.message) <= 300
        rig.calibrate()  # without distortion it makes no difference
        rig.part(part, lambda s: s.message == 'bearings are published')


def test_images_without_a_stamp_find_no_depth_and_it_is_told():
    with WorldRig(('target_3d', 'target_pose')) as rig:
        rig.calibrate()
        rig.start(0)
        unstamped = -2500
        assert stamp(unstamped) == 0
        rig.look(unstamped, image=scene(*path(0)))
        status = rig.part(WORLD, lambda s: 'images have no stamp' in s.message)
        assert status.level == ERROR
        assert not rig.at('target_3d', unstamped).results and not rig.heard['target_pose']
        rig.look(1)
        rig.at('target_pose', 1)
        rig.part(WORLD, lambda s: 'places are published' in s.message)


def test_a_frame_that_tf_would_pass_over_is_not_published_and_told():
    with WorldRig(('target_pose', '/tf'), target_frame='image_optical') as rig:
        rig.calibrate()
        rig.start(0)
        rig.look(1)
        rig.at('target_pose', 1)
        status = rig.part(WORLD, lambda s: "target_frame is 'image_optical'" in s.message)
        assert status.level == ERROR and not rig.heard['/tf']
        outputs = rig.node.stream.world._outputs
        assert outputs.unfit('').startswith('images have no frame_id') and not outputs.unfit('a')


def test_missing_topics_are_told():
    with WorldRig(('target_pose',), depth=False) as rig:
        rig.client.destroy_publisher(rig.info)
        status = rig.part(WORLD, lambda s: 'no publisher on /camera_info' in s.message)
        assert status.level == ERROR and 'parameter camera_info_topics' in status.message
        rig.info = rig.client.create_publisher(type(calibration()), 'camera_info', 10)
        rig.part(WORLD, lambda s: s.message == 'nothing has come on /camera_info yet')
        rig.calibrate()
        status = rig.part(WORLD, lambda s: 'depth_topics is empty' in s.message)
        assert status.level == WARN
    with WorldRig(('target_pose',), depth_topics=['depths']) as rig:
        rig.client.create_publisher(Image, 'depths/other', 1)
        status = rig.part(WORLD, lambda s: 'no publisher on /depths' in s.message)
        assert 'Set the parameter depth_topics' in status.message


def test_the_nearest_depth_within_the_tolerance_counts():
    with WorldRig(('target_pose',)) as rig:
        rig.calibrate()
        rig.start(0)
        rig.look(1, lag=15)
        rig.at('target_pose', 1)
        params = AsyncParameterClient(rig.client, 'lg_tracker')
        rig.ready(params.services_are_ready)

        def put(name, value):
            return rig.result(params.set_parameters([Parameter(name, value=value)])).results[0]
        assert put('depth_tolerance', 0.001).successful
        view, = rig.node.stream.world._views.values()
        rig.until(lambda: view.matcher.tolerance == 0.001, 'taken')
        rig.look(2, lag=15)
        rig.look(3)
        rig.at('target_pose', 3)
        assert len(rig.heard['target_pose']) == 2
        refused = put('depth_topics', ['/other'])
        assert (refused.successful, refused.reason) == (
            False, 'depth_topics: deactivate the node first')


@pytest.mark.parametrize('values, text', [
    ({'depth_topics': ('a', 'b')}, 'depth_topics must be one for each of the 1 image_topics'),
    ({'camera_info_topics': ('',)}, "camera_info_topics must name topics or be ['auto']"),
    ({'depth_alignment': 'yes'}, 'must be one of auto, registered, separate')])
def test_wrong_options_are_refused(values, text):
    with pytest.raises(ValueError) as e:
        replace(NodeOptions(), **values)
    assert text in str(e.value)


def test_options_spread_over_the_cameras():
    options = NodeOptions(image_topics=('a', 'b'), depth_topics=('', 'c'))
    assert options.for_each_camera('camera_info_topics') == ('auto', 'auto')
    assert options.for_each_camera('depth_topics') == ('', 'c')
    assert options.topics == ('a', 'b', 'c')


def test_one_depth_image_of_another_camera_is_not_waited_for_ever_after():
    with WorldRig(('target_pose',), depth_info_topics=['depth_camera_info']) as rig:
        rig.calibrate()
        rig.start(0)
        rig.look(1, frame='elsewhere')
        rig.until(rig.depth_info.get_subscription_count, 'calibration wanted')
        rig.look(2)
        rig.at('target_pose', 2)
        rig.part(WORLD, lambda s: s.message == 'places are published')
        rig.until(lambda: not rig.depth_info.get_subscription_count(), 'given up')
