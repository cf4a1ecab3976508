"""An operator's word over DDS, and the third answer beside seen and not seen."""

from helpers.ros import Build, path, Rig, scene, SIZE
from lg_tracker_interfaces.msg import TrackerStatus
from lg_tracker_ros.types import TrackerOutput
import pytest
from std_srvs.srv import Trigger


class Torn(Build):
    """Its tracker is as sure as ``confidence`` says."""

    confidence = 0.9

    def __call__(self, settings):
        """Build, and take the tracker's opinion away."""
        tracker, find = super().__call__(settings), self.local.track
        self.local.track = lambda frame, regions: [
            TrackerOutput(o.box, self.confidence, o.score) for o in find(frame, regions)]
        return tracker


def say(rig, name):
    """Call a service of the node without arguments; return success and message."""
    client = rig.service(Trigger, f'lg_tracker/{name}')
    answer = rig.result(client.call_async(Trigger.Request()))
    return answer.success, answer.message


def test_an_operators_word_is_heard_in_the_next_frame():
    with Rig() as rig:
        assert say(rig, 'reject') == (False, 'there is no target')
        rig.start(0, target_id='cup')
        assert rig.process(1)[1].mode == TrackerStatus.LOCAL
        assert say(rig, 'reject') == (True, 'what was followed is not cup; searching on')
        after = rig.process(2)[1]
        assert (after.mode, after.visible) == (TrackerStatus.GLOBAL, False)
        assert say(rig, 'confirm') == (True, 'cup is where it is followed')
        assert rig.process(3)[1].visible


@pytest.mark.parametrize('confidence, sight', [(0.9, TrackerStatus.SEEN),
                                               (0.3, TrackerStatus.UNSURE),
                                               (0.1, TrackerStatus.UNSEEN)])
def test_unsure_is_said_in_the_status_and_never_a_detection(confidence, sight):
    build = Torn()
    with Rig(build) as rig:
        rig.start(0)
        build.confidence = 0.1  # out of view: what is in view is held through a doubt
        assert rig.process(1, scene(*path(1)))[1].sight == TrackerStatus.UNSEEN
        build.confidence = confidence
        detection, status = rig.process(2, scene(*path(2)))
        assert status.sight == sight and bool(detection.results) == (sight == TrackerStatus.SEEN)
        box = (status.unsure_x, status.unsure_y, status.unsure_width, status.unsure_height)
        assert box == ((*path(2), *SIZE) if sight == TrackerStatus.UNSURE else (0, 0, 0, 0))
