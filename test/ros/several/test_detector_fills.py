"""A detector beside a node for two targets, over DDS: it fills the places that are free."""

from helpers.ros import find, path, scene, SIZE
from lg_tracker_ros.detections.besides import Besides
from ros.choosing.test_detector import detection, Detector
from ros.several.test_several import near, other, two, TwoRig


def seen(i, *extra):
    """Make the detections of frame i: of the second, which is the best, and of the first."""
    return [detection((*path(i), *SIZE), name='a'),
            detection((*other(i), *SIZE), score=0.9, name='b'), *extra]


def process(rig, i, image):
    """Publish an image; whether the first target is visible in it."""
    header = rig.send(i, image)
    rig.until(lambda: find(rig.statuses, header), f'status of frame {i}')
    return find(rig.statuses, header).visible


def test_free_places_are_filled_by_who_is_not_followed_already():
    with TwoRig(detections_topic='detections', select='best', beta1=0.95,
                visible_threshold=0.9) as rig:
        detector = Detector(rig)
        worker = rig.node.stream.worker
        assert all(isinstance(t.redetector, Besides) for t in worker.trackers)

        def names():
            return [t.name for t in worker.targets]
        rig.send(0, two(0))
        rig.received(1)
        detector.see(0, *seen(0))
        rig.until(lambda: names() == ['b', ''], 'the best is followed')
        for i in (1, 2):
            rig.both(i)
        # before: a detector chose only while nobody was followed
        detector.see(1, *seen(1))
        rig.until(lambda: names() == ['b', 'a'], 'the other takes the free place')
        rig.until(lambda: rig.second, 'begun')
        first, second = rig.both(3)
        assert near(first, other(3)) and near(second, path(3))
        detector.see(2, *seen(2), detection((150, 180, 50, 40), name='c'))  # none is free
        assert detector.count('targets_begun') == 2

        # the first is out of view: who is seen may be that one
        assert rig.call('target_2/reset')[0]
        rig.until(lambda: names() == ['b', ''], 'forgotten')
        assert not [process(rig, i, scene(*path(i))) for i in range(4, 9)][-1]
        detector.see(8, detection((*path(8), *SIZE), name='d'))
        assert names() == ['b', ''] and detector.count('targets_begun') == 2
        # both are back: neither the one that is followed, under another id, nor its id is taken
        assert [process(rig, i, two(i)) for i in range(9, 13)][-1]
        x, y = other(12)
        detector.see(12, detection((x - 4, y - 4, 60, 50), name='e'),
                     detection((*path(12), *SIZE), name='b'))
        assert names() == ['b', ''] and detector.count('targets_begun') == 2
        assert process(rig, 13, two(13))
        detector.see(13, detection((*path(13), *SIZE), name='f'))
        rig.until(lambda: names() == ['b', 'f'], 'filled')
        assert worker.failures == 0
