"""``track --ui``: a recording that waits for a box from the page, and is steered from there."""

import csv
import threading
import time

import cv2
from helpers.viewer import PATIENCE, Viewer
from lg_tracker_ros.cli import main
from lg_tracker_ros.local import LOCAL_TRACKERS
from lg_tracker_ros.offline.viewed import Viewed
from lg_tracker_ros.parameters.tracker import Settings
from lg_tracker_ros.tracker import LongTermTracker
from lg_tracker_ros.types import Box, Frame, Mode, Track
from lg_tracker_ros.ui.shots import Shot
import numpy as np
import pytest

SIZE = 36, 28
_rng = np.random.default_rng(5)
_BACK = cv2.GaussianBlur(_rng.integers(0, 256, (240, 320, 3), np.uint8), (0, 0), 2)
_PATCH = cv2.resize(_rng.integers(0, 256, (7, 9, 3), np.uint8), SIZE,
                    interpolation=cv2.INTER_NEAREST)


def scene(i):
    """Draw frame ``i``: the target goes to the right."""
    image = _BACK.copy()
    image[100:100 + SIZE[1], 40 + 3 * i:40 + 3 * i + SIZE[0]] = _PATCH
    return image


def place(i):
    """Return the target's box in frame ``i``."""
    return Box(40 + 3 * i, 100, *SIZE)


@pytest.fixture
def run(tmp_path, capsys):
    """Start ``track --ui`` on drawn frames; gives its address, rows when it has ended."""
    for i in range(24):
        cv2.imwrite(str(tmp_path / f'{i:03}.png'), scene(i))
    rows, status = tmp_path / 'out/rows.csv', []
    thread = threading.Thread(target=lambda: status.append(main([
        'track', str(tmp_path), '--ui', '--ui-port', '0', '--out', str(rows), '--param',
        'tracker=ncc', '--param', 'redetector=none', '--param', 'recognition=first_look'])))
    thread.start()
    said, end = '', time.monotonic() + PATIENCE
    while 'page in the browser: ' not in said or '\n' not in said:
        assert time.monotonic() < end and thread.is_alive(), said
        said += capsys.readouterr().err
        time.sleep(0.01)

    def ended():
        thread.join(PATIENCE)
        assert status == [0]
        return list(csv.DictReader(rows.open()))
    yield said.split('page in the browser: ')[1].split()[0], ended
    thread.join(PATIENCE)


def test_the_recording_waits_at_its_first_frame_until_a_box_is_drawn(run):
    address, ended = run
    with Viewer(address) as viewer:
        first = viewer.picture()
        assert first.header['stamp'] == '0' and first.track is None
        assert viewer.state['target'] == '' and viewer.state['note'].startswith('the recording')
        assert viewer.ask(do='reject') == (False, 'there is no target; init one first')
        assert viewer.ask(do='set', name='beta2', value=3) == (True, 'beta2 is 3')
        assert not viewer.draw(first, (0, 0, 1, 1))[0]
        box = place(0)
        assert viewer.draw(first, (box.x, box.y, box.w, box.h)) == (
            True, 'following what is in frame 0')
        viewer.send(seen=first.number)
        picture = viewer.picture(lambda p: p.track is not None)
        assert picture.track['sight'] == 'SEEN' and viewer.state['target'] == 'target'
        while viewer.hear() is not None:
            pass
        assert viewer.code == 1001
    rows = ended()
    assert [int(r['frame']) for r in rows] == [*range(24)]
    assert all(r['visible'] == '1' and abs(float(r['x']) - place(i).x) < 2
               for i, r in enumerate(rows))


def viewed(live=True, waits=False):
    """Make one without its page, with a real tracker."""
    spec = LOCAL_TRACKERS['ncc']
    tracker = LongTermTracker(spec.build('', 'efficientnet_lite0', Settings().engine_config()))
    return tracker, Viewed(tracker, Settings(), ['a'], live, waits)


def moment(i):
    """Return the frames of moment ``i``."""
    return [Frame(scene(i), i * 33_000_000, 'a')]


class Asking(threading.Thread):
    """Asks for something as the page's threads do."""

    def __init__(self, what, *arguments):
        """Begin."""
        super().__init__()
        self.what, self.arguments, self.said = what, arguments, None
        self.start()

    def run(self):
        """Ask."""
        try:
            self.said = self.what(*self.arguments)
        except ValueError as e:
            self.said = e

    def end(self):
        """Wait for the answer."""
        self.join(PATIENCE)
        return self.said


def waited(one):
    """Wait until something was asked for."""
    end = time.monotonic() + PATIENCE
    while one._asked.empty():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_box_drawn_on_a_frame_before_is_caught_up():
    tracker, one = viewed()
    idle = Track('a', 0, Mode.IDLE, None, 0.0, 0)
    for i in range(5):
        frames = moment(i)
        if i == 2:
            shot = Shot('a', frames[0].stamp, lambda: _BACK, None, (2, frames[0]))
        assert one.turn(i, frames) is None
        one.show(i, frames, idle)
    asking = Asking(one.begin, shot, place(2))
    waited(one)
    track = one.turn(5, moment(5))
    assert asking.end() == 'following what is in frame 2, caught up 3 frames'
    assert track.stamp == 5 * 33_000_000 and abs(track.box.x - place(5).x) < 1.5
    one.show(5, moment(5), track)
    asking = Asking(one.reset)
    waited(one)
    assert one.turn(6, moment(6)) is None and tracker.mode is Mode.IDLE
    assert asking.end() == 'forgot the target'
    one.close()
    with pytest.raises(ValueError, match='the run has ended'):
        one.reset()


def test_nothing_is_claimed_of_a_moment_in_which_the_targets_camera_gave_no_image():
    _, one = viewed()
    other = Frame(scene(0), 0, 'b')
    one.turn(0, [*moment(0), other])
    one.show(0, [*moment(0), other], Track('a', 0, Mode.IDLE, None, 0.0, 0))
    asking = Asking(one.begin, Shot('b', 0, lambda: _BACK, None, (0, other)), place(0))
    waited(one)
    track = one.turn(1, moment(1))  # its frame of b can't be decoded
    assert asking.end() == 'following what is in frame 0, caught up 1 frames'
    assert (track.camera, track.stamp, track.visible) == ('a', 33_000_000, False)


def test_a_recording_waits_while_somebody_draws():
    _, one = viewed(live=False)
    viewer = object()
    one.hold(viewer, True)
    turn = Asking(one.turn, 0, moment(0))
    asking = Asking(one.tune, 'beta1', 0.7)
    assert asking.end() == 'beta1 is 0.7' and turn.is_alive()
    one.hold(viewer, False)
    turn.join(PATIENCE)
    assert not turn.is_alive()
    # and whoever asks when the run ends is told
    one.hold(viewer, True)
    asking = Asking(one.reset)
    while one._asked.qsize() < 2:
        time.sleep(0.001)
    one.close()
    assert str(asking.end()) == 'the run has ended'


def test_it_is_not_played_faster_than_it_was_made():
    _, one = viewed(live=False)
    idle = Track('a', 0, Mode.IDLE, None, 0.0, 0)
    begun = time.monotonic()
    for i in range(7):
        one.turn(i, moment(i))
        one.show(i, moment(i), idle)
    assert time.monotonic() - begun >= 6 * 0.033
