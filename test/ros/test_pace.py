"""The node with asynchronous_search, over DDS: frames go on and services answer meanwhile."""

import threading

from helpers.ros import Build, H, path, PATIENCE, Rig, scene, SIZE, TemplateRedetector, W
from lg_tracker_ros.boxes import iou
from lg_tracker_ros.ros.convert import detection_from_msg
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box
import numpy as np
from ros.test_life import change

EMPTY = np.repeat(np.linspace(0, 255, W).astype(np.uint8)[None, :, None], H, 0).repeat(3, 2)
"""Nothing in it is like the target, however long the local search wanders."""


class Gated(TemplateRedetector):
    """Searches when the test lets it."""

    def __init__(self):
        """Start closed."""
        self.go, self.searching = threading.Event(), threading.Event()

    def propose(self, clip, size, k):
        """Wait for the test."""
        self.searching.set()
        assert self.go.wait(PATIENCE)
        return super().propose(clip, size, k)


class GatedBuild(Build):
    """Makes a tracker whose searches wait."""

    def __init__(self):
        """Make the re-detector."""
        super().__init__()
        self.redetector = Gated()

    def __call__(self, settings):
        """Build."""
        return LongTermTracker(self.local, self.redetector, settings.search())


def rig(build):
    """Return a Rig that searches aside, after three frames in which the target isn't seen."""
    return Rig(build, asynchronous_search=True, beta2=3)


def lose(r):
    """Follow the target, lose it, and come to where a search is under way."""
    r.start(0)
    for i in range(1, 6):
        assert r.process(i, EMPTY)[1].mode == 1
    assert r.build.redetector.searching.wait(PATIENCE)


def test_frames_go_on_while_the_image_is_searched_and_the_target_is_found():
    build = GatedBuild()
    with rig(build) as r:
        lose(r)
        for i in range(6, 12):  # local frames, for the search takes its time
            assert r.process(i, EMPTY)[1].mode == 1
        # a search of an empty image ends; the target comes back where only a search finds it
        build.redetector.go.set()
        there, modes = EMPTY.copy(), []
        place = np.s_[180:180 + SIZE[1], 250:250 + SIZE[0]]
        there[place] = scene(250, 180)[place]
        for i in range(12, 60):
            detection, status = r.process(i, there)
            modes.append(status.mode)
            if detection.results:
                break
        assert 2 in modes and status.visible
        assert iou(detection_from_msg(detection)[0], Box(250, 180, *SIZE)) > 0.9
        counts = r.received(i + 1)
        assert counts['overwritten'] == 0


def test_services_answer_in_the_middle_of_a_search():
    build = GatedBuild()
    with rig(build) as r:
        lose(r)
        assert r.reset().success  # answered, though the search never ends by itself
        r.send(6)
        name = r.node.resolve_topic_name('image')
        r.until(lambda: r.node.stream.worker.counts(name)['not_wanted'] >= 2, 'frame passed over')
        r.send(7, scene(*path(7)))
        answer = r.init_async(7)
        assert r.result(answer).success  # it begins when nobody uses the re-detector
        build.redetector.go.set()
        assert r.process(8)[1].visible
        assert change(r, 'deactivate')


def test_deactivated_in_the_middle_of_a_search():
    build = GatedBuild()
    with rig(build) as r:
        lose(r)
        client = threading.Thread(target=lambda: change(r, 'deactivate'))
        client.start()
        build.redetector.go.set()
        client.join(PATIENCE)
        assert r.node.state == 'inactive'
        names = [t.name for t in threading.enumerate()]
        # those of the networks are the process's, for all nodes in it
        assert not [n for n in names if n.startswith('lg_tracker') and 'network' not in n]
        assert change(r, 'activate')
