"""A detector beside the node, over DDS: it chooses, helps, and when it is wrong it is told."""

from helpers.ros import Build, path, Rig, scene, SIZE, stamp
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.ros.convert import detection_from_msg, time_from_msg, time_to_msg
from lg_tracker_ros.types import Box
import pytest
from rclpy.parameter import Parameter
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
PART = 'lg_tracker: detections /detections'
FRAME_ID = 'image_optical'


def detection(box, label='thing', score=0.8, name=''):
    """Make a detection of a box (x, y, w, h) or, without a label, one that has no class."""
    msg = Detection2D(id=name)
    x, y, w, h = (float(v) for v in box)
    msg.bbox.center.position.x, msg.bbox.center.position.y = x + w / 2, y + h / 2
    msg.bbox.size_x, msg.bbox.size_y = w, h
    if label:
        msg.results = [ObjectHypothesisWithPose()]
        msg.results[0].hypothesis.class_id = label
        msg.results[0].hypothesis.score = score
    return msg


class Detector:
    """Publishes detections to a rig's node and waits until they came."""

    def __init__(self, rig):
        """Connect."""
        self.rig = rig
        self.publisher = rig.client.create_publisher(Detection2DArray, 'detections', 10)
        rig.until(self.publisher.get_subscription_count, 'detections subscribed')

    def see(self, i, *detections, frame_id=FRAME_ID, ns=None):
        """Publish what was seen in frame ``i`` (``ns``: with this stamp)."""
        count = self.count('received')
        msg = Detection2DArray(detections=list(detections))
        msg.header.stamp = time_to_msg(stamp(i) if ns is None else ns)
        msg.header.frame_id = frame_id
        self.publisher.publish(msg)
        self.rig.until(lambda: self.count('received') > count, 'detections received')

    def count(self, key):
        """Return a counter of the node's part."""
        return self.rig.node.parts.detector.part()[3][key]


def begun(rig, i):
    """Wait until a target was begun on in frame i; return the detection for it."""
    rig.until(lambda: any(time_from_msg(d.header.stamp) == stamp(i) for d in rig.detections),
              f'began on frame {i}')
    return next(d for d in rig.detections if time_from_msg(d.header.stamp) == stamp(i))


def test_the_selected_detection_is_followed_from_its_own_frame_and_none_steals_it():
    with Rig(detections_topic='detections', select='largest',
             detections_classes='thing') as rig:
        detector = Detector(rig)
        rig.feed(range(4))
        detector.see(1, detection((150, 20, 90, 90), 'other'), detection((5, 5, 12, 12)),
                     detection((*path(1), *SIZE), name='seven'))
        first = begun(rig, 1)
        assert (first.id, first.results[0].hypothesis.class_id) == ('seven', 'thing')
        assert detection_from_msg(first)[0] == Box(*path(1), *SIZE)
        rig.until(lambda: len(rig.detections) == 3, 'caught up')
        detector.see(3, detection((150, 20, 90, 90), name='eight'))
        found, _ = rig.process(4)
        assert found.id == 'seven' and iou(detection_from_msg(found)[0],
                                           Box(*path(4), *SIZE)) > 0.9
        assert detector.count('targets_begun') == 1
        rig.part(PART, lambda s: s.level == OK and {v.key: v.value for v in s.values}[
            'classes'] == 'other, thing')
        # a target that is lost is still there
        for i in range(5, 8):
            rig.process(i, scene())
        detector.see(7, detection((150, 20, 90, 90), name='nine'))
        assert rig.process(8, scene())[0].id == 'seven'
        rig.reset()
        rig.until(lambda: not rig.node.stream.worker.taken, 'forgotten')
        detector.see(8, detection((150, 20, 90, 90), name='ten'))
        rig.until(lambda: rig.node.stream.worker.target.name == 'ten', 'another chosen')


def test_an_image_that_comes_after_its_detections_is_waited_for():
    with Rig(detections_topic='detections', select='best', init_timeout=30) as rig:
        detector = Detector(rig)
        rig.feed([0])
        detector.see(1, detection((*path(1), *SIZE)))
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        detector.see(1, detection((*path(1), *SIZE)))  # no second one begins meanwhile
        rig.send(1)
        begun(rig, 1)
        assert detector.count('targets_begun') == 1


def test_a_detection_does_not_go_before_a_request_that_waits_for_its_image():
    with Rig(detections_topic='detections', select='best', init_timeout=30) as rig:
        detector = Detector(rig)
        rig.feed([0])
        asked = rig.init_async(None, (*path(1), *SIZE), target_id='mine')
        rig.until(lambda: rig.node.targets.waiting, 'waiting')
        # before: this one was followed, and the request refused ("asked for since")
        detector.see(0, detection((150, 20, 90, 90), name='eight'))
        rig.send(1)
        assert rig.result(asked).success
        assert begun(rig, 1).id == 'mine' and detector.count('targets_begun') == 0


@pytest.mark.parametrize('seen', [True, False])
def test_a_lost_target_is_found_again_where_the_detector_sees_it(seen):
    with Rig(Build(redetect=False), detections_topic='detections', beta2=2,
             confirm_frames=1) as rig:
        detector = Detector(rig)
        rig.start(0)
        for i in range(1, 8):
            rig.process(i, scene())
        visible = []
        for i in range(8, 14):
            if seen:
                detector.see(i, detection((244, 176, 40, 30)), detection((20, 20, 9, 9)))
            found, status = rig.process(i, scene(250, 180))
            visible.append(status.visible)
        assert any(visible) == seen
        if seen:
            assert iou(detection_from_msg(found)[0], Box(250, 180, *SIZE)) > 0.9


NAN = float('nan')
THING = detection((*path(2), *SIZE))
WRONG = [
    ({'detections': [detection((NAN, 1, 5, 5)), detection((9, 9, 0, 5)), THING]},
     '2 of 3 boxes are none'),
    ({'detections': [THING], 'frame_id': 'rear'}, "detections have frame_id 'rear', images "
     "['image_optical']; set detections_camera"),
    ({'detections': [THING], 'ns': 0}, 'no stamp'),
    ({'detections': [THING], 'i': -2000}, 'is gone: /image keeps'),
    ({'detections': [THING], 'i': 9000}, 'is in the future'),
    ({'detections': [THING], 'i': 1.5}, "is not any image's exact stamp"),
    ({'detections': [THING], 'i': 0}, 'come 1.0 s after their image'),
    ({'detections': [detection((1, 1, 20, 20), label='')]}, 'detections have no class')]


def test_what_is_wrong_is_told_and_the_target_is_followed_all_the_same():
    with Rig(detections_topic='detections', detections_classes='thing') as rig:
        detector = Detector(rig)
        rig.start(0)
        rig.feed(range(1, 21))
        for n, (wrong, said) in enumerate(WRONG):
            wrong = {'i': 20, **wrong}
            detector.see(wrong.pop('i'), *wrong.pop('detections'), **wrong)
            level, message = rig.node.parts.detector.part()[1:3]
            assert level == WARN and said in message and len(message) <= 300, message
            assert rig.process(21 + n)[1].visible
        rig.part(PART, lambda s: s.level == WARN and 'no class' in s.message)
        values = rig.node.parts.detector.part()[3]
        assert values['boxes_refused'] == 2 and values['without_image'] == 5
        assert values['late'] == 1


def test_that_no_box_has_a_class_that_is_asked_for_is_told():
    with Rig(detections_topic='detections', select='best', detections_classes='person',
             camera_timeout=60.0) as rig:
        detector = Detector(rig)
        rig.feed([0])
        detector.see(0, detection((*path(0), *SIZE), '0'))
        told = rig.part(PART, lambda s: s.message.startswith('none of '))
        assert (told.level, told.message) == (
            WARN, "none of 1 boxes counts: detections_classes is 'person' and detections_score 0, "
            'the classes seen are 0')
        rig.node.set_parameters([Parameter('detections_classes', value='person,0')])
        detector.see(0, detection((*path(0), *SIZE), '0'))
        begun(rig, 0)
        rig.part(PART, lambda s: s.message == 'detections arrive')


def test_a_box_that_can_not_be_tracked_is_told_and_the_next_one_is_taken():
    with Rig(detections_topic='detections', select='best') as rig:
        detector = Detector(rig)
        rig.feed(range(2))
        detector.see(0, detection((1, 1, 2, 2)))
        rig.part(PART, lambda s: 'the selected detection is not followed: box of 2 x 2 px is too '
                 'small' in s.message)
        detector.see(1, detection((*path(1), *SIZE)))
        begun(rig, 1)


def test_of_several_cameras_the_one_with_the_frame_id_or_the_named_one_is_meant():
    with Rig(cameras=('left', 'right'), detections_topic='detections', select='best') as rig:
        detector = Detector(rig)
        rig.feed([0], 'left')
        rig.feed([0], 'right')
        detector.see(0, detection((*path(0), *SIZE)), frame_id='right_optical')
        begun(rig, 0)
        rig.until(lambda: rig.statuses and rig.statuses[-1].camera == '/right', 'right')
    with Rig(cameras=('left', 'right'), detections_topic='detections', select='best',
             detections_camera='/left') as rig:
        detector = Detector(rig)
        rig.feed([0], 'left')
        detector.see(0, detection((*path(0), *SIZE)), frame_id='elsewhere')
        begun(rig, 0)
        rig.until(lambda: rig.statuses and rig.statuses[-1].camera == '/left', 'left')
    with Rig(cameras=('left', 'right'), detections_topic='detections', select='best') as rig:
        detector = Detector(rig)
        rig.feed([0], 'left')
        rig.feed([0], 'right')
        detector.see(0, detection((*path(0), *SIZE)), frame_id='')
        status = rig.part(PART, lambda s: 'may be of /left or /right' in s.message)
        assert status.level == WARN and 'set detections_camera' in status.message
        assert not rig.statuses or not rig.statuses[-1].target_id


def test_no_publisher_and_parameters():
    with Rig(detections_topic='detections') as rig:
        rig.part(PART, lambda s: s.level == WARN and s.message == (
            'no detections yet; 0 publisher(s)'))
        change = rig.node.set_parameters
        for name, value, said in (('detections_topic', 'other', 'deactivate the node first'),
                                  ('select', 'id', 'select_id is empty'),
                                  ('select', 'first', 'select must be one of')):
            answer, = change([Parameter(name, value=value)])
            assert not answer.successful and said in answer.reason
        assert change([Parameter('select', value='largest')])[0].successful
        assert rig.node.parts.detector._selection().select == 'largest'
        rig.node.trigger_deactivate()
        assert rig.node.parts.detector is None
        answer, = change([Parameter('detections_topic', value='a b')])
        assert not answer.successful and "'a b' is no topic name" in answer.reason
        assert change([Parameter('detections_topic', value='')])[0].successful


def test_a_topic_of_another_type_is_told_and_the_node_tracks():
    with Rig(detections_topic='tracked_target') as rig:
        rig.start(0)
        assert rig.process(1)[1].visible
        rig.part('lg_tracker: detections /tracked_target', lambda s: s.level == ERROR and (
            s.message == '/tracked_target carries vision_msgs/msg/Detection2D; expected '
            'vision_msgs/msg/Detection2DArray: choose another topic in detections_topic'))


def test_a_node_without_a_detector_has_no_such_part():
    with Rig() as rig:
        rig.start(0)
        assert rig.node.parts.detector is None
        rig.part('lg_tracker: engine')
        assert not any('detections' in name for name in rig.diagnostics)


def test_a_flood_of_boxes_is_passed_over_and_the_next_message_is_taken():
    with Rig(detections_topic='detections', select='best') as rig:
        detector = Detector(rig)
        rig.feed(range(2))
        detector.see(1, *[detection((*path(1), *SIZE))] * 1000)
        status = rig.part(PART, lambda s: s.level == WARN and 'best hundred' in s.message)
        assert status.message.startswith('a message of 0.4 MiB is passed over')
        detector.publisher.publish(b'\x00\x01\x00\x00' + b'\xff' * 40)
        rig.part(PART, lambda s: 'RCLError' in s.message or 'deserial' in s.message)
        detector.see(1, detection((*path(1), *SIZE)))
        begun(rig, 1)
